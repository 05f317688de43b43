"""The camera before a car, and the layer that it is painted on.

View coordinates are those of the birds: x to the right of the picture, y up, z to the viewer; the
camera stands a few car lengths away, so that near parts are larger than far ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from fgnb.data.drawn.canvas import Floats
from fgnb.data.drawn.cars_bodies import Body
from fgnb.data.drawn.pose import Array, turn

FINE = 3
DISTANCE = 13.0
"""From the camera to the car's middle, metres."""
SPAN = (0.48, 0.92)
"""The car's longer side as a share of the picture's."""


@dataclass(frozen=True)
class View:
    """How a car stands before the camera.

    Attributes:
        turned: rotation from car to view coordinates, `[3, 3]`.
        middle: the car's middle, car coordinates.
        origin: picture pixel (x, y) of the middle.
        unit: pixels a metre there.
        steer: angle of the front wheels, radians; `roll` turns the rims.
        roll: see `steer`.
    """

    turned: Array
    middle: Array
    origin: Array
    unit: float
    steer: float
    roll: float

    @property
    def near(self) -> int:
        """The side that faces the camera: 1 for the right, -1 for the left."""
        return 1 if self.turned[2, 2] > 0 else -1

    @property
    def horizon(self) -> float:
        """Row of the horizon in the picture."""
        up = self.turned[:, 1]
        return float(self.origin[1] - self.unit * DISTANCE * up[2] / max(up[1], 1e-6))

    def depth(self, points: Array) -> Array:
        """Nearness to the camera of points `[..., 3]`, metres."""
        return np.asarray((points - self.middle) @ self.turned[2])

    def place(self, points: Array) -> Array:
        """Picture pixels `[..., 2]` of points `[..., 3]`."""
        seen = (points - self.middle) @ self.turned.T
        scale = self.unit * DISTANCE / (DISTANCE - seen[..., 2:])
        return np.asarray(self.origin + seen[..., :2] * (1, -1) * scale)

    def facing(self, normals: Array, at: Array) -> Array:
        """Whether surfaces `[..., 3]` at `at[..., 3]` show their outer side."""
        camera = self.middle + DISTANCE * self.turned[2]
        return np.asarray(np.einsum("...i,...i->...", normals, camera - at) > 0)


def draw_view(body: Body, size: int, rng: np.random.Generator) -> View:
    """A view at random: from the side, three quarters from before or behind, either way round."""
    kind, amount, left = rng.random(), rng.random(), rng.random() < 0.5
    if kind < 0.30:
        yaw = -9 + 18 * amount
    elif kind < 0.68:
        yaw = 16 + 30 * amount
    else:
        yaw = -16 - 28 * amount
    pitch, roll = rng.uniform(3, 13), np.clip(rng.normal(0, 0.9), -2, 2)
    # A positive yaw shows the nose; a car that faces left is seen from its left side.
    facing = np.radians(180 + yaw if left else -yaw)
    turned = turn(2, np.radians(roll)) @ turn(0, np.radians(pitch)) @ turn(1, facing)
    middle = np.array([(body.nose + body.tail) / 2, 0.45 * body.height, 0.0])
    steer, spin = np.radians(np.clip(rng.normal(0, 9), -22, 22)), rng.uniform(0, 2 * np.pi)
    view = View(turned, middle, np.zeros(2), 1.0, float(steer), float(spin))
    corners = view.place(_corners(body))
    low, high = corners.min(0), corners.max(0)
    share = SPAN[0] + (SPAN[1] - SPAN[0]) * float(np.sqrt(rng.random()))
    unit = share * size / float((high - low).max())
    room = np.maximum(size - (high - low) * unit, 0)
    spare = rng.uniform((0.08, 0.30), (0.92, 0.90)) * room
    return View(turned, middle, spare - low * unit, unit, float(steer), float(spin))


def _corners(body: Body) -> Array:
    top = [(x, y, z) for x, y in body.top for z in (-0.8, 0.8)]
    low = [(x, 0.0, z) for x in body.axles for z in (-1.0, 1.0)]
    points = np.array([*top, *low, (body.nose, 0.3, -0.8), (body.tail, 0.3, 0.8)])
    return points * (1, 1, body.half)


class Layer:
    """A transparent layer on which polygons in car coordinates are filled from back to front."""

    def __init__(self, view: View, size: int) -> None:
        self.view = view
        # The fourth band is the cover. Not RGBA: Pillow would divide the means by it again.
        self.image = Image.new("RGBX", (size * FINE, size * FINE))
        self._pen = ImageDraw.Draw(self.image)

    def fill(self, points: Array, colour: Floats | Array | tuple[float, ...]) -> None:
        """Fill a polygon `[n, 3]`."""
        self.flat(self.view.place(points), colour)

    def flat(self, points: Array, colour: Floats | Array | tuple[float, ...]) -> None:
        """Fill a polygon of picture pixels `[n, 2]`."""
        self.flats(points[None], np.asarray(colour, np.float64)[None])

    def flats(self, points: Array, colours: Floats | Array) -> None:
        """Fill polygons of picture pixels `[m, n, 2]`, one after the other, in colours `[m, 3]`."""
        inks = (np.clip(np.asarray(colours, np.float64), 0, 1) * 255 + 0.5).astype(int).tolist()
        outlines = (points * FINE).reshape(len(points), -1).tolist()
        for outline, ink in zip(outlines, inks, strict=True):
            self._pen.polygon(outline, fill=(*ink, 255))

    def shrink(self) -> tuple[Floats, Floats]:
        """Colour (already times cover) `[size, size, 3]` and cover `[size, size]`."""
        values = np.asarray(self.image.reduce(FINE), np.float32) / np.float32(255)
        return values[..., :3], values[..., 3]
