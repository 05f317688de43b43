"""Reading one photograph, with an error that names the file when it is damaged."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from fgnb.data.imageset import DataError

MAX_PIXELS = 50_000_000


def load_rgb(path: str | Path) -> Image.Image:
    """Load an image as RGB, fully decoded.

    Grayscale, palette and CMYK files are converted; transparency is laid over white.

    Args:
        path: the image file.

    Returns:
        A PIL image of mode RGB, detached from the file.

    Raises:
        DataError: if the file is missing, empty, truncated, damaged, no image at all, or larger
            than `MAX_PIXELS` pixels. The message names the file and says what to do.
    """
    path = Path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(
                        f"{path} is {image.width} x {image.height} pixels; photographs of over "
                        f"{MAX_PIXELS} pixels are refused. Replace the file with the original."
                    )
                return _to_rgb(image)
    except FileNotFoundError as error:
        raise DataError(
            f"{path} is missing: expected an image file there. Put it back from the data set's "
            "archive."
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(
            f"{path} is refused, it decodes to too many pixels ({error}). Replace the file with "
            "the original."
        ) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} can't be read as an image ({error}): the file is damaged or truncated. "
            "Replace it with the original from the data set's archive."
        ) from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if "A" in image.getbands() or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")
