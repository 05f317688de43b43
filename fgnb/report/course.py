"""What training did, row by row, on held-out images: its start, the mean of both ends, its end.

A row is judged on test by its end. That was decided once, on held-out images
(`benchmarks/regimes.py`), and shows here for every row: one whose training lost what its start had
is seen to have.
"""

from __future__ import annotations

from collections.abc import Mapping

from fgnb.report.kinds import accuracy, difference
from fgnb.report.layout import Line, Table
from fgnb.report.sheet import Number

ENDS = {"start": "before training", "mean": "mean of start and end"}


def course(paper: str, rows: Mapping[str, str]) -> Table:
    """The table of a paper.

    Args:
        paper: its short name.
        rows: row of the test images -> what the page calls it; its twin ``ROW-held-out``, trained
            on four fifths of each class, is what is shown.
    """
    lines, beside = [], []
    for row, label in rows.items():
        own, twin = f"own.{paper}.course.{row}", f"{row}-held-out"
        gain = Number(f"{own}.gain", f"{label}: trained, minus its start",
                      difference(twin, f"{twin}/start"))  # fmt: skip
        lines.append(Line(Number(f"{own}.end", f"{label}: trained", accuracy(twin)), gain))
        beside += [
            Number(f"{own}.{end}", f"{label}: {words}", accuracy(f"{twin}/{end}"))
            for end, words in ENDS.items()
        ]
    title = "What training did, on held-out images; each step is taken from the row's own start"
    return Table(title, tuple(lines), tuple(beside))
