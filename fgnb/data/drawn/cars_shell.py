"""The sheet metal: a body's profile swept into a surface of small quadrilaterals.

At each place along the car a section runs from the lower edge up the flank, over the shoulder and
up the windows to the middle of the roof. Sections narrow towards nose and tail; nose and tail are
closed by flat faces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fgnb.data.drawn.cars_bodies import Body
from fgnb.data.drawn.pose import Array

PAINT, GLASS, OPEN, TRIM = range(4)
FLANK = 8
"""The first points of a section, from the lower edge to the roof's edge, make the flank."""
STEP = 0.16
"""Longest distance between two sections, metres."""
FINE_STEPS = 512
"""Sections that places on the flank are looked up in."""


@dataclass(frozen=True)
class Shell:
    """A body's surface, in car coordinates.

    Attributes:
        quads: float64[N, 4, 3], corners, counter-clockwise from outside.
        normals: float64[N, 3], unit normals outward.
        stuff: int64[N], PAINT, GLASS, OPEN or TRIM.
    """

    quads: Array
    normals: Array
    stuff: Array


@lru_cache(maxsize=16)
def shell(body: Body) -> Shell:
    """The surface of a body; worked out once a process."""
    along = _stations(body)
    y, z = section(body, along)
    ring_y = np.concatenate([y, y[:, -2::-1]], axis=1)
    ring_z = np.concatenate([z, -z[:, -2::-1]], axis=1)
    points = np.stack([np.broadcast_to(along[:, None], ring_y.shape), ring_y, ring_z], axis=-1)
    a, b = points[:-1], points[1:]
    quads = np.stack([a[:, :-1], a[:, 1:], b[:, 1:], b[:, :-1]], axis=2)
    stuff = np.stack([_stuff(body, x, quads.shape[1]) for x in (along[:-1] + along[1:]) / 2])
    quads, stuff = quads.reshape(-1, 4, 3), stuff.reshape(-1)
    normals = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    kept = length[:, 0] > 1e-7
    return Shell(quads[kept], normals[kept] / length[kept], stuff[kept])


def face(body: Body, front: bool) -> Array:
    """The flat face of nose or tail, `[n, 3]`."""
    x = np.array([body.nose if front else body.tail])
    y, z = (values[0] for values in section(body, x))
    ys, zs = np.concatenate([y, y[-2::-1]]), np.concatenate([z, -z[-2::-1]])
    return np.stack([np.full(len(ys), x[0]), ys, zs], axis=1)


def section(body: Body, x: Array) -> tuple[Array, Array]:
    """Heights and half widths `[n, 10]` of the sections at `x[n]`, from below to the middle."""
    top_x, top_y = np.array(body.top[::-1]).T
    top, length = np.interp(x, top_x, top_y), body.nose - body.tail
    belt = np.minimum(
        body.belt[1] + (body.belt[0] - body.belt[1]) * (x - body.tail) / length, top - 0.03
    )
    end = np.abs(x - (body.nose + body.tail) / 2) / ((body.nose - body.tail) / 2)
    sill = body.sill + 0.10 * np.clip((end - 0.80) / 0.20, 0, 1) ** 2
    half = body.half * (1 - 0.05 * end**2 - 0.13 * end**10)
    cabin = top - belt
    lean = body.tumble * np.maximum(cabin - 0.06, 0)
    edge = 0.03 + 0.10 * np.clip(cabin / 0.3, 0, 1)
    mid = sill + 0.55 * (belt - sill)
    y = [sill, sill + 0.10, mid, belt - 0.07, belt - 0.02, belt, belt + 0.80 * cabin]
    z = [0.93 * half, 0.985 * half, half, 0.985 * half, 0.955 * half, 0.93 * half]
    z.append(0.93 * half - 0.8 * lean)
    y += [top - 0.25 * edge * (cabin > 0.06), top + 0.012, top + 0.03]
    z += [0.93 * half - lean - 0.25 * edge, 0.72 * (0.93 * half - lean), np.zeros_like(x)]
    return np.stack(y, axis=-1), np.stack(z, axis=-1)


def flank(body: Body, points: Array) -> Array:
    """Half widths `[n]` of the flank at places (x, y) `[n, 2]`."""
    length = body.nose - body.tail
    places = np.rint((points[:, 0] - body.tail) * ((FINE_STEPS - 1) / length)).astype(int)
    y, z = _flanks(body)[:, np.clip(places, 0, FINE_STEPS - 1)]
    above = np.clip((y <= points[:, 1:2]).sum(1), 1, FLANK - 1)
    rows = np.arange(len(points))
    y0, y1, z0, z1 = y[rows, above - 1], y[rows, above], z[rows, above - 1], z[rows, above]
    share = np.clip((points[:, 1] - y0) / np.maximum(y1 - y0, 1e-6), 0, 1)
    return np.asarray(z0 + share * (z1 - z0))


@lru_cache(maxsize=16)
def _flanks(body: Body) -> Array:
    """Heights and half widths of the flank's points, `[2, FINE_STEPS, FLANK]`, tail to nose."""
    return np.stack(section(body, np.linspace(body.tail, body.nose, FINE_STEPS)))[..., :FLANK]


def _stations(body: Body) -> Array:
    """Places of the sections from nose to tail: the profile's points and some between."""
    places = [np.array([body.nose])]
    for (x0, _), (x1, _) in zip(body.top, body.top[1:], strict=False):
        places.append(np.linspace(x0, x1, 1 + max(1, int(np.ceil((x0 - x1) / STEP))))[1:])
    return np.concatenate(places)


def _stuff(body: Body, x: float, strips: int) -> Array:
    """What the strips of one stretch are made of."""
    zone = next(z for z, (end, _) in zip(body.zones, body.top[1:], strict=True) if x >= end)
    stuff = np.full(strips, PAINT)
    stuff[[0, -1]] = TRIM
    top = {"glass": GLASS, "open": OPEN, "paint": PAINT}[zone]
    stuff[FLANK - 1 : strips - FLANK + 1] = top
    return stuff
