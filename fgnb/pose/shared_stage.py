"""The stage ``pose/shared``: one trunk under both losses, in place of phases 2 and 4.

It starts where the two networks do. The score layers are those of the first phase, on the
pretrained features; the classifier is the third phase's, a logistic regression on the same fixed
features at true keypoints. Then every layer above the cut is trained under both losses at once,
with the classifier's passes and rate. At test it pools the keypoints that it finds itself.
"""

from __future__ import annotations

import math
from dataclasses import fields
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fgnb import training
from fgnb.baselines.averaging import held_out_figures
from fgnb.baselines.logistic import Logistic
from fgnb.baselines.start import part_weights
from fgnb.data import ImageSet
from fgnb.metrics.keypoints import pck
from fgnb.pose.classifier_spec import ClassifierSpec
from fgnb.pose.classifier_stage import BATCH, ClassifierStage
from fgnb.pose.decode import decode
from fgnb.pose.localiser_stage import ALPHA, LocaliserStage, localiser_of
from fgnb.pose.shared import SharedModule
from fgnb.pose.shared_spec import SharedSpec

_ALIKE = ("backbone", "weights_sha256", "image_size", "frame", "crop_ratio", "cut", "seed")
"""Fields in which the run of the score layers has to be as this stage is."""


class SharedStage(ClassifierStage):
    """One trunk under both losses as a stage; ``name`` and the recipe are the caller's.

    Args:
        images: the image set, with 15 parts.
        spec: what the weights depend on.
        weights: ``imagenet``, ``random`` or a file.
        name: ``pose/shared``.
        localiser: the first phase, whose run gives the score layers; on the same pictures, network,
            fold and seed.
        workers: processes that read and augment pictures.

    Raises:
        ValueError: a localiser whose phase is not the first, or of other pictures or features.
    """

    modules = ("fgnb.pose.shared_stage",)
    spec: SharedSpec
    localiser: LocaliserStage

    def __init__(
        self,
        images: ImageSet,
        spec: SharedSpec,
        weights: str,
        name: str,
        *,
        localiser: LocaliserStage,
        workers: int = 0,
    ) -> None:
        super().__init__(images, spec, weights, name, localiser=localiser, workers=workers)
        if localiser.spec.phase != "head":
            raise ValueError(
                f"localiser is of the phase {localiser.spec.phase!r}, whose features are not the "
                "pretrained ones; give one of the phase 'head'"
            )
        for field in _ALIKE:
            own, other = getattr(spec, field), getattr(localiser.spec, field)
            if own != other:
                raise ValueError(f"{field} is {own!r}, and the localiser's is {other!r}")

    @cached_property
    def two_networks(self) -> ClassifierStage:
        """The classifier of the two networks, whose third phase this begins with."""
        own = {field.name: getattr(self.spec, field.name) for field in fields(ClassifierSpec)}
        return ClassifierStage(
            self.images, ClassifierSpec(**own), self.weights, self.name, localiser=self.localiser
        )

    @cached_property
    def features(self) -> tuple[np.ndarray, str]:
        """Of `two_networks`."""
        return self.two_networks.features

    @cached_property
    def logistic(self) -> Logistic:
        """Of `two_networks`."""
        return self.two_networks.logistic

    def of_sample(  # type: ignore[override]
        self, inputs: Tensor, points: np.ndarray, visible: np.ndarray, row: int
    ) -> tuple[Tensor, Tensor, int, Tensor, Tensor]:
        """A training sample: the classifier's, then the localiser's points and visibility."""
        sample = super().of_sample(inputs, points, visible, row)
        return (*sample, torch.from_numpy(points.astype(np.float32)), torch.from_numpy(visible))

    def module(self) -> SharedModule:  # type: ignore[override]
        """What the first and the third phase end with, over one backbone."""
        classifier = self.two_networks.module()
        epoch_steps = math.ceil(len(self.train_index) / self.spec.batch_size)
        where = self.localiser.spec
        with torch.random.fork_rng(devices=[]):
            score_layers = localiser_of(classifier.joint.backbone, where).head
        kept = training.fit(self.localiser, progress=False).weights()
        score_layers.load_state_dict(part_weights(kept, "model.head"))
        classes = len(self.images.classes)
        with torch.random.fork_rng(devices=[]):
            module = SharedModule(
                classifier.joint, score_layers, classes, self.spec, where, epoch_steps
            )
        module.head.load_state_dict(classifier.head.state_dict())
        return module.keep_start(self.spec.average)

    def validate(self, module: SharedModule) -> dict[str, float]:  # type: ignore[override]
        """Held-out figures at its own keypoints; nothing where test would be read."""
        if self.spec.fold == "all":
            return {}
        found: dict[str, np.ndarray] = {}

        def probs_of(averaged: Any) -> np.ndarray:
            found.update(self._found(averaged))
            return found["query_probs"]

        figures = held_out_figures(self, module, probs_of)
        true, visible, boxes = (found[f"query_{name}"] for name in ("true", "visible", "boxes"))
        for name in ("points", "refined"):
            by_part = pck(found[f"query_{name}"], true, visible, boxes, ALPHA)
            figures[f"held_out_pck_{name}"] = float(np.nanmean(by_part))
        return figures

    def predict(self, module: SharedModule) -> dict[str, np.ndarray]:  # type: ignore[override]
        """What a classifier's run keeps and what a localiser's keeps, of one network.

        The keys of `fgnb.pose.classifier_stage.ClassifierStage.predict`, where the found keypoints
        are the network's own, before training (``logistic``) those of the first phase; and those of
        `fgnb.pose.localiser_stage.LocaliserStage.predict`.
        """
        start = self._found(self.module().to(module.head.weight.device))
        return {
            "logistic_c": np.array(self.logistic.c),
            "query_logistic_probs": start["query_probs"],
            "query_logistic_true_probs": start["query_true_probs"],
            **self._found(module),
        }

    @torch.inference_mode()
    def _found(self, module: SharedModule) -> dict[str, np.ndarray]:
        """Keypoints of the queries, and the classes at them and at the true ones.

        The network looks at each picture once, in evaluation mode.
        """
        images, query, grid = self.images, self.query_index, self.localiser.spec.cells
        was_training, place = module.training, module.head.weight.device
        module.eval()
        decoded, true = [], self.true_cells(query).split(BATCH)
        probs: list[np.ndarray] = []
        true_probs: list[np.ndarray] = []
        for inputs, at_true in zip(self._inputs(query, BATCH), true, strict=True):
            seen = module.see(inputs.to(place))
            decoded.append(decode(seen.scores.cpu()))
            centres = grid.pixels(decoded[-1].cells).clamp(0, self.spec.image_size - 1e-3)
            for cells, kept in ((self.cells(centres), probs), (at_true, true_probs)):
                kept.append(module.answer(seen, cells.to(place)).softmax(1).cpu().numpy())
        module.train(was_training)
        cells, refined, visible = (torch.cat(parts) for parts in zip(*decoded, strict=True))
        own = self.frames_at(query)
        return {
            "query_ids": images.ids[query],
            "query_labels": images.labels[query],
            "query_probs": np.concatenate(probs),
            "query_true_probs": np.concatenate(true_probs),
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
