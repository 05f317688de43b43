"""From any kind of pixels to 8-bit RGB, without a silent loss.

Pillow clips 16-bit grey at 255, so that a picture becomes white. Here grey is scaled by the
format's own white and rounded; a kind whose white nothing tells is refused by name. Of 16-bit
colours Pillow keeps the higher byte, at most one level below. Pictures of 8 bits are converted by
Pillow alone.
"""

from __future__ import annotations

import re

import numpy as np
from PIL import Image

from fgnb.data.limits import PictureRefused

_CONVERT = "Convert it to 8-bit RGB, as JPEG or PNG."
_PREMULTIPLIED = {"RGBa": "RGBA", "La": "LA"}
_STEPS = {"L;2": 85, "L;4": 17}
"""Between the levels of grey of 2 and 4 bits, by Pillow's name for their layout."""
_DEEP = re.compile(r";16[BLNR]")
"""In the same names: 16 bits a sample. "BGR;16" are 16 bits a pixel."""
_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262
_WHITE_IS_ZERO = 0


def is_8_bit(image: Image.Image) -> bool:
    """Whether a file that was opened, not yet decoded, holds at most 8 bits a sample."""
    return not (image.mode.startswith(("I", "F")) or _DEEP.search(_layout(image)))


def check_depth(image: Image.Image) -> None:
    """Refuse a file that was opened, not yet decoded, if `to_rgb` could not scale its pixels.

    Raises:
        PictureRefused: if nothing tells which number is white, the colours can't be converted, or
            a colour of 16 bits a sample is declared transparent.
    """
    if image.mode.startswith(("I", "F")):
        _white(image)
    if image.mode == "LAB":
        raise PictureRefused(f"its colours are LAB, not RGB. {_CONVERT}")
    if "transparency" in image.info and image.mode == "RGB" and not is_8_bit(image):
        raise PictureRefused(
            f"a colour of its 16-bit colours is declared transparent, which isn't read. {_CONVERT}"
        )


def to_rgb(image: Image.Image) -> Image.Image:
    """An 8-bit RGB picture of a file that was opened, not yet decoded; transparency over white.

    Raises:
        PictureRefused: as in `check_depth`.
    """
    check_depth(image)
    if image.mode.startswith("I"):
        return _grey(image)
    step = _STEPS.get(_layout(image), 1)
    if image.mode in _PREMULTIPLIED:
        image = image.convert(_PREMULTIPLIED[image.mode])
    if "A" in image.getbands() or "transparency" in image.info:
        if isinstance(image.info.get("transparency"), int) and image.mode == "L":
            image.info["transparency"] *= step  # Pillow scales the pixels and not this
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")


def _grey(image: Image.Image) -> Image.Image:
    white, inverted = _white(image), _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO
    level_of = (2 * 255 * np.arange(white + 1) + white) // (2 * white)  # rounded
    if inverted:
        level_of = 255 - level_of
    if "transparency" in image.info:
        level_of[image.info["transparency"]] = 255
    # A table keeps large pictures small: no sample is held in more bytes than it has.
    return Image.fromarray(level_of.astype(np.uint8)[np.asarray(image)]).convert("RGB")


def _white(image: Image.Image) -> int:
    """The number that is white (or black, in a TIFF whose white is 0)."""
    # Pillow scales PGM of any range, and JPEG 2000 of any depth, to 16 bits.
    if image.format == "PPM" and image.mode == "I":
        return 65535
    if image.format in ("PNG", "JPEG2000", "TIFF") and image.mode.startswith("I;16"):
        bits = _tag(image, _BITS_PER_SAMPLE)
        return 65535 if bits is None else int(2**bits - 1)
    kind = "fractions" if image.mode == "F" else "whole numbers"
    raise PictureRefused(
        f"its pixels are {kind} of more than 8 bits (mode {image.mode}, {image.format}), and "
        f"nothing tells which of them is white. {_CONVERT}"
    )


def _tag(image: Image.Image, tag: int) -> int | None:
    """The first value of a TIFF's tag; None for other formats."""
    if image.format != "TIFF":
        return None
    value = image.tag_v2.get(tag)  # type: ignore[attr-defined]
    return value[0] if isinstance(value, tuple) else value


def _layout(image: Image.Image) -> str:
    """Pillow's name for how the pixels lie in the file, e.g. "RGB;16B"; empty where unknown."""
    tiles = getattr(image, "tile", [])
    arguments = tiles[0][3] if tiles else None
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""
