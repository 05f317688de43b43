"""Tables 1 and 2 and Fig. 2 of focus (section 4.3): what the regions add, and where they lie.

Rows that the paper cites (a plain ResNet-50, NTS) are trained here too, on the same pictures as
ours, so that each step of the running text has two rows of answers behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from fgnb.baselines.nts import NTSStage
from fgnb.data import ImageSet
from fgnb.metrics.coverage import Coverage
from fgnb.nn.nts import nts_anchors
from fgnb.presets import Preset
from fgnb.report import kinds, printed, regions, sets
from fgnb.report.coverage import CLAIMED, GROUPS, array_name, coverage, coverage_arrays
from fgnb.report.figures import Picture
from fgnb.report.layout import Line, Table, numbers_table, rows_table
from fgnb.report.page import Page
from fgnb.report.records import answers_of
from fgnb.report.regions import Regions
from fgnb.report.render import Html
from fgnb.report.sheet import Number, Sheet
from fgnb.training import Run

NOTEBOOK = "focus/4-3-results"
CODE = ("fgnb.focus.stages", "fgnb.baselines.stages", "fgnb.metrics.coverage")
PLAIN, NTS_IMAGE, IMAGE_LEVEL = "resnet-50", "nts-net-image-level", "ours-image-level"
SINGLE, OURS, NTS = "ours-without-max-pooling", "ours", "nts-net"
RANDOM, BEST = "random-boxes", "best-rival"
TRAINED = (PLAIN, IMAGE_LEVEL, SINGLE, OURS, NTS)
TRIO = (PLAIN, NTS, OURS)
Boxes = tuple[Regions, dict[str, Coverage]]
WITH_BOXES = {OURS: "ours", SINGLE: "a single map", NTS: "NTS"}
_RIVALS, CONTROLS = (PLAIN, "equal-compute", NTS), ("equal-compute", RANDOM, "centre-boxes")

TABLE1 = rows_table(
    "Table 1, rows trained here",
    "focus.table1.{set}.{row}",
    {PLAIN: "Plain backbone", NTS: "NTS", OURS: "Ours"},
)
TABLE2 = rows_table(
    "Table 2",
    "focus.table2.{row}",
    {
        PLAIN: "Plain backbone",
        NTS_IMAGE: "NTS, image level only",
        IMAGE_LEVEL: "Ours, image level only: no hybrid loss",
        SINGLE: "Ours, regions by the map of one class",
        OURS: "Ours, regions by the maximum of all maps",
    },
)
_SHORT = {
    "over-resnet-50": "Regions help",
    "image-level-over-resnet-50": "Training with regions helps the classifier of whole pictures",
    "hybrid": "The hybrid classifier helps",
    "maximum": "The maximum over all maps helps",
    "over-nts-net": "Softmax losses suffice: ahead of NTS and its ranking loss",
    RANDOM: "Chosen regions beat regions at random (our control)",
}


def _step(name: str, claim: str, label: str, row: str, other: str) -> tuple[str, Number]:
    table = "focus.table1.{set}" if other == NTS else "focus.table2"
    pair, rule = (f"{table}.{row}", f"{table}.{other}"), kinds.difference(row, other)
    number = Number(f"focus.claim.{claim}", label, rule, _SHORT.get(name, ""), published=pair)
    return name, number


_JOINT = "joint-training-helps-image-level"
_STEPS = (
    _step("over-resnet-50", "regions-help", "Ours, minus plain backbone", OURS, PLAIN),
    _step("image-level-over-resnet-50", _JOINT, "Image level, minus plain", IMAGE_LEVEL, PLAIN),
    _step("image-level-over-nts-net", _JOINT, "Image level, minus NTS's", IMAGE_LEVEL, NTS_IMAGE),
    _step("hybrid", "hybrid-helps", "Hybrid, minus image level only", OURS, IMAGE_LEVEL),
    _step("maximum", "max-pooling-helps", "All maps, minus the map of one class", OURS, SINGLE),
    _step("over-nts-net", "softmax-losses-suffice", "Ours, minus NTS", OURS, NTS),
)
_GAINS = [
    replace(number, claim=f"focus.text.gain.{name}", short="", published=("", ""))
    for name, number in _STEPS
    if "over" in name
]
_LINES = tuple(Line(number) for _, number in _STEPS)
STEPS = Table("The steps that the text names", _LINES, tuple(_GAINS), by_set=True)


def _control(row: str, label: str, claim: str = "") -> Line:
    claim = claim or f"own.focus.control.full-minus-{row}"
    rule = kinds.difference(OURS, row)
    step = Number(claim, f"Ours, minus: {label}", rule, _SHORT.get(row, ""))
    return Line(Number(f"own.focus.beside.{row}", label, kinds.accuracy(row)), step)


BESIDE = Table(
    "Controls; each step is the full model, minus the control",
    (
        _control("equal-compute", "Plain backbone, as many pixels as the full model"),
        _control(RANDOM, "Random boxes, else as the full model"),
        _control("centre-boxes", "Centre boxes, else as the full model"),
        _control("image-head", "The full model's own image-level classifier"),
        _control(BEST, "The best rival trained here", "focus.claim.best-accuracy"),
    ),
)


def _over_chance(row: str, group: str) -> Number:
    of, claimed = f"{row}/{array_name(group)}", row == OURS and group in CLAIMED
    where = "Box centres on the object" if group == "object" else f"Boxes on the {group}"
    return Number(
        "focus.claim.regions-sit-on-parts"
        if claimed
        else f"own.focus.regions.{of.replace('/', '.')}",
        f"{where}, over chance: {WITH_BOXES[row]}",
        kinds.excess(of, f"{of}_chance"),
        f"Regions sit on the {group} more often than chance" if claimed else "",
        expect=int(row == OURS and group in ("object", *CLAIMED)),
    )


_OVER = [_over_chance(row, group) for row in WITH_BOXES for group in ("object", *GROUPS)]
FIG2 = numbers_table(
    "What Fig. 2 can be held to",
    [
        Number("focus.text.shown-regions", "Boxes drawn", kinds.mean("ours/count"), unit="count"),
        Number("focus.fig2", "Box centres on the object", kinds.mean_share("ours/object")),
        *(number for number in _OVER if number.expect),
    ],
)
ELSEWHERE = numbers_table("Other parts, other rows", [n for n in _OVER if not n.expect])
_COUNTS = {"classes": "Classes", "train": "Training images", "test": "Test images"}
COUNTS = numbers_table(
    "The set, beside section 4.1",
    [
        Number(f"focus.text.{{set}}.{name}", label, kinds.exact(f"{OURS}/@{field}"), unit="count")
        for (name, label), field in zip(
            _COUNTS.items(), ("classes", "n_train", "n_test"), strict=True
        )
    ],
)
TABLES = (TABLE1, TABLE2, STEPS, BESIDE, FIG2, ELSEWHERE, COUNTS)


def derive(sheet: Sheet, p: Any) -> None:
    """Add the best of the other methods' rows: the best *on test*, which favours it."""
    known = [row for row in _RIVALS if row in sheet.rows]
    if known and OURS in sheet.rows:
        arrays = {row: sheet.rows[row].arrays for row in known}
        best = max(known, key=lambda row: (arrays[row]["classes"] == arrays[row]["labels"]).mean())
        sheet.derive(BEST, best, classes=arrays[best]["classes"])


