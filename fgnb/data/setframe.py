"""Which frame a set's pictures are given: chosen once a set, the same for every row and paper.

Photographs: the best of the three on held-out training images, by the rule of
`benchmarks/frames.py`, which reads no test image. Drawn pictures are square already.
"""

from __future__ import annotations

from typing import NamedTuple

from fgnb.data.imageset import ImageSet


class SetFrame(NamedTuple):
    """A kind of `fgnb.data.frame.Frame`, and why a set has it."""

    kind: str
    reason: str


_DRAWN = SetFrame("crop", "drawn pictures are square: nothing but a margin is cut off")
_OTHER = SetFrame("crop", "the usual one; no other was tried on this set")
_BY_LAYOUT = {
    "cub": SetFrame("crop", "the best of three on held-out images (benchmarks/frames_cub.json)"),
    "cars": SetFrame(
        "square", "the best of three on held-out images (benchmarks/frames_cars.json)"
    ),
    "aircraft": SetFrame(
        "square", "the best of three on held-out images (benchmarks/frames_aircraft.json)"
    ),
}


def set_frame(images: ImageSet) -> SetFrame:
    """The frame of a set where a caller names none."""
    if images.protocol == "drawn":
        return _DRAWN
    return _BY_LAYOUT.get(images.layout, _OTHER)
