"""Bilinear pooling, whole and compact (section 3.5; Lin et al. 2015b, Gao et al. 2015).

The full form sums the outer product x x^T of every cell with itself: c^2 numbers. The inner product
of two such sums is a polynomial kernel of degree 2, added up over all pairs of cells. The compact
forms are random projections to far fewer numbers whose inner products have that kernel for their
mean: Random Maclaurin, which the paper uses, and Tensor Sketch. Behind all three comes
`signed_sqrt_l2`.

The random numbers are drawn from a seed and saved with the module, so that a checkpoint is whole.
Sums are in float32 at least; the answer is of the features' own precision.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from fgnb.data.arguments import as_whole
from fgnb.nn.arguments import as_floats

DIM = 5000
SCALINGS = ("unbiased", "public")


def bilinear_pool(features: Any) -> Tensor:
    """The sum over space of each cell's outer product with itself.

    Args:
        features: ``Tensor[B, c, h, w]``.

    Returns:
        ``Tensor[B, c * c]``, raw: neither a mean nor normalised.

    Raises:
        ValueError: a wrong shape or type.

    >>> bilinear_pool([[[[1.0, 0.0]], [[2.0, 1.0]]]])  # two cells: (1, 2) and (0, 1)
    tensor([[1., 2., 2., 5.]], dtype=torch.float64)
    """
    cells, dtype = _cells(features)
    return (cells.transpose(1, 2) @ cells).flatten(1).to(dtype)


class FullBilinear(nn.Module):
    """`bilinear_pool` as a layer, for ``in_channels`` channels; ``dim`` is their square."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.in_channels = as_whole("in_channels", in_channels, 1)
        self.dim = self.in_channels**2

    def forward(self, features: Any) -> Tensor:
        """``Tensor[B, c, h, w]`` -> ``Tensor[B, c * c]``."""
        _cells(features, self.in_channels)
        return bilinear_pool(features)


class RandomMaclaurin(nn.Module):
    """Random Maclaurin projection: ``f(x) = sum over space of (x R1) * (x R2) / sqrt(dim)``.

    R1 and R2 hold fair signs, -1 and +1, so ``E<f(x), f(y)> = <x, y>^2`` for maps of one cell, and
    the sum of that over all pairs of cells for larger ones.

    Args:
        in_channels: c, at least 1.
        dim: numbers that are left, at least 1; the paper's 5,000 by default.
        seed: of the signs, 0 or more.
        scaling: ``unbiased``, as above; or ``public``, as in public code, which divides each of R1
            and R2 by the root of `dim`, so that the inner product's mean is too small by a factor
            of `dim`. `signed_sqrt_l2` makes them the same.

    Raises:
        ValueError: a number or a word out of range.
    """

    first: Tensor
    second: Tensor

    def __init__(
        self, in_channels: int, dim: int = DIM, seed: int = 0, *, scaling: str = "unbiased"
    ) -> None:
        super().__init__()
        self.in_channels, self.dim = (
            as_whole("in_channels", in_channels, 1),
            as_whole("dim", dim, 1),
        )
        if scaling not in SCALINGS:
            raise ValueError(f"scaling is {scaling!r}, needs one of {', '.join(SCALINGS)}")
        self.scaling = scaling
        generator = _generator(seed)
        for name in ("first", "second"):
            self.register_buffer(name, _signs(generator, self.in_channels, self.dim))

    def forward(self, features: Any) -> Tensor:
        """``Tensor[B, c, h, w]`` -> ``Tensor[B, dim]``, raw.

        Of the two orders in which the sum can be taken, cell by cell or from the matrix that
        `bilinear_pool` makes of all cells, the one with fewer products is taken.
        """
        cells, dtype = _cells(features, self.in_channels)
        first, second = self.first.to(cells), self.second.to(cells)
        n, c = cells.shape[1:]
        if 2 * n * self.dim <= c * (n + self.dim):
            pooled = ((cells @ first) * (cells @ second)).sum(dim=1)
        else:
            matrices = cells.transpose(1, 2) @ cells  # [B, c, c]
            pooled = ((matrices @ first) * second).sum(dim=1)
        scale = self.dim if self.scaling == "public" else math.sqrt(self.dim)
        return (pooled / scale).to(dtype)

    def extra_repr(self) -> str:
        """What the layer prints of itself."""
        return f"in_channels={self.in_channels}, dim={self.dim}, scaling={self.scaling}"


