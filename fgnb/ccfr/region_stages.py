"""The two stages of section 4.2: rank regions first, then softmax and triplet loss together.

Both begin from a stage on global features (`ccfr/multi-level`, or `ccfr/global`), which they train
first where the store lacks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fgnb import training
from fgnb.baselines.averaging import StartAveraging, held_out_figures
from fgnb.baselines.placement import Placement
from fgnb.baselines.plain import PlainStage
from fgnb.baselines.start import fit_head, part_weights, trained_start
from fgnb.ccfr.model import (
    BOXES,
    JointLoss,
    RegionModel,
    RegionOutput,
    RegionSelector,
    Scorer,
    sample_places,
)
from fgnb.ccfr.pyramid import anchors
from fgnb.ccfr.region_spec import RegionSpec, WarmUpSpec
from fgnb.data import ImageSet, PKSampler, shuffled_batches
from fgnb.nn.backbones import check_batch_norm
from fgnb.nn.cache import stored_folder
from fgnb.nn.heads import check_share, start_as_mean
from fgnb.nn.ranking import ranking_loss, sureness
from fgnb.nn.zoomed import ZoomedBatch, ZoomedImages
from fgnb.training.environment import device
from fgnb.training.schedule import sgd
from fgnb.training.settings import deterministic


class WarmUpModule(nn.Module):
    """Extractor and head stay as they are; the pyramid learns to rank what they are sure of."""

    def __init__(self, scorer: Scorer, head: nn.Linear, spec: WarmUpSpec, epoch_steps: int) -> None:
        super().__init__()
        self.scorer, self.head, self.spec, self.epoch_steps = scorer, head, spec, epoch_steps
        self.scorer.backbone.requires_grad_(False)
        self.head.requires_grad_(False)
        self.selector = RegionSelector("separate", spec.per_scale, spec.iou)

    def loss(self, batch: ZoomedBatch) -> dict[str, Tensor]:
        """NTS's ranking loss; a region is worth the probability of the true class on it alone."""
        maps = self.scorer.extractor.whole(batch.inputs)
        scores = self.scorer.score(maps)
        sampled = None
        if self.spec.candidates == "sampled":
            sampled = sample_places(self.scorer.anchors(scores.device), len(scores), self.selector)
        chosen = self.scorer.choose(scores, self.selector, sampled)
        with torch.no_grad():
            regions = self.scorer.extractor.regions(batch, chosen.boxes)
            worth = sureness(self.head(regions.mean(dim=(3, 4))), batch.targets)
        return {"loss": ranking_loss(chosen.scores, worth)}

    def configure_optimizers(self) -> dict[str, Any]:
        """SGD over the pyramid alone; the rate decays by ``spec.decay``."""
        groups = [{"params": list(self.scorer.pyramid.parameters())}]
        return sgd(groups, self.spec, self.epoch_steps)


class RegionModule(StartAveraging):
    """The model under equation 7."""

    def __init__(
        self, model: RegionModel, placement: Placement | None, spec: RegionSpec, epoch_steps: int
    ) -> None:
        super().__init__()
        self.model, self.spec, self.epoch_steps = model, spec, epoch_steps
        self.placement = placement
        if placement is not None or spec.scorer_signal == "none":  # no loss would reach it
            self.model.pyramid.requires_grad_(False)
        self.ranks = spec.scorer_signal == "margin-rank" and placement is None
        self.objective = JointLoss(
            mu=spec.mu,
            margin=spec.margin,
            mining=spec.mining,
            label_smoothing=spec.label_smoothing,
        )

    def forward(self, batch: ZoomedBatch) -> RegionOutput:
        """Embed and classify a batch."""
        return self.model(batch, None if self.placement is None else self.placement(batch))

    def loss(self, batch: ZoomedBatch) -> dict[str, Tensor]:
        """Equation 7, and the scorer's own term where it has one."""
        output = self(batch)
        ranked = self.model.ranked(batch, output) if self.ranks else None
        return self.objective(output, batch.targets, ranked)

    def configure_optimizers(self) -> dict[str, Any]:
        """SGD: extractor and pyramid at the recipe's rate, the new layers at a multiple of it.

        Groups are clipped one by one, so the pyramid, which only the ranking teaches, is its own.
        """
        spec, model = self.spec, self.model
        extractors = [m for m in (model.backbone, model.region_backbone) if m is not None]
        new = [model.fusion, model.head]
        groups: list[dict[str, Any]] = [
            {"params": [p for m in extractors for p in _free(m)]},
            {"params": _free(model.pyramid)},
            {"params": [p for m in new for p in _free(m)], "lr": spec.lr * spec.new_layers},
        ]
        return sgd(groups, spec, self.epoch_steps)


