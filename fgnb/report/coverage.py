"""Where chosen boxes lie, image by image: on the object, and on groups of a bird's parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.data import HEAD_PARTS, PART_NAMES, ImageSet
from fgnb.data.frame import frames_of
from fgnb.metrics.coverage import Coverage, centre_coverage, part_coverage
from fgnb.report.regions import Regions

GROUPS = {
    "head": HEAD_PARTS,
    "wing": ("left wing", "right wing"),
    "tail": ("tail",),
    "belly and breast": ("belly", "breast"),
    "legs": ("left leg", "right leg"),
}
CLAIMED = ("head", "wing")  # what both papers read off their figures


def array_name(group: str) -> str:
    """A group as the name of an array: "belly and breast" is "belly-and-breast"."""
    return group.replace(" ", "-")


def coverage(images: ImageSet, regions: Regions, anchors: Any) -> dict[str, Coverage]:
    """``object`` and, where the set has CUB's fifteen parts, each of `GROUPS` -> coverage.

    ``anchors`` are all boxes that could have been chosen, `fgnb.nn.regions.Anchors`.
    """
    rows = images.rows_of(regions.ids)
    frames = frames_of(images, rows, image_size=regions.size, frame=regions.framing)
    every = {"anchors": anchors.boxes.numpy(), "anchor_scales": anchors.scales.numpy()}
    objects = frames.boxes(images.boxes[rows][:, None])[:, 0]
    found = {"object": centre_coverage(regions.boxes, regions.scales, objects, **every)}
    if images.parts.shape[1] == len(PART_NAMES):
        points = frames.points(images.parts[rows])
        groups = {g: [PART_NAMES.index(p) for p in parts] for g, parts in GROUPS.items()}
        seen = images.visible[rows] & frames.inside(points)
        found |= part_coverage(regions.boxes, regions.scales, points, seen, groups, **every)
    return found


def coverage_arrays(found: dict[str, Coverage]) -> dict[str, NDArray[np.float64]]:
    """Share of an image's boxes in each group, and its chance, as a record keeps them."""
    named = {array_name(group): covered for group, covered in found.items()}
    chance = {f"{name}_chance": covered.chance for name, covered in named.items()}
    return {name: covered.chosen for name, covered in named.items()} | chance
