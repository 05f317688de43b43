"""Flat pieces laid on a car's body: on the near flank, on the nose and on the tail.

Places on the flank are (x, y), on nose and tail (z, y), in metres; the body gives the third
coordinate, and the light its brightness.
"""

from __future__ import annotations

import numpy as np

from fgnb.data.drawn.canvas import ribbon
from fgnb.data.drawn.cars_bodies import Body
from fgnb.data.drawn.cars_shell import face, flank
from fgnb.data.drawn.cars_view import Layer
from fgnb.data.drawn.families import Colour
from fgnb.data.drawn.pose import Array

CHROME: Colour = (0.86, 0.87, 0.89)
DARK: Colour = (0.09, 0.09, 0.10)
LIFT = 0.006
"""How far a piece stands off the body, so that its edge is never cut."""


class Panels:
    """The pieces of one car on its layer."""

    def __init__(self, layer: Layer, body: Body, paint: Colour, light: Array) -> None:
        self.layer, self.body, self.paint = layer, body, paint
        turned = layer.view.turned
        self._side = float(brightness(np.array([0.0, 0.0, layer.view.near]), light, turned)[0])
        self._ends = {
            front: float(brightness(np.array([step, 0.0, 0.0]), light, turned)[0])
            for front, step in ((True, 1.0), (False, -1.0))
        }
        self._faces = {front: face(body, front) for front in (True, False)}

    def side(self, points: Array, colour: Colour, gloss: float = 0.0) -> None:
        """Fill a polygon (x, y) `[n, 2]` on the near flank."""
        z = self.layer.view.near * (flank(self.body, points) + LIFT)
        self.layer.fill(np.column_stack([points, z]), np.array(colour) * self._side + gloss)

    def line(self, points: Array, width: float, colour: Colour) -> None:
        """Draw a line (x, y) `[n, 2]` on the near flank, `width` metres wide."""
        fine = np.linspace(0, len(points) - 1, 4 * (len(points) - 1) + 1)
        at = np.arange(len(points))
        line = np.stack([np.interp(fine, at, points[:, i]) for i in (0, 1)], axis=1)
        self.side(ribbon(line, np.full(len(line), width)), colour)

    def shows(self, front: bool) -> bool:
        """Whether the nose (or the tail) faces the camera."""
        plate = self._faces[front]
        normal = np.array([1.0 if front else -1.0, 0.0, 0.0])
        return bool(self.layer.view.facing(normal, plate.mean(0)))

    def ends(self, front: bool) -> tuple[float, float]:
        """Lowest and highest y of the nose's (or the tail's) face."""
        y = self._faces[front][:, 1]
        return float(y.min()), float(y.max())

    def end(self, front: bool, points: Array, colour: Colour, gloss: float = 0.0) -> None:
        """Fill a polygon (z, y) `[n, 2]` on the nose or the tail."""
        x = self.body.nose + LIFT if front else self.body.tail - LIFT
        shape = np.column_stack([np.full(len(points), x), points[:, 1], points[:, 0]])
        self.layer.fill(shape, np.array(colour) * self._ends[front] + gloss)


def brightness(normals: Array, light: Array, turned: Array) -> tuple[Array, Array]:
    """Diffuse light and gloss of surfaces with normals `[..., 3]` in car coordinates.

    `light` is the unit vector towards the light in view coordinates, `turned` the rotation there.
    """
    seen = normals @ turned.T
    diffuse = 0.56 + 0.40 * np.maximum(seen @ light, -0.3) + 0.10 * normals[..., 1]
    half = light + np.array([0.0, 0.0, 1.0])
    shine = np.maximum(seen @ (half / np.linalg.norm(half)), 0) ** 24
    sky = np.clip(normals[..., 1], 0, 1) ** 2
    return np.asarray(diffuse), np.asarray(0.16 * shine + 0.09 * sky)


def disc(count: int) -> Array:
    """`count` points round the unit circle, `[count, 2]`."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def rect(x: float, y: float, half_width: float, half_height: float) -> Array:
    """A rectangle about (x, y), `[4, 2]`."""
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], dtype=float)
    return np.array([x, y]) + corners * (half_width, half_height)


def grown(outline: Array, by: float) -> Array:
    """A convex polygon `[n, 2]` with its corners moved outward by about `by`."""
    away = outline - outline.mean(0)
    return outline + by * np.sign(away) * np.minimum(np.abs(away) / 0.05, 1.0)


def cut(outline: Array, through: Array, normal: Array) -> Array:
    """The part of a convex polygon `[n, 2]` on the side of a line that `normal` points to."""
    side = (outline - through) @ normal
    kept = []
    for i in range(len(outline)):
        j = (i + 1) % len(outline)
        if side[i] >= 0:
            kept.append(outline[i])
        if side[i] * side[j] < 0:
            kept.append(outline[i] + (outline[j] - outline[i]) * side[i] / (side[i] - side[j]))
    return np.array(kept).reshape(-1, 2)


def times(colour: Colour, factor: float) -> Colour:
    """The colour, brighter or darker."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)
