"""Section 3.2 of ccfr: which regions each reading of the text chooses, and what they lie on.

Rows answer held-out images: NTS, the warm-up, three readings of the triplet loss, two extractors.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fgnb import ccfr, claims, presets
from fgnb.baselines.nts import NTSStage
from fgnb.ccfr.fusion import Fusion
from fgnb.ccfr.proposals import Proposals, propose
from fgnb.metrics.coverage import Coverage, box_sides, boxes_moved
from fgnb.nn.backbones import NO_CUT
from fgnb.nn.nts_proposer import nts_anchors
from fgnb.report import folds, kinds, render
from fgnb.report.coverage import GROUPS, array_name, coverage, coverage_arrays
from fgnb.report.layout import numbers_table
from fgnb.report.page import Page
from fgnb.report.regions import Regions
from fgnb.report.schedule import decay_arrays
from fgnb.report.sheet import Number, Sheet
from fgnb.report.trace import Call, trace, weights_of

NOTEBOOK = "ccfr/3-2-local-regions"
CODE = ("fgnb.ccfr.proposals", "fgnb.metrics.coverage", "fgnb.report.coverage")
WARM_UP, LITERAL, OURS, APART = "warm-up", "none", "margin-rank", "two-extractors"
READINGS = {LITERAL: "the text as it stands", "gate": "our repair", OURS: "our repair"}
METHODS = (WARM_UP, *READINGS)
NTS = "nts-net-held-out"  # the upper row of Fig. 4
RIVALS = (NTS, "nts-net")
SHOWN = {NTS: "NTS", **{method: method for method in METHODS}}
ROWS = (NTS, *METHODS, APART)
_NMS, _TRIPLET = "ccfr.claim.large-boxes-suppress-small", "ccfr.claim.triplet-picks-parts"
_STAYS, _CLOSES = "equal overlap stays (the text)", "equal overlap closes (NTS's code)"
_CLOSED = "NMS over all scales: small boxes closed by a large one"
_SIDE = "Mean side of the four best, all scales competing"

_WHO = {LITERAL: "The triplet loss, as the text has it,", OURS: "Our repair, margin-rank,"}

# fmt: off
SUPPRESSION = numbers_table(
    "Small boxes when all scales compete, of those that NMS on each scale takes",
    [
        Number(_NMS, f"Closed by a large box, {_STAYS}", kinds.mean_share("suppression/closed"),
               f"{_CLOSED}, {_STAYS}"),
        Number(_NMS, f"Closed by a large box, {_CLOSES}",
               kinds.excess(f"{LITERAL}/kept", f"{LITERAL}/kept_closed"), f"{_CLOSED}, {_CLOSES}"),
        Number(_NMS, f"Lost to better scores, {_STAYS}", kinds.mean_share("suppression/lost")),
        Number(_NMS, f"Lost in all, {_CLOSES}", kinds.mean_share("suppression/lost_closed")),
    ],
)
TRIPLET = numbers_table("Triplet loss, minus the warm-up", [
    Number(_TRIPLET if m == LITERAL else f"own.ccfr.repair.{m}.{array}",
           f"{label}: {m}, {READINGS[m]}", kind(f"{m}/{array}", f"{WARM_UP}/{array}"),
           f"{_WHO[m]} {short}" if short and m == LITERAL else "", expect, unit)
    for m in (LITERAL, OURS) for label, kind, array, short, expect, unit in (
        ("More boxes on the head", kinds.excess, "head", "moves boxes to heads", 1, ""),
        ("More boxes on the wing", kinds.excess, "wing", "", 1, ""),
        ("Mean side when all scales compete", kinds.change, "side", "picks smaller boxes", -1,
         "pixels"),
    )
])
SHARING = numbers_table("One extractor for image and regions", [
    Number("ccfr.claim.shared-extractor-curbs-overfitting", "One extractor, minus one each",
           kinds.difference(LITERAL, APART), "Sharing the extractor guards against overfitting"),
])
FIG4 = numbers_table("Fig. 4: the lower row, minus NTS above; what the second stage changed", [
    *(Number(_TRIPLET if m == LITERAL else f"own.ccfr.repair.{m}.over-nts-{array}",
             f"{label}, minus NTS: {m}, {READINGS[m]}",
             kind(f"{m}{of}/{array}", f"{NTS}{of}/{array}"),
             f"{_WHO[m]} {short}" if short and m == LITERAL else "", expect, unit)
      for m in (LITERAL, OURS) for label, kind, of, array, short, expect, unit in (
          ("Mean side when all scales compete", kinds.change, "", "side",
           "picks smaller boxes than NTS", -1, "pixels"),
          ("On the head, over chance", kinds.excess, "-over", "head",
           "sits on heads more often than NTS, each over its chance", 1, ""),
          ("On the wing, over chance", kinds.excess, "-over", "wing", "", 1, ""),
          ("On the legs, over chance", kinds.excess, "-over", "legs", "", 1, ""),
      )),
    *(Number("ccfr.fig4", f"Images whose four boxes changed: {m}, {READINGS[m]}",
             kinds.share(f"{m}/any_moved")) for m in READINGS),
])
# What each method shows by itself: label, kind and arrays; ``*`` stands for the method.
_EACH: dict[str, Any] = {
    "side": (_SIDE, kinds.mean, "*/side"),
    "small": ("Small among the four, all scales competing", kinds.mean_share, "*/small"),
    "moved": ("Images that changed", kinds.share, "*/any_moved"),
    "moved-boxes": ("Boxes that changed", kinds.mean_share, "*/moved"),
}
_COMPARED = {"side": "Mean side", "small": "Small boxes", "moved": "Images changed",
             "moved-boxes": "Boxes changed"}
for _group, _a in ((group, array_name(group)) for group in GROUPS):
    _on = f"On the {_group}"
    _EACH |= {
        f"share-{_a}": (_on, kinds.mean_share, f"*/{_a}"),
        f"excess-{_a}": (f"{_on}, over chance", kinds.excess, f"*/{_a}", f"*/{_a}_chance"),
        f"gain-{_a}": (f"{_on}, minus the warm-up", kinds.excess, f"*/{_a}", f"{WARM_UP}/{_a}"),
    }
    _COMPARED[f"excess-{_a}"] = f"{_on}, over chance"
EACH = numbers_table("Each method by itself", [
    Number(f"own.ccfr.regions.{m}.{name}", f"{label}: {SHOWN[m]}",
           kind(*(array.replace("*", m) for array in arrays)), "", 0, "pixels" * (name == "side"))
    for name, (label, kind, *arrays) in _EACH.items()
    for m in (READINGS if name.startswith(("moved", "gain")) else SHOWN)
    if (m, name) != (NTS, "small")
])
_SPEC = {
    "image-size": "image_size", "region-size": "crop_size", "mu": "mu", "nms-iou": "iou",
    "regions-per-scale": "per_scale", "learning-rate": "lr", "batch-size": "batch_size",
    "weight-decay": "weight_decay",
}
_MADE = ("box-scale-small", "box-scale-large", "aspect-ratio", "scales", "fusion-kernel")
_STATED = [("setting", "In use", name) for name in (*_SPEC, *_MADE)]
_STATED += [("decay", "At the preset paper", f"learning-rate-{end}") for end in ("step", "factor")]
SETTINGS = numbers_table("Settings beside the paper's", [
    Number("ccfr.fig2", "Weights as traced", kinds.exact(f"{LITERAL}/weights"), unit="count"),
    *(Number(entry.id, f"{where}: {entry.text}", kinds.exact(f"{LITERAL}/{kind}_{name}"),
             unit=entry.unit)
      for kind, where, name in _STATED for entry in [claims.load("ccfr")[f"ccfr.setting.{name}"]]),
])
# fmt: on
TABLES = (SUPPRESSION, TRIPLET, SHARING, FIG4, EACH, SETTINGS)


@dataclass(frozen=True)
class Look:
    """What a trained row chose: its boxes, the scores of all boxes, and what its boxes lie on.

    NTS has boxes of its own, which compete over all scales; without ``proposals`` those that it
    chose are those that count.
    """

    regions: Regions
    proposals: Proposals | None
    on: dict[str, Coverage]

    @classmethod
    def of(cls, stage: Any, run: Any) -> Look:
        """The boxes of a run, held against the annotations of its set."""
        regions, rival = Regions.of(run), isinstance(stage, NTSStage)
        anchors = nts_anchors(regions.size) if rival else stage.anchors
        proposals = None if rival else propose(stage, run)
        return cls(regions, proposals, coverage(stage.images, regions, anchors))

    @property
    def side(self) -> np.ndarray:
        """Mean side of an image's four boxes when all scales compete."""
        boxes = self.regions.boxes
        if self.proposals is not None:
            boxes = self.proposals.anchors.boxes[self.proposals.joint()].numpy()
        return np.asarray(box_sides(boxes).mean(axis=1))

    def box_arrays(self) -> dict[str, np.ndarray]:
        """What a record keeps of boxes by image, whatever chose them."""
        own = {name: getattr(self.regions, name) for name in ("ids", "boxes", "scores")}
        return {**coverage_arrays(self.on), **own, "side": self.side}

    def arrays(self, before: Look | None) -> dict[str, np.ndarray]:
        """What a record keeps by image; ``before``, the warm-up's, must be of the same queries."""
        own, scored = self.regions, self.proposals
        if scored is None or before is None:
            return self.box_arrays()
        if not np.array_equal(own.ids, before.regions.ids):
            raise ValueError(f"boxes are of other queries than those of {WARM_UP!r}")
        moved = boxes_moved(before.regions.boxes, own.boxes)
        return self.box_arrays() | {
            "small": scored.small(scored.joint()).mean(axis=1),
            "kept": scored.surviving(scored.joint()),
            "kept_closed": scored.surviving(scored.joint(drop_equal=True)),
            **{"moved": moved, "any_moved": moved > 0, "side_change": self.side - before.side},
        }


