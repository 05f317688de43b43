"""The scores of all boxes, not of the chosen ones alone: what suppression starts from.

A run keeps the boxes that it chose. To see what another rule of suppression would have chosen
(section 3.2: NMS over all scales against NMS on each scale), every box's score is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fgnb.ccfr.region_stages import RegionStage, WarmUpStage
from fgnb.nn.device import device
from fgnb.nn.regions import Anchors, greedy_nms, separated_nms
from fgnb.training import Run
from fgnb.training.settings import deterministic

_ROUNDING = 1e-6  # of overlaps, whose boxes are float32


@dataclass(frozen=True)
class Proposals:
    """Scores of every box of every query.

    Attributes:
        scores: float32 ``Tensor[Q, A]``.
        anchors: the boxes.
        iou: the threshold of suppression.
        per_scale: regions a scale.
    """

    scores: Tensor
    anchors: Anchors
    iou: float
    per_scale: int

    def separate(self) -> Tensor:
        """Chosen on each scale by itself: ``index[Q, K]``, the finer scale's first."""
        return separated_nms(self.scores, self.anchors, per_scale=self.per_scale, iou=self.iou)

    def joint(self, *, drop_equal: bool = False) -> Tensor:
        """Chosen over all scales together: ``index[Q, K]``, best first.

        Args:
            drop_equal: suppress an overlap of exactly `iou` as well, as NTS-Net's public code
                does. A box of half the side inside a larger one has an overlap of exactly 0.25,
                so at the paper's scales and threshold this alone lets large boxes close small ones.
        """
        iou = self.iou - _ROUNDING if drop_equal else self.iou
        count = self.per_scale * len(self.anchors.by_scale)
        return greedy_nms(self.scores, self.anchors.overlap, count=count, iou=iou)

    def across(self) -> float:
        """The largest overlap of a box of the finest scale with one of another."""
        fine = self.anchors.scales == self.anchors.scales.min()
        return float(self.anchors.overlap[fine][:, ~fine].max())

    def small(self, index: Tensor) -> NDArray[np.bool_]:
        """Which of the chosen boxes ``index[Q, K]`` are of the finest scale."""
        scales = self.anchors.scales
        return np.asarray((scales == scales.min())[index].numpy())

    def surviving(self, index: Tensor) -> NDArray[np.float64]:
        """Share of each image's small boxes of `separate` that are among ``index[Q, K]``: [Q]."""
        alone = self.separate()
        among = (alone[:, :, None] == index[:, None]).any(dim=2).numpy()
        mine = self.small(alone)
        return np.asarray((among & mine).sum(axis=1) / mine.sum(axis=1))


def propose(stage: WarmUpStage | RegionStage, run: Run) -> Proposals:
    """The scores that a trained stage gives to all boxes of its queries, in evaluation mode."""
    spec = stage.spec
    module = stage.module()
    run.load_weights(module)
    module.eval().to(device())
    scorer: Any = module.scorer if isinstance(stage, WarmUpStage) else module.model
    with deterministic(spec.threads), torch.inference_mode():
        parts = [
            scorer.score(scorer.extractor.whole(batch.inputs.to(device()))).cpu()
            for batch in stage.zoomed.batches(stage.query_index)
        ]
    per_scale = 2 if isinstance(stage, WarmUpStage) else spec.per_scale
    return Proposals(torch.cat(parts).clone(), stage.anchors, spec.iou, per_scale)
