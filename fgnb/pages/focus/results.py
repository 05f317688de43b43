"""Tables 1 and 2 and Fig. 2 of focus (section 4.3): what the regions add, and where they lie.

Rows that the paper cites (a plain ResNet-50, NTS) are trained here too, on the same pictures as
ours, so that each step of the running text has two rows of answers behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from fgnb.baselines.nts import NTSStage
from fgnb.data import ImageSet
from fgnb.focus.rows import row_stage
from fgnb.metrics.coverage import Coverage
from fgnb.nn.nts_proposer import nts_anchors
from fgnb.report import kinds, printed, regions, sets
from fgnb.report.course import course
from fgnb.report.coverage import CLAIMED, GROUPS, array_name, coverage, coverage_arrays
from fgnb.report.figures import Picture
from fgnb.report.layout import Line, Step, Table, numbers_table, rows_table
from fgnb.report.page import Page
from fgnb.report.records import LOGISTIC, answers_of
from fgnb.report.regions import Regions
from fgnb.report.render import Html
from fgnb.report.sheet import Number, Sheet
from fgnb.training import Run

NOTEBOOK = "focus/4-3-results"
CODE = ("fgnb.focus.stages", "fgnb.baselines.stages", "fgnb.metrics.coverage")
PLAIN, NTS_IMAGE, IMAGE_LEVEL = "resnet-50", "nts-net-image-level", "ours-image-level"
SINGLE, OURS, NTS = "ours-without-max-pooling", "ours", "nts-net"
TRAINED, TRIO = (PLAIN, IMAGE_LEVEL, SINGLE, OURS, NTS), (PLAIN, NTS, OURS)
ORACLE, BEST = "oracle-boxes", "best-rival"
IMAGE = "image"  # array of what the classifier of whole pictures answers
CONTROLS = ("equal-compute", "random-boxes", "centre-boxes")
WITH_BOXES = {OURS: "ours", SINGLE: "a single map", NTS: "NTS"}
Boxes = tuple[Regions, dict[str, Coverage]]
_JOINT = "joint-training-helps-image-level"


def _step(claim: str, label: str, row: str, other: str, short: str = "") -> Line:
    table = "focus.table1.{set}" if other == NTS else "focus.table2"
    pair, rule = (f"{table}.{row}", f"{table}.{other}"), kinds.difference(row, other)
    return Line(Number(f"focus.claim.{claim}", label, rule, short, published=pair))


def _over_chance(row: str, group: str) -> Number:
    of, claimed = f"{row}/{array_name(group)}", row == OURS and group in CLAIMED
    own, short = f"own.focus.regions.{of}", f"Regions find the {group} beyond chance"
    claim = "focus.claim.regions-sit-on-parts" if claimed else own.replace("/", ".")
    where = "Box centres on the object" if group == "object" else f"Boxes on the {group}"
    label, rule = f"{where}, over chance: {WITH_BOXES[row]}", kinds.excess(of, f"{of}_chance")
    expect = int(row == OURS and group in ("object", *CLAIMED))
    return Number(claim, label, rule, short * claimed, expect)


# fmt: off
TABLE1 = rows_table("Table 1, rows trained here", "focus.table1.{set}.{row}",
                    {PLAIN: "Plain backbone", NTS: "NTS", OURS: "Ours"})
TABLE2 = rows_table("Table 2", "focus.table2.{row}", {
    LOGISTIC: "Logistic regression on the frozen features (ours)",
    PLAIN: "Plain backbone",
    NTS_IMAGE: "NTS, image level only",
    IMAGE_LEVEL: "Ours, image level only: no hybrid loss",
    SINGLE: "Ours, regions by the map of one class",
    OURS: "Ours, regions by the maximum of all maps",
}, {
    PLAIN: Step(LOGISTIC, ("own.focus.training-helps",)),
})
_LINES = {
    "over-resnet-50":
        _step("regions-help", "Ours, minus plain backbone", OURS, PLAIN, "Regions help"),
    "image-level-over-resnet-50":
        _step(_JOINT, "Image level, minus plain", IMAGE_LEVEL, PLAIN,
              "Training with regions helps the classifier of whole pictures"),
    "image-level-over-nts-net":
        _step(_JOINT, "Image level, minus NTS's", IMAGE_LEVEL, NTS_IMAGE),
    "hybrid": _step("hybrid-helps", "Hybrid, minus image level only", OURS, IMAGE_LEVEL,
                    "The hybrid classifier helps"),
    "maximum": _step("max-pooling-helps", "All maps, minus the map of one class", OURS, SINGLE,
                     "The maximum over all maps helps"),
    "over-nts-net": _step("softmax-losses-suffice", "Ours, minus NTS", OURS, NTS,
                          "Softmax losses suffice: ahead of NTS and its ranking loss"),
}
STEPS = Table("The steps that the text names", tuple(_LINES.values()), tuple(
    Number(f"focus.text.gain.{name}", line.number.label, line.number.rule)
    for name, line in _LINES.items() if "over" in name
), by_set=True)
BESIDE = Table("Controls; each step is the full model, minus the control", tuple(
    Line(Number(f"own.focus.beside.{row}", label, kinds.accuracy(row)),
         Number(claim or f"own.focus.control.full-minus-{row}", f"Ours, minus: {label}",
                kinds.difference(OURS, row), short, int(row != ORACLE)))
    for row, label, claim, short in (
        ("equal-compute", "Plain backbone, as many pixels as the full model", "", ""),
        ("random-boxes", "Random boxes, else as the full model", "",
         "Chosen regions beat regions at random (our control)"),
        ("centre-boxes", "Centre boxes, else as the full model", "", ""),
        (ORACLE, "Boxes on the true key points: a bound, not a rival", "", ""),
        ("image-head", "The full model's own image-level classifier", "", ""),
        (BEST, "The best rival trained here", "focus.claim.best-accuracy", ""),
    )
))
COURSE = course("focus", {
    PLAIN: "Plain backbone", IMAGE_LEVEL: "Image level only", SINGLE: "Map of one class",
    OURS: "Ours", NTS: "NTS", "equal-compute": "Plain, equal pixels",
    "random-boxes": "Random boxes", "centre-boxes": "Centre boxes", ORACLE: "Boxes on key points",
})
_OVER = [_over_chance(row, group) for row in WITH_BOXES for group in ("object", *GROUPS)]
FIG2 = numbers_table("What Fig. 2 can be held to", [
    Number("focus.text.shown-regions", "Boxes drawn", kinds.mean("ours/count"), unit="count"),
    Number("focus.fig2", "Box centres on the object", kinds.mean_share("ours/object")),
    *(number for number in _OVER if number.expect),
])
ELSEWHERE = numbers_table("Other parts, other rows", [n for n in _OVER if not n.expect])
COUNTS = numbers_table("The set, beside section 4.1", [
    Number(f"focus.text.{{set}}.{name}", label, kinds.exact(f"{OURS}/@{field}"), unit="count")
    for name, label, field in (("classes", "Classes", "classes"),
                               ("train", "Training images", "n_train"),
                               ("test", "Test images", "n_test"))
])
# fmt: on
TABLES = (TABLE1, TABLE2, STEPS, BESIDE, COURSE, FIG2, ELSEWHERE, COUNTS)


def derive(sheet: Sheet, p: Any) -> None:
    """Add the best of the other methods' rows: the best *on test*, which favours it.

    And the logistic regression that the plain backbone starts from.
    """
    sheet.derive_start(PLAIN)
    for row, like in ((NTS_IMAGE, NTS), ("image-head", OURS)):
        image = sheet.array(f"{like}/{IMAGE}")
        if row not in sheet.rows and image is not None:
            sheet.derive(row, like, classes=image)
    rivals = (PLAIN, "equal-compute", NTS)
    arrays = {row: sheet.rows[row].arrays for row in rivals if row in sheet.rows}
    if arrays and OURS in sheet.rows:
        best = max(arrays, key=lambda r: (arrays[r]["classes"] == arrays[r]["labels"]).mean())
        sheet.derive(BEST, best, classes=arrays[best]["classes"])


def wanted(p: Any) -> tuple[str, ...]:
    """The rows to train: those of Table 2, and the controls where the parameters ask for them."""
    return TRAINED + CONTROLS * p.with_controls


def boxes_of(images: ImageSet, stage: Any, run: Run) -> Boxes:
    """The boxes that a row's classifier saw, and what they lie on; NTS has other anchors."""
    best = Regions.of(run).best(stage.spec.concatenated)
    anchors = nts_anchors(best.size) if isinstance(stage, NTSStage) else stage.anchors
    return best, coverage(images, best, anchors)


