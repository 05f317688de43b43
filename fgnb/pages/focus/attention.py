"""Attention maps and their regions (focus, section 3.2), all of it a value a held-out image.

A map misleads where its regions are not those that the true class's own map would give. That is
asked of the predicted class's map and of the maximum, on the images whose prediction is wrong.
"""

from __future__ import annotations

from typing import Any

from fgnb.focus.maps import KINDS, ClassMaps
from fgnb.focus.noise import stability_under_noise
from fgnb.focus.region_stage import FocusStage
from fgnb.metrics.coverage import Coverage
from fgnb.report import kinds, regions
from fgnb.report.coverage import CLAIMED, GROUPS, array_name, coverage, coverage_arrays
from fgnb.report.figures import Picture
from fgnb.report.layout import numbers_table
from fgnb.report.sheet import Number, Sheet
from fgnb.training import Run

NOTEBOOK = "focus/3-2-attention-regions"
CODE = ("fgnb.focus.maps", "fgnb.focus.noise", "fgnb.metrics.coverage")
ROW, REGIONS = "ours-held-out", "regions"
ROWS = ("ours",)  # where its record stands in: the same model over all training images, on test
_GROUPS = ("object", *GROUPS)
_WRONG, _RIGHT = "where the prediction is wrong", "where the prediction is right"


def _own(array: str, label: str) -> Number:
    name = array.replace("_", "-")
    return Number(f"own.focus.maps.{name}", label, kinds.mean_share(f"{ROW}/{array}"))


def _on(group: str) -> Number:
    name, claimed = array_name(group), group in CLAIMED
    own, short = f"own.focus.maps.excess-{name}", f"The map finds the {group}: regions, over chance"
    claim = "focus.claim.map-finds-discriminative-regions" if claimed else own
    rule = kinds.excess(f"{REGIONS}/{name}", f"{REGIONS}/{name}_chance")
    return Number(claim, f"Regions on the {group}, over chance", rule, short * claimed, claimed)


# fmt: off
PARTS = numbers_table("What the regions lie on", [_on(group) for group in _GROUPS])
MAXIMUM = numbers_table("Why the maximum: regions that two maps of an image share", [
    Number("own.focus.maps.wrong", "Images whose class is wrong", kinds.share(f"{ROW}/wrong")),
    _own("same_where_wrong", f"Predicted class and maximum, {_WRONG}"),
    _own("same_where_right", f"Predicted class and maximum, {_RIGHT}"),
    _own("true_by_predicted", f"True class and predicted class, {_WRONG}"),
    _own("true_by_maximum", f"True class and maximum, {_WRONG}"),
    Number("focus.claim.single-map-misleads",
           f"With the true class: maximum minus predicted class, {_WRONG}",
           kinds.excess(f"{ROW}/true_by_maximum", f"{ROW}/true_by_predicted"),
           "The map of one class misleads where its class is wrong: what the maximum mends"),
])
NOISE = numbers_table("What the Gaussian is for: a clean picture's regions, found again in noise", [
    _own("kept_smoothed", "Smoothed map"),
    _own("kept_unsmoothed", "Map as it is"),
    Number("focus.claim.smoothing-resists-noise", "Smoothed minus not smoothed",
           kinds.excess(f"{ROW}/kept_smoothed", f"{ROW}/kept_unsmoothed"),
           "Smoothing makes the map robust to noise: regions found again"),
])
SETTINGS = numbers_table("Settings of section 4.2 that belong here", [
    Number(f"focus.setting.{name}", label, kinds.exact(f"{ROW}/@{field}"), unit=unit)
    for name, field, unit, label in (
        ("image-size", "image_size", "pixels", "Side of the input image"),
        ("box-size", "box_size", "pixels", "Side of a proposed region"),
        ("region-size", "crop_size", "pixels", "Side that a region is resized to"),
        ("nms-iou", "iou", "ratio", "Overlap that suppression allows"),
        ("m", "proposals", "count", "Regions proposed"),
        ("l", "concatenated", "count", "Regions in the hybrid feature"),
    )
])
# fmt: on
TABLES = (PARTS, MAXIMUM, NOISE, SETTINGS)


def derive(sheet: Sheet, p: Any) -> None:
    """Add where the regions lie as a row of its own, of the first model at hand."""
    row = ROW if ROW in sheet.rows else ROWS[0]
    if row in sheet.rows:
        names, own = {array_name(group) for group in _GROUPS}, sheet.rows[row].arrays
        on = {name: a for name, a in own.items() if name.removesuffix("_chance") in names}
        sheet.derive(REGIONS, row, **on)


def covered(stage: FocusStage, maps: ClassMaps, kind: str) -> dict[str, Coverage]:
    """What the l best regions of one kind of map lie on: the object, and a bird's parts."""
    spec, places = stage.spec, maps.chosen(kind, stage.spec.concatenated)
    boxes, scales = maps.anchors.boxes[places].numpy(), maps.anchors.scales[places].numpy()
    scores = maps.of(kind).flatten(1).gather(1, places).numpy()
    chosen = regions.Regions(maps.ids, boxes, scores, scales, spec.image_size, spec.framing)
    return coverage(stage.images, chosen, maps.anchors)


def coverage_chart(stage: FocusStage, maps: ClassMaps) -> Picture:
    """What regions of the maximum lie on, beside those of the predicted class's map."""
    return regions.coverage_chart({kind: covered(stage, maps, kind) for kind in KINDS[:2]})


def map_arrays(stage: FocusStage, maps: ClassMaps) -> dict[str, Any]:
    """Regions that the maps of an image share, and what those of the maximum lie on."""
    count, wrong = stage.spec.concatenated, maps.wrong
    same = maps.shared("predicted", "maximum", count)
    arrays = {"wrong": wrong, "same_where_wrong": same[wrong], "same_where_right": same[~wrong]}
    arrays |= {f"true_by_{kind}": maps.shared("true", kind, count)[wrong] for kind in KINDS[:2]}
    return arrays | coverage_arrays(covered(stage, maps, "maximum"))


def row_arrays(stage: FocusStage, run: Run, maps: ClassMaps, noise: float) -> dict[str, Any]:
    """`map_arrays`, and how far noise moves the regions of the map, smoothed and as it is."""
    sigmas, seed = (stage.spec.sigma, 0.0), stage.spec.seed
    kept = stability_under_noise(stage, run, noise=noise, sigmas=sigmas, seed=seed)
    return {**map_arrays(stage, maps), "kept_smoothed": kept[0], "kept_unsmoothed": kept[1]}
