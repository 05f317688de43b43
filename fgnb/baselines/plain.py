"""The plain backbone: global pooling, one linear head, a good modern recipe.

Cross-entropy with label smoothing, SGD with momentum, cosine decay, and a head that starts from
logistic regression on the frozen features. With ``cut`` above 1 the trunk is frozen and its maps
come from the cache; with ``cut=1`` everything is tuned on augmented pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fgnb import progress, store, training
from fgnb.baselines.averaging import StartAveraging, held_out_figures
from fgnb.baselines.logistic import Logistic, choose_c, fit_logistic
from fgnb.data import ImageSet, load_rgb, shuffled_batches
from fgnb.data.frame import Frame
from fgnb.data.transforms import eval_transform, train_transform
from fgnb.nn.backbones import NO_CUT, Backbone, check_batch_norm, global_pool
from fgnb.nn.cache import stored_folder
from fgnb.nn.maps import TrunkMaps, batches, seeded_backbone, trunk_maps
from fgnb.nn.weights import weights_info
from fgnb.training.schedule import DECAYS, sgd


@dataclass(frozen=True)
class PlainSpec:
    """Everything that the trained weights depend on, but for the pictures and the code.

    ``fold`` is ``held-out`` (train on four fifths of the training images, predict the fifth) or
    ``all`` (train on all of them, predict test). ``max_steps`` ends training early. ``decay`` is
    ``cosine`` (to zero, a step at a time) or ``step`` (times 0.1 every ``decay_every`` epochs).
    ``clip_norm`` is the length that a longer gradient is cut down to (0: none is).
    ``average`` is the share of the start in the weights that are kept: 0 keeps those of the last
    step, 0.5 the mean of start and end (weight-space ensembling, Wortsman et al., CVPR 2022).
    ``frame`` and ``crop_ratio`` are of `fgnb.data.frame.Frame`, ``batch_norm`` is of
    `fgnb.nn.backbones.BATCH_NORMS`.
    """

    backbone: str
    weights_tag: str
    weights_sha256: str
    image_size: int
    frame: str
    crop_ratio: float
    cut: int
    fold: str
    fold_seed: int
    epochs: int
    max_steps: int | None
    lr: float
    decay: str
    decay_every: int
    momentum: float
    weight_decay: float
    clip_norm: float
    label_smoothing: float
    average: float
    batch_norm: str
    batch_size: int
    seed: int
    threads: int

    @property
    def framing(self) -> Frame:
        """How a picture becomes a square."""
        return Frame(self.frame, self.crop_ratio)


class PlainModule(StartAveraging):
    """Backbone, mean over space, linear head."""

    def __init__(
        self, backbone: Backbone, start: Logistic, spec: PlainSpec, epoch_steps: int
    ) -> None:
        super().__init__()
        backbone.normalise_by(spec.batch_norm)
        self.backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.head = nn.Linear(backbone.num_features, len(start.bias))
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(start.weight))
            self.head.bias.copy_(torch.from_numpy(start.bias))
        self.spec, self.epoch_steps = spec, epoch_steps
        self.backbone.trunk.requires_grad_(False)
        self.objective = nn.CrossEntropyLoss(label_smoothing=spec.label_smoothing)

    def embed(self, inputs: Tensor) -> Tensor:
        """Trunk maps ``Tensor[B, D, h, w]`` (pictures with ``cut=1``) -> ``Tensor[B, F]``."""
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        return global_pool(self.backbone.tail(inputs))

    def forward(self, images: Tensor) -> Tensor:
        """Pictures ``Tensor[B, 3, H, W]`` -> logits ``Tensor[B, C]``."""
        return self.head(self.embed(self.backbone.trunk(images)))

    def loss(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Label-smoothed cross-entropy of ``(inputs, targets)``."""
        inputs, targets = batch
        return {"loss": self.objective(self.head(self.embed(inputs)), targets)}

    def configure_optimizers(self) -> dict[str, Any]:
        """SGD over what is not frozen; the rate decays by ``spec.decay``."""
        free = [p for p in self.parameters() if p.requires_grad]
        return sgd([{"params": free}], self.spec, self.epoch_steps)


class PlainInputs:
    """Training samples by ``(epoch, index)``; flips and crops are a function of position."""

    def __init__(self, stage: PlainStage) -> None:
        self.stage = stage

    def __len__(self) -> int:
        return len(self.stage.train_index)

    def __getitem__(self, position: tuple[int, int]) -> tuple[Tensor, int]:
        epoch, index = position
        stage, row = self.stage, int(self.stage.train_index[index])
        label = int(stage.images.labels[row])
        if stage.spec.cut == NO_CUT:
            picture = load_rgb(stage.images.path(row))
            return stage.augment(picture, seed=(stage.spec.seed, epoch, row)), label
        view = int(np.random.default_rng((stage.spec.seed, epoch, row)).integers(2))
        return torch.from_numpy(np.array(stage.cache.maps[row, view])), label


