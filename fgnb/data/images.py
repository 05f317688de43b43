"""Reading one photograph, with an error that names the file and says what is wrong with it.

Pictures are read as their pixels lie in the file. An orientation tag, by which a camera asks for
the picture to be turned when it is shown, is not followed: boxes and key points of the published
sets are in the pixels of the file. `fgnb.data.verify` counts the pictures that carry one.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from fgnb.data.depth import check_depth, is_8_bit, to_rgb
from fgnb.data.imageset import DataError
from fgnb.data.limits import (
    MAX_PIXELS_VARIABLE,
    PictureRefused,
    check_aspect,
    check_pixels,
    max_pixels,
)
from fgnb.data.magic import HEAD, what_it_is

_ORIENTATION = 0x0112
_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What takes back the turn that Pillow gives a TIFF, and no other format, by itself."""
_OTHERWISE = ("EPS", "WMF", "PDF")
"""Formats that Pillow knows but would hand to other programs."""
_SUBFILE, _DNG = 254, 50706


@dataclass(frozen=True)
class Head:
    """What a picture's file says of it before it is decoded.

    Attributes:
        size: width and height as `load_rgb` gives them.
        orientation: of the EXIF tag, 1 to 8; 1 where there is none, or none that makes sense.
        eight_bit: whether there are at most 8 bits a sample.
    """

    size: tuple[int, int]
    orientation: int
    eight_bit: bool


def load_rgb(path: str | Path) -> Image.Image:
    """Load an image as RGB, fully decoded, its pixels as they lie in the file.

    Grayscale, palette and CMYK files are converted, 16 bits a sample are scaled to 8, transparency
    is laid over white. The orientation tag is not followed: boxes and key points of the published
    sets are in the pixels of the file.

    Args:
        path: the image file.

    Returns:
        A PIL image of mode RGB, detached from the file.

    Raises:
        DataError: if the file is missing, empty, truncated, damaged, no image at all, larger than
            `limits.max_pixels`, thinner than `limits.MAX_ASPECT`, or of a depth that can't be
            scaled. The message names the file, says what it is and what to do.
        ValueError: if FGNB_MAX_PIXELS is set to no whole number over 0.
    """
    with _opened(Path(path)) as image:
        turned = _orientation(image) if image.format == "TIFF" else 1
        picture = to_rgb(image)
        return picture.transpose(_UNDO[turned]) if turned != 1 else picture


def read_head(path: str | Path) -> Head:
    """What a picture's file says of it, without decoding it; errors as in `load_rgb`.

    Damage behind the head is not found.
    """
    with _opened(Path(path)) as image:
        check_depth(image)
        orientation, size = _orientation(image), image.size
        swapped = image.format == "TIFF" and orientation in (5, 6, 7, 8)
        return Head(size[::-1] if swapped else size, orientation, is_8_bit(image))


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The opened file, its sides checked; whatever fails in the block is named as the file's."""
    limit = max_pixels()
    if Image.MAX_IMAGE_PIXELS is not None and limit > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = limit  # Pillow's own, of the process, as the variable is
    try:
        with warnings.catch_warnings():
            # Pillow warns from a size on that is over ours, or was allowed by the variable.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                _check_kind(image)
                check_pixels(*image.size)
                check_aspect(*image.size)
                yield image
    except PictureRefused as error:
        raise DataError(f"{path} is refused: {error}") from error
    except Image.DecompressionBombError as error:
        pixels = int(re.findall(r"\d+", f"{error} 0")[0])
        raise DataError(
            f"{path} is refused: the picture has {pixels:,} pixels; {limit:,} are allowed. Make it "
            f"smaller, or raise the limit: {MAX_PIXELS_VARIABLE}={pixels}."
        ) from error
    except FileNotFoundError as error:
        raise DataError(
            f"{path} is missing: expected an image file there. Put it back from the data set's "
            "archive."
        ) from error
    except MemoryError as error:
        raise DataError(
            f"{path} is refused: memory does not suffice to decode it. Make the picture smaller, "
            f"or free some memory."
        ) from error
    # A damaged file fails in a dozen ways in Pillow's readers.
    except Exception as error:
        raise DataError(_fault(path, error)) from error


def _check_kind(image: Image.Image) -> None:
    """Refuse what Pillow opens though it is no photograph as it is meant to be seen."""
    if image.format in _OTHERWISE:
        raise PictureRefused(
            f"it is a drawing ({image.format}), no photograph. Convert it to JPEG or PNG."
        )
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        if _DNG in tags or tags.get(_SUBFILE, 0) & 1:
            raise PictureRefused(
                "it is a camera's raw file (DNG, NEF, ARW or their like): what can be read of it "
                "is a small preview. Develop it to JPEG or PNG."
            )


def _fault(path: Path, error: Exception) -> str:
    """What is wrong with a file that can't be read: the system's word, else what it really is."""
    if isinstance(error, OSError) and error.errno is not None:
        return f"{path} can't be opened ({error.strerror}). Make it a file that can be read."
    with path.open("rb") as file:
        head = file.read(HEAD)
    found = what_it_is(head)
    if found is not None:
        return f"{path} can't be read as an image: it is really {found[0]}. {found[1]}"
    state = "it is empty (0 bytes)" if not head else "the file is damaged or truncated"
    if head[:4] in (b"II*\0", b"MM\0*"):
        state += ", or a TIFF of a kind that isn't read here, as camera raw is"
    told = head and str(error) and not isinstance(error, UnidentifiedImageError)
    reason = f" ({error})" if told else ""
    return (
        f"{path} can't be read as an image{reason}: {state}. "
        "Replace it with the original from the data set's archive."
    )


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, without decoding; 1 where there is none or it can't be read."""
    try:
        if image.format == "TIFF":
            value = image.tag_v2.get(_ORIENTATION, 1)  # type: ignore[attr-defined]
        elif image.format == "PNG" and not {"exif", "Raw profile type exif"} & set(image.info):
            return 1  # Pillow would decode it to look behind the pixels
        else:
            value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged tag is no tag; Pillow's reader fails in many ways
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
