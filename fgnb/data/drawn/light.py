"""Light and camera: exposure, colour of the light, shadows, sharpness, noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from fgnb.data.drawn.backdrop import noise
from fgnb.data.drawn.canvas import Floats

Rng = np.random.Generator


def sun(rng: Rng) -> NDArray[np.float64]:
    """Unit vector towards the light, view coordinates: from above, from either side."""
    direction = np.array([rng.uniform(-0.8, 0.8), rng.uniform(0.45, 1.0), rng.uniform(0.35, 0.9)])
    return direction / np.linalg.norm(direction)


def expose(picture: Floats, rng: Rng, dapple: float = 0.35) -> NDArray[np.uint8]:
    """The finished picture, uint8[size, size, 3], of a scene; a share `dapple` in broken shade."""
    size = len(picture)
    light = np.full((size, size), rng.uniform(0.74, 1.22), np.float32)
    ramp = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    across, down = rng.normal(0, 0.14, 2).astype(np.float32)
    light *= 1 + across * ramp[None, :] + down * ramp[:, None]
    dappled, depth, amount = rng.random() < dapple, rng.uniform(0.15, 0.42), rng.uniform(-0.3, 0.8)
    if dappled:
        shadow = np.clip(noise(size, rng, (3, 3), 2) * 1.5 + amount, 0, 1)
        light *= 1 - np.float32(depth) * shadow
    cast = 1 + np.clip(rng.normal(0, 0.055, 3), -0.12, 0.12)
    values = picture * (light[..., None] * cast.astype(np.float32))
    contrast, haze = rng.uniform(0.85, 1.1), rng.uniform(0.0, 0.06)
    values = (values - 0.45) * np.float32(contrast) + np.float32(0.45 + haze)
    grain = np.float32(rng.uniform(0.004, 0.028))
    values += grain * rng.standard_normal(values.shape, np.float32)
    pixels = (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
    blur = rng.uniform(0, 0.0042) * size
    if blur < 0.2:
        return pixels
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.BoxBlur(blur)))