class TensorSketch(nn.Module):
    """Tensor Sketch (Pham and Pagh 2013): the convolution of two count sketches, by FFT.

    A count sketch adds each channel, with a fair sign, to one of `dim` buckets. The circular
    convolution of two of them is a count sketch of the outer product x x^T, whose inner products
    are unbiased too; in the frequencies it is a product, and the sum over space comes before the
    way back.

    Args:
        in_channels: c, at least 1.
        dim: numbers that are left, at least 1.
        seed: of buckets and signs, 0 or more.

    Raises:
        ValueError: a number out of range.
    """

    buckets: Tensor
    signs: Tensor

    def __init__(self, in_channels: int, dim: int = DIM, seed: int = 0) -> None:
        super().__init__()
        self.in_channels, self.dim = (
            as_whole("in_channels", in_channels, 1),
            as_whole("dim", dim, 1),
        )
        generator = _generator(seed)
        buckets = torch.randint(self.dim, (2, self.in_channels), generator=generator)
        self.register_buffer("buckets", buckets)
        self.register_buffer("signs", _signs(generator, 2, self.in_channels))

    def forward(self, features: Any) -> Tensor:
        """``Tensor[B, c, h, w]`` -> ``Tensor[B, dim]``, raw."""
        cells, dtype = _cells(features, self.in_channels)
        if not len(cells):  # which no FFT takes
            return cells.new_zeros(0, self.dim, dtype=dtype)
        first, second = (
            torch.fft.rfft(self._sketch(cells, bucket, sign))
            for bucket, sign in zip(self.buckets, self.signs, strict=True)
        )
        return torch.fft.irfft((first * second).sum(dim=1), n=self.dim).to(dtype)

    def _sketch(self, cells: Tensor, buckets: Tensor, signs: Tensor) -> Tensor:
        """The count sketch of each cell: ``Tensor[B, n, c]`` -> ``Tensor[B, n, dim]``."""
        empty = cells.new_zeros(*cells.shape[:2], self.dim)
        return empty.index_add(2, buckets, cells * signs.to(cells))

    def extra_repr(self) -> str:
        """What the layer prints of itself."""
        return f"in_channels={self.in_channels}, dim={self.dim}"


def signed_sqrt_l2(x: Any) -> Tensor:
    """The signed square root of each number, then each row divided by its Euclidean length.

    Args:
        x: ``Tensor[B, D]``.

    Returns:
        ``Tensor[B, D]``, rows of length 1; a row of zeros stays one. Where a number is exactly
        zero, the root's gradient, which has no end there, is taken for zero.

    Raises:
        ValueError: a wrong shape or type.

    >>> signed_sqrt_l2([[9.0, -16.0, 0.0]])
    tensor([[ 0.6000, -0.8000,  0.0000]], dtype=torch.float64)
    """
    x = as_floats("x", x)
    if x.ndim != 2:
        raise ValueError(f"x has shape {tuple(x.shape)}, needs (B, D)")
    wide = x.to(_wide(x.dtype))
    nonzero = wide != 0
    roots = wide.sign() * torch.where(nonzero, wide.abs(), 1).sqrt()
    length = roots.square().sum(dim=1, keepdim=True)
    return (roots / torch.where(length > 0, length, 1).sqrt()).to(x.dtype)


def _cells(features: Any, channels: int | None = None) -> tuple[Tensor, torch.dtype]:
    """The cells ``Tensor[B, h w, c]`` in float32 at least, and the precision that they came in."""
    features = as_floats("features", features)
    right = features.ndim == 4 and channels in (None, features.shape[1])
    if not right or 0 in features.shape[1:]:
        needs = "c" if channels is None else channels
        raise ValueError(f"features has shape {tuple(features.shape)}, needs (B, {needs}, h, w)")
    cells = features.flatten(2).transpose(1, 2)
    return cells.to(_wide(features.dtype)), features.dtype


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(as_whole("seed", seed, 0))


def _signs(generator: torch.Generator, *shape: int) -> Tensor:
    """Fair signs, int8: a quarter of the memory, and no cast of the module changes them."""
    return torch.randint(2, shape, generator=generator, dtype=torch.int8) * 2 - 1
