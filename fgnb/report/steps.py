"""Steps between two rows of a table, each with its evidence: are they more than noise?

A step is judged by the answers that it changed (exact McNemar), corrected over the steps that a
paper claims (Holm). Beside each stands how few of the published test set's answers may have changed
for the published one to be significant: the papers give no answers to count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fgnb.metrics import holm, mcnemar_cutoff
from fgnb.report import numbers
from fgnb.report.markup import Cell, Table


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        label: on the page.
        test: of `fgnb.report.derive.compare`, the better row against the other.
        published: in points; None where the paper gives none.
        images: the published test set's; None where there is no published step.
    """

    label: str
    test: Mapping[str, Any]
    published: float | None = None
    images: int | None = None

    @property
    def cutoff(self) -> int | None:
        """The most answers that may have changed for the published step to be significant."""
        if self.published is None or self.images is None:
            return None
        return mcnemar_cutoff(self.images, self.published / 100)


def steps_table(steps: Sequence[Step]) -> Table:
    """A line a step, ours beside the published; p-values corrected over all lines."""
    corrected = holm([float(step.test["p"]) for step in steps])
    lines = tuple(_line(step, float(p)) for step, p in zip(steps, corrected, strict=True))
    notes = (
        "Published, most changed: the published step is significant by itself (p at most 0.05) "
        "only if at most so many answers of the published test set changed between right and "
        "wrong; a dash where no number of changed answers makes it so, or where there is no step.",
        "p (Holm) is corrected over the steps of this table; the reading rests on it.",
    )
    return Table(_COLUMNS, lines, frozenset(_COLUMNS[1:8]), notes=notes)


def _line(step: Step, p_holm: float) -> tuple[Cell, ...]:
    test, cutoff, least = step.test, step.cutoff, step.test["detectable"]
    return (
        Cell(step.label),
        Cell("–" if step.published is None else numbers.signed(step.published)),
        Cell("–" if cutoff is None else f"{cutoff:,}"),
        Cell(numbers.signed(float(test["difference"])), strong=True),
        Cell(f"{test['rectified']} / {test['spoiled']}"),
        Cell(numbers.p_value(float(test["p"]))),
        Cell(numbers.p_value(p_holm)),
        Cell("none" if least is None else f"{float(least):.2f}"),
        Cell("differs" if p_holm <= 0.05 else "within noise"),
    )


_COLUMNS = (
    *("Step", "Published, points", "Published, most changed", "Ours, points"),
    *("Rectified / spoiled", "p", "p (Holm)", "Smallest detectable, points", "Reading"),
)
