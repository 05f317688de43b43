"""The coordinate transfer layer: features pooled around each keypoint (section 3.2, Fig. 2).

The paper gives neither the size of the neighbourhood nor how it is pooled: here a square window of
`window` cells around the point, and its mean. True points in training, predicted ones at test. No
gradient passes to the points, and none to a cell outside the windows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from fgnb.data.arguments import as_whole
from fgnb.nn.arguments import as_floats

WINDOW = 3


def coordinate_transfer(features: Any, points: Any, *, window: int = WINDOW) -> Tensor:
    """The mean of the features in a window around each point.

    All images and parts at once; arrays and lists will do for tensors.

    Args:
        features: ``Tensor[B, D, h, w]``, a map of the whole image.
        points: ``Tensor[B, P, 2]``, (x, y) in cells of the map: (0, 0) is the centre of its first
            cell, (w - 1, h - 1) that of its last. Rounded to the nearest cell (halves to the even
            one). A point that is not finite lies nowhere: so a part that is not to be pooled is
            left out.
        window: side of the window in cells, odd.

    Returns:
        ``Tensor[B, P, D]``: the mean over those cells of the window that lie on the map; zeros
        where none does. Points in one cell give the same feature, and each sends its gradient.

    Raises:
        ValueError: a wrong shape or type, or a window that is not odd.

    >>> features = torch.arange(6.0).reshape(1, 1, 2, 3)  # two rows of three cells
    >>> coordinate_transfer(features, [[[0, 0], [2, 1], [9, 9]]], window=3).flatten().tolist()
    [2.0, 3.0, 0.0]
    """
    features = as_floats("features", features)
    points = as_floats("points", points, features.device)
    steps = _steps(window, features.device)
    if features.ndim != 4 or 0 in features.shape[1:]:
        raise ValueError(f"features has shape {tuple(features.shape)}, needs (B, D, h, w)")
    if points.ndim != 3 or points.shape[2] != 2 or len(points) != len(features):
        raise ValueError(f"points has shape {tuple(points.shape)}, needs ({len(features)}, P, 2)")
    height, width = features.shape[2:]
    cells, on_map = _cells(points, steps, height, width)  # [B, P, k]
    flat = features.flatten(2).transpose(1, 2)  # [B, h w, D]
    images = torch.arange(len(flat), device=flat.device)[:, None, None]
    found = flat[images, cells].masked_fill(~on_map[..., None], 0)  # [B, P, k, D]
    return found.sum(dim=2) / on_map.sum(dim=2, keepdim=True).clamp(min=1)


class CoordinateTransfer(nn.Module):
    """`coordinate_transfer` as a layer.

    Args:
        window: side of the window in cells, odd.

    Raises:
        ValueError: a window that is not odd.
    """

    def __init__(self, window: int = WINDOW) -> None:
        super().__init__()
        _steps(window, None)
        self.window = int(window)

    def forward(self, features: Any, points: Any) -> Tensor:
        """``Tensor[B, D, h, w]`` and ``Tensor[B, P, 2]`` in cells -> ``Tensor[B, P, D]``."""
        return coordinate_transfer(features, points, window=self.window)

    def extra_repr(self) -> str:
        """What the layer prints of itself."""
        return f"window={self.window}"


def _steps(window: int, device: torch.device | None) -> Tensor:
    """From a window's middle to each of its cells, ``int64[k, 2]`` as (x, y)."""
    side = as_whole("window", window)
    if side < 1 or side % 2 == 0:
        raise ValueError(f"window is {side}, needs an odd number of cells, 1 or more")
    away = torch.arange(side, device=device) - side // 2
    return torch.cartesian_prod(away, away).reshape(-1, 2)


def _cells(points: Tensor, steps: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Positions in a flat map ``int64[B, P, k]``, and which of them lie on it ``bool[B, P, k]``."""
    size = torch.tensor([width, height], device=points.device)
    far = size + steps.max() + 1  # off the map with the whole window, and no overflow
    places = torch.where(points.isfinite(), points, -far).clamp(-far, far).round().long()
    xy = places[:, :, None] + steps  # [B, P, k, 2]
    on_map = ((xy >= 0) & (xy < size)).all(dim=-1)
    xy = xy.clamp(min=torch.zeros_like(size), max=size - 1)
    return xy[..., 1] * width + xy[..., 0], on_map
