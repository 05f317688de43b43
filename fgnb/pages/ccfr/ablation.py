"""Table 3 and Fig. 6 of ccfr (section 4.4): what each part is worth, and the thresholds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fgnb.pages.ccfr import reranked, sensitivity
from fgnb.presets import Preset
from fgnb.report.course import course
from fgnb.report.kinds import accuracy, difference
from fgnb.report.layout import Line, Step, Table, numbers_table, rows_table
from fgnb.report.page import Page
from fgnb.report.records import LOGISTIC
from fgnb.report.sheet import Number, Sheet

NOTEBOOK = "ccfr/4-4-ablation"
CODE = reranked.CODE
TRIO = FULL, PLAIN, RANDOM = "fusion", "plain", "random-boxes"
_ROWS = {
    LOGISTIC: "Logistic regression on the frozen features (ours)",
    PLAIN: "Backbone alone",
    "multi-level": "+ multi-level loss",
    "local-region": "+ local regions, one NMS, concatenated",
    "scale-nms": "+ scale-separated NMS",
    FULL: "+ fusion network",
    "ccfr": "+ re-ranking",
}
TRAINED = tuple(_ROWS)[1:-1]
REPAIR, ORACLE, NTS = "fusion-margin-rank", "oracle-boxes", "nts-net"
CONTROLS_OF = {
    RANDOM: "Random boxes, else as the full model",
    "centre-boxes": "Centre boxes, else as the full model",
    ORACLE: "Boxes on the true key points: a bound, not a rival",
    "equal-compute": "Backbone alone, as many pixels as the full model",
    NTS: "NTS, with the start and the warm-up that ours gets: a rival",
}

# fmt: off
TABLE3 = rows_table("Table 3", "ccfr.table3.{row}", _ROWS, {
    PLAIN: Step(LOGISTIC, ("own.ccfr.training-helps",), "Training beats its own start (ours)"),
    "multi-level": Step(PLAIN, ("ccfr.claim.multi-level-helps", "ccfr.text.gain.multi-level"),
                        "The multi-level loss helps"),
    "local-region": Step("multi-level", ("ccfr.claim.local-regions-help",), "Local regions help"),
    "scale-nms": Step("local-region", ("ccfr.claim.scale-separated-nms-helps",),
                      "Scale-separated NMS helps"),
    FULL: Step("scale-nms", ("ccfr.claim.fusion-helps",), "The fusion network helps"),
    "ccfr": Step(FULL, ("own.ccfr.ablation.rerank-helps",), "Re-ranking helps"),
})
_SHORT = {
    RANDOM: "Chosen regions beat regions at random (our control)",
    "equal-compute": "Regions beat as many pixels of the whole (our control)",
}
CONTROLS = Table(
    "Controls; each step is the full model before re-ranking, minus the control",
    tuple(
        Line(
            Number(f"own.ccfr.control.{row}", label, accuracy(row)),
            Number(f"own.ccfr.control.full-minus-{row}", f"Full model, minus: {label}",
                   difference(FULL, row), _SHORT.get(row, ""), int(row != ORACLE)),
        )
        for row, label in CONTROLS_OF.items()
    ),
)
MENDED = numbers_table("Our repair: margin-rank teaches the scorer, else as the full model", [
    Number("own.ccfr.repair.full", "Full model under margin-rank", accuracy(REPAIR)),
    Number("own.ccfr.repair.gain", "Under margin-rank, minus: as the text has it",
           difference(REPAIR, FULL)),
    Number("own.ccfr.repair.over-random", "Under margin-rank, minus: random boxes",
           difference(REPAIR, RANDOM)),
])
COURSE = course("ccfr", {row: label.removeprefix("+ ") for row, label in (
    *((row, label) for row, label in _ROWS.items() if row not in (LOGISTIC, "ccfr")),
    *CONTROLS_OF.items(),
)})
_ON = "own.ccfr.regions-on"
CONTROL_SET = numbers_table("Where regions must not help", [
    Number(f"{_ON}.plain", "Backbone alone", accuracy(PLAIN)),
    Number(f"{_ON}.full", "Full model", accuracy(FULL)),
    Number(f"{_ON}.random", "Random boxes", accuracy(RANDOM)),
    Number(f"{_ON}.looking", "What regions at random add", difference(RANDOM, PLAIN)),
    Number(f"{_ON}.gain", "What the regions add", difference(FULL, PLAIN)),
    Number(f"{_ON}.choice", "What choosing them adds to regions at random",
           difference(FULL, RANDOM)),
], every_set=True)
TOGETHER = numbers_table("Global and local features together", [
    Number("ccfr.claim.features-conflict", "Both together, minus global ones alone",
           difference(FULL, "multi-level"), "", -1),
])
# fmt: on
READ_OFF = sensitivity.READ_OFF
_FIG6 = READ_OFF, sensitivity.ERROR_RANKS, sensitivity.RANGES
ASKED = numbers_table(
    "Whom re-ranking asked",
    [
        *reranked.asked_numbers("own.ccfr.ablation.asked", FULL, "ccfr"),
    ],
)
TABLES = (TABLE3, TOGETHER, ASKED, CONTROLS, MENDED, COURSE, CONTROL_SET, *_FIG6)

_SMALL: dict[str, Any] = {"species": 6, "families": 2, "train_per_class": 12, "test_per_class": 16}


def derive(sheet: Sheet, p: Any) -> None:
    """Re-ranked answers, and the grids of Fig. 6, where the sheet has the full model's answers."""
    sheet.derive_start(PLAIN)
    if reranked.derive(sheet, p, FULL, "ccfr"):
        sensitivity.derive(sheet, p, FULL)


def control_scale(preset: Preset) -> Preset:
    """The scale of the control set: smaller in the demonstration, else the preset's own."""
    return replace(preset, **_SMALL) if preset.name == "demo" else preset


def figure6(page: Page) -> sensitivity.Figure6:
    """The panels of Fig. 6 over this run's answers."""
    return sensitivity.Figure6.of(page.sheets[len(page.recorded)])
