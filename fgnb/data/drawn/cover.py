"""What stands before the bird: twigs, leaves and reeds, in part of the pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fgnb.data.drawn.canvas import Floats, ribbon

Rng = np.random.Generator
SHARE = 0.45
"""Share of the pictures that have something before the bird."""
MOST_HIDDEN = 0.20
"""No more of the bird than this is hidden: what would hide more is left out."""
FINE = 2


def draw_cover(size: int, bird: Floats, rng: Rng) -> tuple[Floats, Floats] | None:
    """Colour `[size, size, 3]` (times cover) and cover `[size, size]`, or None for nothing.

    `bird[size, size]` is the bird's own cover; the things are put where it is.
    """
    if rng.random() >= SHARE or not bird.any():
        return None
    rows, columns = np.nonzero(bird > 0.5)
    if not len(rows):
        return None
    box = (columns.min(), rows.min(), columns.max(), rows.max())
    kind = (_twig, _leaves, _reed)[int(rng.integers(3))]
    layer = Image.new("RGBA", (size * FINE, size * FINE))
    for _ in range(int(rng.integers(1, 4))):
        trial = layer.copy()
        kind(ImageDraw.Draw(trial), size * FINE, tuple(float(v) * FINE for v in box), rng)
        hidden = np.asarray(trial.getchannel("A").reduce(FINE), np.float32) / np.float32(255)
        if float((hidden * bird).sum()) <= MOST_HIDDEN * float(bird.sum()):
            layer = trial
    values = np.asarray(layer.reduce(FINE), np.float32) / np.float32(255)
    cover = values[..., 3]
    return values[..., :3] * cover[..., None], cover


def _twig(pen: ImageDraw.ImageDraw, size: int, box: tuple[float, ...], rng: Rng) -> None:
    """A bent, tapering twig with side shoots across the bird's box."""
    tone = np.array([0.36, 0.29, 0.22]) * rng.uniform(0.5, 1.4)
    through = rng.uniform(box[:2], box[2:])
    angle = rng.uniform(0, np.pi)
    reach = rng.uniform(0.5, 1.1) * size
    u = np.linspace(-1, 1, 14)
    bend = rng.normal(0, 0.10) * reach * u**2
    along, across = (
        np.array([np.cos(angle), np.sin(angle)]),
        np.array([-np.sin(angle), np.cos(angle)]),
    )
    line = through + u[:, None] * reach * along + bend[:, None] * across
    width = rng.uniform(0.010, 0.026) * size
    _stroke(pen, line, np.linspace(width, 0.4 * width, 14), tone)
    for place in rng.integers(2, 12, 2):
        side = rng.choice([-1.0, 1.0])
        shoot = along * 0.8 + across * side * rng.uniform(0.4, 0.9)
        steps = np.linspace(0, rng.uniform(0.08, 0.2) * size, 5)[:, None]
        _stroke(
            pen, line[place] + steps * shoot, np.linspace(0.6 * width, 0.2 * width, 5), tone * 0.9
        )


def _leaves(pen: ImageDraw.ImageDraw, size: int, box: tuple[float, ...], rng: Rng) -> None:
    """A spray of leaves around one place of the bird's box."""
    middle, off = rng.uniform(box[:2], box[2:]), rng.choice([-0.1, 1.1]) * size
    stem = np.linspace((off, middle[1] + rng.normal(0, 0.15) * size), middle, 8)
    _stroke(pen, stem, np.linspace(0.014, 0.006, 8) * size, np.array([0.33, 0.28, 0.18]))
    base = rng.uniform((0.16, 0.30, 0.08), (0.50, 0.58, 0.24))
    for _ in range(int(rng.integers(2, 6))):
        at = stem[int(rng.integers(4, 8))]
        angle, long = rng.uniform(0, 2 * np.pi), rng.uniform(0.06, 0.13) * size
        along = np.array([np.cos(angle), np.sin(angle)])
        u = np.linspace(0, 1, 9)
        line = at + u[:, None] * long * along
        tone = base * rng.uniform(0.75, 1.25)
        _stroke(pen, line, 0.75 * long * np.sqrt(u * (1 - u)) + 0.5, tone)
        _stroke(pen, line, np.full(9, max(1.0, 0.006 * size)), tone * 1.25)


def _reed(pen: ImageDraw.ImageDraw, size: int, box: tuple[float, ...], rng: Rng) -> None:
    """A blade from the lower edge past the bird."""
    x = rng.uniform(box[0], box[2])
    top = rng.uniform(box[1] - 0.2 * size, box[3])
    u = np.linspace(0, 1, 14)
    lean, bend = rng.normal(0, 0.12) * size, rng.normal(0, 0.12) * size
    line = np.stack([x + lean * (u - 0.5) + bend * u**2, size + (top - size) * u], axis=1)
    width = rng.uniform(0.012, 0.035) * size
    tone = rng.uniform((0.32, 0.36, 0.14), (0.64, 0.62, 0.34))
    _stroke(pen, line, width * (1 - u**3) + 1, tone)
    _stroke(pen, line + np.array([0.2 * width, 0]), 0.25 * width * (1 - u**3) + 1, tone * 0.8)


def _stroke(
    pen: ImageDraw.ImageDraw,
    line: NDArray[np.float64],
    widths: NDArray[np.float64],
    tone: NDArray[np.float64],
) -> None:
    ink = tuple(int(255 * c) for c in np.clip(tone, 0, 1))
    pen.polygon([(x, y) for x, y in ribbon(line, widths).tolist()], fill=(*ink, 255))
