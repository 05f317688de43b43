"""The stage ``focus/regions``: everything trained together by softmax losses (section 3.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fgnb import training
from fgnb.baselines.averaging import StartAveraging, held_out_figures
from fgnb.baselines.placement import Placement
from fgnb.baselines.plain import PlainStage
from fgnb.baselines.start import check_start, fit_head, starting_point
from fgnb.data import ImageSet
from fgnb.focus.model import FocusModel, FocusOutput, losses, region_boxes
from fgnb.focus.spec import FocusSpec
from fgnb.nn.zoomed import ZoomedBatch, ZoomedImages
from fgnb.training.environment import device
from fgnb.training.schedule import sgd

_UNSEEN = (
    *("pretrained_rate", "concatenated", "shared_extractor", "shared_classifier"),
    "region_share",
    *("through_positions", "image_weight", "region_weight", "hybrid_weight"),
)  # by the classifier of single regions, before the first step


class FocusModule(StartAveraging):
    """The model, its loss and its optimiser; ``placement`` places the boxes of a control."""

    def __init__(
        self, model: FocusModel, placement: Placement | None, spec: FocusSpec, epoch_steps: int
    ) -> None:
        super().__init__()
        self.model, self.spec, self.epoch_steps = model, spec, epoch_steps
        self.placement = placement

    def forward(
        self, batch: ZoomedBatch, *, classes: Tensor | None = None, count: int | None = None
    ) -> FocusOutput:
        """Look at a batch; arguments as in `FocusModel`."""
        scores = None if self.placement is None else self.placement(batch)
        return self.model(batch, classes=classes, scores=scores, count=count)

    def loss(self, batch: ZoomedBatch) -> dict[str, Tensor]:
        """The softmax losses; a single-class map is that of the true class."""
        return losses(self(batch, classes=batch.targets), batch.targets, self.spec)

    def configure_optimizers(self) -> dict[str, Any]:
        """SGD over what is not frozen, the pretrained layers at a fraction of the rate."""
        spec, model = self.spec, self.model
        extractors = (model.backbone, model.region_backbone)
        classifiers = (model.image, model.region, model.by_rank, model.hybrid)
        groups: list[dict[str, Any]] = [
            {"params": _free(extractors), "lr": spec.lr * spec.pretrained_rate},
            {"params": _free(classifiers)},
        ]
        return sgd(groups, spec, self.epoch_steps)


class FocusStage:
    """The model as a stage; ``name`` and the recipe are the caller's.

    Args:
        images: the image set.
        spec: what the weights depend on.
        weights: ``imagenet``, ``random`` or a file.
        name: ``focus/regions``.
        start: the stage whose extractor and classifier training begins from, trained first where
            the store lacks it; None where ``spec.start`` is None.
        workers: processes that read and augment pictures.
    """

    modules: tuple[str, ...] = ("fgnb.focus.region_stage",)

    def __init__(
        self,
        images: ImageSet,
        spec: FocusSpec,
        weights: str,
        name: str,
        *,
        start: PlainStage | None,
        workers: int = 0,
    ) -> None:
        check_start(start, spec)
        self.images, self.spec, self.weights, self.name = images, spec, weights, name
        self.start, self.data_fingerprint = start, images.fingerprint
        self.anchors = region_boxes(spec)
        if spec.proposals > len(self.anchors):
            raise ValueError(
                f"proposals is {spec.proposals}; the map has {len(self.anchors)} cells"
            )
        self.plain = PlainStage(images, spec, weights, name, workers=workers)
        self.zoomed = ZoomedImages(images, weights, spec)
        self.train_index, self.query_index = self.zoomed.train_index, self.zoomed.query_index

    @property
    def placement(self) -> Placement | None:
        """What places the boxes of a control; None where the attention map does."""
        return Placement.of(self.images, self.anchors, self.spec)

    def data(self) -> training.TrainingData:
        """The plain stage's batches, with pictures to zoom into."""
        return replace(self.plain.data(), dataset=self.zoomed)

    def module(self) -> FocusModule:
        """The start's extractor, and classifiers that begin as ``head_start`` says."""
        spec = self.spec
        backbone, head, c = starting_point(self.start, self.plain)
        model = FocusModel(backbone, head, spec)
        epoch_steps = -(-len(self.train_index) // spec.batch_size)
        module = FocusModule(model, self.placement, spec, epoch_steps)
        if spec.head_start == "fitted":
            fit_head(self, model.region, lambda: self._region_features(module), c=c, unseen=_UNSEEN)
            model.start_others()
        return module.keep_start(spec.average)

    def finish(self, module: FocusModule) -> None:
        """Move the weights towards those that training started from, by ``spec.average``."""
        module.average_with_start(self.spec.average)

    def validate(self, module: FocusModule) -> dict[str, float]:
        """Held-out figures of the weights that would be kept; nothing where test would be read."""
        return held_out_figures(
            self,
            module,
            lambda averaged: self._infer(averaged, self.query_index, self._answering)["probs"],
        )

    def predict(self, module: FocusModule) -> dict[str, np.ndarray]:
        """What all classifiers say of the queries, their regions, and embeddings of these.

        Keys: ``query_ids``, ``query_labels``, ``query_probs[Q, C]`` (the answer: the hybrid
        classifier's, or the image-level one's where there is none), ``query_image_probs[Q, C]``,
        ``query_region_probs[Q, K, C]``, ``query_embedding[Q, F]``, ``query_maps[Q, h, w]``
        (attention), ``query_boxes[Q, K, 4]`` (pixels of the whole's frame, best first; the first
        ``concatenated`` are the hybrid classifier's), ``query_box_scores[Q, K]`` (the map there),
        ``query_box_scales[Q, K]``. K is ``proposals``.
        """
        images, query = self.images, self.query_index
        arrays = self._infer(module, query)
        places = arrays.pop("places")
        del arrays["regions"]
        return {
            "query_ids": images.ids[query],
            "query_labels": images.labels[query],
            **{f"query_{name}": array for name, array in arrays.items()},
            "query_boxes": self.anchors.boxes.numpy()[places],
            "query_box_scales": self.anchors.scales.numpy()[places],
        }

    def _region_features(self, module: FocusModule) -> np.ndarray:
        """What the classifier of regions sees of the training images."""
        regions = self._infer(module.to(device()), self.train_index)["regions"]
        module.to("cpu")
        return regions

    @property
    def _answering(self) -> int:
        """Regions that the answer needs."""
        return self.spec.concatenated if self.spec.hybrid else 0

    @torch.inference_mode()
    def _infer(
        self, module: FocusModule, rows: np.ndarray, count: int | None = None
    ) -> dict[str, np.ndarray]:
        """Arrays of ``rows``, plain view, in evaluation mode."""
        was_training = module.training
        module.eval()
        batches = list(self._batches(module, rows, count))
        module.train(was_training)
        return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}

    def _batches(
        self, module: FocusModule, rows: np.ndarray, count: int | None
    ) -> Iterator[dict[str, np.ndarray]]:
        target_device = module.model.image.weight.device
        for batch in self.zoomed.batches(rows):
            output = module(batch.to(target_device), count=count)
            arrays = {
                "probs": output.logits.softmax(1),
                "image_probs": output.image_logits.softmax(1),
                "region_probs": output.region_logits.softmax(2),
                "regions": output.regions,
                "embedding": output.embedding,
                "maps": output.chosen.maps,
                "box_scores": output.chosen.scores,
                "places": output.chosen.places,
            }
            yield {name: value.cpu().numpy() for name, value in arrays.items()}


def _free(parts: Sequence[nn.Module | None]) -> list[nn.Parameter]:
    """What is trained of those parts that there are."""
    return [p for part in parts if part is not None for p in part.parameters() if p.requires_grad]
