"""The colours of head and torso, marks included, as a function of the place on the bird.

Base colours run softly into each other; marks have sharp edges. Marks of the head are caps and
bands on a sphere whose x axis lies along the bill.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgnb.data.drawn.canvas import Floats, smooth
from fgnb.data.drawn.families import Colour
from fgnb.data.drawn.pose import Pose
from fgnb.data.drawn.species import Look
from fgnb.data.drawn.surface import Surface

EYE = np.array([0.53, 0.20, 0.824])
"""Direction of the right eye from the head's centre, head frame; the left one's z is negative."""


def albedo(surface: Surface, look: Look, pose: Pose) -> Floats:
    """Colour `[H, W, 3]` of the surface before light."""
    body = surface.points @ pose.body.astype(np.float32)
    centre = (pose.body @ pose.head_at).astype(np.float32)
    radius = np.float32(look.family.build.head)
    colour = _torso(body, look)
    rows, columns = (np.flatnonzero((surface.head > 0.25).any(axis)) for axis in (1, 0))
    if len(rows):
        place = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        head = (surface.points[place] - centre) @ (pose.head / radius).astype(np.float32)
        share = smooth(0.25, 0.75, surface.head[place])[..., None]
        colour[place] = _mix(colour[place], _head(head, look), share)
    return colour * _barbs(body)[..., None]


def _torso(at: Floats, look: Look) -> Floats:
    plumage, depth = look.plumage, look.family.build.depth
    x, y, z = at[..., 0], at[..., 1] / np.float32(depth), at[..., 2]
    front = smooth(-0.12, 0.26, x)[..., None]
    colour = _mix(_rgb(plumage.belly), _rgb(plumage.breast), front)
    upper = smooth(-0.02, 0.45, y + 0.25 * x)
    colour = _mix(colour, _rgb(plumage.back), upper[..., None])
    lower = 1 - smooth(0.15, 0.40, y)
    if size := look.size("breast_streaks"):
        row = np.arctan2(z, -at[..., 1]) * np.float32(2.6)
        along = x * np.float32(8.5) + np.floor(row + 0.5) % 2 * np.float32(0.5)
        across = np.abs(row - np.floor(row + 0.5))
        length = along - np.floor(along)
        width = np.float32(0.26 * size) * np.sqrt(np.clip(length * (1.05 - length), 0, 1)) * 2
        streak = smooth(-0.05, 0.05, width - across) * smooth(-0.16, -0.06, x)
        streak *= smooth(0.30, 0.55, np.hypot(y, z / np.float32(depth)))
        colour = _mix(colour, _rgb(plumage.dark), (0.85 * streak * lower)[..., None])
    if size := look.size("breast_band"):
        off = np.abs(x - np.float32(0.30) - np.float32(0.10) * np.minimum(y, 0))
        band = (1 - smooth(0.042 * size - 0.012, 0.042 * size + 0.012, off)) * lower
        colour = _mix(colour, _rgb(plumage.dark), band[..., None])
    return colour


def _head(at: Floats, look: Look) -> Floats:
    plumage = look.plumage
    length = np.sqrt(np.einsum("...i,...i->...", at, at))
    to = at / np.maximum(length, 1e-3)[..., None]
    x, y = to[..., 0], to[..., 1]
    colour = _mix(_rgb(plumage.throat), _rgb(plumage.cheek), smooth(-0.55, -0.25, y)[..., None])
    colour = _mix(colour, _rgb(plumage.crown), smooth(0.12, 0.45, y - 0.35 * x)[..., None])
    caps = (
        ("throat_patch", plumage.dark, ((0.66, -0.75, 0.0),), 40),
        ("cheek_patch", plumage.pale, ((-0.05, -0.22, 0.97), (-0.05, -0.22, -0.97)), 25),
        ("crown_patch", plumage.bright, ((0.10, 0.99, 0.0),), 44),
        ("nape_spot", plumage.bright, ((-0.90, 0.42, 0.0),), 38),
    )
    for mark, tone, places, angle in caps:
        if size := look.size(mark):
            cap = np.maximum.reduce([_cap(to, place, angle * size) for place in places])
            colour = _mix(colour, _rgb(tone), cap[..., None])
    side = np.abs(to[..., 2])
    if size := look.size("eye_stripe"):
        off = np.abs(y - np.float32(EYE[1]) + np.float32(0.22) * (np.float32(EYE[0]) - x))
        band = 1 - smooth(0.13 * size - 0.04, 0.13 * size + 0.04, off)
        band *= smooth(-0.75, -0.6, x) * smooth(0.15, 0.3, side)
        colour = _mix(colour, _rgb(plumage.dark), band[..., None])
    if size := look.size("eye_ring"):
        folded = np.stack([x, y, side], axis=-1)
        ring = _cap(folded, tuple(EYE), 11 + 6 * size)
        colour = _mix(colour, _rgb(plumage.pale), ring[..., None])
    return colour


def _cap(to: Floats, place: tuple[float, ...], degrees: float) -> Floats:
    """1 within `degrees` of a direction, with an edge of a few degrees."""
    centre = np.asarray(place, np.float32) / np.float32(np.linalg.norm(place))
    low, high = (np.cos(np.radians(min(degrees + d, 175))) for d in (3.5, -3.5))
    return smooth(float(low), float(high), to @ centre)


def _barbs(at: Floats) -> Floats:
    """A fine grain of feathers, fixed to the body."""
    tile = _grain()
    angle = np.arctan2(at[..., 2], -at[..., 1])
    column = (at[..., 0] * np.float32(110)).astype(np.int32) & 255
    row = (angle * np.float32(40)).astype(np.int32) & 255
    return tile[row, column]


@lru_cache(maxsize=1)
def _grain() -> NDArray[np.float32]:
    rng = np.random.Generator(np.random.Philox(20110))
    noise = rng.normal(0, 1, (256, 64)).astype(np.float32)
    coarse = rng.normal(0, 1, (64, 32)).astype(np.float32)
    grain = np.zeros((256, 256), np.float32)
    for layer, share in ((noise, 0.045), (coarse, 0.05)):
        wide = Image.fromarray(layer).resize((256, 256), Image.Resampling.BICUBIC)
        grain += np.asarray(wide) * np.float32(share)
    return 1 + grain


def _mix(a: Floats, b: Floats, t: Floats) -> Floats:
    return a + (b - a) * t


def _rgb(colour: Colour) -> Floats:
    return np.asarray(colour, np.float32)
