"""Where CUB's fifteen parts lie on a posed bird, and which of them it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fgnb.data.drawn import canvas as layer
from fgnb.data.drawn.canvas import Canvas
from fgnb.data.drawn.families import Build
from fgnb.data.drawn.plumage import EYE
from fgnb.data.drawn.pose import Array
from fgnb.data.parts import PART_NAMES

if TYPE_CHECKING:
    from fgnb.data.drawn.birds import Skeleton

RIM = -0.55
"""A part on the midline counts as shown while its normal points at most this far away."""

_WINGS = (layer.LEFT_WING, layer.RIGHT_WING)
_LEGS = (layer.LEFT_LEG, layer.RIGHT_LEG)
_EYES = (layer.LEFT_EYE, layer.RIGHT_EYE)
_TORSO = {
    "back": ((-0.05, 0.82, 0.0), (0.0, 1.0, 0.0), (layer.BODY, *_WINGS)),
    "belly": ((-0.12, -0.80, 0.0), (0.0, -1.0, 0.0), (layer.BODY, *_LEGS)),
    "breast": ((0.38, -0.35, 0.0), (0.9, -0.4, 0.0), (layer.BODY,)),
}
_HEAD = {
    "crown": (-0.05, 0.86, 0.0),
    "forehead": (0.74, 0.50, 0.0),
    "nape": (-0.84, 0.28, 0.0),
    "throat": (0.58, -0.68, 0.0),
}
_ALONG_WING = ((0.45, 0.5), (0.6, 0.45), (0.3, 0.45), (0.75, 0.45), (0.9, 0.45), (0.5, 0.75))
_ALONG_TAIL = ((0.6, 0.5), (0.75, 0.5), (0.88, 0.45), (0.45, 0.5), (0.75, 0.3), (0.75, 0.7))


def part_points(
    canvas: Canvas, skeleton: Skeleton, build: Build
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Canvas pixels `[15, 2]` of the parts in CUB's order, and which the bird itself shows."""
    found: dict[str, tuple[Array, bool]] = {}
    pose, centre = skeleton.pose, skeleton.pose.body @ skeleton.pose.head_at

    def single(name: str, point: Array, normal: Array, owners: tuple[int, ...], rim: float) -> None:
        pixel = canvas.place(point)
        found[name] = pixel, bool(normal[2] > rim) and _shows(canvas, pixel, owners)

    def first(name: str, points: list[Array], owner: int) -> None:
        pixels = [canvas.place(point) for point in points]
        shown = [pixel for pixel in pixels if _shows(canvas, pixel, (owner,))]
        found[name] = (shown or pixels)[0], bool(shown)

    for name, (at, normal, owners) in _TORSO.items():
        place = pose.body @ (np.array(at) * (1, build.depth, 1))
        single(name, place, pose.body @ np.array(normal), owners, RIM)
    for name, at in _HEAD.items():
        direction = pose.head @ np.array(at)
        single(name, centre + build.head * direction, direction, (layer.BODY, layer.BILL), RIM)
    for name, side in (("left", -1), ("right", 1)):
        eye = pose.head @ (EYE * (1, 1, side))
        owners = (layer.BODY, _EYES[side > 0])
        single(f"{name} eye", centre + 0.98 * build.head * eye, eye, owners, 0.10)
        wing = skeleton.wings[side]
        first(f"{name} wing", [wing.at(s, t) for s, t in _ALONG_WING], _WINGS[side > 0])
        legs = [leg for leg in skeleton.legs if leg.side == side]
        tarsus = [leg.ankle + u * (leg.foot - leg.ankle) for leg in legs for u in (0.5, 0.8, 0.2)]
        first(f"{name} leg", tarsus or [centre], _LEGS[side > 0])
    first("tail", [skeleton.tail.at(s, t) for s, t in _ALONG_TAIL], layer.TAIL)
    bill = skeleton.bill
    first("beak", [bill.base + u * (bill.tip - bill.base) for u in (0.55, 0.8, 0.95)], layer.BILL)
    points = np.array([found[name][0] for name in PART_NAMES])
    return points, np.array([found[name][1] for name in PART_NAMES])


def _shows(canvas: Canvas, pixel: Array, owners: tuple[int, ...]) -> bool:
    """Whether one of the owners covers the pixel, the canvas included."""
    height, width = canvas.owner.shape
    x, y = int(np.floor(pixel[0])), int(np.floor(pixel[1]))
    return 0 <= x < width and 0 <= y < height and int(canvas.owner[y, x]) in owners
