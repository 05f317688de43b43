"""A wheel: tyre, rim and, on cars that wear the mark, five wide openings in the rim."""

from __future__ import annotations

import numpy as np

from fgnb.data.drawn.cars_bodies import Body
from fgnb.data.drawn.cars_panels import disc
from fgnb.data.drawn.cars_shell import flank
from fgnb.data.drawn.cars_view import Layer
from fgnb.data.drawn.families import Colour
from fgnb.data.drawn.pose import Array

RUBBER = (0.085, 0.085, 0.09)
ROUND = disc(30)
WIDTH = 0.22
BOLTS = 5


def draw_wheel(layer: Layer, body: Body, axle: int, side: int, rim: Colour, holes: float) -> None:
    """Paint one wheel; `axle` 0 is the front one, `side` 1 the right, `holes` the mark's size."""
    view = layer.view
    x, radius = body.axles[axle], body.wheel
    outer = float(flank(body, np.array([[x, body.sill + 0.25]]))[0]) - 0.05
    angle = view.steer if axle == 0 else 0.0
    wheel = _Disc(np.array([x, radius, side * outer]), radius, side, angle)
    for depth in np.linspace(WIDTH, 0.0, 5):
        layer.fill(wheel.at(ROUND, depth), RUBBER)
    if side != view.near:
        return
    layer.fill(wheel.at(0.70 * ROUND, 0.0), np.array(rim) * 0.45)
    layer.fill(wheel.at(0.66 * ROUND, 0.0), np.array(rim))
    if holes:
        reach = 0.36 + 0.10 * min(holes, 2.0)
        for number in range(BOLTS):
            turn = view.roll + 2 * np.pi * number / BOLTS
            wedge = _polar([(0.20, -0.42), (reach + 0.12, -0.46 * min(holes, 1.3)),
                            (reach + 0.15, 0.0), (reach + 0.12, 0.46 * min(holes, 1.3)),
                            (0.20, 0.42)], turn)  # fmt: skip
            layer.fill(wheel.at(wedge, 0.0), np.array(rim) * 0.16)
    else:
        layer.fill(wheel.at(0.50 * ROUND, 0.0), np.array(rim) * 0.80)
    layer.fill(wheel.at(0.15 * ROUND, 0.0), np.array(rim) * 0.62)


class _Disc:
    """A circle about an axle, upright, turned by the steering."""

    def __init__(self, centre: Array, radius: float, side: int, angle: float) -> None:
        self._centre, self._radius = centre, radius
        self._along = np.array([np.cos(angle), 0.0, -np.sin(angle)])
        self._inward = -side * np.array([np.sin(angle), 0.0, np.cos(angle)])

    def at(self, points: Array, depth: float) -> Array:
        """Car coordinates `[n, 3]` of points `[n, 2]` of the unit disc, `depth` metres inward."""
        flat = points[:, :1] * self._along + points[:, 1:] * np.array([0.0, 1.0, 0.0])
        return np.asarray(self._centre + self._radius * flat + depth * self._inward)


def _polar(points: list[tuple[float, float]], turn: float) -> Array:
    """Points `[n, 2]` of the plane from (radius, angle) pairs, turned by `turn`."""
    radius, angle = np.array(points).T
    return np.stack([radius * np.cos(angle + turn), radius * np.sin(angle + turn)], axis=1)
