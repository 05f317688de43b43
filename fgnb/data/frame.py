"""Between a picture's own pixels and the network's square input, the frame.

A picture is resized to sides that follow from its own, then its centre is cropped (in training, a
random place): `Frame` says to which sides, `fgnb.data.transforms` does it. Key points and boxes go
there and back by one scale and one offset a picture and axis. Coordinates are continuous: the
pixel in column 0 reaches from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.data.images import read_head
from fgnb.data.imageset import ImageSet

KINDS = ("crop", "square", "resize-600-crop")
PAPER_RATIO = 448 / 600
"""Crop over resized side in the public code that two of the papers build on."""


@dataclass(frozen=True)
class Frame:
    """How a picture becomes a square.

    Attributes:
        kind: ``crop`` (the shorter side to size / crop_ratio, the centre cropped: the picture keeps
            its proportions and loses its ends), ``square`` (both sides to size: all is there, in
            other proportions) or ``resize-600-crop`` (both sides to 600 for a size of 448, in
            proportion at others, then cropped, as in public code).
        crop_ratio: size over the resized side, in (0, 1]; of the kind ``crop`` alone.

    Raises:
        ValueError: an unknown kind, a ratio out of range.
    """

    kind: str = "crop"
    crop_ratio: float = 0.875

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"frame is {self.kind!r}; it is one of {', '.join(KINDS)}")
        if not 0.0 < self.crop_ratio <= 1.0:
            raise ValueError(
                f"crop_ratio is {self.crop_ratio}, needs a number over 0 and at most 1"
            )

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Frame:
        """The frame of a spec as a run or a record keeps it; ``crop`` where it names none."""
        return cls(str(spec.get("frame", "crop")), float(spec["crop_ratio"]))

    @property
    def ratio(self) -> float:
        """Size over the resized side, whatever the kind."""
        return {"square": 1.0, "resize-600-crop": PAPER_RATIO}.get(self.kind, self.crop_ratio)

    def resized(self, sizes: Any, size: int) -> NDArray[np.int64]:
        """The sides that pictures are resized to before a square of ``size`` is cropped.

        Args:
            sizes: int[Q, 2], width and height of each picture, at least 1.
            size: side of the square in pixels.

        Returns:
            int64[Q, 2], width and height, at least ``size``.

        >>> Frame("crop", 0.5).resized([[80, 40]], 20), Frame("square").resized([[80, 40]], 20)
        (array([[80, 40]]), array([[20, 20]]))
        """
        whole = np.asarray(sizes, dtype=np.int64)
        side = max(size, int(size / self.ratio + 0.5))
        if self.kind == "crop":
            return side * whole // whole.min(axis=1, keepdims=True)
        return np.full_like(whole, side)


@dataclass(frozen=True, eq=False)
class Frames:
    """Where each of Q pictures lies in its frame.

    Attributes:
        size: side of the frame in pixels.
        scale: float64[Q, 2], frame pixels a pixel of the picture, along x and y; of the kind
            ``crop`` the two differ a little, since the resized sides are whole pixels.
        offset: float64[Q, 2], the crop's left and top edge in resized pixels.
    """

    size: int
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]

    @classmethod
    def of_sizes(cls, sizes: Any, *, image_size: int, frame: Frame) -> Frames:
        """The frames of pictures of given sizes.

        Args:
            sizes: int[Q, 2], width and height of each picture, at least 1.
            image_size: side of the square in pixels.
            frame: how each picture becomes that square.

        Raises:
            ValueError: if a shape or a number is out of range.

        >>> frames = Frames.of_sizes([[80, 40]], image_size=20, frame=Frame("crop", 0.5))
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
        resized = frame.resized(given, image_size)
        return cls(image_size, resized / given, np.round((resized - image_size) / 2))

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

    def kept(self, boxes: Any) -> NDArray[np.float64]:
        """Share of the area of each box ``[Q, K, 4]``, in pixels of the pictures, in the frame."""
        moved = self.boxes(boxes)
        whole = (moved[..., 2:] - moved[..., :2]).prod(axis=-1)
        seen = moved.clip(0, self.size)
        return np.asarray((seen[..., 2:] - seen[..., :2]).prod(axis=-1) / whole)

    def _checked(self, name: str, values: Any, last: int) -> NDArray[np.float64]:
        given = np.asarray(values, dtype=np.float64)
        if given.ndim != 3 or given.shape[0] != len(self) or given.shape[2] != last:
            raise ValueError(f"{name} has shape {given.shape}, needs ({len(self)}, any, {last})")
        return given


def frames_of(images: ImageSet, rows: Iterable[int], *, image_size: int, frame: Frame) -> Frames:
    """The frames of the images at `rows` (positions, not ids); sizes come from the files' heads.

    Raises:
        DataError: a file that is missing or no image.
        ValueError: as in `Frames.of_sizes`.
    """
    sizes = [read_head(images.path(int(row))).size for row in rows]
    whole = np.array(sizes, dtype=np.int64).reshape(-1, 2)
    return Frames.of_sizes(whole, image_size=image_size, frame=frame)


def _as_corners(move: Any, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move both corners of each box as points."""
    corners = boxes.reshape(len(boxes), -1, 2)
    return move(corners).reshape(boxes.shape)
