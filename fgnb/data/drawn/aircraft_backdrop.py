"""What stands behind and before an aircraft: skies, airfields, cloud and grass.

All of it comes from the picture's own generators and knows nothing of the variant.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from fgnb.data.drawn.backdrop import noise
from fgnb.data.drawn.canvas import Floats, ribbon, smooth

Rng = np.random.Generator
SHARE = 0.4
"""Share of the pictures that have something before the aircraft."""
MOST_HIDDEN = 0.20
"""No more of the aircraft than this is hidden: what would hide more is left out."""
FINE = 2

SKIES = (
    ((0.22, 0.42, 0.72), (0.62, 0.76, 0.90)),
    ((0.36, 0.55, 0.80), (0.80, 0.87, 0.93)),
    ((0.55, 0.60, 0.66), (0.80, 0.82, 0.84)),
    ((0.36, 0.40, 0.56), (0.93, 0.74, 0.56)),
    ((0.66, 0.70, 0.74), (0.90, 0.90, 0.88)),
)
"""Colours at the zenith and at the horizon."""


def draw_sky(size: int, rng: Rng, horizon: float = 1.0) -> Floats:
    """A sky float32[size, size, 3] down to `horizon` (share of the height), with clouds."""
    zenith, low = (np.array(tone) for tone in SKIES[int(rng.integers(len(SKIES)))])
    zenith, low = (np.clip(t * rng.uniform(0.88, 1.1) + rng.normal(0, 0.02, 3), 0, 1)
                   for t in (zenith, low))  # fmt: skip
    start = rng.uniform(0.0, 0.5)
    ramp = np.clip(start + (1 - start) * np.linspace(0, 1 / horizon, size), 0, 1) ** 1.3
    sky = (zenith + ramp[:, None] * (low - zenith)).astype(np.float32)
    picture = np.broadcast_to(sky[:, None], (size, size, 3)).copy()
    if rng.random() < 0.75:
        form = noise(size, rng, (int(rng.integers(2, 5)), int(rng.integers(2, 4))), 5)
        edge, soft = rng.uniform(-0.3, 1.2), rng.uniform(0.25, 1.1)
        cover = smooth(edge, edge + soft, form) * np.float32(rng.uniform(0.4, 0.95))
        # Less light where cloud lies above: the noise a little higher up stands for its thickness.
        above = form[np.maximum(np.arange(size) - max(1, size // 24), 0)]
        lit = np.clip(0.86 + 0.07 * (form - above), 0.62, 1.0) * np.float32(rng.uniform(0.85, 1.05))
        cloud = lit[..., None] * (0.75 + 0.25 * (low / low.max()).astype(np.float32))
        picture += cover[..., None] * (cloud - picture)
    return picture


def draw_air(size: int, rng: Rng) -> Floats:
    """What is behind an aircraft in the air: sky alone, or land or sea far below."""
    horizon = float(rng.uniform(0.55, 0.9))
    kind = rng.random()
    picture = draw_sky(size, rng, horizon if kind < 0.4 else 1.0)
    if kind >= 0.4:
        return picture
    if kind < 0.28:
        _hills(picture, horizon, rng)
        tone = rng.uniform((0.28, 0.34, 0.20), (0.55, 0.54, 0.36))
        fields = noise(size, rng, (9, 4), 3)
    else:
        tone = rng.uniform((0.16, 0.28, 0.36), (0.34, 0.46, 0.54))
        fields = noise(size, rng, (26, 5), 3)
    _ground(picture, horizon, tone * 0.85, 0.10 * fields, haze=0.55)
    return picture


def draw_airfield(size: int, horizon: float, level: float, rng: Rng) -> Floats:
    """An airfield whose horizon and tarmac lie at shares of the height; the wheels at `level`."""
    picture = draw_sky(size, rng, max(horizon, 0.05))
    if rng.random() < 0.5:
        _hills(picture, horizon, rng)
    kind = int(rng.integers(3))
    if kind == 0:
        _trees(picture, horizon, rng)
    elif kind == 1:
        _buildings(picture, horizon, rng)
    grass = rng.uniform((0.26, 0.36, 0.14), (0.56, 0.56, 0.32))
    _ground(picture, horizon, grass, 0.13 * noise(size, rng, (18, 10), 4), haze=0.25)
    tone = np.full(3, rng.uniform(0.30, 0.60)) + rng.normal(0, 0.012, 3)
    far = horizon + (level - horizon) * rng.uniform(0.25, 0.7)
    near = level + rng.uniform(0.06, 0.5)
    _band(picture, far, near, tone, 0.05 * noise(size, rng, (30, 6), 3))
    if rng.random() < 0.5:
        line = level + rng.uniform(0.02, 0.06)
        paint = (0.82, 0.72, 0.26) if rng.random() < 0.6 else (0.86, 0.86, 0.84)
        _band(picture, line, line + 0.010, np.array(paint), 0.0)
    return picture


def draw_before(
    size: int, aircraft: Floats, grounded: bool, rng: Rng
) -> tuple[Floats, Floats] | None:
    """Cloud or grass before it: colour `[size, size, 3]` (times cover) and cover, or None.

    `aircraft[size, size]` is the aircraft's own cover.
    """
    if rng.random() >= SHARE or not (aircraft > 0.25).any():
        return None
    if grounded:
        lowest = int(np.flatnonzero((aircraft > 0.25).any(1))[-1])
        cover, tone = _grass(size, lowest, rng)
    else:
        cover, tone = _wisp(size, rng), rng.uniform(0.84, 0.96) * np.ones(3)
    if float((cover * aircraft).sum()) > MOST_HIDDEN * float(aircraft.sum()):
        return None
    shade = (1 + 0.10 * noise(size, rng, (12, 12), 2))[..., None]
    return tone.astype(np.float32) * shade * cover[..., None], cover


def _wisp(size: int, rng: Rng) -> Floats:
    """Torn cloud, dense at few places."""
    form = noise(size, rng, (3, 2), 4)
    edge = rng.uniform(0.5, 1.3)
    return smooth(edge, edge + 1.1, form) * np.float32(rng.uniform(0.6, 0.95))


def _grass(size: int, wheels: int, rng: Rng) -> tuple[Floats, NDArray[np.float64]]:
    """Blades from the lower edge up past the wheels, out of focus."""
    layer = Image.new("L", (size * FINE, size * FINE))
    pen = ImageDraw.Draw(layer)
    for _ in range(int(rng.integers(15, 70))):
        x, lean = rng.uniform(-0.05, 1.05) * size, rng.normal(0, 0.05) * size
        top = wheels - rng.uniform(-0.12, 0.10) * size
        u = np.linspace(0, 1, 7)
        line = np.stack([x + lean * u**2, size + (top - size) * u], axis=1) * FINE
        width = rng.uniform(0.006, 0.016) * size * FINE
        outline = ribbon(line, width * (1 - u**2) + 0.6)
        pen.polygon([(a, b) for a, b in outline.tolist()], fill=255)
    soft = layer.filter(ImageFilter.BoxBlur(rng.uniform(0.2, 0.008 * size + 0.3) * FINE))
    cover = np.asarray(soft.reduce(FINE), np.float32) / np.float32(255)
    return cover, rng.uniform((0.26, 0.36, 0.12), (0.60, 0.60, 0.30))


def _ground(
    picture: Floats, horizon: float, tone: NDArray[np.float64], grain: Floats, haze: float
) -> None:
    """Ground below the horizon, paler towards it."""
    size = len(picture)
    down = _rows(size) - np.float32(horizon)
    cover = smooth(-1.2 / size, 1.2 / size, down)[:, None, None]
    far = np.exp(-np.clip(down, 0, 1) / 0.12)[:, None, None] * np.float32(haze)
    sky = picture[max(0, min(size - 1, int(horizon * size) - 2))].mean(0)
    colour = tone.astype(np.float32) * (1 + grain)[..., None]
    colour = colour + far * (0.5 * (sky + 0.6) - colour)
    picture += cover * (colour - picture)


def _band(
    picture: Floats, far: float, near: float, tone: NDArray[np.float64], grain: Floats | float
) -> None:
    """A stripe across the ground."""
    size = len(picture)
    begun, ended = (smooth(at - 1 / size, at + 1 / size, _rows(size)) for at in (far, near))
    cover = (begun * (1 - ended))[:, None, None]
    colour = tone.astype(np.float32) * np.asarray(1 + grain, np.float32)[..., None]
    picture += cover * (colour - picture)


def _hills(picture: Floats, horizon: float, rng: Rng) -> None:
    """Two rows of hills, the farther one paler."""
    size = len(picture)
    for height, share in ((rng.uniform(0.03, 0.14), 0.45), (rng.uniform(0.01, 0.06), 0.7)):
        ridge = horizon - height * np.clip(0.6 + 0.5 * _profile(size, 4, rng), 0, 2)
        cover = np.float32(share) * _below(ridge)
        tone = rng.uniform((0.28, 0.34, 0.36), (0.46, 0.50, 0.54)).astype(np.float32)
        picture += cover * (tone - picture)


def _trees(picture: Floats, horizon: float, rng: Rng) -> None:
    """A line of trees at the horizon."""
    size = len(picture)
    height = rng.uniform(0.02, 0.08)
    shape = 0.7 + 0.25 * _profile(size, 9, rng) + 0.12 * _profile(size, 40, rng)
    top = horizon - height * np.clip(shape, 0.1, 2)
    tone = rng.uniform((0.16, 0.22, 0.12), (0.32, 0.38, 0.24)).astype(np.float32)
    leaves = tone * (1 + 0.18 * noise(size, rng, (40, 40), 2))[..., None]
    picture += _below(top) * (leaves - picture)


def _buildings(picture: Floats, horizon: float, rng: Rng) -> None:
    """Hangars with doors, and a terminal with a row of windows, out of focus."""
    size = len(picture)
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    base = horizon * size + 1
    x = rng.uniform(-0.2, 0.2) * size
    while x < size:
        wide, high = rng.uniform(0.12, 0.40) * size, rng.uniform(0.03, 0.11) * size
        tone = rng.uniform(0.42, 0.82) + rng.normal(0, 0.04, 3)
        ink, dark = (tuple(int(255 * c) for c in np.clip(t, 0, 1)) for t in (tone, 0.6 * tone))
        if rng.random() < 0.5:
            roof = base - 1.35 * high
            outline = [(x, base), (x, base - high), (x + wide / 2, roof)]
            outline += [(x + wide, base - high), (x + wide, base)]
            pen.polygon(outline, fill=ink)
            pen.rectangle((x + 0.2 * wide, base - 0.8 * high, x + 0.8 * wide, base), fill=dark)
        else:
            pen.rectangle((x, base - high, x + wide, base), fill=ink)
            pen.rectangle((x, base - 0.75 * high, x + wide, base - 0.4 * high), fill=dark)
        x += wide + rng.uniform(0.0, 0.35) * size
    soft = image.filter(ImageFilter.BoxBlur(rng.uniform(0.0, 0.006) * size))
    picture[:] = np.asarray(soft, np.float32) / np.float32(255)


def _rows(size: int) -> Floats:
    """Each row's place as a share of the height."""
    return np.asarray((np.arange(size) + 0.5) / size, np.float32)


def _below(ridge: NDArray[np.floating]) -> Floats:
    """Cover `[size, size, 1]` of what lies below a curve `[size]`, soft by a pixel."""
    size = len(ridge)
    down = np.asarray(_rows(size)[:, None] - ridge[None], np.float32)
    return smooth(-1.2 / size, 1.2 / size, down)[..., None]


def _profile(size: int, cells: int, rng: Rng) -> Floats:
    """A smooth curve `[size]` of about unit spread."""
    knots = rng.standard_normal((1, cells + 1), np.float32)
    wide = Image.fromarray(knots).resize((size, 1), Image.Resampling.BICUBIC)
    return np.asarray(wide, np.float32)[0] * np.float32(1.4)
