"""Greedy non-maximum suppression of a whole batch at once.

The anchors never change, so neither does their overlap: choosing ``count`` boxes is ``count``
batched arg-max steps over the scores, each of which closes a row of the overlap matrix.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fgnb.data.arguments import as_number, as_whole
from fgnb.nn.anchors import Anchors
from fgnb.nn.arguments import as_floats, as_tensor


def greedy_nms(scores: Any, overlap: Any, *, count: int, iou: float) -> Tensor:
    """The ``count`` best boxes of each image that do not overlap a better chosen one.

    A box is closed when its overlap with a chosen one is strictly over ``iou``: exactly ``iou``
    is kept, as in torchvision (NTS-Net's public code drops it). Equal scores go by anchor. Where
    fewer than ``count`` boxes survive, the best closed ones follow.

    Args:
        scores: ``Tensor[B, A]``, any float type; no gradient passes.
        overlap: intersection over union of each pair of boxes, ``Tensor[A, A]``.
        count: how many boxes an image, 1 to A.
        iou: the threshold, 0 to 1.

    Returns:
        Anchors in the order in which they were chosen, int64 ``Tensor[B, count]``.

    Raises:
        ValueError: a wrong shape or type, scores that are not finite, a number out of its range.

    >>> overlap = torch.tensor([[1.0, 0.6, 0.0], [0.6, 1.0, 0.2], [0.0, 0.2, 1.0]])
    >>> greedy_nms(torch.tensor([[0.9, 0.8, 0.1]]), overlap, count=2, iou=0.25)
    tensor([[0, 2]])
    """
    scores = as_tensor("scores", scores)
    overlap = as_floats("overlap", overlap, scores.device)
    count, iou = as_whole("count", count), _threshold(iou)
    _check(scores, overlap, count)
    scores = scores.detach()
    chosen = torch.zeros_like(scores, dtype=torch.bool)
    alive = ~chosen
    picks = []
    for _ in range(count):
        candidates = torch.where(alive.any(dim=1, keepdim=True), alive, ~chosen)
        best = scores.masked_fill(~candidates, -torch.inf).argmax(dim=1)  # the first of equals
        picks.append(best)
        chosen.scatter_(1, best[:, None], True)
        alive &= ~chosen & (overlap[best] <= iou)
    return torch.stack(picks, dim=1)


def separated_nms(scores: Any, anchors: Anchors, *, per_scale: int, iou: float) -> Tensor:
    """`greedy_nms` on the boxes of each scale by themselves (ccfr, section 3.2).

    Large boxes so never close small ones.

    Args:
        scores: ``Tensor[B, A]``, one for each of the anchors.
        anchors: the candidate boxes.
        per_scale: how many boxes of each scale.
        iou: the threshold, 0 to 1.

    Returns:
        Anchors, scales ascending, best first in each: int64 ``Tensor[B, scales * per_scale]``.

    Raises:
        ValueError: as in `greedy_nms`; also a scale that has fewer boxes than ``per_scale``.
    """
    if not isinstance(anchors, Anchors):
        raise ValueError(f"anchors is a {type(anchors).__name__}, needs fgnb.nn.regions.Anchors")
    scores = as_tensor("scores", scores, anchors.boxes.device)
    per_scale, iou = as_whole("per_scale", per_scale), _threshold(iou)
    _check_scores(scores, len(anchors))
    if per_scale < 1:
        raise ValueError(f"per_scale is {per_scale}, needs 1 at least")
    picks = [scores.new_zeros(len(scores), 0, dtype=torch.long)]  # all there is without anchors
    for index, overlap in anchors.by_scale:
        if per_scale > len(index):
            scale = float(anchors.scales[index[0]])
            raise ValueError(
                f"per_scale is {per_scale}, needs at most the {len(index)} boxes of scale {scale:g}"
            )
        picks.append(index[greedy_nms(scores[:, index], overlap, count=per_scale, iou=iou)])
    return torch.cat(picks, dim=1)


def _check(scores: Tensor, overlap: Tensor, count: int) -> None:
    if overlap.ndim != 2 or overlap.shape[0] != overlap.shape[1]:
        raise ValueError(f"overlap has shape {tuple(overlap.shape)}, needs (A, A)")
    _check_scores(scores, len(overlap))
    if not 1 <= count <= len(overlap):
        raise ValueError(f"count is {count}, needs 1 to {len(overlap)}, the number of boxes")


def _threshold(iou: Any) -> float:
    iou = as_number("iou", iou, "a number from 0 to 1")
    if not 0 <= iou <= 1:
        raise ValueError(f"iou is {iou}, needs a number from 0 to 1")
    return iou


def _check_scores(scores: Tensor, n_anchors: int) -> None:
    if scores.ndim != 2 or scores.shape[1] != n_anchors:
        raise ValueError(
            f"scores has shape {tuple(scores.shape)}, needs (B, {n_anchors}): one for each box"
        )
    if not scores.is_floating_point():
        raise ValueError(f"scores has dtype {scores.dtype}, needs floating point")
    if not scores.isfinite().all():
        raise ValueError("scores holds nan or infinity, needs finite numbers")
