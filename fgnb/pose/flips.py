"""A mirrored bird: its left eye has become its right one, in labels and in predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from torch import Tensor

from fgnb.data.mirror import MIRRORED_PARTS
from fgnb.pose.grids import Grid

Points = TypeVar("Points", np.ndarray, Tensor)


def mirror_points(points: Points, visible: Points, width: float) -> tuple[Points, Points]:
    """Keypoints of the mirrored picture, left and right exchanged.

    Args:
        points: ``[..., 15, 2]``, (x, y) in continuous pixels, in the order of CUB's parts.txt; an
            array or a tensor.
        visible: ``[..., 15]``, of the same kind.
        width: of the picture, in the same pixels.

    Returns:
        Points and visibility as of the mirrored picture; the arguments stay as they are.

    Raises:
        ValueError: another number of parts.
    """
    if points.shape[-2:] != (len(MIRRORED_PARTS), 2):
        raise ValueError(f"points has shape {tuple(points.shape)}, needs (..., 15, 2)")
    order = list(MIRRORED_PARTS)
    turned = points[..., order, :] * _like(points, [-1.0, 1.0]) + _like(points, [width, 0.0])
    return turned, visible[..., order]


def mirror_maps(scores: Tensor) -> Tensor:
    """Score maps ``Tensor[B, 15, h, w]`` of the mirrored picture, left and right exchanged."""
    if scores.ndim != 4 or scores.shape[1] != len(MIRRORED_PARTS):
        raise ValueError(f"scores has shape {tuple(scores.shape)}, needs (B, 15, h, w)")
    return scores.flip(-1)[:, list(MIRRORED_PARTS)]


def symmetric_scores(
    score: Callable[[Tensor], Tensor], images: Tensor, grid: Grid, *, image_size: int
) -> Tensor:
    """Scores averaged over a picture and its mirror image (an option of ours, at test).

    Args:
        score: pictures ``Tensor[B, 3, H, W]`` -> score maps ``Tensor[B, 15, h, w]``.
        images: the pictures.
        grid: where the cells lie.
        image_size: side of the input, pixels.

    Raises:
        ValueError: the mirrored cells would lie elsewhere, so the two maps can't be averaged.
    """
    last = grid.offset + grid.stride * (grid.cells - 1)
    if image_size - last != grid.offset:
        raise ValueError(
            f"image_size is {image_size}; its grid has centres from {grid.offset:g} to {last:g}, "
            "which a mirror moves: give a size that the stride divides, or no mirror"
        )
    return (score(images) + mirror_maps(score(images.flip(-1)))) / 2


def _like(points: Points, values: list[float]) -> Points:
    if isinstance(points, Tensor):
        return points.new_tensor(values)
    return np.asarray(values, points.dtype)
