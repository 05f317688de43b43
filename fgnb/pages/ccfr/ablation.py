"""Table 3 and Fig. 6 of ccfr (section 4.4): what each part is worth, and the thresholds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.pages.ccfr import reranked, sensitivity
from fgnb.presets import Preset
from fgnb.report import kinds
from fgnb.report.layout import Line, Step, Table, numbers_table, rows_table
from fgnb.report.page import Page
from fgnb.report.sheet import Number, Sheet

NOTEBOOK = "ccfr/4-4-ablation"
CODE = reranked.CODE
FULL, PLAIN, RANDOM = "fusion", "plain", "random-boxes"

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
TABLES = (TABLE3, TOGETHER, CONTROLS, CONTROL_SET, READ_OFF, sensitivity.RANGES)

_SMALL: dict[str, Any] = {"species": 6, "families": 2, "train_per_class": 12, "test_per_class": 16}


def derive(sheet: Sheet, p: Any) -> None:
    """Re-ranked answers, and the grids of Fig. 6, where the sheet has the full model's answers."""
    if reranked.derive(sheet, p, FULL, "ccfr") is not None:
        sensitivity.derive(sheet, p, FULL)


def control_scale(preset: Preset) -> Preset:
    """The scale of the control set: smaller in the demonstration, else the preset's own."""
    return replace(preset, **_SMALL) if preset.name == "demo" else preset


@dataclass(frozen=True)
class Figure6:
    """The grids of this run's answers, and the T_sf in use."""

    grids: dict[str, sensitivity.Grids]
    t_sf: float


def figure(page: Page) -> Figure6:
    """What the panels of Fig. 6 show of this run."""
    sheet = page.sheets[len(page.recorded)]
    return Figure6(sensitivity.grids_of(sheet), float(sheet.rows["ccfr"].arrays["t_sf"][0]))


def one_curve(page: Page, full: Answers) -> tuple[np.ndarray, tuple[float, ...], list[float]]:
    """Votes of equation 9 at topn 2 and T_sc 0.7, the values of T_sf, and the library's curve.

    Votes are ``[Q, C]``: zero outside topn, nan where nobody votes.
    """
    t_sc, topn = 0.7, sensitivity.TOPN[0]
    votes = np.zeros(full.probs.shape)
    top = np.argsort(-full.probs, axis=1, kind="stable")[:, :topn]
    counted = np.where(full.neighbors.sims > t_sc, full.neighbors.sims, 0.0).astype(np.float64)
    np.add.at(votes, (np.arange(len(votes))[:, None], full.neighbors.labels), counted)
    outside = np.ones(votes.shape, bool)
    np.put_along_axis(outside, top, False, axis=1)
    votes[outside] = 0.0
    with np.errstate(invalid="ignore"):
        votes /= votes.sum(axis=1, keepdims=True)
    grid = figure(page).grids["test images"].accuracy("thresholds")
    return votes, sensitivity.T_SF, grid[:, sensitivity.T_SC.index(t_sc)].tolist()
