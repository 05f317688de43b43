"""Sheets: flat pieces of feathers, painted once a bird and laid into the picture.

A sheet's s axis runs from 0 at the joint to 1 at the tip, its t axis across.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fgnb.data.drawn.canvas import Canvas, Floats
from fgnb.data.drawn.families import Colour

WIDE, HIGH = 208, 104
"""Texture pixels along s and across t."""


class Sheet:
    """A texture of feathers with its outline."""

    def __init__(self, base: Colour) -> None:
        self.colour = Image.new("RGB", (WIDE, HIGH), _bytes(base))
        self.cover = Image.new("L", (WIDE, HIGH))
        self._inks = ImageDraw.Draw(self.colour), ImageDraw.Draw(self.cover)

    def shape(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """Fill a polygon of (s, t) points."""
        self.stain(points, colour)
        self._inks[1].polygon(_pixels(points), fill=255)

    def stain(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """Colour a polygon where the sheet has feathers; its outline stays as it is."""
        self._inks[0].polygon(_pixels(points), fill=_bytes(colour))

    def feather(
        self,
        base: tuple[float, float],
        tip: tuple[float, float],
        width: float,
        colour: Colour,
        edge: Colour,
        end: tuple[Colour, float] | None = None,
    ) -> None:
        """One feather with a bright edge; `end` colours its last share."""
        outline = vane(base, tip, width)
        self.shape(outline, edge)
        self.shape(vane(base, (tip[0] - 0.012, tip[1]), width * 0.80), colour)
        if end is not None and end[1] > 0:
            share = min(end[1], 1.0)
            start = tuple(b + (t - b) * (1 - share) for b, t in zip(base, tip, strict=True))
            self.stain(vane((start[0], start[1]), tip, width, blunt=True), end[0])
        self._inks[0].line(_pixels([base, tip]), fill=_bytes(times(colour, 0.86)), width=1)


@dataclass(frozen=True)
class Frame:
    """Where a sheet lies: view coordinates of (s, t) = (0, 0) and of its two edges."""

    origin: NDArray[np.float64]
    along: NDArray[np.float64]
    across: NDArray[np.float64]

    def at(self, s: float, t: float) -> NDArray[np.float64]:
        """View coordinates of a place on the sheet."""
        return self.origin + s * self.along + t * self.across

    @property
    def corners(self) -> NDArray[np.float64]:
        """View coordinates of the four corners."""
        return np.array([self.at(s, t) for s, t in ((0, 0), (1, 0), (1, 1), (0, 1))])

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit normal on the side that the viewer sees."""
        normal = np.cross(self.along, self.across)
        normal /= max(float(np.linalg.norm(normal)), 1e-9)
        return normal if normal[2] >= 0 else -normal


def lay(canvas: Canvas, sheet: Sheet, frame: Frame, shade: Floats, owner: int) -> None:
    """Draw a sheet; `shade[H, W]` is the light over the whole canvas. Edge-on it vanishes."""
    window = canvas.window(canvas.place(frame.corners))
    basis = np.stack([frame.along[:2], frame.across[:2]], axis=1) * canvas.unit
    basis[1] *= -1
    if window is None or abs(np.linalg.det(basis)) < 4.0:
        return
    inverse = np.linalg.inv(basis) * np.array([[WIDE], [HIGH]])
    corner = np.array([window.left, window.top]) - canvas.place(frame.origin)
    offset = inverse @ corner
    data = (*inverse[0], offset[0], *inverse[1], offset[1])
    how = (Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    cover = np.asarray(sheet.cover.transform(window.size, *how), np.float32) / np.float32(255)
    colour = np.asarray(sheet.colour.transform(window.size, *how), np.float32) / np.float32(255)
    light = shade[window.slices][..., None]
    canvas.paint(window, cover, colour * light, owner)


def _pixels(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(s * WIDE, t * HIGH) for s, t in points]


def vane(
    base: tuple[float, float], tip: tuple[float, float], width: float, blunt: bool = False
) -> list[tuple[float, float]]:
    """The outline of a feather; `width` in units of t."""
    (s0, t0), (s1, t1) = base, tip
    ds, dt = (s1 - s0) * WIDE, (t1 - t0) * HIGH
    length = max(float(np.hypot(ds, dt)), 1e-6)
    across = (-dt / length * width * HIGH / WIDE, ds / length * width)
    first = 1.0 if blunt else 0.6
    profile = ((0.0, first), (0.35, 1.0), (0.80, 0.96), (0.93, 0.70), (1.0, 0.15))
    sides = []
    for sign in (1, -1):
        side = [
            (
                s0 + (s1 - s0) * u + sign * w * across[0] / 2,
                t0 + (t1 - t0) * u + sign * w * across[1] / 2,
            )
            for u, w in profile
        ]
        sides.append(side)
    return sides[0] + sides[1][::-1]


def times(colour: Colour, factor: float) -> Colour:
    """The colour, brighter or darker."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def _bytes(colour: Colour) -> tuple[int, int, int]:
    r, g, b = (round(255 * min(max(c, 0.0), 1.0)) for c in colour)
    return r, g, b
