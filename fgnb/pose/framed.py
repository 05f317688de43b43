"""Keypoints where the network sees them: what localiser and classifier ask of a set's pictures."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fgnb.data import load_rgb
from fgnb.data.frame import Frames, frames_of
from fgnb.nn.backbones import NO_CUT
from fgnb.pose.flips import mirror_points


class FramedParts:
    """Of a stage: where its pictures and their keypoints lie, and its training samples.

    Attributes:
        pictures: the plain stage that reads the same pictures in the same frame.
    """

    pictures: Any

    @cached_property
    def frames(self) -> Frames:
        """Where every picture lies in the network's input."""
        images, spec = self.pictures.images, self.pictures.spec
        size, frame = spec.image_size, spec.framing
        return frames_of(images, range(len(images)), image_size=size, frame=frame)

    @cached_property
    def framed_points(self) -> np.ndarray:
        """All keypoints in pixels of the input, float64 ``[N, 15, 2]``."""
        return self.frames.points(self.pictures.images.parts)

    def frames_at(self, rows: np.ndarray) -> Frames:
        """Where some pictures lie."""
        return Frames(self.frames.size, self.frames.scale[rows], self.frames.offset[rows])

    def sample(self, epoch: int, index: int) -> tuple[Tensor, np.ndarray, np.ndarray, int]:
        """A training sample, flipped and cropped by its position alone.

        Args:
            epoch: which pass.
            index: position among the training images.

        Returns:
            What the network reads, its keypoints in pixels of that, ``[15, 2]``, which of them are
            visible, and the picture's position in the set.
        """
        of = self.pictures
        row = int(of.train_index[index])
        seed = (of.spec.seed, epoch, row)
        points, visible = self.framed_points[row], of.images.visible[row].copy()
        if of.spec.cut == NO_CUT:
            picture = load_rgb(of.images.path(row))
            *moved, flipped = of.augment.moved(picture.size, seed=seed)
            inputs, points = of.augment(picture, seed=seed), points - moved
        else:
            flipped = bool(np.random.default_rng(seed).integers(2))
            inputs = torch.from_numpy(np.array(of.cache.maps[row, int(flipped)]))
        if flipped:
            points, visible = mirror_points(points, visible, of.spec.image_size)
        return inputs, points, visible, row


class FramedSamples:
    """Training samples by ``(epoch, index)``: what a stage's ``of_sample`` makes of each."""

    def __init__(self, stage: Any) -> None:
        self.stage = stage

    def __len__(self) -> int:
        return len(self.stage.train_index)

    def __getitem__(self, position: tuple[int, int]) -> Any:
        return self.stage.of_sample(*self.stage.sample(*position))
