"""Scorers of boxes, taught by labels over frozen features: ccfr's pyramid and NTS's network.

Nothing else learns: maps and regions are those of the pretrained network, and all boxes have one
scale, so the pyramid has one level and the network of NTS one anchor a cell. What each lesson
stands for, and where it departs from the chapters' stages:

- ``warm-up``: boxes from anywhere, ranked by how sure a classifier of boxes is of the true class
  (ccfr, section 4.2). After it ccfr's scorer learns nothing more under ``none``.
- ``margin-rank``: the ranking goes on, the targets each box's own triplet margin; the extractor,
  which the triplet loss would teach as well, stays frozen.
- ``gate``: the sigmoid of the score weights a box's feature in linear classifiers, of the whole
  and of boxes, that are trained with it; without triplet loss, since no embedding learns.
- ``own-best``: NTS ranks the six best boxes of its own. Its classifier of boxes is the frozen fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgnb import training
from fgnb.baselines.logistic import Logistic
from fgnb.ccfr.pyramid import Pyramid
from fgnb.ccfr.triplet import region_margins
from fgnb.data import ImageSet, PKSampler, shuffled_batches
from fgnb.evidence.candidates import Candidates
from fgnb.evidence.split import Split
from fgnb.evidence.taught import Taught
from fgnb.nn.nts_proposer import CHANNELS
from fgnb.nn.ranking import ranking_loss
from fgnb.nn.regions import greedy_nms
from fgnb.training.schedule import sgd

SCORERS = ("pyramid", "nts")
LESSONS = ("warm-up", "margin-rank", "gate", "own-best")
_AT_ONCE = 256


@dataclass(frozen=True)
class ScorerSpec:
    """What a scorer's weights depend on, but for data and code.

    Attributes:
        candidates: fields of the features' spec.
        scorer: of `SCORERS`.
        lesson: of `LESSONS`.
        start: the run that it goes on from (stage, key, spec), None for a fresh scorer.
        ranked: boxes of an image that are ranked; of ``margin-rank``, the chosen and rivals.
        chosen: K, boxes that a classifier sees.
        iou: overlap above which a box closes another.
        images_per_class: in a batch of ``margin-rank``.
        label_smoothing: of the classifiers of ``gate``.
        seed: of the halves too, and of the fits on the one that teaches.
    """

    candidates: dict[str, Any]
    scorer: str
    lesson: str
    start: dict[str, Any] | None
    ranked: int
    chosen: int
    iou: float
    images_per_class: int
    label_smoothing: float
    epochs: int
    max_steps: int | None
    batch_size: int
    lr: float
    decay: str
    decay_every: int
    momentum: float
    weight_decay: float
    clip_norm: float
    seed: int
    threads: int

    def __post_init__(self) -> None:
        for name, known in {"scorer": SCORERS, "lesson": LESSONS}.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; it is one of {', '.join(known)}"
                )


class BoxScorer(nn.Module):
    """``Tensor[B, D, c, c]`` -> scores of the cells' boxes, ``Tensor[B, A]``."""

    def __init__(self, kind: str, channels: int) -> None:
        super().__init__()
        self.kind = kind
        self.network: nn.Module = (
            Pyramid([channels])
            if kind == "pyramid"
            else nn.Sequential(
                nn.Conv2d(channels, CHANNELS, 3, padding=1), nn.ReLU(), nn.Conv2d(CHANNELS, 1, 1)
            )
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Scores, rows first."""
        scores: Tensor = self.network([maps] if self.kind == "pyramid" else maps)
        return scores.flatten(1)


class ScorerModule(nn.Module):
    """A scorer under one lesson; ``gate`` trains two linear classifiers with it."""

    overlap: Tensor

    def __init__(self, stage: ScorerStage) -> None:
        super().__init__()
        self.spec = spec = stage.spec
        self.stage = stage
        width = stage.found.whole.shape[1]
        self.scorer = BoxScorer(spec.scorer, width)
        self.register_buffer("overlap", stage.found.anchors.overlap, persistent=False)
        if spec.lesson == "gate":
            self.whole, self.region = map(_linear, (stage.taught.whole, stage.taught.region))

    def loss(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """The lesson's loss of images, given as places in the half that teaches, and classes."""
        place, targets = batch
        taught = self.stage.taught_arrays
        scores = self.scorer(self.stage.maps(taught["cells"], place.cpu().numpy(), place.device))
        places = self._places(scores)
        picked = scores.gather(1, places)
        if self.spec.lesson in ("warm-up", "own-best"):
            sure = torch.from_numpy(taught["confidence"]).to(place.device)[place]
            return {"loss": ranking_loss(picked, sure.gather(1, places))}
        boxes = torch.from_numpy(taught["regions"])[place.cpu()].to(place.device).float()
        regions = boxes.gather(1, places[:, :, None].expand(-1, -1, boxes.shape[2]))
        if self.spec.lesson == "margin-rank":
            return {"loss": ranking_loss(picked, region_margins(regions, targets))}
        gated = (picked.sigmoid()[:, :, None] * regions).mean(dim=1)
        whole = torch.from_numpy(taught["whole"])[place.cpu()].to(place.device)
        logits = (self.whole(whole) + self.region(gated)) / 2
        smoothing = self.spec.label_smoothing
        return {"loss": F.cross_entropy(logits, targets, label_smoothing=smoothing)}

    def _places(self, scores: Tensor) -> Tensor:
        """The boxes that the lesson looks at, ``Tensor[B, M]``."""
        spec, lesson = self.spec, self.spec.lesson
        anywhere = torch.rand(scores.shape, device=scores.device)
        if lesson == "warm-up":
            return anywhere.topk(spec.ranked, dim=1).indices
        count = spec.ranked if lesson == "own-best" else spec.chosen
        best = greedy_nms(scores, self.overlap, count=count, iou=spec.iou)
        if lesson != "margin-rank":
            return best
        rivals = anywhere.scatter(1, best, -1.0).topk(spec.ranked - spec.chosen, dim=1).indices
        return torch.cat([best, rivals], dim=1)

    def configure_optimizers(self) -> dict[str, Any]:
        """SGD over the scorer and, with ``gate``, the classifiers."""
        groups = [{"params": list(self.scorer.parameters())}]
        if self.spec.lesson == "gate":
            groups.append({"params": [*self.whole.parameters(), *self.region.parameters()]})
        return sgd(groups, self.spec, len(self.stage.batches(0)))


class ScorerStage:
    """``evidence/scorer``: a scorer on the half of the training images that teaches."""

    name = "evidence/scorer"
    modules = ("fgnb.evidence.scorers",)

    def __init__(
        self,
        images: ImageSet,
        found: Candidates,
        split: Split,
        taught: Taught,
        spec: ScorerSpec,
        start: ScorerStage | None = None,
    ) -> None:
        if (start is None) != (spec.start is None):
            raise ValueError("start and spec.start should both be None, or neither")
        self.images, self.found, self.split, self.taught = images, found, split, taught
        self.spec, self.start = spec, start
        self.data_fingerprint = images.fingerprint
        rows = split.taught
        self.labels = images.labels[rows]
        self.taught_arrays = {
            "whole": found.whole[rows],
            "cells": found.cells[rows],
            "regions": found.regions[rows],
            "confidence": taught.confidence,
        }

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, position: tuple[int, int]) -> tuple[int, int]:
        """An image as its place in the half, and its class; nothing is augmented."""
        return position[1], int(self.labels[position[1]])

    def batches(self, epoch: int) -> list[list[int]]:
        """Places in an order of ``(seed, epoch)``; classes times images where margins are asked."""
        spec = self.spec
        if spec.lesson != "margin-rank":
            return shuffled_batches(len(self), spec.batch_size, spec.seed, epoch)
        classes = min(spec.batch_size // spec.images_per_class, len(self.images.classes))
        return PKSampler(self.labels, classes, spec.images_per_class, spec.seed).batches(epoch)

    def data(self) -> training.TrainingData:
        """The samples, and their order."""
        return training.TrainingData(
            dataset=self,
            batches=self.batches,
            epochs=self.spec.epochs,
            max_steps=self.spec.max_steps,
        )

    def module(self) -> ScorerModule:
        """A fresh scorer, or that of the run it goes on from."""
        module = ScorerModule(self)
        if self.start is not None:
            weights = training.fit(self.start, progress=False).weights()
            own = {k: v for k, v in weights.items() if k.startswith("scorer.")}
            module.load_state_dict(module.state_dict() | own)
        return module

    def validate(self, module: ScorerModule) -> dict[str, float]:
        """Nothing: no image is held out of the half."""
        return {}

    def predict(self, module: ScorerModule) -> dict[str, np.ndarray]:
        """``scores``: of every box of every image of the set, float32 ``[N, A]``."""
        device = module.overlap.device
        starts = range(0, len(self.images), _AT_ONCE)
        parts = [
            module.scorer(
                self.maps(
                    self.found.cells, np.arange(s, min(s + _AT_ONCE, len(self.images))), device
                )
            )
            for s in starts
        ]
        return {"scores": torch.cat(parts).cpu().numpy().astype(np.float32)}

    def maps(self, cells: np.ndarray, rows: np.ndarray, device: torch.device) -> Tensor:
        """Maps ``Tensor[B, D, c, c]`` of some rows of ``cells[N, A, D]``."""
        some = torch.from_numpy(cells[rows]).to(device).float().transpose(1, 2)
        side = self.spec.candidates["cells"]
        return some.unflatten(2, (side, side)).contiguous()


def _linear(fitted: Logistic) -> nn.Linear:
    """A layer that says what a logistic regression says."""
    layer = nn.Linear(fitted.weight.shape[1], fitted.weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(fitted.weight))
        layer.bias.copy_(torch.from_numpy(fitted.bias))
    return layer
