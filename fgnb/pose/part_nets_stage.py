"""The stage ``pose/part-nets``: the best model and the part networks under one classifier (3.6).

The paper says that they are combined and not how. Here the features of the tuned networks stand
side by side under one linear layer, as in Part R-CNN, which the section follows. It begins with the
mean of what the networks' own classifiers say, or with a logistic regression on all features, and
is tuned with the softmax loss while the networks stay as they are. In training the model of whole
and parts is read at true keypoints, as it was trained, at test at found ones; crops are at found
ones throughout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fgnb import training
from fgnb.baselines.averaging import StartAveraging, held_out_figures
from fgnb.baselines.logistic import fit_logistic
from fgnb.baselines.plain import PlainStage
from fgnb.baselines.start import check_start
from fgnb.data import ImageSet, shuffled_batches
from fgnb.pose.classifier_stage import ClassifierStage
from fgnb.pose.part_net_stage import PartNetStage
from fgnb.pose.part_spec import PartNetsSpec
from fgnb.training.schedule import sgd
from fgnb.training.settings import deterministic


class JoinedModule(StartAveraging):
    """One linear layer over features that stay fixed, its loss and optimiser."""

    def __init__(self, weight: Tensor, bias: Tensor, spec: PartNetsSpec, epoch_steps: int) -> None:
        super().__init__()
        classes, numbers = weight.shape
        self.head = nn.Linear(numbers, classes)
        with torch.no_grad():
            self.head.weight.copy_(weight)
            self.head.bias.copy_(bias)
        self.spec, self.epoch_steps = spec, epoch_steps
        self.objective = nn.CrossEntropyLoss(label_smoothing=spec.label_smoothing)

    def forward(self, features: Tensor) -> Tensor:
        """``Tensor[B, F]`` -> logits ``Tensor[B, C]``."""
        return self.head(features)

    def loss(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Label-smoothed cross-entropy of ``(features, targets)``."""
        features, targets = batch
        return {"loss": self.objective(self(features), targets)}

    def configure_optimizers(self) -> dict[str, Any]:
        """SGD over the layer; the rate decays by ``spec.decay``."""
        return sgd([{"params": list(self.parameters())}], self.spec, self.epoch_steps)


