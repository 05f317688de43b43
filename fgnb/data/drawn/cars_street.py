"""Where a car stands: a ground that runs to the horizon, and what closes the view behind it.

Kind and colours are drawn from the picture's own generator and know nothing of the car.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from fgnb.data.drawn.backdrop import KINDS, noise
from fgnb.data.drawn.canvas import Floats
from fgnb.data.drawn.cars_bodies import Body
from fgnb.data.drawn.cars_view import View
from fgnb.data.drawn.pose import Array

Rng = np.random.Generator
GROUNDS = (
    ((0.26, 0.26, 0.27), (0.48, 0.48, 0.48)),
    ((0.46, 0.42, 0.36), (0.68, 0.62, 0.52)),
    ((0.24, 0.32, 0.14), (0.42, 0.47, 0.24)),
    ((0.58, 0.58, 0.57), (0.78, 0.78, 0.76)),
)
BLUR = 0.016


def draw_street(size: int, view: View, rng: Rng) -> Floats:
    """A backdrop float32[size, size, 3] whose ground ends where this camera sees it end."""
    picture = _beyond(size, rng)
    edge = float(np.clip(view.horizon + rng.uniform(0.0, 0.16) * size, 0.12 * size, 0.72 * size))
    ground = _ground(size, edge, rng)
    rows = np.arange(size, dtype=np.float32)[:, None]
    share = np.clip((rows - np.float32(edge)) / np.float32(0.008 * size) + 0.5, 0, 1)[..., None]
    return np.asarray(picture + (ground - picture) * share, np.float32)


def cast_shadow(picture: Floats, body: Body, view: View, light: Array) -> None:
    """Darken the ground below the car, in place: a broad shadow away from the sun, a close one."""
    size = len(picture)
    lean = -(view.turned.T @ light)[[0, 2]] * 0.45
    for reach, spread, depth, blur in (
        (1.0, 1.04, 0.42, 1.4 * BLUR),
        (0.0, 0.95, 0.45, 0.6 * BLUR),
    ):
        x = np.array([body.nose, body.nose, body.tail, body.tail]) * spread
        z = np.array([-1, 1, 1, -1]) * body.half * spread
        corners = np.stack([x, np.zeros(4), z], axis=1)
        corners[:, [0, 2]] += reach * lean
        mask = Image.new("L", (size, size))
        ImageDraw.Draw(mask).polygon(view.place(corners).ravel().tolist(), fill=255)
        soft = ImageFilter.BoxBlur(blur * size)
        dark = np.asarray(mask.filter(soft).filter(soft), np.float32) * np.float32(depth / 255)
        picture *= 1 - dark[..., None]


def _beyond(size: int, rng: Rng) -> Floats:
    """Behind the ground: houses, a wall, or leaves, a sky or reeds as behind the birds."""
    foliage, sky, _, _, reeds = KINDS
    return (_houses, _wall, foliage, sky, reeds)[int(rng.integers(5))](size, rng)


def _houses(size: int, rng: Rng) -> Floats:
    """Blurred fronts with windows under a sky."""
    sky = rng.uniform(0.72, 0.95) * rng.uniform((0.80, 0.88, 0.98), (0.98, 0.98, 1.0))
    image = Image.new("RGB", (size, size), _ink(sky))
    pen = ImageDraw.Draw(image)
    x = -rng.uniform(0, 0.2) * size
    while x < size:
        wide, top = rng.uniform(0.12, 0.36) * size, rng.uniform(-0.1, 0.32) * size
        tone = rng.uniform(0.32, 0.82) * rng.uniform((0.94, 0.82, 0.68), (1.02, 0.98, 0.94))
        pen.rectangle((x, top, x + wide, size), fill=_ink(tone))
        glass, columns = tone * rng.uniform(0.35, 0.7), max(int(wide / (0.075 * size)), 1)
        pitch, down = wide / columns, rng.uniform(0.09, 0.14) * size
        for row in range(int(size / down)):
            for column in range(columns):
                left, high = x + (column + 0.25) * pitch, top + (row + 0.35) * down
                pen.rectangle((left, high, left + 0.5 * pitch, high + 0.5 * down), fill=_ink(glass))
        x += wide
    soft = ImageFilter.BoxBlur(rng.uniform(0.006, 0.018) * size)
    return np.asarray(image.filter(soft).filter(soft), np.float32) / np.float32(255)


def _wall(size: int, rng: Rng) -> Floats:
    """A plain or panelled wall."""
    tone = rng.uniform(0.38, 0.86) * rng.uniform((0.92, 0.90, 0.84), (1.04, 1.0, 1.0))
    stain = 1 + np.float32(0.05) * noise(size, rng, (3, 3), 3)
    picture = np.asarray(tone.astype(np.float32) * stain[..., None], np.float32)
    pitch, width = rng.uniform(0.08, 0.3) * size, max(int(0.008 * size), 1)
    start = rng.uniform(0, pitch)
    for x in np.arange(start, size, pitch).astype(int):
        picture[:, x : x + width] *= np.float32(0.82)
    return picture


def _ground(size: int, edge: float, rng: Rng) -> Floats:
    """Asphalt, gravel, grass or pale concrete, with a grain that grows towards the viewer."""
    low, high = GROUNDS[int(rng.integers(len(GROUNDS)))]
    tone = np.asarray(low + (np.array(high) - low) * rng.uniform(0, 1), np.float32)
    depth = np.clip((np.arange(size) - edge) / max(size - edge, 1.0), 0, 1).astype(np.float32)
    grain = noise(size, rng, (40, 24), 2) * (0.3 + 0.7 * depth[:, None])
    patches = noise(size, rng, (7, 2), 2)
    value = 1 + np.float32(rng.uniform(0.03, 0.09)) * grain + np.float32(0.05) * patches
    value *= 1.06 - 0.12 * depth[:, None]
    picture = np.asarray(tone * value[..., None], np.float32)
    if rng.random() < 0.45:
        _lines(picture, edge, rng)
    return picture


def _lines(picture: Floats, edge: float, rng: Rng) -> None:
    """Painted lines that run together at the horizon, in place."""
    size = len(picture)
    mask = Image.new("L", (size * 2, size * 2))
    pen = ImageDraw.Draw(mask)
    far, width = rng.uniform(-0.3, 1.3) * size, rng.uniform(0.02, 0.05) * size
    for foot in rng.uniform(-1.0, 2.0, int(rng.integers(1, 4))) * size:
        points = ((far, edge), (foot, size), (foot + width, size))
        pen.polygon([(2 * x, 2 * y) for x, y in points], fill=255)
    cover = np.asarray(mask.reduce(2), np.float32)[..., None] * np.float32(0.6 / 255)
    picture += cover * (np.float32(0.86) - picture)


def _ink(tone: Array) -> tuple[int, int, int]:
    r, g, b = (int(255 * min(max(float(c), 0.0), 1.0)) for c in tone)
    return r, g, b
