"""Which frame a set's pictures are given: chosen once a set, the same for every row and paper.

Photographs: the best of the three on held-out training images, by the rule of
`benchmarks/frames.py`, which reads no test image. Drawn pictures are square already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fgnb.data.frame import Frame, Frames
from fgnb.data.images import Head
from fgnb.data.imageset import ImageSet

OF_THE_SET = "set"
"""In place of a kind of frame: the one that was chosen for the set."""
MOST_CUT = 0.25
"""Share of the median object that a frame may cut away without a warning."""
_SIZE = 448  # any would do: the share hardly depends on it


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
        "resize-600-crop", "the best of three on held-out images (benchmarks/frames_aircraft.json)"
    ),
}


def set_frame(images: ImageSet) -> SetFrame:
    """The frame of a set where a caller names none."""
    if images.protocol == "drawn":
        return _DRAWN
    return _BY_LAYOUT.get(images.layout, _OTHER)


def kind_for(images: ImageSet, asked: str) -> str:
    """The kind of frame that was asked for; the set's own for ``set``."""
    return set_frame(images).kind if asked == OF_THE_SET else asked


def cut_away(images: ImageSet, heads: Sequence[Head], asked: str = OF_THE_SET) -> str | None:
    """What to say of a frame that cuts over a quarter of the median object away, else None.

    Args:
        images: the set, whose boxes are asked.
        heads: of its pictures, in their order.
        asked: a kind of `fgnb.data.frame.Frame`, or ``set``.

    Raises:
        ValueError: an unknown kind.
    """
    frame = Frame(kind_for(images, asked))
    frames = Frames.of_sizes([head.size for head in heads], image_size=_SIZE, frame=frame)
    cut = 1 - frames.kept(images.boxes[:, None])[:, 0]
    if np.median(cut) <= MOST_CUT:
        return None
    worst = int(np.argmax(cut))
    return (
        f"the frame {frame.kind} cuts {np.median(cut):.0%} of the median object away, over "
        f"{MOST_CUT:.0%} in {int((cut > MOST_CUT).sum())} of {len(images)} pictures; the worst: "
        f"{images.files[worst]}. The frame square cuts nothing away"
    )
