"""Table 3 and Fig. 6 of ccfr (section 4.4): what each part is worth, and the thresholds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fgnb.pages.ccfr import reranked, sensitivity
from fgnb.pages.ccfr.sensitivity_figures import Figure6
from fgnb.presets import Preset
from fgnb.report import kinds
from fgnb.report.layout import Line, Step, Table, numbers_table, rows_table
from fgnb.report.page import Page
from fgnb.report.sheet import Number, Sheet

NOTEBOOK = "ccfr/4-4-ablation"
CODE = reranked.CODE
TRIO = FULL, PLAIN, RANDOM = "fusion", "plain", "random-boxes"

TABLE3 = rows_table(
    "Table 3",
    "ccfr.table3.{row}",
    {
        PLAIN: "Backbone alone",
        "multi-level": "+ multi-level loss",
        "local-region": "+ local regions, one NMS, concatenated",
        "scale-nms": "+ scale-separated NMS",
        FULL: "+ fusion network",
        "ccfr": "+ re-ranking",
    },
    {
        "multi-level": Step(
            PLAIN,
            ("ccfr.claim.multi-level-helps", "ccfr.text.gain.multi-level"),
            "The multi-level loss helps",
        ),
        "local-region": Step(
            "multi-level", ("ccfr.claim.local-regions-help",), "Local regions help"
        ),
        "scale-nms": Step(
            "local-region",
            ("ccfr.claim.scale-separated-nms-helps",),
            "Scale-separated NMS helps",
        ),
        FULL: Step("scale-nms", ("ccfr.claim.fusion-helps",), "The fusion network helps"),
        "ccfr": Step(FULL, ("own.ccfr.ablation.rerank-helps",), "Re-ranking helps"),
    },
)
TRAINED = tuple(line.number.rule.rows[0] for line in TABLE3.lines)[:-1]

CONTROLS_OF = {
    RANDOM: "Random boxes, else as the full model",
    "centre-boxes": "Centre boxes, else as the full model",
    "equal-compute": "Backbone alone, as many pixels as the full model",
}
_SHORT = {
    RANDOM: "Chosen regions beat regions at random (our control)",
    "equal-compute": "Regions beat as many pixels of the whole (our control)",
}


def _control(row: str, label: str) -> Line:
    step = Number(
        f"own.ccfr.control.full-minus-{row}",
        f"Full model, minus: {label}",
        kinds.difference(FULL, row),
        _SHORT.get(row, ""),
    )
    return Line(Number(f"own.ccfr.control.{row}", label, kinds.accuracy(row)), step)


CONTROLS = Table(
    "Controls; each step is the full model before re-ranking, minus the control",
    tuple(_control(row, label) for row, label in CONTROLS_OF.items()),
)
CONTROL_SET = numbers_table(
    "Where regions must not help",
    [
        Number("own.ccfr.regions-on.plain", "Backbone alone", kinds.accuracy(PLAIN)),
        Number("own.ccfr.regions-on.full", "Full model", kinds.accuracy(FULL)),
        Number("own.ccfr.regions-on.random", "Random boxes", kinds.accuracy(RANDOM)),
        Number(
            "own.ccfr.regions-on.looking",
            "What regions at random add",
            kinds.difference(RANDOM, PLAIN),
        ),
        Number("own.ccfr.regions-on.gain", "What the regions add", kinds.difference(FULL, PLAIN)),
        Number(
            "own.ccfr.regions-on.choice",
            "What choosing them adds to regions at random",
            kinds.difference(FULL, RANDOM),
        ),
    ],
    every_set=True,
)
TOGETHER = numbers_table(
    "Global and local features together",
    [
        Number(
            "ccfr.claim.features-conflict",
            "Both together, minus global ones alone",
            kinds.difference(FULL, "multi-level"),
            "Global and local features disturb each other",
            expect=-1,
        )
    ],
)
READ_OFF = sensitivity.READ_OFF
TABLES = (
    TABLE3,
    TOGETHER,
    CONTROLS,
    CONTROL_SET,
    READ_OFF,
    sensitivity.ERROR_RANKS,
    sensitivity.RANGES,
)

_SMALL: dict[str, Any] = {"species": 6, "families": 2, "train_per_class": 12, "test_per_class": 16}


def derive(sheet: Sheet, p: Any) -> None:
    """Re-ranked answers, and the grids of Fig. 6, where the sheet has the full model's answers."""
    if reranked.derive(sheet, p, FULL, "ccfr") is not None:
        sensitivity.derive(sheet, p, FULL)


def control_scale(preset: Preset) -> Preset:
    """The scale of the control set: smaller in the demonstration, else the preset's own."""
    return replace(preset, **_SMALL) if preset.name == "demo" else preset


def figure6(page: Page) -> Figure6:
    """The panels of Fig. 6 over this run's answers."""
    return Figure6.of(page.sheets[len(page.recorded)])
