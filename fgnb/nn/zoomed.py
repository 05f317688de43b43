"""Images as a region model reads them: the whole at one size, a larger source to zoom into.

With the trunk frozen (``cut`` above 1) the whole comes as its cached map, plain or flipped, and
the source as bytes; with ``cut=1`` one augmented picture is both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from fgnb import progress
from fgnb.data import ImageSet, load_rgb
from fgnb.data.transforms import eval_transform, train_transform
from fgnb.nn.backbones import NO_CUT, Backbone
from fgnb.nn.maps import TrunkMaps, batches, trunk_maps
from fgnb.nn.weights import WeightsInfo, weights_info
from fgnb.nn.zoom import source_pictures, zoom


class ZoomedBatch(NamedTuple):
    """A batch of images, with the larger pictures that regions are zoomed from.

    Attributes:
        inputs: trunk maps ``Tensor[B, D, h, w]``; with ``cut=1`` normalised pictures at the
            source's size.
        sources: bytes ``Tensor[B, 3, S, S]``; with ``cut=1`` nothing, ``inputs`` are the source.
        rows: places in the image set, ``Tensor[B]``.
        targets: classes, ``Tensor[B]``.
        views: how the picture lies to its plain view, ``Tensor[B, 3]``: x and y that it is moved
            by, in pixels of the whole's frame, and 1 where it is mirrored after that.
    """

    inputs: Tensor
    sources: Tensor
    rows: Tensor
    targets: Tensor
    views: Tensor

    def to(self, device: torch.device) -> ZoomedBatch:
        """The same batch on ``device``."""
        return ZoomedBatch(*(part.to(device) for part in self))


@dataclass(frozen=True)
class Sizes:
    """Pixels of the whole (``image``), the source (``source``) and a zoomed region (``crop``)."""

    image: int
    source: int
    crop: int

    def __post_init__(self) -> None:
        for name in ("image", "source", "crop"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it should be at least 1")
        if self.source < self.image:
            raise ValueError(
                f"source is {self.source}, under image, {self.image}; regions are cut from a "
                "picture at least as large as the whole"
            )


class ZoomedImages:
    """An image set in one fold, as training samples and as batches of any rows.

    Attributes:
        train_index, query_index: rows of the fold's training images and of its queries: the
            held-out fifth for ``held-out``, the test images for ``all``.
    """

    def __init__(self, images: ImageSet, weights: str, spec: Any) -> None:
        """Read ``images`` as ``spec`` says; arrays are computed or opened at first use.

        Args:
            images: the image set.
            weights: ``imagenet``, ``random`` or a file.
            spec: a stage's, with backbone, sizes, framing, cut, fold, fold_seed, seed, threads.

        Raises:
            ValueError: an unknown fold, or sizes that don't fit.
        """
        self.images, self.weights, self.spec = images, weights, spec
        self.sizes: Sizes = spec.sizes
        self.info: WeightsInfo = weights_info(spec.backbone, weights)
        self.train_index, self.query_index = images.fold(spec.fold, spec.fold_seed)
        self._augment = train_transform(self.sizes.source, self.info, frame=spec.framing)

    @cached_property
    def cache(self) -> TrunkMaps:
        """Maps of the frozen trunk."""
        return trunk_maps(
            self.images,
            self.spec.backbone,
            self.weights,
            size=self.sizes.image,
            frame=self.spec.framing,
            cut=self.spec.cut,
            seed=self.spec.seed,
            threads=self.spec.threads,
        )

    @cached_property
    def sources(self) -> np.ndarray:
        """Larger pictures, bytes."""
        return source_pictures(
            self.images,
            self.info,
            size=self.sizes.source,
            frame=self.spec.framing,
            threads=self.spec.threads,
        )

    def __len__(self) -> int:
        return len(self.train_index)

    def __getitem__(self, position: tuple[int, int]) -> ZoomedBatch:
        """The training sample at ``(epoch, index)``; flip and crop are a function of it."""
        epoch, index = position
        row = int(self.train_index[index])
        place, target = torch.tensor(row), torch.tensor(int(self.images.labels[row]))
        if self.spec.cut == NO_CUT:
            picture = load_rgb(self.images.path(row))
            seed = (self.spec.seed, epoch, row)
            x, y, mirrored = self._augment.moved(picture.size, seed=seed)
            scale = self.sizes.image / self.sizes.source
            moved = torch.tensor([x * scale, y * scale, float(mirrored)])
            whole = self._augment(picture, seed=seed)
            return ZoomedBatch(whole, torch.empty(0), place, target, moved)
        view = int(np.random.default_rng((self.spec.seed, epoch, row)).integers(2))
        source = self.sources[row][..., ::-1] if view else self.sources[row]
        return ZoomedBatch(
            torch.from_numpy(np.array(self.cache.maps[row, view])),
            torch.from_numpy(np.array(source)),
            place,
            target,
            torch.tensor([0.0, 0.0, float(view)]),
        )

    def batches(self, rows: np.ndarray, size: int = 32) -> Iterator[ZoomedBatch]:
        """``rows`` in order, plain view, ``size`` at a time."""
        labels = torch.from_numpy(np.array(self.images.labels))
        if self.spec.cut == NO_CUT:
            transform = eval_transform(self.sizes.source, self.info, frame=self.spec.framing)
            for start, pictures in batches(self.images, transform, size, rows):
                chosen = torch.from_numpy(rows[start : start + size])
                plain = torch.zeros(len(chosen), 3)
                yield ZoomedBatch(pictures, torch.empty(0), chosen, labels[chosen], plain)
            return
        starts = range(0, len(rows), size)
        for start in progress.track(starts, "picture", len(rows), size=size):
            some = rows[start : start + size]
            place = torch.from_numpy(some)
            maps = torch.from_numpy(self.cache.maps[some, 0])
            sources, plain = torch.from_numpy(self.sources[some]), torch.zeros(len(some), 3)
            yield ZoomedBatch(maps, sources, place, labels[place], plain)


class Extractor:
    """What one shared network sees of a batch: the whole image's maps, and those of regions.

    ``micro_batch`` regions go through the network at a time, and again on the way back: memory
    for theirs alone, the same gradient, where batch normalisation uses its stored statistics
    (`fgnb.nn.backbones.check_batch_norm` refuses the other).
    """

    def __init__(
        self, backbone: Backbone, sizes: Sizes, cut: int, micro_batch: int | None = None
    ) -> None:
        self.backbone, self.sizes, self.cut, self.micro_batch = backbone, sizes, cut, micro_batch

    def whole(self, inputs: Tensor, strides: Sequence[int] = (16, 32)) -> list[Tensor]:
        """Maps of the whole image at two strides, finer first: ``Tensor[B, D, h, w]`` each.

        With a frozen trunk ``inputs`` are its maps, so the cut is no coarser than the finer stride.
        """
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        if self.cut == NO_CUT:
            side = self.sizes.image
            if inputs.shape[-1] != side:
                inputs = F.interpolate(inputs, (side, side), mode="bilinear", antialias=True)
            found = self.backbone.maps(inputs, strides)
            return [found[stride] for stride in strides]
        if self.cut > strides[0]:
            raise ValueError(
                f"cut is {self.cut}, needs {strides[0]} at most, the finer map's stride"
            )
        found = self.backbone.maps_above(inputs, strides)
        return [found[stride] for stride in strides]

    def regions(self, batch: ZoomedBatch, boxes: Tensor) -> Tensor:
        """Last maps of zoomed regions.

        Args:
            batch: the images.
            boxes: ``Tensor[B, K, 4]`` in the frame of the whole.

        Returns:
            ``Tensor[B, K, D, h, w]``.
        """
        sources = batch.inputs if self.cut == NO_CUT else batch.sources
        crops = zoom(
            sources,
            boxes,
            image_size=self.sizes.image,
            size=self.sizes.crop,
            info=self.backbone.info,
        )
        if self.micro_batch is None:
            maps = self.backbone(crops)
        else:
            parts = crops.split(self.micro_batch)
            maps = torch.cat([checkpoint(self.backbone, p, use_reentrant=False) for p in parts])
        return maps.unflatten(0, (len(boxes), boxes.shape[1]))
