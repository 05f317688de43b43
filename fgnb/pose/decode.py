"""From score maps to keypoints: the arg-max of all images at once, and a step inside the cell.

Section 3.2 takes the arg-max; the refinement is an option of ours. Columns come before rows, as x
comes before y; `fgnb.pose.grids.Grid.pixels` turns cells into pixels of the network's input, and
`fgnb.data.frame.Frames.points_back` these into pixels of the picture.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from fgnb.nn.arguments import as_floats


class Decoded(NamedTuple):
    """What a batch of score maps says.

    Attributes:
        cells: integer ``Tensor[B, P, 2]``, (column, row) of the highest output; of equally high
            ones the first, row by row.
        refined: float ``Tensor[B, P, 2]``, the same with a part of a cell; see `refine`.
        scores: float ``Tensor[B, P]``, how sure it is that the keypoint is visible: the
            probability that any output of its map is positive, were they independent.
    """

    cells: Tensor
    refined: Tensor
    scores: Tensor


def decode(scores: Any) -> Decoded:
    """Cells, refined cells and visibility of ``Tensor[B, P, h, w]`` before the sigmoid.

    Raises:
        ValueError: another shape, no cells, or a score that is nan.
    """
    maps = _checked(scores)
    width = maps.shape[3]
    best = maps.flatten(2).argmax(dim=2)
    cells = torch.stack([best % width, best // width], dim=2)
    none = functional.logsigmoid(-maps).sum(dim=(2, 3))  # log of: no output is positive
    return Decoded(cells, refine(maps, cells), -torch.expm1(none))


def refine(scores: Any, cells: Tensor) -> Tensor:
    """Move each cell to the mean of the 3 x 3 cells around it, weighted by their probabilities.

    A keypoint between two cells gives both a share of its probability, so the mean lies between
    them. Cells outside the map have no weight.

    Args:
        scores: ``Tensor[B, P, h, w]`` before the sigmoid.
        cells: integer ``Tensor[B, P, 2]``, (column, row) on the map.

    Returns:
        float ``Tensor[B, P, 2]``, at most one cell away along either axis.
    """
    maps = _checked(scores)
    height, width = maps.shape[2:]
    steps = torch.arange(-1, 2, device=maps.device)
    columns = cells[..., 0, None] + steps  # B, P, 3
    rows = cells[..., 1, None] + steps
    on_columns, on_rows = columns.clamp(0, width - 1), rows.clamp(0, height - 1)
    places = (on_rows[..., :, None] * width + on_columns[..., None, :]).flatten(2)  # B, P, 9
    # Relative to the highest, so that no window is all zeros in float32.
    near = functional.logsigmoid(maps).flatten(2).gather(2, places).unflatten(2, (3, 3))
    outside = (rows != on_rows)[..., :, None] | (columns != on_columns)[..., None, :]
    weights = near.masked_fill(outside, -torch.inf).flatten(2).softmax(dim=2).unflatten(2, (3, 3))
    moved = steps.to(weights.dtype)
    step = torch.stack([(weights.sum(dim=2) * moved).sum(2), (weights.sum(dim=3) * moved).sum(2)])
    return cells + step.movedim(0, 2)


def _checked(scores: Any) -> Tensor:
    maps = as_floats("scores", scores)
    if maps.ndim != 4 or not maps.shape[2] * maps.shape[3]:
        raise ValueError(f"scores has shape {tuple(maps.shape)}, needs (B, P, h, w) with cells")
    if maps.isnan().any():
        raise ValueError("scores holds nan, needs numbers")
    return maps
