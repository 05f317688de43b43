"""Candidate boxes on a regular grid, and their overlap, which never changes.

A box is ``(x1, y1, x2, y2)`` in pixels of the network's square input (the frame), ``x1 < x2``. Its
edges lie on the borders of pixels: ``(0, 0, S, S)`` is a whole frame of side S.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from fgnb.data.arguments import as_number
from fgnb.nn.arguments import as_floats

BORDERS = ("shift", "clip", "pad")


@dataclass(frozen=True)
class Level:
    """One box of a given size and shape at every cell of a grid.

    Attributes:
        stride: side of a cell in pixels.
        box_size: side of the square with the box's area, in pixels; the scale of the box.
        ratio: width over height.
    """

    stride: int
    box_size: float
    ratio: float = 1.0


def grid_boxes(
    image_size: int, *, stride: int, box_size: float, ratio: float = 1.0, border: str = "shift"
) -> Tensor:
    """A box round the centre ``((i + 0.5) * stride)`` of every cell, row by row.

    There are ``ceil(image_size / stride)`` cells along a side, as in a feature map.

    Args:
        image_size: side of the frame in pixels.
        stride: side of a cell in pixels.
        box_size: side of the square with the box's area.
        ratio: width over height.
        border: what becomes of a box that crosses the frame: ``"shift"`` moves it inside,
            ``"clip"`` cuts it, ``"pad"`` leaves it (`crop_and_resize` reads zeros outside).

    Returns:
        float32 ``Tensor[cells, 4]``.

    Raises:
        ValueError: a size, stride or ratio that is not positive, an unknown border rule, or a box
            that is too large to be shifted inside.

    >>> grid_boxes(64, stride=32, box_size=48)[:2]
    tensor([[ 0.,  0., 48., 48.],
            [16.,  0., 64., 48.]])
    """
    numbers: dict[str, float] = {
        "image_size": image_size,
        "stride": stride,
        "box_size": box_size,
        "ratio": ratio,
    }
    for name, given in numbers.items():
        value = as_number(name, given, "a positive number")
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} is {value}, needs a positive number")
        numbers[name] = value
    side, step, box_size, ratio = numbers.values()
    if border not in BORDERS:
        raise ValueError(f"border is {border!r}, needs one of {', '.join(BORDERS)}")
    width, height = box_size * math.sqrt(ratio), box_size / math.sqrt(ratio)
    if border == "shift" and max(width, height) > side:
        raise ValueError(
            f"box_size is {box_size} (ratio {ratio}), needs a box that fits a frame of {side}"
            ' pixels, or border="clip" or "pad"'
        )
    cells = math.ceil(side / step)
    centres = (torch.arange(cells, dtype=torch.float64) + 0.5) * step
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    half = torch.tensor([width / 2, height / 2], dtype=torch.float64)
    centre = torch.stack([x.flatten(), y.flatten()], dim=1)  # [cells, 2]
    if border == "shift":
        centre = centre.clamp(min=half, max=side - half)
    boxes = torch.cat([centre - half, centre + half], dim=1)
    if border == "clip":
        boxes = boxes.clamp(0, side)
    return boxes.float()


def box_overlap(boxes: Any) -> Tensor:
    """Intersection over union of every pair of ``boxes[A, 4]``: float64 ``Tensor[A, A]``.

    In double precision, so that a quotient such as 1/4 is met exactly.

    Raises:
        ValueError: a wrong shape or type, a number that is not finite, a box without area.
    """
    boxes = as_floats("boxes", boxes)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes has shape {tuple(boxes.shape)}, needs (A, 4)")
    check_boxes(boxes)
    boxes = boxes.double()
    corner, far = boxes[:, :2], boxes[:, 2:]
    sides = torch.minimum(far[:, None], far) - torch.maximum(corner[:, None], corner)  # [A, A, 2]
    shared = sides.clamp(min=0).prod(dim=2)
    area = (far - corner).prod(dim=1)
    return shared / (area[:, None] + area - shared)


def check_boxes(boxes: Tensor) -> None:
    """Raise a ValueError unless every ``boxes[..., 4]`` is finite and has an area."""
    if not boxes.isfinite().all():
        raise ValueError("boxes holds nan or infinity, needs finite numbers")
    if not (boxes[..., :2] < boxes[..., 2:]).all():
        raise ValueError("boxes holds a box without area, needs x1 < x2 and y1 < y2")


@dataclass(frozen=True)
class Anchors:
    """All candidate boxes of a frame.

    Attributes:
        boxes: float32 ``Tensor[A, 4]``.
        scales: float32 ``Tensor[A]``, the ``box_size`` of each.
        levels: int64 ``Tensor[A]``, which of the levels each belongs to.
        overlap: float64 ``Tensor[A, A]``, intersection over union of each pair.
    """

    boxes: Tensor
    scales: Tensor
    levels: Tensor
    overlap: Tensor

    @classmethod
    def pyramid(cls, image_size: int, levels: Sequence[Level], border: str = "shift") -> Anchors:
        """The boxes of every level, one level after the other, as a pyramid's scores come.

        Raises:
            ValueError: no level; otherwise as in `grid_boxes`.
        """
        if not levels:
            raise ValueError("levels is empty, needs a Level at least")
        grids = [
            grid_boxes(
                image_size,
                stride=level.stride,
                box_size=level.box_size,
                ratio=level.ratio,
                border=border,
            )
            for level in levels
        ]
        counts = torch.tensor([len(grid) for grid in grids])
        sizes = torch.tensor([float(level.box_size) for level in levels])
        boxes = torch.cat(grids)
        return cls(
            boxes=boxes,
            scales=sizes.repeat_interleave(counts),
            levels=torch.arange(len(levels)).repeat_interleave(counts),
            overlap=box_overlap(boxes),
        )

    def __len__(self) -> int:
        return len(self.boxes)

    def to(self, device: torch.device | str) -> Anchors:
        """The same anchors on another device."""
        return Anchors(
            boxes=self.boxes.to(device),
            scales=self.scales.to(device),
            levels=self.levels.to(device),
            overlap=self.overlap.to(device),
        )

    @cached_property
    def by_scale(self) -> tuple[tuple[Tensor, Tensor], ...]:
        """For each scale, ascending: its anchors ``[a]`` and their overlap ``[a, a]``."""
        groups = []
        for scale in self.scales.unique():
            index = (self.scales == scale).nonzero()[:, 0]
            groups.append((index, self.overlap[index[:, None], index]))
        return tuple(groups)
