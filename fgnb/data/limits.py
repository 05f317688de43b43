"""How thin a picture may be.

Resizing the shorter side makes a thin picture's longer side without bound: 60000 x 1 pixels at a
shorter side of 512 is 30 million wide. Such files are faults, no photographs, and are refused
before anything is decoded or resized.
"""

from __future__ import annotations

MAX_ASPECT = 20
"""The longer side over the shorter one; panoramas stay below 10."""


def check_aspect(width: int, height: int) -> None:
    """Refuse a picture that is too thin to be resized by its shorter side.

    Args:
        width: in pixels.
        height: in pixels.

    Raises:
        ValueError: if a side is over `MAX_ASPECT` times the other.
    """
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ValueError(
            f"the picture is {width} x {height} pixels; one side may be at most {MAX_ASPECT} times "
            "the other. Crop it, or take it out of the set."
        )
