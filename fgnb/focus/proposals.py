"""From an attention map to regions: a box at every cell, suppression, the best m (section 3.2).

The boxes never change, so they and their overlap are made once for each frame.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from fgnb.data.arguments import as_number, as_whole
from fgnb.nn.arguments import as_floats
from fgnb.nn.regions import Anchors, Level, greedy_nms


def propose_regions(
    maps: Any,
    *,
    image_size: int,
    box_size: float,
    count: int,
    iou: float = 0.25,
    border: str = "shift",
) -> Tensor:
    """The boxes of the strongest cells that do not overlap one of a stronger cell.

    A box whose overlap is exactly ``iou`` is kept. Equal cells go by their order, rows first. Where
    fewer than ``count`` boxes survive, the best suppressed ones follow.

    Args:
        maps: M, ``Tensor[B, h, h]`` of any type, array or list, over the whole frame.
        image_size: side of the frame in pixels.
        box_size: side of a box in pixels.
        count: m, boxes an image.
        iou: the overlap that suppression allows, 0 to 1.
        border: what becomes of a box over the border of the frame: ``shift`` moves it inside,
            ``clip`` cuts it, ``pad`` leaves it (a crop reads zeros outside).

    Returns:
        float32 ``Tensor[B, count, 4]``, best first. No gradient passes.

    Raises:
        ValueError: maps of a wrong shape or type, or not finite; a number out of its range.

    >>> import torch
    >>> maps = torch.tensor([[[0.0, 1.0], [3.0, 2.0]]])
    >>> propose_regions(maps, image_size=64, box_size=32, count=2)
    tensor([[[ 0., 32., 32., 64.],
             [32., 32., 64., 64.]]])
    """
    maps = as_floats("maps", maps)
    side: Any = as_number("image_size", image_size)  # whole as a rule; a float will do
    box_size, count = as_number("box_size", box_size), as_whole("count", count)
    if maps.ndim != 3 or maps.shape[1] != maps.shape[2] or not maps.shape[1]:
        raise ValueError(f"maps has shape {tuple(maps.shape)}, needs (B, h, h), h at least 1")
    if not maps.isfinite().all():
        raise ValueError("maps holds nan or infinity, needs finite numbers")
    anchors = cell_boxes(side, maps.shape[1], box_size, border).to(maps.device)
    return anchors.boxes[choose(maps, anchors, count=count, iou=iou)]


def choose(maps: Tensor, anchors: Anchors, *, count: int, iou: float) -> Tensor:
    """Suppression on ``maps[B, h, w]``: int64 ``Tensor[B, count]``, cells rows first."""
    return greedy_nms(maps.flatten(1), anchors.overlap, count=count, iou=iou)


@lru_cache(maxsize=32)
@torch.inference_mode(mode=False)  # kept, and then used in training too
def cell_boxes(image_size: int, cells: int, box_size: float, border: str) -> Anchors:
    """A box round the centre of every cell of a map with ``cells`` cells along a side.

    Raises:
        ValueError: a frame that does not fall into so many whole cells; as in `grid_boxes`.
    """
    stride = max(1, math.ceil(image_size / cells))
    if math.ceil(image_size / stride) != cells:
        raise ValueError(
            f"image_size is {image_size}, needs a frame of {cells} cells of whole pixels along a "
            "side, the map's"
        )
    return Anchors.pyramid(image_size, [Level(stride, box_size)], border=border)
