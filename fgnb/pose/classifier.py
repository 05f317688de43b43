"""The classifier as a module: the joint representation under one linear layer (section 3.3)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from fgnb.baselines.averaging import StartAveraging
from fgnb.pose.classifier_spec import ClassifierSpec
from fgnb.pose.representation import JointRepresentation
from fgnb.training.schedule import sgd

Batch = tuple[Tensor, Tensor, Tensor]


class ClassifierModule(StartAveraging):
    """The representation, one linear classifier, its loss and optimiser."""

    def __init__(
        self, joint: JointRepresentation, classes: int, spec: ClassifierSpec, epoch_steps: int
    ) -> None:
        super().__init__()
        joint.backbone.normalise_by(spec.batch_norm)
        self.joint = joint.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.head = nn.Linear(joint.num_features, classes)
        self.spec, self.epoch_steps = spec, epoch_steps
        joint.backbone.trunk.requires_grad_(False)
        self.objective = nn.CrossEntropyLoss(label_smoothing=spec.label_smoothing)

    def forward(self, inputs: Tensor, cells: Tensor) -> Tensor:
        """Trunk maps and ``Tensor[B, 15, 2]`` in cells -> logits ``Tensor[B, C]``."""
        return self.head(self.joint(inputs, cells))

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Label-smoothed cross-entropy of ``(inputs, cells, targets)``."""
        inputs, cells, targets = batch
        return {"loss": self.objective(self(inputs, cells), targets)}

    def configure_optimizers(self) -> dict[str, Any]:
        """SGD over what is not frozen; the rate decays by ``spec.decay``."""
        free = [p for p in self.parameters() if p.requires_grad]
        return sgd([{"params": free}], self.spec, self.epoch_steps)
