"""The stage ``pose/classifier``: phases 3 and 4 of section 3.4.

Phase 3 trains a classifier on features that are fixed, at true keypoints: that is a logistic
regression, and so the head's start. Phase 4 tunes every layer above the cut at a small rate. The
paper adds the keypoint loss there; with two networks and true keypoints no gradient passes from
either loss to the other's network, so the localiser's own second phase is the other half of it.

At test the localiser's keypoints are pooled. What the true ones would give is kept beside it: that
is what the localiser costs.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fgnb import store, training
from fgnb.baselines.averaging import held_out_figures
from fgnb.baselines.logistic import Logistic
from fgnb.baselines.plain import PlainStage
from fgnb.baselines.start import OF_TRAINING, check_start, part_weights
from fgnb.data import ImageSet
from fgnb.nn.backbones import Backbone
from fgnb.nn.cache import stored_folder
from fgnb.nn.maps import seeded_backbone
from fgnb.pose.classifier import ClassifierModule
from fgnb.pose.classifier_spec import ClassifierSpec
from fgnb.pose.framed import FramedParts, FramedSamples
from fgnb.pose.localiser_stage import LocaliserStage
from fgnb.pose.representation import JointRepresentation
from fgnb.pose.targets import inside
from fgnb.training.settings import deterministic

BATCH = 64


class ClassifierStage(FramedParts, PlainStage):
    """The classifier as a stage; ``name`` and the recipe are the caller's.

    Args:
        images: the image set, with 15 parts.
        spec: what the weights depend on.
        weights: ``imagenet``, ``random`` or a file.
        name: ``pose/classifier``.
        localiser: whose run says where keypoints are, on the same pictures and fold; None where the
            spec needs none.
        workers: processes that read and augment pictures.

    Raises:
        ValueError: a localiser where none is needed, or none where one is, or one of another fold.
    """

    modules = ("fgnb.pose.classifier_stage",)
    stored_as = None
    spec: ClassifierSpec

    def __init__(
        self,
        images: ImageSet,
        spec: ClassifierSpec,
        weights: str,
        name: str,
        *,
        localiser: LocaliserStage | None = None,
        workers: int = 0,
    ) -> None:
        super().__init__(images, spec, weights, name, workers=workers)
        check_start(localiser, spec, "localiser")
        if spec.needs_localiser != (localiser is not None):
            raise ValueError(
                f"parts is {spec.parts} and extractor {spec.extractor!r}, so localiser should "
                f"{'be a stage' if spec.needs_localiser else 'be None'}"
            )
        if localiser is not None:
            for field in ("fold", "fold_seed"):
                own, other = getattr(spec, field), getattr(localiser.spec, field)
                if own != other:
                    raise ValueError(f"{field} is {own!r}, and the localiser's is {other!r}")
        self.localiser = localiser

    @property
    def pictures(self) -> PlainStage:
        """Itself."""
        return self

    def cells(self, points: Any, visible: Any = None) -> Tensor:
        """Pixels of the input as cells of the finer map; what can't be seen lies nowhere.

        Args:
            points: ``[..., 15, 2]``, (x, y).
            visible: ``[..., 15]``; all, where it is None.
        """
        at = torch.as_tensor(np.asarray(points, np.float32))
        seen = inside(at, self.spec.image_size)
        if visible is not None:
            seen &= torch.as_tensor(np.asarray(visible, bool))
        return (at / self.spec.map_stride - 0.5).masked_fill(~seen[..., None], math.nan)

    def true_cells(self, rows: np.ndarray) -> Tensor:
        """Where the keypoints of some pictures are: ``Tensor[Q, 15, 2]``."""
        return self.cells(self.framed_points[rows], self.images.visible[rows])

    @cached_property
    def found_cells(self) -> Tensor:
        """Where the localiser finds the keypoints of the queries: ``Tensor[Q, 15, 2]``, all."""
        if self.localiser is None or not self.spec.parts:
            return torch.full((len(self.query_index), self.images.parts.shape[1], 2), math.nan)
        run = training.fit(self.localiser, progress=False)
        own = self.frames_at(self.query_index)
        at = own.points(run.predictions["query_points"]).clip(0, self.spec.image_size - 1e-3)
        return self.cells(at)

    @cached_property
    def features(self) -> tuple[np.ndarray, str]:
        """The representation of every training image before training, and its name in the store.

        At true keypoints, float32 ``[N, F]``; zeros for test images, which nothing reads.
        """
        rows = np.flatnonzero(self.images.train)
        unseen = {*OF_TRAINING, "fold", "fold_seed", "localiser", "head_start"}
        described = {
            "spec": {k: v for k, v in asdict(self.spec).items() if k not in unseen},
            "maps": self.cache.key,
            "extractor": self._extractor_key(),
            "code": store.code_digest(self.modules),
        }

        def build(work: Path) -> None:
            with deterministic(self.spec.threads):
                vectors = self.vectors(self._joint(), rows, self.true_cells(rows))
                np.save(work / "features.npy", vectors.numpy())

        folder = stored_folder("representations", described, build, None)
        kept = np.load(folder / "features.npy")
        features = np.zeros((len(self.images), kept.shape[1]), np.float32)
        features[rows] = kept
        return features, folder.name

    @cached_property
    def logistic(self) -> Logistic:
        """Phase 3: the classifier on fixed features at true keypoints, on this fold's images."""
        features, key = self.features
        fitted: Any = SimpleNamespace(  # what the plain stage fits, with these features for its own
            cache=SimpleNamespace(features=features, key=key),
            images=self.images,
            spec=self.spec,
            train_index=self.train_index,
        )
        return PlainStage.fit_start(fitted, self.images.labels)

    def data(self) -> training.TrainingData:
        """The plain stage's batches, with keypoints."""
        return replace(super().data(), dataset=FramedSamples(self))

    def of_sample(
        self, inputs: Tensor, points: np.ndarray, visible: np.ndarray, row: int
    ) -> tuple[Tensor, Tensor, int]:
        """A training sample: input, true keypoints in cells, class."""
        return inputs, self.cells(points, visible), int(self.images.labels[row])

    def module(self) -> ClassifierModule:  # type: ignore[override]
        """What phase 3 ends with; without it a head at random, from the spec's seed."""
        start, joint = self.logistic, self._joint()
        train = self.images.train
        joint.balance(torch.from_numpy(self.features[0][train]), _size(self.cache.features[train]))
        epoch_steps = math.ceil(len(self.train_index) / self.spec.batch_size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.spec.seed)
            module = ClassifierModule(joint, len(start.bias), self.spec, epoch_steps)
        if self.spec.head_start == "random":
            return module.keep_start(self.spec.average)
        each = joint.scales.repeat_interleave(torch.tensor(joint.dims))
        with torch.no_grad():
            module.head.weight.copy_(torch.from_numpy(start.weight) / each)
            module.head.bias.copy_(torch.from_numpy(start.bias))
        return module.keep_start(self.spec.average)

    def validate(self, module: ClassifierModule) -> dict[str, float]:  # type: ignore[override]
        """Held-out figures at the localiser's keypoints; nothing where test would be read."""
        return held_out_figures(self, module, lambda own: self.probs_at(own, self.found_cells)[0])

    def predict(self, module: ClassifierModule) -> dict[str, np.ndarray]:  # type: ignore[override]
        """What is answered at the localiser's keypoints, at the true ones, and before phase 4.

        Keys: ``query_ids``, ``query_labels``, ``query_probs[Q, C]``, ``query_true_probs[Q, C]``
        (at the true keypoints, which no one has at test), ``query_logistic_probs[Q, C]`` and
        ``query_logistic_true_probs[Q, C]`` (the same before phase 4), ``logistic_c``. Without parts
        there are no keypoints, and no arrays at true ones.
        """
        images, query = self.images, self.query_index
        found = {
            "query_ids": images.ids[query],
            "query_labels": images.labels[query],
            "logistic_c": np.array(self.logistic.c),
        }
        where = {"": self.found_cells}
        if self.spec.parts:
            where["true_"] = self.true_cells(query)
        start = self.module().to(module.head.weight.device)
        for of, own in (("", module), ("logistic_", start)):
            probs = zip(where, self.probs_at(own, *where.values()), strict=True)
            found |= {f"query_{of}{at}probs": answered for at, answered in probs}
        return found

    @torch.inference_mode()
    def probs_at(self, module: ClassifierModule, *where: Tensor) -> list[np.ndarray]:
        """Probabilities of the queries with their keypoints here, and there.

        The network looks at each picture once, in evaluation mode.

        Args:
            module: as it is; its mode stays.
            *where: cells of the finer map, ``Tensor[Q, 15, 2]`` each.

        Returns:
            float32 ``[Q, C]`` for each.
        """
        was_training, place = module.training, module.head.weight.device
        module.eval()
        found = []
        batches = zip(*(cells.split(BATCH) for cells in where), strict=True)
        for inputs, some in zip(self._inputs(self.query_index, BATCH), batches, strict=True):
            seen = module.joint.look(inputs.to(place))
            vectors = (module.joint.join(*seen, cells.to(place)) for cells in some)
            found.append([module.head(vector).softmax(1).cpu().numpy() for vector in vectors])
        module.train(was_training)
        return [np.concatenate(part) for part in zip(*found, strict=True)]

    @torch.inference_mode()
    def vectors(self, joint: JointRepresentation, rows: np.ndarray, cells: Tensor) -> Tensor:
        """The representation of some pictures: ``Tensor[Q, F]``.

        Args:
            joint: in evaluation mode, on the CPU.
            rows: positions in the set.
            cells: where their keypoints are pooled, ``Tensor[Q, 15, 2]``.
        """
        batches = zip(self._inputs(rows, BATCH), cells.split(BATCH), strict=True)
        return torch.cat([joint(*batch) for batch in batches])

    def _joint(self) -> JointRepresentation:
        """The representation before training, its halves not yet balanced."""
        return JointRepresentation.of(self._backbone(), self.spec).eval()

    def _backbone(self) -> Backbone:
        spec = self.spec
        backbone = seeded_backbone(spec.backbone, self.weights, cut=spec.cut, seed=spec.seed)
        if spec.extractor == "localiser":
            assert self.localiser is not None
            kept = training.fit(self.localiser, progress=False).weights()
            backbone.load_state_dict(part_weights(kept, "model.backbone"))
        return backbone

    def _extractor_key(self) -> str:
        if self.spec.extractor != "localiser" or self.localiser is None:
            return ""
        return training.identity(self.localiser).key


def _size(features: np.ndarray) -> float:
    """Root mean square of the numbers."""
    return float(np.sqrt(np.square(features, dtype=np.float64).mean()))
