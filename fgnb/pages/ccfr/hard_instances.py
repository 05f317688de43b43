"""Section 1 and Fig. 1 of ccfr: which held-out images a classifier on global features fails."""

from __future__ import annotations

from typing import Any

from fgnb.pages.ccfr.held_out import ROW, HeldOutAnswers, quarters
from fgnb.report import kinds
from fgnb.report.layout import numbers_table
from fgnb.report.sheet import Number, Sheet

__all__ = ["CODE", "NOTEBOOK", "ROW", "ROWS", "TABLES", "HeldOutAnswers", "derive"]

NOTEBOOK = "ccfr/1-hard-instances"
CODE = ("fgnb.ccfr.stages", "fgnb.data.frame")
ROWS = (ROW,)

CLAIM, OWN = "ccfr.claim.similar-classes-fool-global-features", "own.ccfr.hard"
ALIKE, SIZES = ("errors/within_genus", "errors/by_chance"), ("sizes/smallest", "sizes/largest")
SHORT = ("Errors stay among classes that look alike", "Small objects are harder")
NUMBERS = numbers_table(
    "Where global features fail, held-out images",
    [
        Number(f"{OWN}.accuracy", "Accuracy, global features", kinds.accuracy(ROW)),
        Number("ccfr.fig1", "Errors between classes of one kind", kinds.share(ALIKE[0])),
        Number(CLAIM, "Errors inside one kind, over chance", kinds.excess(*ALIKE), SHORT[0]),
        Number(f"{OWN}.smallest", "Accuracy, quarter of smallest objects", kinds.share(SIZES[0])),
        Number(f"{OWN}.largest", "Accuracy, quarter of largest objects", kinds.share(SIZES[1])),
        Number(CLAIM, "Smallest objects minus largest", kinds.unpaired(*SIZES), SHORT[1], -1),
        Number(
            f"{OWN}.nearer",
            "Nearest picture is of another class",
            kinds.share(f"{ROW}/nearer_to_another_class"),
        ),
    ],
)
TABLES = (NUMBERS,)


def derive(sheet: Sheet, p: Any) -> None:
    """Add the rows ``errors`` (an entry a wrong answer) and ``sizes`` (quarters by size)."""
    of = sheet.rows[ROW].arrays if ROW in sheet.rows else {}
    if "genera" not in of:
        return
    right, genera = of["classes"] == of["labels"], of["genera"]
    true, answered = (genera[of[name][~right]] for name in ("labels", "classes"))
    chance = ((genera == true[:, None]).sum(axis=1) - 1) / (len(genera) - 1)
    sheet.derive("errors", ROW, within_genus=true == answered, by_chance=chance)
    parts = quarters(of["object_shares"])
    sheet.derive("sizes", ROW, smallest=right[parts[0]], largest=right[parts[-1]])