class _ZoomStage:
    """What both stages share: the fold, the cached arrays, the start."""

    modules: tuple[str, ...] = ("fgnb.ccfr.region_stages",)

    def __init__(
        self,
        images: ImageSet,
        spec: Any,
        weights: str,
        name: str,
        *,
        start: PlainStage,
        workers: int = 0,
    ) -> None:
        check_batch_norm(spec.batch_norm, spec.micro_batch)
        self.images, self.spec, self.weights, self.name = images, spec, weights, name
        self.start, self.workers = start, workers
        self.data_fingerprint = images.fingerprint
        self.anchors = anchors(spec.image_size, border=spec.border)
        self.zoomed = ZoomedImages(images, weights, spec)
        self.train_index, self.query_index = self.zoomed.train_index, self.zoomed.query_index

    def plan(self, batches: Any) -> training.TrainingData:
        """The samples in the order of ``batches``."""
        return training.TrainingData(
            dataset=self.zoomed,
            batches=batches,
            epochs=self.spec.epochs,
            max_steps=self.spec.max_steps,
            workers=self.workers,
        )

    def validate(self, module: Any) -> dict[str, float]:
        """Nothing; a stage that has something to say overrides it."""
        return {}

    def _batches(self, rows: np.ndarray, device: torch.device) -> Iterator[ZoomedBatch]:
        for batch in self.zoomed.batches(rows):
            yield batch.to(device)

    def _named(self) -> dict[str, np.ndarray]:
        images, query = self.images, self.query_index
        return {"query_ids": images.ids[query], "query_labels": images.labels[query]}

    def _boxes(self, index: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
        return {
            "query_boxes": self.anchors.boxes.numpy()[index].astype(np.float32),
            "query_box_scores": scores.astype(np.float32),
            "query_box_scales": self.anchors.scales.numpy()[index].astype(np.float32),
        }


class WarmUpStage(_ZoomStage):
    """``ccfr/warm-up``: "we first utilize the ranking loss to train the FPN" (section 4.2)."""

    spec: WarmUpSpec

    def data(self) -> training.TrainingData:
        """Batches in an order of ``(seed, epoch)``."""
        size, count, seed = self.spec.batch_size, len(self.train_index), self.spec.seed
        return self.plan(lambda epoch: shuffled_batches(count, size, seed, epoch))

    def module(self) -> WarmUpModule:
        """The start's extractor and head, and a fresh pyramid."""
        spec = self.spec
        backbone, head, _ = trained_start(self.start)
        scorer = Scorer(backbone, self.anchors, spec.sizes, spec.cut, spec.micro_batch)
        steps = -(-len(self.train_index) // spec.batch_size)
        return WarmUpModule(scorer, head, spec, steps)

    @torch.inference_mode()
    def predict(self, module: WarmUpModule) -> dict[str, np.ndarray]:
        """The queries' four best boxes (two a scale), as the joint stage would begin with.

        Keys: ``query_ids``, ``query_labels``, ``query_boxes[Q, K, 4]``, ``query_box_scores``,
        ``query_box_scales``.
        """
        module.eval()
        selector = RegionSelector("separate", 2, self.spec.iou)
        index, scores = [], []
        for batch in self._batches(self.query_index, module.head.weight.device):
            scored = module.scorer.score(module.scorer.extractor.whole(batch.inputs))
            chosen = module.scorer.choose(scored, selector)
            index.append(chosen.places.cpu().numpy())
            scores.append(chosen.scores.cpu().numpy())
        return {**self._named(), **self._boxes(np.concatenate(index), np.concatenate(scores))}


class RegionStage(_ZoomStage):
    """``ccfr/regions``: softmax and triplet loss over global and local features (equation 7).

    ``warm_up`` trains the pyramid first; the controls, whose boxes no network places, need none.
    """

    spec: RegionSpec

    def __init__(self, *args: Any, warm_up: WarmUpStage | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.spec.boxes not in BOXES:
            raise ValueError(f"boxes is {self.spec.boxes!r}; it is one of {', '.join(BOXES)}")
        check_share(self.spec.region_share)
        if (self.spec.boxes == "scored") != (warm_up is not None):
            raise ValueError(f"boxes is {self.spec.boxes!r}: only scored boxes have a warm-up")
        if self.spec.batch_size % self.spec.images_per_class:
            raise ValueError(
                f"batch_size is {self.spec.batch_size}; it should be a multiple of "
                f"images_per_class, {self.spec.images_per_class}"
            )
        self.warm_up = warm_up

    @cached_property
    def sampler(self) -> PKSampler:
        """P classes and K images of each a batch, as the triplet loss needs."""
        spec, labels = self.spec, self.images.labels[self.train_index]
        classes = min(spec.batch_size // spec.images_per_class, len(self.images.classes))
        return PKSampler(labels, classes, spec.images_per_class, spec.seed)

    @property
    def placement(self) -> Placement | None:
        """What places the boxes of a control; None where they are scored."""
        return Placement.of(self.images, self.anchors, self.spec)

    def data(self) -> training.TrainingData:
        """Batches of P classes times K images, in an order of ``(seed, epoch)``."""
        return self.plan(self.sampler.batches)

    def module(self) -> RegionModule:
        """The start's extractor, the warm-up's pyramid, a head that begins as a weighted mean.

        Of what the start's head says of the whole, and a logistic regression on regions of these.
        """
        spec = self.spec
        backbone, whole, c = trained_start(self.start)
        model = RegionModel(
            backbone.normalise_by(spec.batch_norm),
            whole.out_features,
            self.anchors,
            spec.sizes,
            selector=RegionSelector(spec.nms, spec.per_scale, spec.iou),
            fusion=spec.fusion,
            signal=spec.scorer_signal,
            cut=spec.cut,
            micro_batch=spec.micro_batch,
            shared_extractor=spec.shared_extractor,
        )
        if self.warm_up is not None:
            ranked = training.fit(self.warm_up, progress=False).weights()
            model.pyramid.load_state_dict(part_weights(ranked, "scorer.pyramid"))
        module = RegionModule(model, self.placement, spec, len(self.sampler))
        region = nn.Linear(whole.in_features, whole.out_features)
        signal = () if spec.scorer_signal == "gate" else ("scorer_signal",)
        unseen = ("mu", "margin", "mining", "images_per_class", "new_layers")
        unseen += ("shared_extractor", "region_share", *signal)
        fit_head(self, region, lambda: self._region_features(module), c=c, unseen=unseen)
        start_as_mean(model.head, whole, region, share=spec.region_share)
        return module.keep_start(spec.average)

    def _region_features(self, module: RegionModule) -> np.ndarray:
        """Features of the training images' regions, fused where they are, ``[N, P, D]``."""
        embedding = self._infer(module.to(device()), self.train_index)["embedding"]
        module.to("cpu")
        features = module.model.backbone.num_features
        return embedding.reshape(len(embedding), -1, features)[:, 1:]

    def finish(self, module: RegionModule) -> None:
        """Move the weights towards those that training started from, by ``spec.average``."""
        module.average_with_start(self.spec.average)

    def validate(self, module: RegionModule) -> dict[str, float]:
        """Held-out figures of the weights that would be kept; nothing where test would be read."""
        return held_out_figures(
            self, module, lambda averaged: self._infer(averaged, self.query_index)["probs"]
        )

    def predict(self, module: RegionModule) -> dict[str, np.ndarray]:
        """Probabilities, embeddings and boxes of the queries.

        Keys: ``query_ids``, ``query_labels``, ``query_probs[Q, C]``, ``query_embedding[Q, F]``,
        ``query_boxes`` (``[Q, K, 4]``, pixels of the whole's frame), ``query_box_scores``,
        ``query_box_scales``.
        """
        query = self._infer(module, self.query_index)
        return {
            **self._named(),
            "query_probs": query["probs"],
            "query_embedding": query["embedding"],
            **self._boxes(query["index"], query["scores"]),
        }

    def database(self, run: training.Run) -> dict[str, np.ndarray]:
        """The fold's training images as the run's model embeds them (section 3.3).

        Made at first use, since only a model that re-ranks needs it, and kept in the store.

        Keys: ``database_ids``, ``database_labels``, ``database_embedding[N, F]``.
        """

        def build(work: Path) -> None:
            module = self.module()
            run.load_weights(module)
            with deterministic(self.spec.threads):
                embedding = self._infer(module.to(device()), self.train_index)["embedding"]
            np.save(work / "embedding.npy", embedding)

        folder = stored_folder("databases", {"stage": self.name, "run": run.key}, build, None)
        rows = self.train_index
        return {
            "database_ids": self.images.ids[rows],
            "database_labels": self.images.labels[rows],
            "database_embedding": np.load(folder / "embedding.npy"),
        }

    @torch.inference_mode()
    def _infer(self, module: RegionModule, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Arrays of ``rows``, plain view, in evaluation mode."""
        was_training = module.training
        module.eval()
        arrays: dict[str, list[np.ndarray]] = {}
        for batch in self._batches(rows, module.model.head.weight.device):
            output = module(batch)
            for name, value in (
                ("probs", output.logits.softmax(1)),
                ("embedding", output.embedding),
                ("index", output.chosen.places),
                ("scores", output.chosen.scores),
            ):
                arrays.setdefault(name, []).append(value.cpu().numpy())
        module.train(was_training)
        return {name: np.concatenate(parts) for name, parts in arrays.items()}


def _free(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters() if p.requires_grad]
