"""One trunk under both losses: ours, beside the two networks that the paper insists on.

Score layers and the joint representation read the maps of one backbone, so the gradients of the
keypoint loss and of the softmax loss meet in its layers. In two networks they never do.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fgnb.pose.classifier import ClassifierModule
from fgnb.pose.grids import LEVELS
from fgnb.pose.localiser import KeypointHead, round_up
from fgnb.pose.loss import keypoint_loss
from fgnb.pose.representation import JointRepresentation
from fgnb.pose.shared_spec import SharedSpec
from fgnb.pose.spec import LocaliserSpec
from fgnb.pose.targets import keypoint_targets

SharedBatch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class Seen(NamedTuple):
    """What one look at a batch gives.

    Attributes:
        whole: the holistic feature ``Tensor[B, D]``, or None.
        fine: the map that is pooled at keypoints ``Tensor[B, d, h, w]``.
        scores: of the keypoints ``Tensor[B, 15, H, W]``, before the sigmoid.
    """

    whole: Tensor | None
    fine: Tensor
    scores: Tensor


class SharedModule(ClassifierModule):
    """The classifier, and score layers over the same backbone.

    Args:
        joint: the representation, with parts.
        keypoints: fc6, fc7 and the score layer.
        classes: how many.
        spec: of the stage.
        localiser: the spec of the phase that the score layers come from: where their cells lie.
        epoch_steps: optimiser steps an epoch.
    """

    spec: SharedSpec

    def __init__(
        self,
        joint: JointRepresentation,
        keypoints: KeypointHead,
        classes: int,
        spec: SharedSpec,
        localiser: LocaliserSpec,
        epoch_steps: int,
    ) -> None:
        super().__init__(joint, classes, spec, epoch_steps)
        round_up(joint.backbone)  # as the localiser's: VGG's maps have the grid's cells only so
        self.keypoints, self.localiser = keypoints, localiser
        self.levels = LEVELS[localiser.grid]

    def see(self, inputs: Tensor) -> Seen:
        """Trunk maps ``Tensor[B, D, h, w]`` (pictures where nothing is frozen), looked at once."""
        joint = self.joint
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        maps = joint.backbone.maps_above(inputs, sorted({*self.levels, *joint.levels}))
        scores = self.keypoints([maps[stride] for stride in self.levels])
        return Seen(joint.whole(maps), maps[joint.map_stride], scores)

    def answer(self, seen: Seen, cells: Tensor) -> Tensor:
        """Logits ``Tensor[B, C]`` with parts pooled at ``cells``, ``Tensor[B, 15, 2]``."""
        return self.head(self.joint.join(seen.whole, seen.fine, cells))

    def losses(self, batch: SharedBatch) -> tuple[Tensor, Tensor]:
        """The keypoint loss without its weight, and the label-smoothed cross-entropy.

        Args:
            batch: inputs, true keypoints in cells of the finer map, classes, true keypoints in
                pixels of the input, and which of them are visible.
        """
        inputs, cells, classes, points, visible = batch
        where, seen = self.localiser, self.see(inputs)
        targets = keypoint_targets(points, visible, where.cells, image_size=where.image_size)
        keypoints = keypoint_loss(seen.scores, targets, positive_weight=where.positive_weight)
        return keypoints, self.objective(self.answer(seen, cells), classes)

    def loss(self, batch: SharedBatch) -> dict[str, Tensor]:  # type: ignore[override]
        """Both losses, the keypoints' with its weight: what the training minimises, and parts."""
        keypoints, classes = self.losses(batch)
        total = self.spec.keypoint_weight * keypoints + classes
        return {"loss": total, "keypoints": keypoints, "classes": classes}

    def gradients(self, batch: SharedBatch) -> tuple[Tensor, Tensor]:
        """What either loss asks of the layers that both share, flat ``Tensor[n]`` each.

        The keypoints' with its weight, as the optimiser adds them up; nothing is stepped.
        """
        shared = [p for p in self.joint.backbone.parameters() if p.requires_grad]
        keypoints, classes = self.losses(batch)
        found = (
            torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)
            for loss in (self.spec.keypoint_weight * keypoints, classes)
        )
        keypoint_side, class_side = (
            torch.cat(
                [
                    (torch.zeros_like(p) if g is None else g).flatten()
                    for p, g in zip(shared, each, strict=True)
                ]
            )
            for each in found
        )
        return keypoint_side, class_side
