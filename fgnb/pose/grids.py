"""Where the cells of a score map lie on the picture (pose, section 3.1).

Coordinates are continuous pixels of the network's square input: the pixel in column 0 reaches from
0 to 1. Cell ``i`` of an axis has its centre at ``offset + stride * i``. A map over the whole image
divides it evenly; the literal form of the paper, ``valid``, loses six cells to fc6, whose window of
7 cells has no padding, so its outermost centres lie far inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FC6 = 7
"""Side of VGG's first fully connected layer, in cells of the last map."""
LAST_STRIDE = 32
VALID = "valid"
LEVELS = {
    VALID: (LAST_STRIDE,),
    "stride-32": (LAST_STRIDE,),
    "stride-16": (16, LAST_STRIDE),
    "stride-8": (8, 16, LAST_STRIDE),
}
"""The strides of the maps that each kind of grid is scored from, the finest first.

``valid`` is the paper's 10 x 10 map at 500 pixels, ``stride-32`` the same network over the whole
image. The other two are ours: finer maps fused with coarser ones, as section 4.2 suggests.
"""


@dataclass(frozen=True)
class Grid:
    """A square grid of cells over the input.

    Attributes:
        cells: along a side.
        stride: pixels from one centre to the next.
        offset: the first centre, pixels.
    """

    cells: int
    stride: float
    offset: float

    def nearest(self, points: Tensor) -> Tensor:
        """The cells whose centres are nearest, integer ``Tensor[..., 2]`` as (column, row).

        Args:
            points: ``Tensor[..., 2]``, (x, y) in pixels of the input; those beyond the outermost
                centres go to the outermost cells, those midway to the right and down.
        """
        places = torch.floor((points.double() - self.offset) / self.stride + 0.5)
        return places.clamp(0, self.cells - 1).long()

    def pixels(self, cells: Tensor) -> Tensor:
        """Centres in pixels of the input of (column, row), whole or broken: ``Tensor[..., 2]``."""
        return self.offset + self.stride * cells

    @property
    def centres(self) -> NDArray[np.float64]:
        """All centres, float64 ``[cells * cells, 2]`` as (x, y), row by row."""
        line = self.offset + self.stride * np.arange(self.cells, dtype=np.float64)
        x, y = np.meshgrid(line, line)
        return np.stack([x.ravel(), y.ravel()], axis=1)


def grid_of(kind: str, image_size: int) -> Grid:
    """The grid of a kind at an input size.

    Args:
        kind: one of `LEVELS`.
        image_size: side of the square input, pixels.

    >>> grid_of("valid", 500), grid_of("stride-32", 500).cells
    (Grid(cells=10, stride=32, offset=112.0), 16)

    Raises:
        ValueError: an unknown kind, or an input too small for one cell.
    """
    if kind not in LEVELS:
        raise ValueError(f"grid is {kind!r}; it is one of {', '.join(LEVELS)}")
    stride = LEVELS[kind][0]
    cells = -(-image_size // stride)
    if kind != VALID:
        return Grid(cells, stride, stride / 2)
    if cells < FC6:
        raise ValueError(
            f"image_size is {image_size}; the grid valid needs a last map of {FC6} cells: at least "
            f"{LAST_STRIDE * (FC6 - 1) + 1} pixels, or another grid"
        )
    return Grid(cells - FC6 + 1, stride, stride * FC6 / 2)
