"""An aircraft's paint. It knows nothing of the variant, save its hue in the control set."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from fgnb.data.drawn.aircraft_families import Airframe
from fgnb.data.drawn.aircraft_mesh import FIN, SKIN, Faces, Hull
from fgnb.data.drawn.families import Colour
from fgnb.data.drawn.pose import Array

FIXED: tuple[Colour, ...] = (
    (0.13, 0.17, 0.22),
    (0.13, 0.13, 0.15),
    (0.50, 0.50, 0.52),
    (0.78, 0.78, 0.80),
    (0.09, 0.09, 0.10),
    (0.20, 0.20, 0.21),
)
"""Glass, dark and plain metal, bright metal, tyres, blades: the same on every aircraft."""


@dataclass(frozen=True)
class Livery:
    """The paint of one aircraft.

    Attributes:
        base: most of it; `belly` below `waist` (degrees on the fuselage), `accent` on stripe and
            tail, `wing` and `engine` on those.
        stripe: angle of the line along the cabin and half its width, degrees; width 0 for none.
        sweep: x behind which the tail takes the accent; below -0.5 for a plain tail.
        fin: how much of the fin takes the accent, from its tip downwards.
    """

    base: Colour
    belly: Colour
    accent: Colour
    wing: Colour
    engine: Colour
    waist: float
    stripe: tuple[float, float]
    sweep: float
    fin: float


def draw_livery(hue: float | None, rng: np.random.Generator) -> Livery:
    """Paint at random; with `hue` (0 to 1) all of it in shades of that hue."""
    light = float(rng.choice([0.93, 0.88, 0.80, 0.70, 0.55], p=[0.4, 0.2, 0.15, 0.1, 0.15]))
    strong = float(rng.uniform(0.25, 0.65) if light < 0.75 else rng.uniform(0.0, 0.18))
    first, second = rng.uniform(0, 1, 2)
    deep, vivid = rng.uniform(0.20, 0.46), rng.uniform(0.30, 0.75)
    shades = rng.uniform(0, 1, 3)
    waist = float(rng.choice([-95.0, -12.0, -35.0, 0.0], p=[0.4, 0.2, 0.2, 0.2]))
    band = float(rng.choice([0.0, 5.0, 9.0, 14.0], p=[0.4, 0.2, 0.25, 0.15]))
    stripe = (float(rng.choice([-20.0, 0.0, 14.0, 28.0])), band)
    start = float(rng.uniform(-0.40, -0.18)) if rng.random() < 0.45 else -0.6
    fin = float(rng.choice([0.0, 0.5, 1.0], p=[0.25, 0.25, 0.5]))
    jitter, tint = rng.normal(0, 0.008), rng.uniform(0.46, 0.58)
    if hue is not None:
        own = hue + jitter
        base, accent = _hls(own, tint, 0.55), _hls(own, 0.6 * tint, 0.6)
        grey = _hls(own, 1.15 * tint, 0.35)
    else:
        base, accent = _hls(first, light, strong), _hls(second, deep, vivid)
        grey = _hls(first, float(rng.uniform(0.6, 0.85)), 0.04)
    belly = (grey, accent, base)[int(3 * shades[0])]
    wing = (grey, grey, base, accent)[int(4 * shades[1])]
    engine = (base, grey, accent, base)[int(4 * shades[2])]
    return Livery(base, belly, accent, wing, engine, waist, stripe, start, fin)


def colours(livery: Livery, frame: Airframe, faces: Faces) -> Array:
    """The colour `[N, 3]` of each face before light."""
    own = (livery.base, livery.base, livery.base, livery.belly, livery.accent, livery.wing)
    palette = np.array((*own, livery.engine, *FIXED))
    found: Array = palette[faces.roles]
    middle = faces.corners.mean(1)
    skin, fin = faces.roles == SKIN, faces.roles == FIN
    found[skin] = _skin(livery, Hull(frame.hull), middle[skin])
    low, high = frame.fin.root[1], frame.fin.tip[1]
    painted = middle[:, 1] > high - livery.fin * (high - low)
    found[fin & painted] = livery.accent
    return found


def _skin(livery: Livery, hull: Hull, at: Array) -> Array:
    """The colour `[n, 3]` of the fuselage at places on it."""
    x, y, z = at.T
    high, centre, wide = hull.at(x)
    up = (y - centre) / np.maximum(high, 1e-9)
    angle = np.degrees(np.arctan2(up, np.abs(z) / np.maximum(wide, 1e-9)))
    found = np.tile(np.asarray(livery.base), (len(at), 1))
    found[angle < livery.waist] = livery.belly
    found[np.abs(angle - livery.stripe[0]) < livery.stripe[1]] = livery.accent
    found[x < livery.sweep] = livery.accent
    return found


def _hls(hue: float, lightness: float, saturation: float) -> Colour:
    return colorsys.hls_to_rgb(float(hue) % 1.0, float(np.clip(lightness, 0, 1)), saturation)