def boxes_of(images: ImageSet, stage: Any, run: Run) -> Boxes:
    """The boxes that a row's classifier saw, and what they lie on; NTS has other anchors."""
    best = Regions.of(run).best(stage.spec.concatenated)
    anchors = nts_anchors(best.size) if isinstance(stage, NTSStage) else stage.anchors
    return best, coverage(images, best, anchors)


def box_arrays(found: Boxes) -> dict[str, np.ndarray]:
    """What a record keeps of boxes."""
    boxes = found[0].boxes
    return {
        "boxes": boxes,
        "count": np.full(len(boxes), boxes.shape[1]),
        **coverage_arrays(found[1]),
    }


def image_level(run: Run) -> dict[str, np.ndarray]:
    """What a run's classifier of whole pictures answers, as a record keeps it."""
    kept = {**run.predictions, "query_probs": run.predictions["query_image_probs"]}
    return answers_of(SimpleNamespace(predictions=kept))


def small_sets(page: Page) -> Iterator[tuple[str, Preset, ImageSet]]:
    """The drawn sets beside drawn birds: name, scale and images."""
    for name in sets.names(page.p.dataset)[1:]:
        scale = sets.scale_of(page.scale, name)
        yield name, scale, page.open(name, scale)


def comparison(page: Page) -> Html:
    """Table 1 as printed, and our rows below."""
    return printed.comparison(page, TABLE1)


def coverage_chart(boxes: Mapping[str, Boxes]) -> Picture:
    """Where the boxes of our two rows lie."""
    return regions.coverage_chart({WITH_BOXES[row]: boxes[row][1] for row in (OURS, SINGLE)})