def arrays(
    stages: Mapping[str, Any], looks: Mapping[str, Look], options: Mapping[str, Any]
) -> dict[str, dict[str, np.ndarray]]:
    """What records of some rows keep; the warm-up is among them, ``options`` are the stages'.

    NTS alone needs no warm-up beside it.
    """
    kept = {row: look.arrays(looks.get(WARM_UP)) for row, look in looks.items()}
    if LITERAL in kept:
        stage, paper = stages[LITERAL], presets.get("paper")
        published = ccfr.row_stage(LITERAL, paper, stage.images, **options).spec
        kept[LITERAL] |= setting_arrays(stage, trace_model(stage), published)
    return kept


def trace_model(stage: Any) -> list[Call]:
    """Fig. 2 from one pass over a stage's first query; a frozen trunk's map of it is cached."""
    frozen = {"backbone.trunk": "trunk", "backbone.tail": "tail"}
    parts = {"backbone": "extractor"} if stage.spec.cut == NO_CUT else frozen
    names = {**parts, "pyramid": "pyramid", "fusion": "fusion", "head": "classifier"}
    views = next(iter(stage.zoomed.batches(stage.query_index[:1])))
    with torch.random.fork_rng(devices=[]):
        return trace(stage.module().model, views, parts=names)


def setting_arrays(stage: Any, calls: list[Call], published: Any) -> dict[str, np.ndarray]:
    """The settings in use, the weights of a trace, and the decay of the published recipe."""
    scales, boxes = np.unique(stage.anchors.scales.numpy()), stage.anchors.boxes
    wide, high = (boxes[:, 2:] - boxes[:, :2]).T
    kernel = next(Fusion(1, 1, 1).parameters())[0, 0].numel() ** 0.5
    values = {name: getattr(stage.spec, field) for name, field in _SPEC.items()}
    made = (scales[0], scales[-1], float((wide / high).mean()), len(scales), kernel)
    values |= dict(zip(_MADE, made, strict=True))
    settings = {f"setting_{name}": np.array([value], float) for name, value in values.items()}
    return {**settings, "weights": np.array([float(weights_of(calls))]), **decay_arrays(published)}