class PartNetsStage:
    """The joined classifier as a stage; ``name`` and the recipe are the caller's.

    Args:
        images: the image set.
        spec: what the weights depend on.
        name: ``pose/part-nets``.
        classifier: the whole with parts; None joins the nets alone.
        nets: plain networks by name, on the pictures or on crops of them.

    Raises:
        ValueError: stages that the spec doesn't name, of another fold, or none at all.
    """

    modules: tuple[str, ...] = ("fgnb.pose.part_nets_stage",)

    def __init__(
        self,
        images: ImageSet,
        spec: PartNetsSpec,
        name: str,
        *,
        classifier: ClassifierStage | None,
        nets: Mapping[str, PlainStage | PartNetStage],
    ) -> None:
        check_start(classifier, spec, "classifier")
        if list(spec.nets) != list(nets):
            raise ValueError(f"nets are {', '.join(nets)}, and the spec's {', '.join(spec.nets)}")
        self.images, self.spec, self.name = images, spec, name
        self.classifier, self.nets = classifier, dict(nets)
        if not self.joined:
            raise ValueError("classifier is None and nets is empty: nothing is left to join")
        for one in self.joined:
            for field in ("fold", "fold_seed"):
                own, other = getattr(spec, field), getattr(one.spec, field)
                if own != other:
                    raise ValueError(f"{field} is {own!r}, and that of {one.name} is {other!r}")
        self.data_fingerprint = images.fingerprint
        self.train_index, self.query_index = images.fold(spec.fold, spec.fold_seed)

    @property
    def joined(self) -> list[Any]:
        """All stages whose runs are joined, in the order of their features."""
        return [one for one in (self.classifier, *self.nets.values()) if one is not None]

    @cached_property
    def runs(self) -> list[training.Run]:
        """Their runs, found or trained now."""
        return [training.fit(one, progress=False) for one in self.joined]

    @cached_property
    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """What the networks see of the training images and of the queries, float32 ``[n, F]``."""
        seen = [(run.predictions["database_embedding"], run.predictions["query_embedding"])
                for run in self.runs[len(self.runs) - len(self.nets):]]  # fmt: skip
        if self.classifier is not None:
            seen.insert(0, _vectors(self.classifier, self.runs[0]))
        train, query = (np.concatenate(parts, axis=1) for parts in zip(*seen, strict=True))
        return train, query

    def data(self) -> training.TrainingData:
        """Batches in an order of ``(seed, epoch)``; nothing is seen before the first is read."""
        size, count, seed = self.spec.batch_size, len(self.train_index), self.spec.seed
        return training.TrainingData(
            dataset=_Features(self),
            batches=lambda epoch: shuffled_batches(count, size, seed, epoch),
            epochs=self.spec.epochs,
            max_steps=self.spec.max_steps,
        )

    def module(self) -> JoinedModule:
        """The classifier before training; see ``spec.head_start``."""
        spec, steps = self.spec, math.ceil(len(self.train_index) / self.spec.batch_size)
        if spec.head_start == "fitted":
            labels = self.images.labels[self.train_index]
            fitted = fit_logistic(self.features[0], labels, c=self.c, threads=spec.threads)
            weight, bias = torch.from_numpy(fitted.weight), torch.from_numpy(fitted.bias)
        else:
            heads = [run.weights() for run in self.runs]
            weight = torch.cat([head["head.weight"] for head in heads], dim=1) / len(heads)
            bias = torch.stack([head["head.bias"] for head in heads]).mean(dim=0)
        return JoinedModule(weight, bias, spec, steps).keep_start(spec.average)

    @property
    def c(self) -> float:
        """Of the first network's regression, chosen on images that no weights were tuned on."""
        return float(self.runs[0].predictions["logistic_c"])

    def finish(self, module: JoinedModule) -> None:
        """Move the weights towards those that training started from, by ``spec.average``."""
        module.average_with_start(self.spec.average)

    def validate(self, module: JoinedModule) -> dict[str, float]:
        """Held-out figures; nothing where test would be read."""
        return held_out_figures(self, module, self._probs)

    def predict(self, module: JoinedModule) -> dict[str, np.ndarray]:
        """What is answered, and what was before training.

        Keys: ``query_ids``, ``query_labels``, ``query_probs[Q, C]``, ``query_logistic_probs[Q, C]``
        (before training), ``logistic_c``.
        """
        start = self.module().to(module.head.weight.device)
        return {
            "query_ids": self.images.ids[self.query_index],
            "query_labels": self.images.labels[self.query_index],
            "query_probs": self._probs(module),
            "query_logistic_probs": self._probs(start),
            "logistic_c": np.array(self.c),
        }

    @torch.inference_mode()
    def _probs(self, module: JoinedModule) -> np.ndarray:
        features = torch.from_numpy(self.features[1]).to(module.head.weight.device)
        return module(features).softmax(1).cpu().numpy()


class _Features:
    """Training samples by ``(epoch, index)``: features and class."""

    def __init__(self, stage: PartNetsStage) -> None:
        self.stage = stage

    def __len__(self) -> int:
        return len(self.stage.train_index)

    def __getitem__(self, position: tuple[int, int]) -> tuple[Tensor, int]:
        index, stage = position[1], self.stage
        label = int(stage.images.labels[stage.train_index[index]])
        return torch.from_numpy(stage.features[0][index]), label


def _vectors(classifier: ClassifierStage, run: training.Run) -> tuple[np.ndarray, np.ndarray]:
    """What a classifier's run sees of its training images, at true keypoints, and of queries."""
    module = classifier.module()
    run.load_weights(module)
    joint, train, query = module.joint.eval(), classifier.train_index, classifier.query_index
    with deterministic(classifier.spec.threads):
        seen = classifier.vectors(joint, train, classifier.true_cells(train))
        return seen.numpy(), classifier.vectors(joint, query, classifier.found_cells).numpy()
