"""Attention maps and their regions (focus, section 3.2), all of it a value a held-out image.

A map misleads where its regions are not those that the true class's own map would give. That is
asked of the predicted class's map and of the maximum, on the images whose prediction is wrong.
"""

from __future__ import annotations

from typing import Any

from fgnb.focus.maps import ClassMaps
from fgnb.focus.noise import stability_under_noise
from fgnb.focus.region_stage import FocusStage
from fgnb.metrics.coverage import Coverage
from fgnb.report import kinds
from fgnb.report.coverage import CLAIMED, GROUPS, array_name, coverage, coverage_arrays
from fgnb.report.layout import numbers_table
from fgnb.report.regions import Regions
from fgnb.report.regions import coverage_chart as coverage_chart
from fgnb.report.sheet import Number, Sheet
from fgnb.training import Run

NOTEBOOK = "focus/3-2-attention-regions"
CODE = ("fgnb.focus.maps", "fgnb.focus.noise", "fgnb.metrics.coverage")
ROW, REGIONS = "ours-held-out", "regions"
ROWS = ("ours",)  # where its record stands in: the same model over all training images, on test
_GROUPS = ("object", *GROUPS)
_WRONG, _RIGHT = "where the prediction is wrong", "where the prediction is right"
_SETTINGS = {
    "image-size": ("image_size", "pixels", "Side of the input image"),
    "box-size": ("box_size", "pixels", "Side of a proposed region"),
    "region-size": ("crop_size", "pixels", "Side that a region is resized to"),
    "nms-iou": ("iou", "ratio", "Overlap that suppression allows"),
    "m": ("proposals", "count", "Regions proposed"),
    "l": ("concatenated", "count", "Regions in the hybrid feature"),
}


def _own(array: str, label: str) -> Number:
    name = array.replace("_where", "-where").replace("_", "-")
    return Number(f"own.focus.maps.{name}", label, kinds.mean_share(f"{ROW}/{array}"))


def _minus(claim: str, label: str, first: str, second: str, short: str) -> Number:
    rule = kinds.excess(f"{ROW}/{first}", f"{ROW}/{second}")
    return Number(f"focus.claim.{claim}", label, rule, short)


def _on(group: str) -> Number:
    name, claimed = array_name(group), group in CLAIMED
    own, short = f"own.focus.maps.excess-{name}", f"The map finds the {group}: regions, over chance"
    claim = "focus.claim.map-finds-discriminative-regions" if claimed else own
    rule = kinds.excess(f"{REGIONS}/{name}", f"{REGIONS}/{name}_chance")
    return Number(claim, f"Regions on the {group}, over chance", rule, short * claimed, claimed)


PARTS = numbers_table("What the regions lie on", [_on(group) for group in _GROUPS])
MAXIMUM = numbers_table(
    "Why the maximum: regions that two maps of an image share",
    [
        Number("own.focus.maps.wrong", "Images whose class is wrong", kinds.share(f"{ROW}/wrong")),
        _own("same_where_wrong", f"Predicted class and maximum, {_WRONG}"),
        _own("same_where_right", f"Predicted class and maximum, {_RIGHT}"),
        _own("true_by_predicted", f"True class and predicted class, {_WRONG}"),
        _own("true_by_maximum", f"True class and maximum, {_WRONG}"),
        _minus(
            "single-map-misleads",
            f"With the true class: maximum minus predicted class, {_WRONG}",
            *("true_by_maximum", "true_by_predicted"),
            "The map of one class misleads where its class is wrong: what the maximum mends",
        ),
    ],
)
NOISE = numbers_table(
    "What the Gaussian is for: a clean picture's regions, found again in noise",
    [
        _own("kept_smoothed", "Smoothed map"),
        _own("kept_unsmoothed", "Map as it is"),
        _minus(
            "smoothing-resists-noise",
            "Smoothed minus not smoothed",
            *("kept_smoothed", "kept_unsmoothed"),
            "Smoothing makes the map robust to noise: regions found again",
        ),
    ],
)
SETTINGS = numbers_table(
    "Settings of section 4.2 that belong here",
    [
        Number(f"focus.setting.{name}", label, kinds.exact(f"{ROW}/@{field}"), unit=unit)
        for name, (field, unit, label) in _SETTINGS.items()
    ],
)
TABLES = (PARTS, MAXIMUM, NOISE, SETTINGS)


def derive(sheet: Sheet, p: Any) -> None:
    """Add where the regions lie as a row of its own, of the first model at hand."""
    for row in (ROW, *ROWS):
        if row in sheet.rows:
            names = [f"{array_name(group)}{end}" for group in _GROUPS for end in ("", "_chance")]
            own = sheet.rows[row].arrays
            return sheet.derive(REGIONS, row, **{name: own[name] for name in names if name in own})
    return None


def covered(stage: FocusStage, maps: ClassMaps, kind: str) -> dict[str, Coverage]:
    """What the l best regions of one kind of map lie on: the object, and a bird's parts."""
    spec, anchors = stage.spec, maps.anchors
    places = maps.chosen(kind, spec.concatenated)
    boxes, scales = (every[places].numpy() for every in (anchors.boxes, anchors.scales))
    scores = maps.of(kind).flatten(1).gather(1, places).numpy()
    regions = Regions(maps.ids, boxes, scores, scales, spec.image_size, spec.crop_ratio)
    return coverage(stage.images, regions, anchors)


def map_arrays(stage: FocusStage, maps: ClassMaps) -> dict[str, Any]:
    """Regions that the maps of an image share, and what those of the maximum lie on."""
    count, wrong = stage.spec.concatenated, maps.wrong
    same = maps.shared("predicted", "maximum", count)
    arrays = {"wrong": wrong, "same_where_wrong": same[wrong], "same_where_right": same[~wrong]}
    for kind in ("predicted", "maximum"):
        arrays[f"true_by_{kind}"] = maps.shared("true", kind, count)[wrong]
    return arrays | coverage_arrays(covered(stage, maps, "maximum"))


def row_arrays(stage: FocusStage, run: Run, maps: ClassMaps, noise: float) -> dict[str, Any]:
    """`map_arrays`, and how far noise moves the regions of the map, smoothed and as it is."""
    sigmas, seed = (stage.spec.sigma, 0.0), stage.spec.seed
    kept = stability_under_noise(stage, run, noise=noise, sigmas=sigmas, seed=seed)
    looks = zip(("kept_smoothed", "kept_unsmoothed"), kept, strict=True)
    return map_arrays(stage, maps) | dict(looks)