class PlainStage:
    """The plain backbone as a stage; ``name`` and the recipe are the caller's.

    ``workers`` processes read and augment pictures; they change no number, so they are no part of
    the spec. Where two papers' recipes agree, as they do above a frozen trunk, both find one run.
    """

    modules: tuple[str, ...] = ("fgnb.baselines.plain",)
    stored_as: str | None = "baselines/plain"

    def __init__(
        self, images: ImageSet, spec: PlainSpec, weights: str, name: str, *, workers: int = 0
    ) -> None:
        if spec.decay not in DECAYS:
            raise ValueError(f"decay is {spec.decay!r}; it is one of {', '.join(DECAYS)}")
        check_batch_norm(spec.batch_norm, getattr(spec, "micro_batch", None))
        self.images, self.spec, self.weights, self.name = images, spec, weights, name
        self.workers = workers
        self.data_fingerprint = images.fingerprint
        self.train_index, self.query_index = images.fold(spec.fold, spec.fold_seed)
        self.augment = train_transform(
            spec.image_size,
            weights_info(spec.backbone, weights),
            frame=spec.framing,
        )

    @cached_property
    def cache(self) -> TrunkMaps:
        """Maps (where the trunk is frozen) and pooled pretrained features."""
        spec = self.spec
        return trunk_maps(
            self.images,
            spec.backbone,
            self.weights,
            size=spec.image_size,
            frame=spec.framing,
            cut=spec.cut,
            seed=spec.seed,
            threads=spec.threads,
            keep_maps=spec.cut != NO_CUT,
        )

    @cached_property
    def logistic(self) -> Logistic:
        """The head's start: logistic regression for the classes."""
        return self.fit_start(self.images.labels)

    def fit_start(self, labels: np.ndarray) -> Logistic:
        """The start of a head: a logistic regression on the frozen features.

        C comes from the held-out part, so both folds share it, and the store keeps it; the
        regression is fitted on this fold's training images.

        Args:
            labels: what the head tells apart, integer ``[N]``, one for each image of the set.
        """
        features, spec = self.cache.features, self.spec

        def build(work: Path) -> None:
            train = np.flatnonzero(self.images.train)
            held_out = self.images.held_out(spec.fold_seed)[train]
            best, _ = choose_c(features[train], labels[train], held_out, threads=spec.threads)
            store.write_atomic(work / "c.txt", repr(best))

        described = {
            "features": self.cache.key,
            "labels": labels.tolist(),
            "fold_seed": spec.fold_seed,
            "code": store.code_digest(["fgnb.baselines.logistic"]),
            "versions": training.environment.versions(),
        }
        folder = stored_folder("regularisation", described, build, None)
        c, rows = float((folder / "c.txt").read_text(encoding="utf-8")), self.train_index
        return fit_logistic(features[rows], labels[rows], c=c, threads=spec.threads)

    def data(self) -> training.TrainingData:
        """Batches in an order of ``(seed, epoch)``; the last incomplete one is kept."""
        size, count, seed = self.spec.batch_size, len(self.train_index), self.spec.seed
        return training.TrainingData(
            dataset=PlainInputs(self),
            batches=lambda epoch: shuffled_batches(count, size, seed, epoch),
            epochs=self.spec.epochs,
            max_steps=self.spec.max_steps,
            workers=self.workers,
        )

    def module(self) -> PlainModule:
        """The pretrained backbone with the logistic regression as its head."""
        spec = self.spec
        backbone = seeded_backbone(spec.backbone, self.weights, cut=spec.cut, seed=spec.seed)
        epoch_steps = math.ceil(len(self.train_index) / spec.batch_size)
        module = PlainModule(backbone, self.logistic, spec, epoch_steps)
        return module.keep_start(spec.average)

    def finish(self, module: PlainModule) -> None:
        """Move the weights towards those that training started from, by ``spec.average``."""
        module.average_with_start(self.spec.average)

    def validate(self, module: PlainModule) -> dict[str, float]:
        """Held-out figures of the weights that would be kept; nothing where test would be read."""
        return held_out_figures(
            self, module, lambda averaged: self._infer(averaged, self.query_index)[0]
        )

    def predict(self, module: PlainModule) -> dict[str, np.ndarray]:
        """Probabilities and embeddings of the queries, embeddings of the database.

        Keys: ``query_ids``, ``query_labels``, ``query_probs[Q, C]``, ``query_embedding[Q, F]``,
        ``query_logistic_probs[Q, C]``, ``database_ids``, ``database_labels``,
        ``database_embedding[N, F]``, ``logistic_c``.
        """
        probs, embedding = self._infer(module, self.query_index)
        images, query, database = self.images, self.query_index, self.train_index
        return {
            "query_ids": images.ids[query],
            "query_labels": images.labels[query],
            "query_probs": probs,
            "query_embedding": embedding,
            "query_logistic_probs": self.logistic.probs(self.cache.features[query]),
            "logistic_c": np.array(self.logistic.c),
            "database_ids": images.ids[database],
            "database_labels": images.labels[database],
            "database_embedding": self._infer(module, database)[1],
        }

    @torch.inference_mode()
    def _infer(self, module: PlainModule, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities and embeddings of ``rows``, plain view, in evaluation mode."""
        was_training = module.training
        module.eval()
        device = module.head.weight.device
        probs, embedding = [], []
        for inputs in self._inputs(rows):
            embedded = module.embed(inputs.to(device))
            probs.append(module.head(embedded).softmax(1).cpu().numpy())
            embedding.append(embedded.cpu().numpy())
        module.train(was_training)
        return np.concatenate(probs), np.concatenate(embedding)

    def _inputs(self, rows: np.ndarray, batch: int = 64) -> Iterator[Tensor]:
        if self.spec.cut == NO_CUT:
            info = weights_info(self.spec.backbone, self.weights)
            transform = eval_transform(self.spec.image_size, info, frame=self.spec.framing)
            for _, images in batches(self.images, transform, batch, rows):
                yield images
            return
        starts = range(0, len(rows), batch)
        for start in progress.track(starts, "picture", len(rows), size=batch):
            yield torch.from_numpy(self.cache.maps[rows[start : start + batch], 0])
