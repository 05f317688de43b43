"""A set's frozen maps with its keypoints in their cells: what sections 3.2 and 3.5 are tried on.

Nothing here is trained, so a difference is that of the pooling alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fgnb.data import ImageSet
from fgnb.data.frame import Frame, frames_of
from fgnb.data.setframe import kind_for
from fgnb.nn.backbones import Backbone
from fgnb.nn.maps import TrunkMaps, seeded_backbone, trunk_maps
from fgnb.presets import Preset

CUT = 16
"""Stride of the map that is pooled at keypoints: the finest that still holds a part's context."""
CROP_RATIO = 0.875


@dataclass(frozen=True)
class FrozenSpec:
    """What frozen maps depend on, and which images are asked."""

    backbone: str
    weights: str
    image_size: int
    frame: str
    crop_ratio: float
    cut: int
    fold: str  # "held-out": four fifths of the training images teach, the other fifth is asked
    seed: int
    threads: int


class FrozenMaps:
    """Maps, keypoints and folds of an image set.

    Args:
        images: with keypoints.
        preset: gives the side of the input and the threads.
        backbone: a name that `fgnb.nn.backbones.create_backbone` knows.
        weights: ``imagenet``, ``random`` or a file.
        frame: a kind of `fgnb.data.frame.Frame`, or ``set``.
        seed: of random weights and of the held-out fifth.
        fold: ``held-out`` or ``all``, which asks the test images.
    """

    def __init__(
        self,
        images: ImageSet,
        preset: Preset,
        *,
        backbone: str,
        weights: str,
        frame: str,
        seed: int,
        fold: str = "held-out",
    ) -> None:
        self.images = images
        self.spec = FrozenSpec(
            backbone=backbone,
            weights=weights,
            image_size=preset.image_size,
            frame=kind_for(images, frame),
            crop_ratio=CROP_RATIO,
            cut=CUT,
            fold=fold,
            seed=seed,
            threads=preset.threads,
        )
        self.taught, self.asked = images.fold(fold, seed)

    @property
    def framing(self) -> Frame:
        """How a picture becomes the input."""
        return Frame(self.spec.frame, self.spec.crop_ratio)

    @cached_property
    def cache(self) -> TrunkMaps:
        """Maps at the cut, kept in the store."""
        spec = self.spec
        return trunk_maps(
            self.images,
            spec.backbone,
            spec.weights,
            size=spec.image_size,
            frame=self.framing,
            cut=spec.cut,
            seed=spec.seed,
            threads=spec.threads,
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of a map at the cut."""
        depth, height, width = self.cache.maps.shape[2:]
        return depth, height, width

    def maps(self, rows: NDArray[np.int64]) -> Tensor:
        """Maps at the cut: ``Tensor[n, D, h, w]``."""
        return torch.from_numpy(self.cache.maps[rows, 0])

    @cached_property
    def network(self) -> Backbone:
        """The backbone, frozen."""
        spec = self.spec
        return seeded_backbone(spec.backbone, spec.weights, cut=spec.cut, seed=spec.seed)

    @cached_property
    def points(self) -> NDArray[np.float64]:
        """Keypoints in cells of the map at the cut, ``[N, P, 2]``; nan where invisible.

        Those beyond the frame stay: the layer knows what to do with them.
        """
        every = range(len(self.images))
        frames = frames_of(self.images, every, image_size=self.spec.image_size, frame=self.framing)
        cells = frames.points(self.images.parts) * self.shape[2] / self.spec.image_size - 0.5
        return np.where(self.images.visible[..., None], cells, np.nan)

    @property
    def described(self) -> dict[str, Any]:
        """The spec as a record keeps it."""
        return asdict(self.spec)
