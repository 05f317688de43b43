"""What the page on attention maps (focus, section 3.2) records, all of it a value an image.

A map misleads where its regions are not those that the true class's own map would give. That is
asked of the predicted class's map and of the maximum, on the images whose prediction is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.data import ImageSet
from fgnb.focus.maps import ClassMaps
from fgnb.focus.spec import FocusSpec
from fgnb.report.derive import measure
from fgnb.report.provenance import Provenance
from fgnb.report.region_results import GROUPS, parts_under, slug
from fgnb.report.regions import Regions
from fgnb.report.results import OWN, Result
from fgnb.report.setting import setting_result

CLAIM_PARTS = "focus.claim.map-finds-discriminative-regions"
CLAIM_SINGLE = "focus.claim.single-map-misleads"
CLAIM_SMOOTH = "focus.claim.smoothing-resists-noise"
SETTINGS = {
    "image-size": "image_size",
    "box-size": "box_size",
    "region-size": "crop_size",
    "nms-iou": "iou",
    "m": "proposals",
    "l": "concatenated",
}


def regions_of(found: ClassMaps, kind: str, count: int, spec: FocusSpec) -> Regions:
    """The ``count`` best regions of one kind of map, as pictures and coverage take them."""
    places = found.chosen(kind, count)
    return Regions(
        ids=found.ids,
        boxes=found.anchors.boxes[places].numpy(),
        scores=found.of(kind).flatten(1).gather(1, places).numpy(),
        scales=found.anchors.scales[places].numpy(),
        size=spec.image_size,
        crop_ratio=spec.crop_ratio,
    )


def map_arrays(images: ImageSet, found: ClassMaps, spec: FocusSpec) -> dict[str, NDArray[Any]]:
    """Per-image arrays of the page; parts only where the set has them.

    ``l`` regions are compared, those that the hybrid classifier sees.
    """
    count, wrong = spec.concatenated, found.wrong
    arrays: dict[str, NDArray[Any]] = {
        "held_out_ids": found.ids,
        "held_out_wrong": wrong,
        "correlation": found.correlation("predicted", "maximum"),
    }
    same = found.shared("predicted", "maximum", count)
    arrays |= {"same_where_wrong": same[wrong], "same_where_right": same[~wrong]}
    for kind in ("predicted", "maximum"):
        arrays[f"true_{kind}_where_wrong"] = found.shared("true", kind, count)[wrong]
    if images.parts.shape[1]:
        covered = parts_under(images, regions_of(found, "maximum", count, spec), found.anchors)
        for group, coverage in covered.items():
            arrays |= {slug(group): coverage.chosen, f"{slug(group)}_chance": coverage.chance}
    return arrays | setting_arrays(spec)


def map_results(arrays: Mapping[str, NDArray[Any]], *, provenance: Provenance) -> list[Result]:
    """The page's measured claims and our own numbers; what no image shows is left out."""
    rules: list[tuple[str, str, dict[str, Any]]] = [
        (
            f"{OWN}focus.maps.wrong",
            "Images whose predicted class is wrong",
            {"kind": "share", "of": "held_out_wrong"},
        )
    ]
    for where in ("wrong", "right"):
        rules.append(
            (
                f"{OWN}focus.maps.same-where-{where}",
                f"Regions that the predicted class's map and the maximum share, prediction {where}",
                {"kind": "mean-share", "of": f"same_where_{where}"},
            )
        )
    for kind, words in (("predicted", "the predicted class's map"), ("maximum", "the maximum")):
        rules.append(
            (
                f"{OWN}focus.maps.true-by-{kind}",
                f"Regions of the true class's map that {words} gives too, prediction wrong",
                {"kind": "mean-share", "of": f"true_{kind}_where_wrong"},
            )
        )
    rules.append(
        (
            CLAIM_SINGLE,
            "Regions of the true class's map: the maximum minus the predicted class's map, where "
            "the prediction is wrong",
            {
                "kind": "excess",
                "of": "true_maximum_where_wrong",
                "against": "true_predicted_where_wrong",
            },
        )
    )
    smoothed, raw = "kept_smoothed", "kept_unsmoothed"
    rules += [
        (
            f"{OWN}focus.maps.kept-smoothed",
            "A clean picture's regions found again in noise, smoothed map",
            {"kind": "mean-share", "of": smoothed},
        ),
        (
            f"{OWN}focus.maps.kept-unsmoothed",
            "A clean picture's regions found again in noise, map as it is",
            {"kind": "mean-share", "of": raw},
        ),
        (
            CLAIM_SMOOTH,
            "Regions found again in noise: smoothed minus not smoothed",
            {"kind": "excess", "of": smoothed, "against": raw},
        ),
    ]
    for group in GROUPS:
        name = slug(group)
        claim = CLAIM_PARTS if group in ("head", "wing") else f"{OWN}focus.maps.excess-{name}"
        rule = {"kind": "excess", "of": name, "against": f"{name}_chance"}
        rules.append((claim, f"Regions on the {group}, over chance", rule))
    return [
        measure(claim, rule, arrays, provenance=provenance, label=label)
        for claim, label, rule in rules
        if all(len(arrays.get(rule[key], ())) for key in ("of", "against") if key in rule)
    ]


def setting_arrays(
    spec: FocusSpec, names: Mapping[str, str] = SETTINGS
) -> dict[str, NDArray[np.float64]]:
    """Settings in use, each an array of one number: ledger's word -> field of the spec."""
    return {
        f"setting_{name}": np.array([getattr(spec, field)], dtype=float)
        for name, field in names.items()
    }


def setting_results(
    arrays: Mapping[str, NDArray[Any]],
    *,
    provenance: Provenance,
    names: Iterable[str] = tuple(SETTINGS),
) -> list[Result]:
    """Each setting in use beside the paper's; ``names`` are the ledger's words."""
    return [
        setting_result(f"focus.setting.{name}", f"setting_{name}", arrays, provenance=provenance)
        for name in names
    ]
