"""The binary maps that the localiser is trained on (pose, section 3.1)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fgnb.nn.arguments import as_floats, as_tensor
from fgnb.pose.grids import Grid


def keypoint_targets(points: Any, visible: Any, grid: Grid, *, image_size: int) -> Tensor:
    """Ones at the cells nearest to the visible keypoints, zeros everywhere else.

    "The output centered at closest point to the true keypoint is coded as a positive while all
    other outputs are negatives"; a keypoint that is not visible is "coded as negatives at every
    location", and so is one that a crop has left outside. Two keypoints in one cell are no
    conflict, since each has a map of its own.

    Args:
        points: ``Tensor[B, P, 2]``, (x, y) in continuous pixels of the input.
        visible: ``Tensor[B, P]``, true (or 1) where the keypoint is annotated.
        grid: where the cells lie.
        image_size: side of the input, pixels; its right and lower edge are still inside.

    Returns:
        float32 ``Tensor[B, P, h, w]``.

    Raises:
        ValueError: a shape is wrong, or a visible point is not finite.
    """
    xy = as_floats("points", points)
    seen = as_tensor("visible", visible, xy.device).bool()
    if xy.ndim != 3 or xy.shape[2] != 2:
        raise ValueError(f"points has shape {tuple(xy.shape)}, needs (B, P, 2)")
    if seen.shape != xy.shape[:2]:
        raise ValueError(f"visible has shape {tuple(seen.shape)}, needs {tuple(xy.shape[:2])}")
    if not xy[seen].isfinite().all():
        raise ValueError("points holds a visible keypoint that is not finite")
    there = seen & inside(xy, image_size)
    column, row = grid.nearest(torch.where(there[..., None], xy, 0.0)).unbind(-1)
    maps = torch.zeros(*xy.shape[:2], grid.cells**2, device=xy.device)
    maps.scatter_(2, (row * grid.cells + column)[..., None], there[..., None].float())
    return maps.unflatten(2, (grid.cells, grid.cells))


def inside(points: Tensor, image_size: int) -> Tensor:
    """Which points ``Tensor[..., 2]`` lie on the input, its edges included: ``Tensor[...]``."""
    return ((points >= 0) & (points <= image_size)).all(dim=-1)
