"""The scorecard for a terminal: the readings of the claims, then a line an entry."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fgnb.report import folds, render, scorecard
from fgnb.report.readings import MARKS, Reading
from fgnb.report.records import PROTOCOLS


def to_text(numbers: pd.DataFrame, paper: str | None = None) -> str:
    """The scorecard of one paper, or of all.

    Raises:
        ValueError: an unknown paper.
    """
    entries, of = scorecard.score(numbers, paper), scorecard.by_claim(numbers)
    read = []
    for entry in entries[entries["kind"] == "claim"].to_dict("records"):
        told = [line for line in scorecard.telling(of.get(entry["id"], [])) if line["reading"]]
        read += [entry["what"]] * bool(told)
        read += [f"  {MARKS[line['reading']]} {_measured(line)}" for line in told]
    blocks = [scorecard.counts(entries), "\n".join(read)]
    for name, group in entries.groupby("paper", sort=False):
        rows = [f"{name}: {scorecard.counts(group)}"]
        for entry in group.to_dict("records"):
            words = (entry["id"], entry["place"], entry["state"], entry["published"])
            rows.append("  ".join(word for word in words if word))
            rows += [f"    {_measured(line)}" for line in of.get(entry["id"], [])]
        blocks.append("\n".join(rows))
    return "\n\n".join(block for block in blocks if block)


def _measured(line: dict[str, Any]) -> str:
    """A number with its interval, its origin and its reading in one line."""
    value = repr(render.Html(render.value(line | {"reading": ""})))
    about = [f"{line['title']}, {PROTOCOLS[line['protocol']]}, preset {line['preset']}"]
    if line["recorded"]:
        about.append(f"recorded, test set read {folds.times(line['test_reads'])}")
    if line["reading"]:
        about.append(Reading.of(line).words)
    return f"{line['label']}: {' '.join(value.split())}; {'; '.join(about)}"
