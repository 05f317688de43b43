"""What stands behind the bird: five kinds of out-of-focus backdrop, and its perch.

The kind and all of its colours are drawn from the picture's own generator and know nothing of the
species.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from fgnb.data.drawn.canvas import Floats, polygon_cover, ribbon

Rng = np.random.Generator


def draw_backdrop(size: int, rng: Rng) -> Floats:
    """A backdrop float32[size, size, 3] of a kind chosen at random."""
    return KINDS[int(rng.integers(len(KINDS)))](size, rng)


def noise(size: int, rng: Rng, cells: tuple[int, int], octaves: int = 3) -> Floats:
    """Smooth noise `[size, size]` of about unit spread; `cells` down and across."""
    total, spread = np.zeros((size, size), np.float32), 0.0
    for octave in range(octaves):
        rows, columns = (min(c << octave, size) + 1 for c in cells)
        layer = Image.fromarray(rng.standard_normal((rows, columns), np.float32))
        wide = layer.resize((size, size), Image.Resampling.BICUBIC)
        total += np.asarray(wide) * np.float32(0.5**octave)
        spread += 0.25**octave
    return total / np.float32(0.62 * np.sqrt(spread))


def draw_perch(picture: Floats, feet: NDArray[np.float64], unit: float, rng: Rng) -> None:
    """A branch under the feet, in place; its slope is that of the feet and a little more."""
    size = len(picture)
    slope = float(np.clip(rng.normal(0, 0.10), -0.25, 0.25))
    width = unit * rng.uniform(0.10, 0.20)
    tone = np.array([0.40, 0.33, 0.27]) * rng.uniform(0.6, 1.35) * (1, rng.uniform(0.95, 1.08), 1)
    x = np.linspace(-0.1 * size, 1.1 * size, 16)
    wobble = 0.05 * unit * rng.normal(0, 1, 16).cumsum() * 0.4
    middle, level = feet.mean(0), float(feet[:, 1].max())
    y = level + 0.45 * width + slope * (x - middle[0]) + wobble
    y -= np.interp(middle[0], x, y) - level - 0.45 * width
    for shift, scale, shade in ((0.0, 1.0, 0.62), (-0.12, 0.74, 0.95), (-0.24, 0.34, 1.22)):
        line = np.stack([x, y + shift * width], axis=1)
        cover = polygon_cover(ribbon(line, np.full(16, width * scale)), (size, size), fine=2)
        soft = np.asarray(cover)[..., None]
        picture += soft * (tone.astype(np.float32) * np.float32(shade) - picture)


def _tone(rng: Rng, low: tuple[float, ...], high: tuple[float, ...]) -> Floats:
    """A colour between two: mostly along the line that joins them, a little beside it."""
    share = np.clip(rng.uniform(0, 1) + rng.uniform(-0.12, 0.12, 3), 0, 1)
    return np.asarray(low + (np.array(high) - low) * share, np.float32)


def _blend(a: Floats, b: Floats, t: Floats) -> Floats:
    return a + (b - a) * np.clip(t, 0, 1)[..., None]


def _foliage(size: int, rng: Rng) -> Floats:
    """Blurred leaves and discs of light."""
    dark = _tone(rng, (0.10, 0.18, 0.06), (0.26, 0.34, 0.18))
    bright = _tone(rng, (0.36, 0.46, 0.16), (0.72, 0.74, 0.45))
    picture = _blend(dark, bright, 0.45 + 0.28 * noise(size, rng, (3, 3)))
    image = Image.fromarray(_bytes(picture))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(25, 60))):
        x, y = rng.uniform(-0.1, 1.1, 2) * size
        long, wide = rng.uniform(0.03, 0.13) * size, rng.uniform(0.015, 0.05) * size
        angle, t = rng.uniform(0, np.pi), rng.uniform(0, 1.15)
        tone = np.clip(dark + (bright - dark) * t, 0, 1)
        pen.polygon(_leaf(float(x), float(y), long, wide, angle), fill=_ink(tone))
    for _ in range(int(rng.integers(0, 14))):
        x, y = rng.uniform(0, 1, 2) * size
        r = rng.uniform(0.01, 0.05) * size
        tone = np.clip(bright * rng.uniform(1.0, 1.35), 0, 1)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=_ink(tone))
    return _floats(_soft(image, rng.uniform(0.004, 0.022) * size))


def _sky(size: int, rng: Rng) -> Floats:
    """A gradient with clouds, blue to grey."""
    top = _tone(rng, (0.30, 0.45, 0.62), (0.62, 0.70, 0.86))
    low = np.clip(top + _tone(rng, (0.05, 0.05, 0.0), (0.28, 0.22, 0.12)), 0, 1)
    ramp = np.linspace(0, 1, size, dtype=np.float32)[:, None] * np.ones((1, size), np.float32)
    picture = _blend(top, low, ramp)
    cloud = noise(size, rng, (3, 2), 4) * 0.45 + rng.uniform(-0.4, 0.25)
    return _blend(picture, _tone(rng, (0.78, 0.79, 0.81), (0.94, 0.94, 0.95)), cloud)


def _water(size: int, rng: Rng) -> Floats:
    """Ripples, long across and short down."""
    deep = _tone(rng, (0.12, 0.22, 0.24), (0.30, 0.42, 0.50))
    light = np.clip(deep + _tone(rng, (0.20, 0.22, 0.22), (0.42, 0.40, 0.40)), 0, 1)
    ripples = noise(size, rng, (20, 3), 3)
    swell = noise(size, rng, (3, 1), 2)
    picture = _blend(deep, light, 0.38 + 0.20 * ripples + 0.16 * swell)
    glitter = np.clip(ripples - 1.9, 0, 1) * np.float32(rng.uniform(0, 0.8))
    return np.clip(picture + glitter[..., None], 0, 1)


def _bark(size: int, rng: Rng) -> Floats:
    """A trunk's furrows, upright or leaning."""
    dark = _tone(rng, (0.14, 0.11, 0.08), (0.30, 0.26, 0.22))
    light = dark + _tone(rng, (0.18, 0.15, 0.11), (0.34, 0.31, 0.28))
    furrow = noise(size, rng, (4, 22), 3)
    rough = noise(size, rng, (24, 24), 2)
    lichen = noise(size, rng, (5, 5), 2)
    picture = _blend(dark, light, 0.5 + 0.30 * furrow + 0.12 * rough)
    moss = _tone(rng, (0.30, 0.36, 0.18), (0.62, 0.66, 0.50))
    picture = _blend(picture, moss, (lichen - rng.uniform(0.6, 2.2)) * 0.8)
    image = Image.fromarray(_bytes(picture))
    return _floats(_soft(image, rng.uniform(0.0, 0.012) * size))


