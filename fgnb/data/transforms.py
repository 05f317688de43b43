"""From a photograph to a network's input: resize, crop, flip, normalise.

All four papers resize to 600, crop 448 at random and flip in training, and crop the centre at
test. Here that ratio is an option, and every random choice is a function of
(seed, epoch, index), so that a resumed training sees the pictures it would have seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

PAPER_RATIO = 448 / 600
"""Crop over resized shorter side in the four papers."""


class InputInfo(Protocol):
    """What a set of weights expects: mean and std on the 0..1 scale, and the interpolation."""

    @property
    def mean(self) -> tuple[float, ...]:
        """Per channel, to be subtracted."""

    @property
    def std(self) -> tuple[float, ...]:
        """Per channel, to be divided by."""

    @property
    def interpolation(self) -> str:
        """One of "bicubic", "bilinear" and "nearest"."""


def normalise(image: Image.Image, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """float32 Tensor[3, H, W] of an RGB image: (x / 255 - mean) / std."""
    scaled = F.to_dtype(F.to_image(image), torch.float32, scale=True)
    return F.normalize(scaled, list(mean), list(std)).as_subclass(Tensor)


def to_input(
    image: Image.Image,
    size: int,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    interpolation: str = "bicubic",
) -> Tensor:
    """Resize a whole RGB image, or a crop of one, to a square and normalise it.

    Args:
        image: of any size; its aspect ratio is not kept.
        size: side of the result in pixels.
        mean: per channel, on the 0..1 scale.
        std: per channel, on the 0..1 scale, over 0.
        interpolation: "bicubic", "bilinear" or "nearest"; antialiased but for the last.

    Returns:
        float32 Tensor[3, size, size].
    """
    _check_side("size", size)
    return normalise(F.resize(image, [size, size], _mode(interpolation)), mean, std)


@dataclass(frozen=True)
class EvalTransform:
    """Resize the shorter side to size / crop_ratio, crop the centre, normalise; then maybe flip."""

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    crop_ratio: float
    flip: bool

    def __call__(self, image: Image.Image) -> Tensor:
        """float32 Tensor[3, size, size] of an RGB image."""
        return normalise(self.frame(image), self.mean, self.std)

    def frame(self, image: Image.Image) -> Image.Image:
        """The square that the network sees, before it is normalised."""
        resized = _resized(image, self.size, self.crop_ratio, self.interpolation)
        crop = F.center_crop(resized, [self.size, self.size])
        return F.horizontal_flip(crop) if self.flip else crop


@dataclass(frozen=True)
class TrainTransform:
    """Resize the shorter side to size / crop_ratio, crop and flip at random, normalise."""

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    crop_ratio: float
    flip: bool

    def __call__(self, image: Image.Image, *, seed: tuple[int, ...]) -> Tensor:
        """float32 Tensor[3, size, size]; crop and flip are a function of `seed`.

        Args:
            image: RGB, of any size.
            seed: (seed, epoch, index), each 0 or more.
        """
        resized = _resized(image, self.size, self.crop_ratio, self.interpolation)
        rng = np.random.default_rng(seed)
        left = int(rng.integers(resized.width - self.size + 1))
        top = int(rng.integers(resized.height - self.size + 1))
        flipped = bool(rng.integers(2)) and self.flip
        crop = F.crop(resized, top, left, self.size, self.size)
        return normalise(F.horizontal_flip(crop) if flipped else crop, self.mean, self.std)


def eval_transform(
    size: int, info: InputInfo, *, crop_ratio: float = 0.875, flip: bool = False
) -> EvalTransform:
    """The transform of held-out and test images.

    Args:
        size: side of the input in pixels.
        info: what the weights expect.
        crop_ratio: size over the resized shorter side, in (0, 1]; `PAPER_RATIO` for the papers'.
        flip: mirror the crop (for maps cached plain and flipped).

    Raises:
        ValueError: if size, crop_ratio or the interpolation is out of range.
    """
    _check(size, crop_ratio, info)
    return EvalTransform(
        size, tuple(info.mean), tuple(info.std), info.interpolation, crop_ratio, flip
    )


def train_transform(
    size: int,
    info: InputInfo,
    *,
    crop_ratio: float = PAPER_RATIO,
    flip: bool = True,
) -> TrainTransform:
    """The transform of training images; arguments as in `eval_transform`.

    `flip` mirrors half of the pictures; position and mirroring come from the seed that is given
    with each picture, (seed, epoch, index).
    """
    _check(size, crop_ratio, info)
    return TrainTransform(
        size, tuple(info.mean), tuple(info.std), info.interpolation, crop_ratio, flip
    )


def _check(size: int, crop_ratio: float, info: InputInfo) -> None:
    _check_side("size", size)
    if not 0.0 < crop_ratio <= 1.0:
        raise ValueError(f"crop_ratio is {crop_ratio}, needs a number over 0 and at most 1")
    _mode(info.interpolation)


def _check_side(name: str, side: int) -> None:
    if side < 1:
        raise ValueError(f"{name} is {side}, needs at least 1 pixel")


def _resized(image: Image.Image, size: int, crop_ratio: float, interpolation: str) -> Image.Image:
    """The picture with its shorter side at ``size / crop_ratio``."""
    return F.resize(image, [max(size, int(size / crop_ratio + 0.5))], _mode(interpolation))


def _mode(interpolation: str) -> InterpolationMode:
    modes = {mode.value: mode for mode in InterpolationMode}
    if interpolation not in ("bicubic", "bilinear", "nearest"):
        raise ValueError(f"interpolation is {interpolation!r}, needs bicubic, bilinear or nearest")
    return modes[interpolation]