def box_arrays(found: Boxes) -> dict[str, np.ndarray]:
    """What a record keeps of boxes."""
    boxes, on = found[0].boxes, coverage_arrays(found[1])
    return {"boxes": boxes, "count": np.full(len(boxes), boxes.shape[1]), **on}


def image_level(run: Run) -> dict[str, np.ndarray]:
    """What a run's classifier of whole pictures answers, as a record keeps it."""
    kept = run.predictions
    return answers_of(
        SimpleNamespace(predictions=kept | {"query_probs": kept["query_image_probs"]})
    )


def small_sets(page: Page) -> Iterator[tuple[str, ImageSet, dict[str, Any]]]:
    """The drawn sets beside drawn birds: name, images and a stage each of `TRIO`."""
    for name in sets.names(page.p.dataset)[1:]:
        scale = sets.scale_of(page.scale, name)
        images = page.open(name, scale)
        yield name, images, {row: row_stage(row, scale, images, **page.zoom) for row in TRIO}


def comparison(page: Page) -> Html:
    """Table 1 as printed, and our rows below."""
    return printed.comparison(page, TABLE1)


def coverage_chart(boxes: Mapping[str, Boxes]) -> Picture:
    """Where the boxes of our two rows lie."""
    return regions.coverage_chart({WITH_BOXES[row]: boxes[row][1] for row in (OURS, SINGLE)})