def derive(sheet: Sheet, p: Any) -> None:
    """Add ``suppression``: small boxes lost by either rule, and those that a large one closed.

    And ``ROW-over``, coverage over chance, for the two rows of Fig. 4: boxes of other scales have
    another chance.
    """
    for row in {NTS, LITERAL, OURS} & set(sheet.rows):
        of = sheet.rows[row].arrays
        groups = [a for a in map(array_name, GROUPS) if {a, f"{a}_chance"} <= set(of)]
        sheet.derive(f"{row}-over", row, **{a: of[a] - of[f"{a}_chance"] for a in groups})
    names = ("kept", "kept_closed", "setting_box-scale-small", "setting_box-scale-large")
    found = [sheet.array(f"{LITERAL}/{name}") for name in (*names, "setting_nms-iou")]
    if any(array is None for array in found):
        return
    kept, kept_closed, small, large, iou = map(np.asarray, found)
    lost = {"lost": 1 - kept, "lost_closed": 1 - kept_closed}
    # Overlap is at most the ratio of the areas: at the threshold or under it, none can be closed.
    if (small / large) ** 2 <= iou + 1e-6:
        lost["closed"] = np.zeros(len(kept))
    sheet.derive("suppression", LITERAL, **lost)


def by_method(page: Page) -> render.Html:
    """Methods side by side: size of their boxes, what changed, and parts over chance."""
    parts: list[str] = []
    for sheet in page.sheets:
        lines = page.numbers(EACH, sheet).to_dict("records")
        cells = {line["claim"]: render.value(line) for line in lines}
        if not cells:
            continue
        claim = "own.ccfr.regions.{}.{}"
        rows = [[label, *(cells.get(claim.format(method, what), "") for method in SHOWN)]
                for what, label in _COMPARED.items()]  # fmt: skip
        caption = html.escape(folds.named(sheet))
        table = render.grid(("", *SHOWN.values()), rows, caption=caption)
        parts.append(render.fold(f"The same: {caption}", table) if parts else table)
    return render.Html("".join(parts))
