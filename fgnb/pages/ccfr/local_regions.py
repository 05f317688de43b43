"""Section 3.2 of ccfr: which regions each reading of the text chooses, and what they lie on.

Rows answer held-out images: the ranking warm-up, three readings of how the triplet loss reaches the
scorer, and the last of them with an extractor of the regions' own.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np

from fgnb import claims
from fgnb.ccfr.fusion import Fusion
from fgnb.ccfr.proposals import Proposals, propose
from fgnb.metrics.coverage import Coverage, box_sides, boxes_moved
from fgnb.report import kinds, render
from fgnb.report.coverage import CLAIMED, GROUPS, array_name, coverage, coverage_arrays
from fgnb.report.layout import numbers_table
from fgnb.report.page import Page
from fgnb.report.regions import Regions
from fgnb.report.schedule import decay_arrays
from fgnb.report.sheet import Number, Sheet
from fgnb.report.trace import Call, weights_of

NOTEBOOK = "ccfr/3-2-local-regions"
CODE = ("fgnb.ccfr.proposals", "fgnb.metrics.coverage", "fgnb.report.coverage")
WARM_UP, OURS, APART = "warm-up", "margin-rank", "two-extractors"
READINGS = {"none": "the text as it stands", "gate": "a reading", OURS: "our reading"}
METHODS = (WARM_UP, *READINGS)
ROWS = (*METHODS, APART)
_NMS, _TRIPLET = "ccfr.claim.large-boxes-suppress-small", "ccfr.claim.triplet-picks-parts"
_STAYS, _CLOSES = "equal overlap stays (the text)", "equal overlap closes (NTS's code)"

SUPPRESSION = numbers_table(
    "Small boxes when all scales compete, of those that NMS on each scale takes",
    [
        Number(_NMS, f"Closed by a large box, {_STAYS}", kinds.mean_share("suppression/closed"),
               f"NMS over all scales: small boxes closed by a large one, {_STAYS}"),
        Number(_NMS, f"Closed by a large box, {_CLOSES}",
               kinds.excess(f"{OURS}/kept", f"{OURS}/kept_closed"),
               f"NMS over all scales: small boxes closed by a large one, {_CLOSES}"),
        Number(_NMS, f"Lost to better scores, {_STAYS}", kinds.mean_share("suppression/lost")),
        Number(_NMS, f"Lost in all, {_CLOSES}", kinds.mean_share("suppression/lost_closed")),
    ],
)  # fmt: skip


def _triplet(method: str) -> list[Number]:
    who = f"{method}, {READINGS[method]}"
    shorts = {"head": f"The triplet loss moves boxes to heads: {who}"}
    smaller = kinds.change(f"{method}/side", f"{WARM_UP}/side")
    return [
        Number(_TRIPLET, f"More boxes on the {group}: {who}",
               kinds.excess(f"{method}/{group}", f"{WARM_UP}/{group}"), shorts.get(group, ""))
        for group in CLAIMED
    ] + [
        Number(_TRIPLET, f"Mean side when all scales compete: {who}", smaller,
               f"The triplet loss picks smaller boxes: {who}", -1, "pixels")
    ]  # fmt: skip


TRIPLET = numbers_table("Triplet loss, minus the warm-up", [*_triplet("none"), *_triplet(OURS)])
SHARING = numbers_table(
    "One extractor for image and regions",
    [
        Number("ccfr.claim.shared-extractor-curbs-overfitting", "One extractor, minus one each",
               kinds.difference(OURS, APART), "Sharing the extractor guards against overfitting"),
    ],
)  # fmt: skip


def _own(
    what: str, label: str, kind: kinds.Kind, *references: str, of: Any = METHODS, unit: str = ""
) -> list[Number]:
    """A number of ours for each method, which stands for ``*`` in the references."""
    made = {m: kind(*(r.replace("*", m) for r in references)) for m in of}
    named = "own.ccfr.regions.{}." + what
    return [Number(named.format(m), f"{label}: {m}", r, "", 0, unit) for m, r in made.items()]


_SIDE = "Mean side of the four best, all scales competing"
_numbers = [
    *_own("side", _SIDE, kinds.mean, "*/side", unit="pixels"),
    *_own("small", "Small among the four, all scales competing", kinds.mean_share, "*/small"),
    *_own("moved", "Images that changed", kinds.share, "*/any_moved", of=READINGS),
    *_own("moved-boxes", "Boxes that changed", kinds.mean_share, "*/moved", of=READINGS),
]
_COMPARED = {"Mean side": "side", "Small boxes": "small"}
_COMPARED |= {"Images changed": "moved", "Boxes changed": "moved-boxes"}
for _group in GROUPS:
    _a = array_name(_group)
    _numbers += _own(f"share-{_a}", f"On the {_group}", kinds.mean_share, f"*/{_a}")
    _numbers += _own(f"excess-{_a}", f"On the {_group}, over chance", kinds.excess, f"*/{_a}",
                     f"*/{_a}_chance")  # fmt: skip
    _numbers += _own(f"gain-{_a}", f"On the {_group}, minus the warm-up", kinds.excess, f"*/{_a}",
                     f"{WARM_UP}/{_a}", of=READINGS)  # fmt: skip
    _COMPARED[f"On the {_group}, over chance"] = f"excess-{_a}"
EACH = numbers_table("Each method by itself", _numbers)
FIG4 = numbers_table(
    "Fig. 4: images whose four boxes changed after the warm-up",
    [Number("ccfr.fig4", f"{m}, {READINGS[m]}", kinds.share(f"{m}/any_moved")) for m in READINGS],
)

_SPEC = {
    **{"image-size": "image_size", "region-size": "crop_size", "mu": "mu", "nms-iou": "iou"},
    **{"regions-per-scale": "per_scale", "learning-rate": "lr", "batch-size": "batch_size"},
    "weight-decay": "weight_decay",
}
_MADE = ("box-scale-small", "box-scale-large", "aspect-ratio", "scales", "fusion-kernel")


def _setting(array: str) -> Number:
    kind, name = array.split("_")
    entry = claims.load("ccfr")[f"ccfr.setting.{name}"]
    label = f"{'In use' if kind == 'setting' else 'At the preset paper'}: {entry.text}"
    return Number(entry.id, label, kinds.exact(f"{OURS}/{array}"), unit=entry.unit)


_arrays = [f"setting_{name}" for name in (*_SPEC, *_MADE)]
_arrays += [f"decay_learning-rate-{name}" for name in ("step", "factor")]
_WEIGHTS = Number("ccfr.fig2", "Weights as traced", kinds.exact(f"{OURS}/weights"), unit="count")
SETTINGS = numbers_table("Settings beside the paper's", [_WEIGHTS, *map(_setting, _arrays)])
TABLES = (SUPPRESSION, TRIPLET, SHARING, FIG4, EACH, SETTINGS)


@dataclass(frozen=True)
class Look:
    """What a trained row chose: its boxes, the scores of all boxes, and what its boxes lie on."""

    regions: Regions
    proposals: Proposals
    on: dict[str, Coverage]

    @classmethod
    def of(cls, stage: Any, run: Any) -> Look:
        """The boxes of a run, held against the annotations of its set."""
        regions = Regions.of(run)
        return cls(regions, propose(stage, run), coverage(stage.images, regions, stage.anchors))

    def arrays(self, before: Look) -> dict[str, np.ndarray]:
        """What a record keeps by image; ``before`` is the warm-up's.

        Raises:
            ValueError: boxes of other queries than the warm-up's.
        """
        own, asked, side = self.regions, self.proposals, _side(self.proposals)
        if not np.array_equal(own.ids, before.regions.ids):
            raise ValueError(f"boxes are of other queries than those of {WARM_UP!r}")
        moved = boxes_moved(before.regions.boxes, own.boxes)
        return {
            **{"ids": own.ids, "boxes": own.boxes, "scores": own.scores, "side": side},
            "small": asked.small(asked.joint()).mean(axis=1),
            "kept": asked.surviving(asked.joint()),
            "kept_closed": asked.surviving(asked.joint(drop_equal=True)),
            **{
                "moved": moved,
                "any_moved": moved > 0,
                "side_change": side - _side(before.proposals),
            },
            **coverage_arrays(self.on),
        }


def _side(asked: Proposals) -> np.ndarray:
    """Mean side of an image's four boxes when all scales compete."""
    return np.asarray(box_sides(asked.anchors.boxes[asked.joint()].numpy()).mean(axis=1))


