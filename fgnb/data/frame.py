"""Between a picture's own pixels and the network's square input, the frame.

The frame is what `fgnb.data.transforms.EvalTransform` makes: the shorter side resized to
size / crop_ratio, the centre cropped. Key points and boxes go there and back by one scale and one
offset a picture and axis. Coordinates are continuous: the pixel in column 0 reaches from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fgnb.data.imageset import DataError, ImageSet


@dataclass(frozen=True, eq=False)
class Frames:
    """Where each of Q pictures lies in its frame.

    Attributes:
        size: side of the frame in pixels.
        scale: float64[Q, 2], frame pixels a pixel of the picture, along x and y; the resized sides
            are whole pixels, so the two differ a little.
        offset: float64[Q, 2], the crop's left and top edge in resized pixels.
    """

    size: int
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]

    @classmethod
    def of_sizes(cls, sizes: Any, *, image_size: int, crop_ratio: float) -> Frames:
        """The frames of pictures of given sizes.

        Args:
            sizes: int[Q, 2], width and height of each picture, at least 1.
            image_size: side of the frame in pixels.
            crop_ratio: image_size over the resized shorter side, in (0, 1].

        Raises:
            ValueError: if a shape or a number is out of range.

        >>> frames = Frames.of_sizes([[80, 40]], image_size=20, crop_ratio=0.5)
        >>> frames.points([[[40, 20], [30, 10]]]).tolist()
        [[[10.0, 10.0], [0.0, 0.0]]]
        """
        given = np.asarray(sizes)
        if given.ndim != 2 or given.shape[1] != 2:
            raise ValueError(f"sizes has shape {given.shape}, needs (Q, 2)")
        if given.size and given.min() < 1:
            raise ValueError(f"sizes holds {given.min()}, needs at least 1 pixel")
        if image_size < 1:
            raise ValueError(f"image_size is {image_size}, needs at least 1 pixel")
        if not 0.0 < crop_ratio <= 1.0:
            raise ValueError(f"crop_ratio is {crop_ratio}, needs a number over 0 and at most 1")
        whole = given.astype(np.int64)
        resized_side = max(image_size, int(image_size / crop_ratio + 0.5))
        shorter = whole.min(axis=1, keepdims=True)
        resized = resized_side * whole // shorter
        offset = np.round((resized - image_size) / 2)
        return cls(image_size, resized / whole, offset)

    def __len__(self) -> int:
        return len(self.scale)

    def points(self, points: Any) -> NDArray[np.float64]:
        """Points ``[Q, P, 2]`` from pixels of the pictures to the frame; also beyond its edges."""
        given = self._checked("points", points, 2)
        return given * self.scale[:, None] - self.offset[:, None]

    def points_back(self, points: Any) -> NDArray[np.float64]:
        """Points ``[Q, P, 2]`` from the frame to pixels of the pictures."""
        given = self._checked("points", points, 2)
        return (given + self.offset[:, None]) / self.scale[:, None]

    def boxes(self, boxes: Any) -> NDArray[np.float64]:
        """Boxes ``[Q, K, 4]`` from pixels of the pictures to the frame, not clipped to it."""
        return _as_corners(self.points, self._checked("boxes", boxes, 4))

    def boxes_back(self, boxes: Any) -> NDArray[np.float64]:
        """Boxes ``[Q, K, 4]`` from the frame to pixels of the pictures."""
        return _as_corners(self.points_back, self._checked("boxes", boxes, 4))

    def inside(self, points: Any) -> NDArray[np.bool_]:
        """Which of the points ``[Q, P, 2]``, in frame pixels, the crop has kept: ``[Q, P]``."""
        given = self._checked("points", points, 2)
        return np.asarray(((given >= 0) & (given < self.size)).all(axis=2))

    def _checked(self, name: str, values: Any, last: int) -> NDArray[np.float64]:
        given = np.asarray(values, dtype=np.float64)
        if given.ndim != 3 or given.shape[0] != len(self) or given.shape[2] != last:
            raise ValueError(f"{name} has shape {given.shape}, needs ({len(self)}, any, {last})")
        return given


def frames_of(
    images: ImageSet, rows: Iterable[int], *, image_size: int, crop_ratio: float
) -> Frames:
    """The frames of the images at `rows` (positions, not ids); sizes come from the files' heads.

    Raises:
        DataError: a file that is missing or no image.
        ValueError: as in `Frames.of_sizes`.
    """
    sizes = [_size(images, int(row)) for row in rows]
    return Frames.of_sizes(
        np.array(sizes, dtype=np.int64).reshape(-1, 2), image_size=image_size, crop_ratio=crop_ratio
    )


def _size(images: ImageSet, row: int) -> tuple[int, int]:
    path = images.path(row)
    try:
        with Image.open(path) as image:
            return image.size
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(
            f"{path} can't be read as an image ({error}). Put it back from the data set's archive."
        ) from error


def _as_corners(move: Any, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move both corners of each box as points."""
    corners = boxes.reshape(len(boxes), -1, 2)
    return move(corners).reshape(boxes.shape)
