"""The ranking warm-up of NTS: its proposer learns before anything else does.

NTS's public code trains all from the first step, over a hundred passes. In a training of few passes
the classifier of regions would then be fitted on boxes of a proposer that has learnt nothing, and
the method that is compared with gets such a warm-up. The proposer ranks boxes by what the start's
classifier says of each region alone; backbone and classifier stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fgnb import training
from fgnb.baselines.plain import PlainSpec, PlainStage
from fgnb.baselines.start import check_start, starting_point
from fgnb.data import ImageSet
from fgnb.nn.backbones import Backbone, global_pool
from fgnb.nn.nts_proposer import Proposals, Proposer, nts_anchors
from fgnb.nn.ranking import check_warm_up, ranking_loss, sureness
from fgnb.nn.zoomed import Extractor, Sizes, ZoomedBatch, ZoomedImages
from fgnb.training import positions
from fgnb.training.schedule import sgd


@dataclass(frozen=True)
class NTSWarmUpSpec(PlainSpec):
    """The plain recipe, and what is ranked: ``proposals`` boxes an image.

    ``candidates`` is ``sampled`` (boxes anywhere, anew in each step) or ``best`` (the proposer's
    own after suppression at ``iou``). Sizes and ``start`` are as in `fgnb.baselines.nts.NTSSpec`.
    ``label_smoothing`` and ``average`` change nothing here.
    """

    source_size: int
    crop_size: int
    micro_batch: int | None
    proposals: int
    iou: float
    candidates: str
    start: dict[str, Any] | None

    def __post_init__(self) -> None:
        check_warm_up(self.candidates, self.batch_norm)

    @property
    def sizes(self) -> Sizes:
        """Whole, source and region."""
        return Sizes(self.image_size, self.source_size, self.crop_size)


class NTSWarmUpModule(nn.Module):
    """Backbone and classifier as they are; the proposer learns to rank what they are sure of."""

    def __init__(
        self, backbone: Backbone, head: nn.Linear, spec: NTSWarmUpSpec, epoch_steps: int
    ) -> None:
        super().__init__()
        self.backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.head, self.spec, self.epoch_steps = head, spec, epoch_steps
        self.backbone.requires_grad_(False)
        self.head.requires_grad_(False)
        self.proposer = Proposer(
            backbone.num_features, spec.image_size, proposals=spec.proposals, iou=spec.iou
        )
        self.extractor = Extractor(self.backbone, spec.sizes, spec.cut, spec.micro_batch)

    def propose(self, batch: ZoomedBatch, candidates: str = "best") -> Proposals:
        """Boxes of a batch: the proposer's ``best``, or ``sampled`` anywhere."""
        feature_map = self.extractor.whole(batch.inputs)[-1]
        if candidates == "sampled":
            return self.proposer.sample(feature_map)
        return self.proposer.propose(feature_map)

    @torch.no_grad()
    def worth(self, batch: ZoomedBatch, boxes: Tensor) -> Tensor:
        """How sure the classifier is of the true class on each region, ``Tensor[B, M]``."""
        seen = global_pool(self.extractor.regions(batch, boxes).flatten(0, 1))
        return sureness(self.head(seen).unflatten(0, boxes.shape[:2]), batch.targets)

    def loss(self, batch: ZoomedBatch) -> dict[str, Tensor]:
        """The ranking loss alone."""
        proposals = self.propose(batch, self.spec.candidates)
        return {"loss": ranking_loss(proposals.scores, self.worth(batch, proposals.boxes))}

    def configure_optimizers(self) -> dict[str, Any]:
        """SGD over the proposal network alone; the rate decays by ``spec.decay``."""
        free = list(self.proposer.proposal_network.parameters())
        return sgd([{"params": free}], self.spec, self.epoch_steps)


class NTSWarmUpStage:
    """``baselines/nts-warm-up``; arguments as in `fgnb.baselines.nts.NTSStage`."""

    modules: tuple[str, ...] = ("fgnb.baselines.nts_warm_up",)

    def __init__(
        self,
        images: ImageSet,
        spec: NTSWarmUpSpec,
        weights: str,
        name: str,
        *,
        start: PlainStage | None = None,
        workers: int = 0,
    ) -> None:
        check_start(start, spec)
        self.images, self.spec, self.weights, self.name = images, spec, weights, name
        self.start, self.data_fingerprint = start, images.fingerprint
        self.plain = PlainStage(images, spec, weights, name, workers=workers)
        self.zoomed = ZoomedImages(images, weights, spec)
        self.train_index, self.query_index = self.zoomed.train_index, self.zoomed.query_index

    def data(self) -> training.TrainingData:
        """The plain stage's batches, with pictures to zoom into."""
        return replace(self.plain.data(), dataset=self.zoomed)

    def module(self) -> NTSWarmUpModule:
        """The start's backbone and classifier, and the proposer that NTS would begin with."""
        backbone, head, _ = starting_point(self.start, self.plain)
        epoch_steps = -(-len(self.train_index) // self.spec.batch_size)
        with positions.preserved_random_state():
            positions.seed_at(self.spec.seed, "proposer")
            return NTSWarmUpModule(backbone, head, self.spec, epoch_steps)

    def validate(self, module: NTSWarmUpModule) -> dict[str, float]:
        """Nothing: its classifier does not change."""
        return {}

    @torch.inference_mode()
    def predict(self, module: NTSWarmUpModule) -> dict[str, np.ndarray]:
        """The queries' best boxes, as the joint training would begin with.

        Keys: ``query_ids``, ``query_labels``, ``query_boxes[Q, M, 4]`` (pixels of the frame, best
        first), ``query_box_scores[Q, M]``, ``query_box_scales[Q, M]``.
        """
        module.eval()
        index, scores = [], []
        for batch in self.zoomed.batches(self.query_index):
            proposals = module.propose(batch.to(module.head.weight.device))
            index.append(proposals.index.cpu().numpy())
            scores.append(proposals.scores.cpu().numpy())
        chosen, anchors = np.concatenate(index), nts_anchors(self.spec.image_size)
        return {
            "query_ids": self.images.ids[self.query_index],
            "query_labels": self.images.labels[self.query_index],
            "query_boxes": anchors.boxes.numpy()[chosen],
            "query_box_scores": np.concatenate(scores),
            "query_box_scales": anchors.scales.numpy()[chosen],
        }
