"""The layer that one bird is painted on, at twice the picture's resolution.

Every stroke leaves its owner's number where it covers, so that afterwards each part knows whether
it can still be seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Floats = NDArray[np.float32]
SCALE = 2
NOBODY, BODY, BILL, TAIL, LEFT_WING, RIGHT_WING, LEFT_LEG, RIGHT_LEG, LEFT_EYE, RIGHT_EYE = range(
    10
)


@dataclass(frozen=True)
class Window:
    """Rows and columns of a canvas, `[top, bottom)` and `[left, right)`."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of an array `[H, W]`."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top


class Canvas:
    """Colour, cover and owner of a bird's layer; view coordinates map to it by `place`."""

    def __init__(self, left: int, top: int, width: int, height: int) -> None:
        self.left, self.top = left, top
        shape = (height * SCALE, width * SCALE)
        self.rgb: Floats = np.zeros((*shape, 3), np.float32)
        self.alpha: Floats = np.zeros(shape, np.float32)
        self.owner = np.zeros(shape, np.uint8)
        self.centre, self.unit = (0.0, 0.0), 1.0

    def anchor(self, x: float, y: float, unit: float) -> None:
        """Put the view's origin at picture pixel `(x, y)`, `unit` pixels a bird unit."""
        self.centre = ((x - self.left) * SCALE, (y - self.top) * SCALE)
        self.unit = unit * SCALE

    def place(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """View coordinates `[..., 2 or 3]` to canvas pixels `[..., 2]`."""
        x = self.centre[0] + self.unit * points[..., 0]
        return np.stack([x, self.centre[1] - self.unit * points[..., 1]], axis=-1)

    def window(self, points: NDArray[np.float64], margin: float = 2) -> Window | None:
        """The part of the canvas around canvas points; None where nothing of it is inside."""
        height, width = self.alpha.shape
        low = np.floor(points.reshape(-1, 2).min(0) - margin).astype(int)
        high = np.ceil(points.reshape(-1, 2).max(0) + margin).astype(int) + 1
        left, top = max(int(low[0]), 0), max(int(low[1]), 0)
        right, bottom = min(int(high[0]), width), min(int(high[1]), height)
        return Window(left, top, right, bottom) if left < right and top < bottom else None

    def paint(self, window: Window, cover: Floats, colour: Floats, owner: int) -> None:
        """Lay a colour `[..., 3]` over the window with a cover from 0 to 1."""
        rows, columns = window.slices
        below = self.rgb[rows, columns]
        below += cover[..., None] * (colour - below)
        alpha = self.alpha[rows, columns]
        alpha += cover * (1 - alpha)
        if owner != NOBODY:
            self.owner[rows, columns][cover > 0.5] = owner

    def fill(
        self, points: NDArray[np.float64], colour: tuple[float, ...] | Floats, owner: int
    ) -> None:
        """Fill a polygon of canvas points, antialiased."""
        window = self.window(points)
        if window is None:
            return
        cover = polygon_cover(points - (window.left, window.top), window.size)
        self.paint(window, cover, np.asarray(colour, np.float32), owner)

    def shrink(self) -> tuple[Floats, Floats]:
        """Colour (already times cover) `[h, w, 3]` and cover `[h, w]` at the picture's size."""
        return _halved(self.rgb * self.alpha[..., None]), _halved(self.alpha)


def _halved(values: Floats) -> Floats:
    """The mean of each square of SCALE x SCALE pixels; sums of slices beat a reshaped mean."""
    rows = np.add.reduce([values[i::SCALE] for i in range(SCALE)])
    both = np.add.reduce([rows[:, i::SCALE] for i in range(SCALE)])
    return both * np.float32(1 / SCALE**2)


def polygon_cover(points: NDArray[np.float64], size: tuple[int, int], fine: int = 3) -> Floats:
    """Cover `[H, W]` of a polygon whose points are pixels of a picture of `size` (W, H)."""
    mask = Image.new("L", (size[0] * fine, size[1] * fine))
    ImageDraw.Draw(mask).polygon([(x * fine, y * fine) for x, y in points.tolist()], fill=255)
    return np.asarray(mask.reduce(fine), np.float32) / np.float32(255)


def ribbon(line: NDArray[np.float64], widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """The outline of a line `[n, 2]` that is `widths[n]` wide."""
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * widths[:, None] / 2
    return np.concatenate([line + across, (line - across)[::-1]])


def smooth(low: float, high: float, x: Floats) -> Floats:
    """The smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((x - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return t * t * (3 - 2 * t)
