"""From a photograph to a network's input: resize, crop, flip, normalise.

ccfr preprocesses "each image to size 448x448" (section 4.2), focus gives its images that size
(section 4.2), and neither says how a picture of other proportions becomes a square; so the frame
is an option, `fgnb.data.frame.Frame`. In training the crop lies at random where a frame leaves
room, and half of the pictures are mirrored; every random choice is a function of
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

from fgnb.data.frame import PAPER_RATIO, Frame
from fgnb.data.limits import check_aspect

TEST_FRAME = Frame()
TRAIN_FRAME = Frame(crop_ratio=PAPER_RATIO)


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
    """Resize as the frame says, crop the centre, normalise; then maybe flip."""

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    frame: Frame
    flip: bool

    def __call__(self, image: Image.Image) -> Tensor:
        """float32 Tensor[3, size, size] of an RGB image."""
        return normalise(self.framed(image), self.mean, self.std)

    def framed(self, image: Image.Image) -> Image.Image:
        """The square that the network sees, before it is normalised.

        Raises:
            ValueError: a picture too thin, `fgnb.data.limits.check_aspect`.
        """
        resized = _resized(image, self.size, self.frame, self.interpolation)
        crop = F.center_crop(resized, [self.size, self.size])
        return F.horizontal_flip(crop) if self.flip else crop


@dataclass(frozen=True)
class TrainTransform:
    """Resize as the frame says, crop and flip at random, normalise."""

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    frame: Frame
    flip: bool

    def __call__(self, image: Image.Image, *, seed: tuple[int, ...]) -> Tensor:
        """float32 Tensor[3, size, size]; crop and flip are a function of `seed`.

        Args:
            image: RGB, of any size.
            seed: (seed, epoch, index), each 0 or more.
        """
        resized = _resized(image, self.size, self.frame, self.interpolation)
        left, top, flipped = self.window(resized.width, resized.height, seed=seed)
        crop = F.crop(resized, top, left, self.size, self.size)
        return normalise(F.horizontal_flip(crop) if flipped else crop, self.mean, self.std)

    def window(self, width: int, height: int, *, seed: tuple[int, ...]) -> tuple[int, int, bool]:
        """Left and top edge of the crop of a resized picture, and whether it is mirrored.

        Args:
            width: of the resized picture, pixels.
            height: of it.
            seed: as the picture is called with.
        """
        rng = np.random.default_rng(seed)
        left = int(rng.integers(width - self.size + 1))
        top = int(rng.integers(height - self.size + 1))
        return left, top, bool(rng.integers(2)) and self.flip

    def moved(self, size: tuple[int, int], *, seed: tuple[int, ...]) -> tuple[float, float, bool]:
        """How far the crop lies from the centre's, in its own pixels, and whether it is mirrored.

        Args:
            size: width and height of the picture itself, pixels.
            seed: as the picture is called with.

        Returns:
            (x, y, mirrored): what lies at ``p`` in the centre crop lies at ``p - (x, y)`` here,
            before mirroring.
        """
        width, height = self.frame.resized([size], self.size)[0].tolist()
        left, top, flipped = self.window(width, height, seed=seed)
        middle = np.round((np.array([width, height]) - self.size) / 2)
        return float(left - middle[0]), float(top - middle[1]), flipped


def eval_transform(
    size: int, info: InputInfo, *, frame: Frame = TEST_FRAME, flip: bool = False
) -> EvalTransform:
    """The transform of held-out and test images.

    Args:
        size: side of the input in pixels.
        info: what the weights expect.
        frame: how a picture becomes a square.
        flip: mirror the crop (for maps cached plain and flipped).

    Raises:
        ValueError: if size or interpolation is out of range.
    """
    _check(size, info)
    return EvalTransform(size, tuple(info.mean), tuple(info.std), info.interpolation, frame, flip)


def train_transform(
    size: int,
    info: InputInfo,
    *,
    frame: Frame = TRAIN_FRAME,
    flip: bool = True,
) -> TrainTransform:
    """The transform of training images; arguments as in `eval_transform`.

    `flip` mirrors half of the pictures; position and mirroring come from the seed that is given
    with each picture, (seed, epoch, index).
    """
    _check(size, info)
    return TrainTransform(size, tuple(info.mean), tuple(info.std), info.interpolation, frame, flip)


def _check(size: int, info: InputInfo) -> None:
    _check_side("size", size)
    _mode(info.interpolation)


def _check_side(name: str, side: int) -> None:
    if side < 1:
        raise ValueError(f"{name} is {side}, needs at least 1 pixel")


def _resized(image: Image.Image, size: int, frame: Frame, interpolation: str) -> Image.Image:
    """The picture at the sides that the frame gives it."""
    check_aspect(*image.size)
    width, height = frame.resized([image.size], size)[0].tolist()
    return F.resize(image, [height, width], _mode(interpolation))


def _mode(interpolation: str) -> InterpolationMode:
    modes = {mode.value: mode for mode in InterpolationMode}
    if interpolation not in ("bicubic", "bilinear", "nearest"):
        raise ValueError(f"interpolation is {interpolation!r}, needs bicubic, bilinear or nearest")
    return modes[interpolation]
