"""NTS as a stage: the model that ccfr begins from and that both region papers compare with.

Everything is trained together, as in the public code: the backbone on whole images and on zoomed
regions, three classifiers, and the proposal network by the ranking loss. Backbone and classifiers
begin as the plain baseline does, with a logistic regression, or from a trained one. The proposal
network begins at random, as in the public code, or from a warm-up (`fgnb.baselines.nts_warm_up`);
the classifier of regions is then fitted on its boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fgnb import training
from fgnb.baselines.averaging import StartAveraging, held_out_figures
from fgnb.baselines.nts_warm_up import NTSWarmUpStage
from fgnb.baselines.plain import PlainSpec, PlainStage
from fgnb.baselines.start import (
    check_head_start,
    check_start,
    fit_head,
    part_weights,
    starting_point,
)
from fgnb.data import ImageSet
from fgnb.nn.backbones import Backbone
from fgnb.nn.heads import check_share
from fgnb.nn.nts import NTSHeads, NTSOutput, nts_losses
from fgnb.nn.nts_proposer import Proposals, nts_anchors
from fgnb.nn.zoomed import Extractor, Sizes, ZoomedBatch, ZoomedImages
from fgnb.training import positions
from fgnb.training.environment import device
from fgnb.training.schedule import sgd

_PROPOSER = "proposal_network"


@dataclass(frozen=True)
class NTSSpec(PlainSpec):
    """The plain recipe, and what regions add to it.

    Regions are cut from pictures of ``source_size`` pixels and zoomed to ``crop_size``;
    ``micro_batch`` of them go through the network at a time (None: all). ``proposals`` regions of
    an image are classified, the best ``concatenated`` join the whole. The rate of all heads is
    ``lr`` times ``new_layers``. ``start`` is the run whose backbone and classifier training begins
    from (stage, key, spec), or None; ``warm_up`` that of the proposal network, or None: a random
    start, which ``average`` then leaves out. ``head_start`` is of `fgnb.baselines.start`, for the
    classifier of regions; ``region_share`` of the joint one begins as what it says.
    """

    source_size: int
    crop_size: int
    micro_batch: int | None
    proposals: int
    concatenated: int
    iou: float
    dropout: float
    new_layers: float
    start: dict[str, Any] | None
    warm_up: dict[str, Any] | None
    head_start: str
    region_share: float

    def __post_init__(self) -> None:
        check_head_start(self.head_start)
        check_share(self.region_share)

    @property
    def sizes(self) -> Sizes:
        """Whole, source and region."""
        return Sizes(self.image_size, self.source_size, self.crop_size)


class NTSModule(StartAveraging):
    """One backbone for whole images and regions, and the heads of `fgnb.nn.nts`."""

    def __init__(
        self, backbone: Backbone, start: nn.Linear, spec: NTSSpec, epoch_steps: int
    ) -> None:
        super().__init__()
        backbone.normalise_by(spec.batch_norm)
        self.backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.backbone.trunk.requires_grad_(False)
        self.heads = NTSHeads(
            backbone.num_features,
            start.out_features,
            spec.image_size,
            proposals=spec.proposals,
            concatenated=spec.concatenated,
            iou=spec.iou,
            dropout=spec.dropout,
        )
        self.heads.start_from(start.weight, start.bias, spec.region_share)
        self.extractor = Extractor(self.backbone, spec.sizes, spec.cut, spec.micro_batch)
        self.spec, self.epoch_steps = spec, epoch_steps

    def forward(self, batch: ZoomedBatch) -> tuple[Proposals, NTSOutput]:
        """Propose regions of a batch and classify with them."""
        feature_map = self.extractor.whole(batch.inputs)[-1]
        proposals = self.heads.propose(feature_map)
        region_maps = self.extractor.regions(batch, proposals.boxes)
        return proposals, self.heads(feature_map, region_maps.flatten(0, 1))

    def loss(self, batch: ZoomedBatch) -> dict[str, Tensor]:
        """``loss`` and its terms ``raw``, ``concat``, ``part`` and ``rank``."""
        proposals, output = self(batch)
        smoothing = self.spec.label_smoothing
        return nts_losses(output, proposals.scores, batch.targets, label_smoothing=smoothing)

    def configure_optimizers(self) -> dict[str, Any]:
        """SGD over what is not frozen; the rate decays by ``spec.decay``."""
        spec, tail = self.spec, self.backbone.parameters()
        proposer = list(self.heads.proposal_network.parameters())
        classifiers = [self.heads.raw, self.heads.part, self.heads.concat]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in tail if p.requires_grad]},
            {"params": proposer, "lr": spec.lr * spec.new_layers},
            {
                "params": [p for head in classifiers for p in head.parameters()],
                "lr": spec.lr * spec.new_layers,
            },
        ]
        return sgd(groups, spec, self.epoch_steps)


class NTSStage:
    """NTS as a stage; ``name`` and the recipe are the caller's.

    Arguments as in `PlainStage`, and ``start`` and ``warm_up``: the stages whose backbone and
    classifier, and whose proposal network, training begins from, trained first where the store
    lacks them; None where the field of the spec is None.
    """

    modules: tuple[str, ...] = ("fgnb.baselines.nts",)

    def __init__(
        self,
        images: ImageSet,
        spec: NTSSpec,
        weights: str,
        name: str,
        *,
        start: PlainStage | None = None,
        warm_up: NTSWarmUpStage | None = None,
        workers: int = 0,
    ) -> None:
        check_start(start, spec)
        check_start(warm_up, spec, "warm_up")
        self.images, self.spec, self.weights, self.name = images, spec, weights, name
        self.start, self.warm_up, self.data_fingerprint = start, warm_up, images.fingerprint
        self.plain = PlainStage(images, spec, weights, name, workers=workers)
        self.zoomed = ZoomedImages(images, weights, spec)
        self.train_index, self.query_index = self.zoomed.train_index, self.zoomed.query_index

    def data(self) -> training.TrainingData:
        """The plain stage's batches, with pictures to zoom into."""
        return replace(self.plain.data(), dataset=self.zoomed)

    def module(self) -> NTSModule:
        """The start's backbone, the warm-up's proposer, classifiers from the start's or fitted."""
        spec = self.spec
        backbone, head, c = starting_point(self.start, self.plain)
        epoch_steps = -(-len(self.train_index) // spec.batch_size)
        with positions.preserved_random_state():
            positions.seed_at(spec.seed, "proposer")
            module = NTSModule(backbone, head, spec, epoch_steps)
        if self.warm_up is not None:
            ranked = training.fit(self.warm_up, progress=False).weights()
            proposer = part_weights(ranked, f"proposer.{_PROPOSER}")
            module.heads.proposal_network.load_state_dict(proposer)
        if spec.head_start == "fitted":
            unseen = ("dropout", "new_layers", "region_share")
            fit_head(
                self, module.heads.part, lambda: self._region_features(module), c=c, unseen=unseen
            )
            module.heads.start_joint(spec.region_share)
        return module.keep_start(spec.average)

    def finish(self, module: NTSModule) -> None:
        """Move the weights towards those that training started from, by ``spec.average``.

        A proposal network that began at random stays where it is.
        """
        random = () if self.warm_up is not None else (f"heads.{_PROPOSER}.",)
        module.average_with_start(self.spec.average, leave_out=random)

    def validate(self, module: NTSModule) -> dict[str, float]:
        """Held-out figures of the weights that would be kept; nothing where test would be read."""
        return held_out_figures(
            self, module, lambda averaged: self._infer(averaged, self.query_index)["probs"]
        )

    def predict(self, module: NTSModule) -> dict[str, np.ndarray]:
        """Probabilities, embeddings and boxes of the queries.

        Keys: ``query_ids``, ``query_labels``, ``query_probs[Q, C]`` (of the concatenation),
        ``query_image_probs[Q, C]`` (of the whole image alone), ``query_embedding[Q, (K + 1) F]``,
        ``query_boxes[Q, K, 4]`` (pixels of the frame; the concatenated ones, best first),
        ``query_box_scores[Q, K]``, ``query_box_scales[Q, K]``.
        """
        images, query = self.images, self.query_index
        anchors, arrays = nts_anchors(self.spec.image_size), self._infer(module, query)
        return {
            "query_ids": images.ids[query],
            "query_labels": images.labels[query],
            "query_probs": arrays["probs"],
            "query_image_probs": arrays["image_probs"],
            "query_embedding": arrays["embedding"],
            "query_boxes": anchors.boxes.numpy()[arrays["index"]],
            "query_box_scores": arrays["scores"],
            "query_box_scales": anchors.scales.numpy()[arrays["index"]],
        }

    def _region_features(self, module: NTSModule) -> np.ndarray:
        """What the classifier of regions sees of the training images."""
        joined = self._infer(module.to(device()), self.train_index)["embedding"]
        module.to("cpu")
        each = joined.reshape(len(joined), self.spec.concatenated + 1, -1)
        return each[:, :-1]

    @torch.inference_mode()
    def _infer(self, module: NTSModule, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Arrays of ``rows``, plain view, in evaluation mode."""
        was_training = module.training
        module.eval()
        batches = list(self._batches(module, rows))
        module.train(was_training)
        return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}

    def _batches(self, module: NTSModule, rows: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
        target_device, best = module.heads.raw.weight.device, slice(self.spec.concatenated)
        for batch in self.zoomed.batches(rows):
            proposals, output = module(batch.to(target_device))
            arrays = {
                "probs": output.concat_logits.softmax(1),
                "image_probs": output.raw_logits.softmax(1),
                "embedding": output.embedding,
                "index": proposals.index[:, best],
                "scores": proposals.scores[:, best],
            }
            yield {name: value.cpu().numpy() for name, value in arrays.items()}
