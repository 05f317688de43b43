"""Scale-separated non-maximum suppression (ccfr, section 3.2)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fgnb.nn.arguments import as_floats, as_tensor
from fgnb.nn.regions import Anchors, box_overlap, separated_nms


def scale_separated_nms(
    boxes: Any, scores: Any, scales: Any, *, per_scale: int = 2, iou: float = 0.25
) -> Tensor:
    """The ``per_scale`` best boxes of each scale, chosen on each scale by itself.

    A box is dropped when it overlaps a better chosen one of its scale by strictly more than
    ``iou``. Equal scores go by row. Where fewer than ``per_scale`` boxes of a scale survive, its
    best dropped ones follow. Arrays and lists will do for tensors. For a batch with fixed anchors,
    see `fgnb.nn.regions.separated_nms`.

    Args:
        boxes: ``Tensor[A, 4]``, (x1, y1, x2, y2) in pixels.
        scores: ``Tensor[A]``.
        scales: ``Tensor[A]``, boxes of one scale hold one number.
        per_scale: how many boxes of each scale.
        iou: the threshold, 0 to 1.

    Returns:
        Rows of ``boxes``, scales ascending, best first in each: int64 ``Tensor[K]`` with K the
        number of scales times ``per_scale``.

    Raises:
        ValueError: a wrong shape or type, a number that is not finite, a box without area, a scale
            with fewer boxes than ``per_scale``.

    >>> boxes = torch.tensor([[0.0, 0, 9, 9], [1, 0, 10, 9], [20, 0, 29, 9], [0, 0, 20, 20]])
    >>> scores, scales = torch.tensor([0.9, 0.8, 0.1, 0.3]), torch.tensor([9, 9, 9, 20])
    >>> scale_separated_nms(boxes, scores, scales, per_scale=1)
    tensor([0, 3])
    """
    boxes = as_floats("boxes", boxes)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes has shape {tuple(boxes.shape)}, needs (A, 4)")
    scores = as_floats("scores", scores, boxes.device)
    scales = as_tensor("scales", scales, boxes.device)
    for name, value in {"scores": scores, "scales": scales}.items():
        if value.shape != boxes.shape[:1]:
            raise ValueError(
                f"{name} has shape {tuple(value.shape)}, needs ({len(boxes)},): one for each box"
            )
    if not scales.isfinite().all():
        raise ValueError("scales holds nan or infinity, needs finite numbers")
    levels = torch.zeros_like(scales, dtype=torch.long)
    anchors = Anchors(boxes=boxes, scales=scales, levels=levels, overlap=box_overlap(boxes))
    return separated_nms(scores[None], anchors, per_scale=per_scale, iou=iou)[0]
