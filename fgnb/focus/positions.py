"""Boxes that pass a gradient back to the map they were chosen from: an option of ours.

Suppression picks whole cells, so the paper's crops pass no gradient to the attention map. Here a
box stays where it was chosen, but its place counts, for gradients alone, as the mean of the places
near by, each weighted by the softmax of the map (a straight-through estimate).
"""

from __future__ import annotations

import torch
from torch import Tensor

from fgnb.nn.backbones import NO_CUT
from fgnb.nn.crops import crop_and_resize
from fgnb.nn.regions import Anchors
from fgnb.nn.zoom import normalise
from fgnb.nn.zoomed import Extractor, ZoomedBatch


def attached_boxes(maps: Tensor, index: Tensor, anchors: Anchors, reach: float) -> Tensor:
    """The chosen boxes, with a gradient to the map.

    Args:
        maps: ``Tensor[B, h, w]``.
        index: the chosen cells, ``Tensor[B, K]``.
        anchors: one box a cell.
        reach: how far near by is, pixels along each axis.

    Returns:
        ``Tensor[B, K, 4]``: the values of the boxes as they are.
    """
    boxes = anchors.boxes
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2  # [A, 2]
    far = (centres[:, None] - centres).abs().amax(dim=2) > reach  # [A, A]
    weights = maps.flatten(1)[:, None].masked_fill(far[index], -torch.inf).softmax(dim=2)
    mean = weights @ centres  # [B, K, 2]
    return boxes[index] + (mean - mean.detach()).repeat(1, 1, 2)


def attached_regions(extractor: Extractor, batch: ZoomedBatch, boxes: Tensor) -> Tensor:
    """`Extractor.regions`, all at a time, with a gradient to ``boxes[B, K, 4]``."""
    sources = batch.inputs if extractor.cut == NO_CUT else batch.sources
    sizes, info = extractor.sizes, extractor.backbone.info
    scale = sources.shape[-1] / sizes.image
    crops = crop_and_resize(sources, boxes * scale, sizes.crop, gradient=True)
    if sources.dtype == torch.uint8:
        crops = normalise(crops, info.mean, info.std)
    return extractor.backbone(crops).unflatten(0, boxes.shape[:2])
