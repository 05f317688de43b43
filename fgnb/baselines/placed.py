"""Rules that place boxes without a network: at random, at the centre, on the object, on its parts.

Each rule gives every anchor of an image a score; boxes are then chosen from the scores by the very
suppression of the method that is compared with, so that a control differs in its scores alone.
`oracle_scores` reads the true key points, of test images too: a bound, not a method.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fgnb.nn.regions import Anchors

_STREAM = 0x706C6163  # keeps these draws apart from those of order and augmentation
RULES = ("random", "object", "centre", "oracle")
"""The rules by name; ``object`` and ``oracle`` need annotations of each image."""


def random_scores(
    anchors: Anchors, ids: Sequence[int] | NDArray[np.int64], seed: int, draw: int = 0
) -> Tensor:
    """A score in [0, 1) for each anchor of each image, a pure function of ``(seed, id, draw)``.

    Args:
        anchors: A candidate boxes.
        ids: the images' official ids, 0 or more; B of them.
        seed: the run's seed, 0 or more.
        draw: 0 for boxes that stay; an epoch's number for boxes that are drawn anew.

    Returns:
        float32 ``Tensor[B, A]``.

    Raises:
        ValueError: a negative id, seed or draw.
    """
    ids = np.asarray(ids, dtype=np.int64)
    if seed < 0 or draw < 0 or (ids < 0).any():
        low = min(seed, draw, *ids.tolist())
        raise ValueError(f"ids, seed or draw holds {low}, needs 0 or more")
    scores = np.empty((len(ids), len(anchors)), np.float32)
    for row, image_id in enumerate(ids.tolist()):
        generator = np.random.default_rng((seed, _STREAM, image_id, draw))
        scores[row] = generator.random(scores.shape[1], np.float32)
    return torch.from_numpy(scores)


def centre_scores(anchors: Anchors) -> Tensor:
    """Minus the squared distance of each anchor's centre from the frame's, float32 ``Tensor[A]``.

    The frame is the smallest rectangle that holds all anchors.
    """
    boxes = anchors.boxes.double().cpu()
    middle = (boxes[:, :2].amin(0) + boxes[:, 2:].amax(0)) / 2
    return -((_centres(boxes) - middle) ** 2).sum(1).float()


def on_object(anchors: Anchors, scores: Tensor, objects: Tensor) -> Tensor:
    """Scores with the anchors whose centre lies on the image's object before all others.

    Args:
        anchors: A candidate boxes.
        scores: ``Tensor[B, A]``, their order among those on the object and among the others.
        objects: ``Tensor[B, 4]``, the object's box in pixels of the frame.

    Returns:
        float32 ``Tensor[B, A]``.

    Raises:
        ValueError: a wrong shape.
    """
    _check("scores", scores, (len(objects), len(anchors)))
    _check("objects", objects, (len(scores), 4))
    centres = _centres(anchors.boxes)[None].to(objects)
    inside = (centres >= objects[:, None, :2]) & (centres <= objects[:, None, 2:])
    reach = float(scores.max() - scores.min()) + 1.0 if scores.numel() else 1.0
    return (scores + reach * inside.all(dim=2)).float()


def oracle_scores(anchors: Anchors, points: Tensor, visible: Tensor) -> Tensor:
    """How many visible key points each anchor holds; among equals, the one best centred on them.

    Args:
        anchors: A candidate boxes.
        points: ``Tensor[B, P, 2]``, (x, y) in pixels of the frame.
        visible: ``bool Tensor[B, P]``; false also where the frame has cut a point off.

    Returns:
        float32 ``Tensor[B, A]``; minus the distance from the frame's centre, below all others,
        for an anchor without a point.

    Raises:
        ValueError: a wrong shape.
    """
    if points.ndim != 3 or points.shape[2] != 2:
        raise ValueError(f"points has shape {tuple(points.shape)}, needs (B, P, 2)")
    _check("visible", visible, tuple(points.shape[:2]))
    boxes, seen = anchors.boxes.double(), visible.bool()
    where = points.double()[:, None]  # [B, 1, P, 2]
    held = (where >= boxes[None, :, None, :2]) & (where <= boxes[None, :, None, 2:])
    held = held.all(dim=3) & seen[:, None]  # [B, A, P]
    count = held.sum(dim=2)
    total = (where.nan_to_num() * held[..., None]).sum(dim=2)
    mean = total / count.clamp(min=1)[..., None]
    side = float((boxes[:, 2:] - boxes[:, :2]).max())
    away = (mean - _centres(boxes)).norm(dim=2) / (2 * side)  # under 1 inside a box
    empty = centre_scores(anchors).double()
    empty = empty / empty.abs().max().clamp(min=1e-9)
    return torch.where(count > 0, count - away.clamp(max=0.99), empty).float()


def _centres(boxes: Tensor) -> Tensor:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _check(name: str, value: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(value.shape) != shape:
        raise ValueError(f"{name} has shape {tuple(value.shape)}, needs {shape}")