def setting_arrays(stage: Any, calls: list[Call], published: Any) -> dict[str, np.ndarray]:
    """The settings in use, the weights of a trace, and the decay of the published recipe."""
    scales, boxes = np.unique(stage.anchors.scales.numpy()), stage.anchors.boxes
    wide, high = (boxes[:, 2:] - boxes[:, :2]).T
    kernel = next(Fusion(1, 1, 1).parameters())[0, 0].numel() ** 0.5
    made = (scales[0], scales[-1], float((wide / high).mean()), len(scales), kernel)
    found = {name: getattr(stage.spec, field) for name, field in _SPEC.items()}
    found |= dict(zip(_MADE, made, strict=True))
    arrays = {f"setting_{name}": np.array([value], float) for name, value in found.items()}
    return {**arrays, "weights": np.array([float(weights_of(calls))]), **decay_arrays(published)}


def derive(sheet: Sheet, p: Any) -> None:
    """Add ``suppression``: small boxes lost by either rule, and those that a large one closed.

    No overlap of two scales is over the ratio of their areas, that of a small box inside a large
    one. Where this is no more than the threshold, and equal overlap stays, none can be closed.
    """
    names = ("kept", "kept_closed", "setting_box-scale-small", "setting_box-scale-large")
    found = [sheet.array(f"{OURS}/{name}") for name in (*names, "setting_nms-iou")]
    if any(array is None for array in found):
        return
    kept, kept_closed, small, large, iou = map(np.asarray, found)
    lost = {"lost": 1 - kept, "lost_closed": 1 - kept_closed}
    if (small / large) ** 2 <= iou + 1e-6:
        lost["closed"] = np.zeros(len(kept))
    sheet.derive("suppression", OURS, **lost)


def by_method(page: Page) -> render.Html:
    """Methods side by side: size of their boxes, what changed, and parts over chance."""
    parts = []
    for sheet in page.sheets:
        lines = page.numbers(EACH, sheet).to_dict("records")
        cells = {line["claim"]: render.value(line) for line in lines}
        rows = [
            [label, *(cells.get(f"own.ccfr.regions.{method}.{what}", "") for method in METHODS)]
            for label, what in _COMPARED.items()
        ]
        if cells:
            whose = "recorded" if sheet.recorded else "this run"
            caption = html.escape(f"{sheet.origin.dataset_title}, {whose}")
            parts.append(render.grid(("", *METHODS), rows, caption=caption))
    return render.Html("".join(parts))
