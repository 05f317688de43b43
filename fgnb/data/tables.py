"""Text files of one fact a line, `<id> <rest>`, read with errors that name file and line.

Names come from outside and end in paths and on pages: they must be printable, and paths must stay
below the folder that they are joined to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

from fgnb.data.imageset import DataError
from fgnb.data.texts import read_text

Value = TypeVar("Value")
FARTHEST = 1e9
"""Pixels; what lies beyond it is no place in a picture, and may be infinite as float32."""


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, stripped, with their numbers from 1."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield number, line.strip()


def bad_line(path: Path, number: int, line: str, expected: str, why: str = "") -> DataError:
    """The error for a line that does not read as `expected`."""
    return DataError(
        f"{path}, line {number}: {line[:80]!r} is malformed, expected {expected}"
        + (f" ({why})" if why else "")
        + ". Put back the original file."
    )


def read_table(
    path: Path,
    parse: Callable[[str], Value],
    expected: str,
    ids: dict[int, str] | None = None,
) -> dict[int, Value]:
    """Read `<id> <rest>` lines; with `ids`, exactly those ids and no others."""
    table: dict[int, Value] = {}
    for number, line in lines(path):
        head, *rest = line.split(maxsplit=1)
        try:
            key, value = whole(head), parse(rest[0] if rest else "")
        except ValueError as error:
            raise bad_line(path, number, line, expected, str(error)) from error
        if key in table:
            raise bad_line(path, number, line, expected, f"id {key} stands twice")
        if ids is not None and key not in ids:
            raise bad_line(path, number, line, expected, f"images.txt has no image {key}")
        table[key] = value
    if ids is not None and len(table) < len(ids):
        absent = [key for key in ids if key not in table]
        raise DataError(
            f"{path} has no line for {len(absent)} of the {len(ids)} images of images.txt, "
            f"the first of them image {absent[0]}: expected one line an image. "
            "Put back the original file."
        )
    return table


def image_path(text: str) -> str:
    r"""A path that stays below the folder it will be joined to; ValueError for any other.

    Backslashes, as Windows writes them, become forward slashes before anything is checked.

    >>> image_path(r"001.Auk\Auk_0001.jpg")
    '001.Auk/Auk_0001.jpg'
    """
    name = plain_name(text).replace("\\", "/")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise ValueError("the path leaves the folder images/")
    if path.as_posix() != name or not path.parts:
        raise ValueError("the path is not in its plain form")
    return name


def plain_name(text: str) -> str:
    """A name without control characters; ValueError for any other."""
    if not text or not text.isprintable():
        raise ValueError("the name is empty or holds control characters")
    return text


def whole(text: str) -> int:
    """A whole number of at most 64 bits; ValueError for any other."""
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError("the number is too large")
    return number


def flag(text: str) -> bool:
    """The words 1 and 0 as True and False; ValueError for any other."""
    if text not in ("0", "1"):
        raise ValueError(f"{text!r} is neither 1 nor 0")
    return text == "1"


def corner_box(text: str) -> tuple[float, float, float, float]:
    """`x y width height` as (x1, y1, x2, y2); ValueError where the box is empty."""
    x, y, width, height = finite(text)
    if width <= 0 or height <= 0:
        raise ValueError("width and height must be over 0")
    return x, y, x + width, y + height


def ranged_box(corners: Sequence[float]) -> tuple[float, float, float, float]:
    """`xmin ymin xmax ymax` in pixels counted from 1, both inside, as (x1, y1, x2, y2).

    >>> ranged_box([1, 1, 384, 217])
    (0.0, 0.0, 384.0, 217.0)
    """
    x1, y1, x2, y2 = (float(number) for number in corners)
    _check_finite([x1, y1, x2, y2])
    if x1 < 1 or y1 < 1:
        raise ValueError("pixels are counted from 1")
    if x2 < x1 or y2 < y1:
        raise ValueError("the maximum is below the minimum")
    return x1 - 1, y1 - 1, x2, y2


def finite(text: str) -> list[float]:
    """Numbers parted by blanks; ValueError where one is not finite, or no place in a picture."""
    numbers = [float(word) for word in text.split()]
    _check_finite(numbers)
    return numbers


def _check_finite(numbers: Sequence[float]) -> None:
    if not all(abs(number) <= FARTHEST for number in numbers):  # not a number is false too
        raise ValueError(f"a number is not finite, or over {FARTHEST:.0e} pixels")
