"""The stages ``pose/localiser-head`` and ``pose/localiser``: phases 1 and 2 of section 3.4."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fgnb import training
from fgnb.baselines.plain import PlainStage
from fgnb.baselines.start import check_start
from fgnb.data import ImageSet
from fgnb.metrics.keypoints import pck
from fgnb.nn.maps import seeded_backbone
from fgnb.nn.weight_files import read_tensors
from fgnb.nn.weights import weight_file
from fgnb.pose.decode import decode
from fgnb.pose.framed import FramedParts, FramedSamples
from fgnb.pose.localiser import Localiser, load_fc_layers
from fgnb.pose.loss import keypoint_loss
from fgnb.pose.spec import LocaliserSpec
from fgnb.pose.targets import inside, keypoint_targets
from fgnb.training.schedule import sgd

ALPHA = 0.1
"""Of the held-out figure that follows a training."""
Batch = tuple[Tensor, Tensor, Tensor]


class LocaliserModule(nn.Module):
    """The network, its loss, and an optimiser over what its phase trains."""

    def __init__(self, model: Localiser, spec: LocaliserSpec, epoch_steps: int) -> None:
        super().__init__()
        self.model, self.spec, self.epoch_steps = model, spec, epoch_steps
        if spec.phase == "head":
            model.backbone.requires_grad_(False)
            if spec.fc_start == "pretrained":
                model.head.fc6.requires_grad_(False)
                model.head.fc7.requires_grad_(False)
        else:
            model.backbone.normalise_by(spec.batch_norm)

    def forward(self, images: Tensor) -> Tensor:
        """Pictures ``Tensor[B, 3, H, W]`` -> scores ``Tensor[B, 15, h, w]`` before the sigmoid."""
        return self.model(images)

    def train(self, mode: bool = True) -> LocaliserModule:
        """Training mode, but for features that stay fixed."""
        super().train(mode)
        if self.spec.phase == "head":
            self.model.backbone.eval()
        return self

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """The cross-entropy of (inputs, points in pixels of the input, visible)."""
        inputs, points, visible = batch
        spec = self.spec
        targets = keypoint_targets(points, visible, spec.cells, image_size=spec.image_size)
        scores = self.model.score(inputs)
        return {"loss": keypoint_loss(scores, targets, positive_weight=spec.positive_weight)}

    def configure_optimizers(self) -> dict[str, Any]:
        """SGD over what the phase trains."""
        free = [p for p in self.parameters() if p.requires_grad]
        return sgd([{"params": free}], self.spec, self.epoch_steps)


class LocaliserStage(FramedParts):
    """A phase as a stage; ``name`` and the recipe are the caller's.

    Args:
        images: the image set, with 15 parts.
        spec: what the weights depend on.
        weights: ``imagenet``, ``random`` or a file.
        name: ``pose/localiser-head`` or ``pose/localiser``.
        start: the stage of the first phase, trained first where the store lacks its run; None where
            ``spec.start`` is None.
        workers: processes that read and augment pictures.

    Raises:
        ValueError: a set without the parts, or a start that the spec doesn't name.
    """

    modules: tuple[str, ...] = ("fgnb.pose.localiser_stage",)

    def __init__(
        self,
        images: ImageSet,
        spec: LocaliserSpec,
        weights: str,
        name: str,
        *,
        start: LocaliserStage | None = None,
        workers: int = 0,
    ) -> None:
        check_start(start, spec)
        if images.parts.shape[1] != 15:
            raise ValueError(
                f"images are {images.title}, which have {images.parts.shape[1]} parts; the "
                "localiser needs the 15 of CUB-200-2011"
            )
        self.images, self.spec, self.weights, self.name = images, spec, weights, name
        self.start, self.data_fingerprint = start, images.fingerprint
        shared: Any = spec  # which has all fields that reading pictures asks for
        self.pictures = PlainStage(images, shared, weights, name, workers=workers)
        self.train_index, self.query_index = self.pictures.train_index, self.pictures.query_index

    def data(self) -> training.TrainingData:
        """Batches in an order of ``(seed, epoch)``; the last incomplete one is kept."""
        return replace(self.pictures.data(), dataset=FramedSamples(self))

    def of_sample(
        self, inputs: Tensor, points: np.ndarray, visible: np.ndarray, row: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """A training sample: input, points in its pixels, visibility."""
        return inputs, torch.from_numpy(points.astype(np.float32)), torch.from_numpy(visible)

    def module(self) -> LocaliserModule:
        """The pretrained backbone with a fresh head, or what the first phase ended with."""
        spec = self.spec
        backbone = seeded_backbone(spec.backbone, self.weights, cut=spec.cut, seed=spec.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(spec.seed)
            model = localiser_of(backbone, spec)
        if self.start is None and spec.fc_start == "pretrained":
            state = read_tensors(weight_file(spec.backbone, self.weights))
            load_fc_layers(model.head, state)
        module = LocaliserModule(model, spec, math.ceil(len(self.train_index) / spec.batch_size))
        if self.start is not None:
            training.fit(self.start, progress=False).load_weights(module)
        return module

    def validate(self, module: LocaliserModule) -> dict[str, float]:
        """Mean PCK of held-out images after an epoch; nothing where test would be read."""
        if self.spec.fold == "all":
            return {}
        found = self.predict(module)
        true, visible, boxes = (found[f"query_{name}"] for name in ("true", "visible", "boxes"))
        figures = {}
        for name in ("points", "refined"):
            by_part = pck(found[f"query_{name}"], true, visible, boxes, ALPHA)
            figures[f"held_out_pck_{name}"] = float(np.nanmean(by_part))
        return figures

    def predict(self, module: LocaliserModule) -> dict[str, np.ndarray]:
        """Where the keypoints of the queries are found, and where they are.

        Points and boxes are in continuous pixels of the picture itself, (x, y).

        Keys: ``query_ids``, ``query_labels``, ``query_cells[Q, 15, 2]`` (arg-max, column and row),
        ``query_points[Q, 15, 2]`` (its centre), ``query_refined[Q, 15, 2]`` (with a part of a
        cell), ``query_scores[Q, 15]`` (probability to be visible), ``query_true[Q, 15, 2]``,
        ``query_visible[Q, 15]``, ``query_boxes[Q, 4]`` (the bird), ``query_scale[Q, 2]`` and
        ``query_offset[Q, 2]`` (of `fgnb.data.frame.Frames`: where the picture lies in the input).
        """
        images, query = self.images, self.query_index
        decoded = [decode(scores) for scores in self._scores(module, query)]
        cells, refined, visible = (torch.cat(parts) for parts in zip(*decoded, strict=True))
        own, grid = self.frames_at(query), self.spec.cells
        return {
            "query_ids": images.ids[query],
            "query_labels": images.labels[query],
            "query_cells": cells.numpy().astype(np.int16),
            "query_points": own.points_back(grid.pixels(cells)).astype(np.float32),
            "query_refined": own.points_back(grid.pixels(refined)).astype(np.float32),
            "query_scores": visible.numpy(),
            "query_true": images.parts[query],
            "query_visible": images.visible[query],
            "query_boxes": images.boxes[query],
            "query_scale": own.scale,
            "query_offset": own.offset,
        }

    def score_maps(self, run: training.Run, rows: np.ndarray) -> Tensor:
        """The score maps of a run on some pictures of the set, before the sigmoid.

        Args:
            run: of this stage.
            rows: positions in the set.
        """
        module = self.module()
        run.load_weights(module)
        return torch.cat(list(self._scores(module, np.asarray(rows))))

    def outside(self) -> np.ndarray:
        """Which visible keypoints of the set the frame has cut off: bool ``[N, 15]``."""
        kept = inside(torch.from_numpy(self.framed_points), self.spec.image_size)
        return self.images.visible & ~kept.numpy()

    @torch.inference_mode()
    def _scores(self, module: LocaliserModule, rows: np.ndarray) -> Iterator[Tensor]:
        """Score maps of ``rows``, plain view, in evaluation mode, some at a time."""
        was_training = module.training
        module.eval()
        place = next(module.parameters()).device
        for inputs in self.pictures._inputs(rows, 32):
            yield module.model.score(inputs.to(place)).cpu()
        module.train(was_training)


def localiser_of(backbone: Any, spec: LocaliserSpec) -> Localiser:
    """The network that a spec describes, its head at random."""
    return Localiser(
        backbone,
        spec.grid,
        channels=spec.channels,
        kernel=spec.kernel,
        prior=spec.prior,
        dropout=spec.dropout,
    )
