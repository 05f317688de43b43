"""Cut boxes out of a batch of images and resize them to one size, the whole batch at once.

Box edges lie on the borders of pixels: the box ``(0, 0, W, H)`` is the whole image. Resizing is
that of ``F.interpolate(mode="bilinear", align_corners=False, antialias=True)``: plain bilinear
where a crop grows; where it shrinks, the triangle widens by the same factor, along each axis.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from fgnb.data.arguments import as_whole
from fgnb.nn.anchors import check_boxes
from fgnb.nn.arguments import as_tensor

OUTSIDE = 4.0  # a grid coordinate at which `F.grid_sample` reads zeros alone


def crop_and_resize(
    images: Any, boxes: Any, size: int, *, antialias: bool = True, gradient: bool = False
) -> Tensor:
    """Crops of ``size`` x ``size`` pixels, those of the first image first.

    A crop's pixel whose centre lies outside the image is zero. One whose centre lies inside reads
    the image alone.

    Args:
        images: ``Tensor[B, 3, H, W]`` (any number of channels), float or uint8.
        boxes: ``Tensor[B, K, 4]`` in pixels of ``images``.
        size: side of the crops.
        antialias: widen the filter where a crop shrinks; False samples bilinearly everywhere.
        gradient: let gradients pass to ``boxes``; they pass to ``images`` in any case.

    Returns:
        ``Tensor[B * K, 3, size, size]`` of the images' type; float32 (0 to 255) for uint8 and other
        integers.

    Raises:
        ValueError: a wrong shape or type, a size below 1, a box without area or not finite.

    >>> image = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> crop_and_resize(image, torch.tensor([[[0.0, 0.0, 4.0, 2.0]]]), 2)
    tensor([[[[0.7143, 2.2857],
              [4.7143, 6.2857]]]])
    """
    images = as_tensor("images", images)
    boxes = as_tensor("boxes", boxes, images.device)
    size = as_whole("size", size)
    if images.ndim != 4:
        raise ValueError(f"images has shape {tuple(images.shape)}, needs (B, 3, H, W)")
    if boxes.ndim != 3 or len(boxes) != len(images) or boxes.shape[2] != 4:
        raise ValueError(f"boxes has shape {tuple(boxes.shape)}, needs ({len(images)}, K, 4)")
    if size < 1:
        raise ValueError(f"size is {size}, needs 1 at least")
    check_boxes(boxes)
    # Half precision can't tell neighbouring pixels apart.
    values = images if images.dtype == torch.float64 else images.float()
    boxes = (boxes if gradient else boxes.detach()).to(values)
    x, y = _centres(boxes[..., 0::2], size), _centres(boxes[..., 1::2], size)  # [B, K, size]
    crops = _bilinear(values, x, y)  # [B, K, 3, size, size]
    step = (boxes[..., 2:] - boxes[..., :2]) / size
    shrinks = (step > 1).any(dim=2)  # [B, K]
    if antialias and shrinks.any():
        of_image = shrinks.nonzero()[:, 0]
        crops[shrinks] = _antialiased(values, of_image, x[shrinks], y[shrinks], step[shrinks])
    crops = crops.flatten(0, 1)
    return crops.to(images.dtype) if images.is_floating_point() else crops


def _centres(edges: Tensor, size: int) -> Tensor:
    """Centres of ``size`` equal steps between ``edges[B, K, 2]``: ``Tensor[B, K, size]``."""
    place = (torch.arange(size, dtype=edges.dtype, device=edges.device) + 0.5) / size
    return edges[..., :1] + place * (edges[..., 1:] - edges[..., :1])


def _bilinear(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Bilinear samples at the columns ``x[B, K, size]`` and the rows ``y[B, K, size]``.

    The k-th boxes of all images make one grid: a grid of all boxes would need three times the
    memory, and on a CPU that costs more than the sampling.
    """
    height, width = images.shape[2:]
    x, y = _grid_coordinates(x, width), _grid_coordinates(y, height)
    n_images, count, size = x.shape
    crops = images.new_empty(n_images, count, images.shape[1], size, size)
    for k in range(count):
        grid = torch.stack(torch.broadcast_tensors(x[:, k, None, :], y[:, k, :, None]), dim=-1)
        crops[:, k] = F.grid_sample(images, grid, align_corners=False)
    return crops


def _grid_coordinates(centres: Tensor, pixels: int) -> Tensor:
    """`F.grid_sample`'s coordinates of points on an axis.

    Points of the outer half of a border pixel read that pixel, those beyond it zero.
    """
    inside = (centres * (2 / pixels) - 1).clamp(1 / pixels - 1, 1 - 1 / pixels)
    return torch.where(_inside(centres, pixels), inside, OUTSIDE)


def _antialiased(images: Tensor, of_image: Tensor, x: Tensor, y: Tensor, step: Tensor) -> Tensor:
    """Crops of M boxes: weighted sums of rows, then weighted sums of columns.

    Args:
        images: ``Tensor[B, 3, H, W]``.
        of_image: which image each box is of, ``Tensor[M]``.
        x: columns ``Tensor[M, size]``.
        y: rows ``Tensor[M, size]``.
        step: distance of two samples in pixels, (x, y), ``Tensor[M, 2]``.

    Returns:
        ``Tensor[M, 3, size, size]``.
    """
    channels, height, width = images.shape[1:]
    n_boxes, size = x.shape
    planes = of_image[:, None] * channels + torch.arange(channels, device=x.device)  # [M, 3]
    rows, weights = _taps(y, step[:, 1], height)  # [M, size, T]
    rows = rows[:, None] + planes[..., None, None] * height
    tall = _sums(images.reshape(-1, width), rows, weights[:, None].expand(rows.shape))
    columns, weights = _taps(x, step[:, 0], width)
    columns = columns + torch.arange(n_boxes, device=x.device)[:, None, None] * width
    lines = tall.reshape(n_boxes, -1, width).mT.reshape(n_boxes * width, -1)  # [M * W, 3 * size]
    crops = _sums(lines, columns, weights)
    return crops.reshape(n_boxes, size, channels, size).permute(0, 2, 3, 1)


def _sums(lines: Tensor, index: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums of ``lines[L, D]``, one for each row of T taps: ``Tensor[rows, D]``."""
    index, weights = index.flatten(0, -2), weights.flatten(0, -2)
    return F.embedding_bag(index, lines, per_sample_weights=weights, mode="sum")


def _taps(centres: Tensor, step: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
    """Pixels under the triangle round each of ``centres[M, size]`` and their weights.

    The triangle is ``2 * max(step, 1)`` pixels wide and cut at the ends of the axis; its weights
    add up to one, or are zero round a centre outside.

    Returns:
        Pixels and weights, both ``Tensor[M, size, T]``.
    """
    reach = step.clamp(min=1)[:, None, None]
    centres = centres[..., None]
    most = math.ceil(2 * reach.max().item()) + 1
    first = (centres - reach).floor().long()
    index = first + torch.arange(most, device=centres.device)
    weights = (1 - (index + 0.5 - centres).abs() / reach).clamp(min=0)
    weights = weights * ((index >= 0) & (index < pixels))
    weights = weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-12)
    return index.clamp(0, pixels - 1), weights * _inside(centres, pixels)


def _inside(centres: Tensor, pixels: int) -> Tensor:
    return (centres >= 0) & (centres <= pixels)
