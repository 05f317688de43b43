"""How large and how thin a picture may be.

A picture that decodes to gigabytes stops a run of hours. Resizing the shorter side makes a thin
picture's longer side without bound: 60000 x 1 pixels at a shorter side of 512 is 30 million wide.
Both are refused from the sides that the file's head gives, before anything is decoded or resized.
"""

from __future__ import annotations

import os

MAX_ASPECT = 20
"""The longer side over the shorter one; panoramas stay below 10."""
MAX_PIXELS = 50_000_000
"""Width times height, unless the variable `MAX_PIXELS_VARIABLE` says another number."""
MAX_PIXELS_VARIABLE = "FGNB_MAX_PIXELS"


class PictureRefused(ValueError):
    """A sound picture that can't be used as it is: why, and what to do; not which file."""


def check_aspect(width: int, height: int) -> None:
    """Refuse a picture that is too thin to be resized by its shorter side.

    Args:
        width: in pixels.
        height: in pixels.

    Raises:
        PictureRefused: if a side is over `MAX_ASPECT` times the other.
    """
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PictureRefused(
            f"the picture is {width} x {height} pixels; one side may be at most {MAX_ASPECT} times "
            "the other. Crop it, or take it out of the set."
        )


def check_pixels(width: int, height: int) -> None:
    """Refuse a picture of more pixels than `max_pixels`.

    Raises:
        PictureRefused: if there are more; the message says how to raise the limit.
        ValueError: as in `max_pixels`.
    """
    if width * height > max_pixels():
        raise PictureRefused(
            f"the picture is {width} x {height} pixels, {width * height:,} of them; "
            f"{max_pixels():,} are allowed. Make it smaller, or raise the limit: "
            f"{MAX_PIXELS_VARIABLE}={width * height}."
        )


def max_pixels() -> int:
    """The most pixels that a picture may have: ``FGNB_MAX_PIXELS``, else `MAX_PIXELS`.

    Raises:
        ValueError: if the variable is set to anything but a whole number over 0.
    """
    text = os.environ.get(MAX_PIXELS_VARIABLE, "").strip()
    if not text:
        return MAX_PIXELS
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(
            f"{MAX_PIXELS_VARIABLE} is {text!r}, needs a whole number over 0: the most pixels that "
            f"a picture may have. Unset it for {MAX_PIXELS}."
        )
    return int(text)
