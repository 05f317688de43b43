"""Boxes that nobody learnt: drawn at random, or at the centre of the frame.

A model with learnt regions sees more pixels than its backbone. The same model with these boxes
sees just as many, so what it gains over them is what choosing the regions is worth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fgnb.nn.regions import Anchors

_STREAM = 0x626F7865  # keeps these draws apart from those of order and augmentation
_GRAIN = 1024  # distances from the centre are compared to 1/1024 square pixel: ties stay ties


def random_boxes(
    anchors: Anchors, ids: Sequence[int] | NDArray[np.int64], seed: int, per_scale: int = 2
) -> Tensor:
    """For each image ``per_scale`` anchors of each scale, at random and all different.

    A pure function of ``(seed, id)``: an image has the same boxes in each epoch, in each batch
    and at test. Boxes may overlap. More of a scale begin with the same ones.

    Args:
        anchors: A candidate boxes.
        ids: the images' official ids, 0 or more; B of them.
        seed: the run's seed, 0 or more.
        per_scale: boxes a scale.

    Returns:
        Tensor[B, K] of int64, indices of ``anchors``, K = scales * ``per_scale``, scales
        ascending; on the anchors' device.

    Raises:
        ValueError: an id or a seed below 0, or a scale with fewer than ``per_scale`` anchors.
    """
    ids = np.asarray(ids, dtype=np.int64)
    if ids.ndim != 1:
        raise ValueError(f"ids has shape {ids.shape}, needs (B,)")
    if seed < 0 or (ids < 0).any():
        low, name = (seed, "seed") if seed < 0 else (int(ids.min()), "ids")
        raise ValueError(f"{name} holds {low}, needs 0 or more")
    groups = _groups(anchors, per_scale)
    draws = np.empty((len(ids), len(anchors.boxes)))
    for row, image_id in enumerate(ids.tolist()):
        draws[row] = np.random.default_rng((seed, _STREAM, image_id)).random(draws.shape[1])
    chosen = [group[np.argsort(draws[:, group], axis=1)[:, :per_scale]] for group in groups]
    return torch.from_numpy(np.concatenate(chosen, axis=1)).to(anchors.boxes.device)


def centre_boxes(anchors: Anchors, per_scale: int = 2) -> Tensor:
    """The ``per_scale`` anchors of each scale whose centres are nearest the frame's.

    The frame is the smallest rectangle that holds all anchors; ties go by anchor order.

    Returns:
        Tensor[K] of int64, indices of ``anchors``, K = scales * ``per_scale``, scales ascending,
        nearest first; on the anchors' device.

    Raises:
        ValueError: a scale with fewer than ``per_scale`` anchors.
    """
    boxes = anchors.boxes.double().cpu().numpy()
    middle = (boxes[:, :2].min(0) + boxes[:, 2:].max(0)) / 2
    away = np.square((boxes[:, :2] + boxes[:, 2:]) / 2 - middle).sum(1)
    away = np.round(away * _GRAIN)
    nearest = [
        group[np.argsort(away[group], kind="stable")[:per_scale]]
        for group in _groups(anchors, per_scale)
    ]
    return torch.from_numpy(np.concatenate(nearest)).to(anchors.boxes.device)


def _groups(anchors: Anchors, per_scale: int) -> list[NDArray[np.int64]]:
    """The anchors of each scale, scales ascending."""
    if per_scale < 1:
        raise ValueError(f"per_scale is {per_scale}, needs 1 or more")
    scales = anchors.scales.cpu().numpy()
    groups = [np.flatnonzero(scales == scale) for scale in np.unique(scales)]
    fewest = min(len(group) for group in groups)
    if fewest < per_scale:
        raise ValueError(f"per_scale is {per_scale}, but a scale has {fewest} anchors")
    return groups


def fixed_boxes(
    kind: str, anchors: Anchors, ids: Sequence[int] | NDArray[np.int64], seed: int, per_scale: int
) -> Tensor | None:
    """The boxes of a control for every image, ``Tensor[B, K]``; None for boxes that are learnt.

    Args:
        kind: ``random`` or ``centre``; anything else has no fixed boxes.
        anchors: as in `random_boxes`; so are the rest.
        ids: of the images.
        seed: of the random boxes.
        per_scale: boxes of each scale.
    """
    if kind == "random":
        return random_boxes(anchors, ids, seed, per_scale)
    if kind == "centre":
        return centre_boxes(anchors, per_scale).expand(len(ids), -1).contiguous()
    return None