def _reeds(size: int, rng: Rng) -> Floats:
    """Stems, blurred, over a soft ground."""
    back = _tone(rng, (0.34, 0.36, 0.20), (0.62, 0.60, 0.42))
    picture = _blend(back, back * np.float32(0.6), 0.4 + 0.3 * noise(size, rng, (2, 3)))
    image = Image.fromarray(_bytes(picture))
    pen = ImageDraw.Draw(image)
    lean = rng.normal(0, 0.10)
    for _ in range(int(rng.integers(25, 55))):
        x, drift = rng.uniform(-0.1, 1.1) * size, (lean + 0.08 * rng.normal()) * size
        tone = np.clip(back * rng.uniform(0.5, 1.45) * (1, rng.uniform(0.92, 1.12), 0.9), 0, 1)
        width = max(1, int(rng.uniform(0.006, 0.035) * size))
        top = rng.uniform(-0.3, 0.4) * size
        pen.line([(x, size), (x + drift, top)], fill=_ink(tone), width=width)
    return _floats(_soft(image, rng.uniform(0.004, 0.016) * size))


def _soft(image: Image.Image, radius: float) -> Image.Image:
    """Out of focus: two box blurs are near enough to a Gaussian, and quicker."""
    blur = ImageFilter.BoxBlur(radius)
    return image.filter(blur).filter(blur)


KINDS: tuple[Callable[[int, Rng], Floats], ...] = (_foliage, _sky, _water, _bark, _reeds)


def _leaf(x: float, y: float, long: float, wide: float, angle: float) -> list[tuple[float, float]]:
    c, s = np.cos(angle), np.sin(angle)
    shape = (
        (-1, 0),
        (-0.5, 0.8),
        (0.1, 1),
        (0.6, 0.6),
        (1, 0),
        (0.6, -0.6),
        (0.1, -1),
        (-0.5, -0.8),
    )
    return [
        (x + float(c * u * long - s * v * wide), y + float(s * u * long + c * v * wide))
        for u, v in shape
    ]


def _ink(tone: NDArray[np.floating]) -> tuple[int, int, int]:
    r, g, b = (int(255 * c) for c in tone)
    return r, g, b


def _bytes(picture: Floats) -> NDArray[np.uint8]:
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _floats(image: Image.Image) -> Floats:
    return np.asarray(image, np.float32) / np.float32(255)
