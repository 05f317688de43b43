"""The backbone pretrained with the multi-level loss (section 3.1; Table 3, second row).

The plain stage with a second linear head for the super classes. Both heads start as logistic
regressions on the same frozen features; the super classes come from the class means of a run with
cross-entropy alone, of the same fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from fgnb import training
from fgnb.baselines.logistic import Logistic
from fgnb.baselines.plain import PlainModule, PlainSpec, PlainStage
from fgnb.ccfr.hierarchy import build_hierarchy
from fgnb.ccfr.multilevel import CHILDREN, MultiLevelLoss, check_parents
from fgnb.data import ImageSet
from fgnb.nn.backbones import Backbone

GLOBAL = "ccfr/global"


@dataclass(frozen=True)
class MultiLevelSpec(PlainSpec):
    """The plain recipe, and what the super classes and their loss depend on.

    ``n_parents`` super classes are found by k-means on the class means of the run whose spec is
    ``clustered_on``, or of the pretrained features where it is None; ``parents`` are given instead
    where they are not None. ``parent_weight`` is lambda of equation 4, ``children`` the reading of
    equation 3; ``label_smoothing`` counts in equation 1 alone.
    """

    n_parents: int
    parent_weight: float
    children: str
    clustered_on: PlainSpec | None
    parents: tuple[int, ...] | None


class MultiLevelModule(PlainModule):
    """The plain module with a second head, ``parent_head``, on the same embedding."""

    def __init__(
        self,
        backbone: Backbone,
        start: Logistic,
        parent_start: Logistic,
        parents: tuple[int, ...],
        spec: MultiLevelSpec,
        epoch_steps: int,
    ) -> None:
        super().__init__(backbone, start, spec, epoch_steps)
        self.parent_head = nn.Linear(backbone.num_features, len(parent_start.bias))
        with torch.no_grad():
            self.parent_head.weight.copy_(torch.from_numpy(parent_start.weight))
            self.parent_head.bias.copy_(torch.from_numpy(parent_start.bias))
        self.multi_level = MultiLevelLoss(
            parents,
            spec.parent_weight,
            spec.children,
            label_smoothing=spec.label_smoothing,
        )

    def loss(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Equation 4 of ``(inputs, targets)``, with its three terms."""
        inputs, targets = batch
        embedded = self.embed(inputs)
        terms = self.multi_level.terms(self.head(embedded), self.parent_head(embedded), targets)
        return {"loss": self.multi_level.total(terms), **terms}


class MultiLevelStage(PlainStage):
    """The plain stage under the multi-level loss; the module keeps ``backbone`` and ``head``."""

    modules = ("fgnb.ccfr.multilevel_stage",)
    stored_as = None
    spec: MultiLevelSpec

    def __init__(
        self, images: ImageSet, spec: MultiLevelSpec, weights: str, name: str, *, workers: int = 0
    ) -> None:
        super().__init__(images, spec, weights, name, workers=workers)
        n_classes = len(images.classes)
        if not 2 <= spec.n_parents <= n_classes:
            raise ValueError(f"n_parents is {spec.n_parents}, needs 2 to {n_classes}, the classes")
        if spec.children not in CHILDREN:
            raise ValueError(f"children is {spec.children!r}; it is one of {', '.join(CHILDREN)}")
        if spec.parents is not None:
            given = check_parents(spec.parents)
            if len(given) != n_classes or int(given.max()) + 1 != spec.n_parents:
                raise ValueError(
                    f"parents holds {len(given)} classes in {int(given.max()) + 1} super classes, "
                    f"needs {n_classes} in {spec.n_parents}"
                )

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """The super class of each class; a run to cluster on is trained where there is none yet."""
        spec = self.spec
        if spec.parents is not None:
            return spec.parents
        if spec.clustered_on is None:
            rows = self.train_index
            features, labels = self.cache.features[rows], self.images.labels[rows]
        else:
            plain = PlainStage(
                self.images, spec.clustered_on, self.weights, GLOBAL, workers=self.workers
            )
            predictions = training.fit(plain, progress=False).predictions
            features = predictions["database_embedding"]
            labels = predictions["database_labels"]
        return tuple(build_hierarchy(features, labels, spec.n_parents, spec.seed).tolist())

    @cached_property
    def parent_logistic(self) -> Logistic:
        """The start of the super classes' head, as that of the classes'."""
        return self.fit_start(np.array(self.parents)[self.images.labels])

    def module(self) -> MultiLevelModule:
        """The plain module with the super classes' logistic regression as its second head."""
        plain = super().module()
        start, parents = self.parent_logistic, self.parents
        module = MultiLevelModule(
            plain.backbone, self.logistic, start, parents, self.spec, plain.epoch_steps
        )
        return module.keep_start(self.spec.average)

    def predict(self, module: PlainModule) -> dict[str, np.ndarray]:
        """The plain stage's arrays, ``query_parent_probs[Q, P]`` and ``parents[C]``."""
        arrays = super().predict(module)
        assert isinstance(module, MultiLevelModule)
        with torch.inference_mode():
            embedding = torch.from_numpy(arrays["query_embedding"]).to(module.head.weight.device)
            probs = module.parent_head(embedding).softmax(1).cpu().numpy()
        return {**arrays, "query_parent_probs": probs, "parents": np.array(self.parents)}
