"""The kernel that bilinear features stand for: exact, estimated, and through the square root.

The inner product of two bilinear features is the sum of <x, y>^2 over all pairs of cells, so it
needs no feature at all; those of the compact forms estimate it. Behind the signed square root there
is no such short cut: `normalised_gram` walks through the whole feature a block at a time, and never
holds it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fgnb.pose.bilinear import signed_sqrt_l2

Floats = NDArray[np.float64]
_BLOCK = 16


def exact_kernel(maps: Tensor) -> Floats:
    """Inner products of the bilinear features of all pairs of maps.

    Args:
        maps: ``Tensor[n, c, h, w]``.

    Returns:
        float64 ``[n, n]``.
    """
    n = len(maps)
    cells = maps.flatten(2).transpose(1, 2).double()  # [n, k, c]
    kernel = torch.empty(n, n, dtype=torch.float64)
    for place, one in enumerate(cells):
        kernel[place] = (cells @ one.T).square().sum(dim=(1, 2))
    return kernel.numpy()


def estimates(maps: Tensor, form: Any, dim: int, seeds: int, **options: Any) -> Floats:
    """What a compact form says of the same inner products, ``[S, n, n]``, a projection a seed."""
    found = []
    for seed in range(seeds):
        features = form(maps.shape[1], dim, seed, **options)(maps).double()
        found.append((features @ features.T).numpy())
    return np.stack(found)


def relative_errors(exact: Floats, estimated: Floats) -> Floats:
    """How far estimates lie from the kernel, an image.

    The root of the mean square over seeds and the other images, where 1 is the geometric mean of
    both images' kernels with themselves: float64 ``[n]``.
    """
    own = np.sqrt(np.diagonal(exact))
    square = ((estimated - exact) / np.outer(own, own)) ** 2
    others = ~np.eye(len(exact), dtype=bool)
    mean = (square.mean(axis=0) * others).sum(axis=1) / max(1, len(exact) - 1)
    return np.asarray(np.sqrt(mean))


def normalised_gram(maps: Tensor) -> Floats:
    """Inner products of bilinear features with signed square root and unit length.

    The matrix of an image is symmetric, so each number beyond the diagonal stands for two.

    Args:
        maps: ``Tensor[n, c, h, w]``, none of them zero everywhere.

    Returns:
        float64 ``[n, n]``, ones on the diagonal.
    """
    cells = maps.flatten(2)  # [n, c, k]
    n, c = cells.shape[:2]
    total = torch.zeros(n, n, dtype=torch.float64)
    for start in range(0, c, _BLOCK):
        end = min(start + _BLOCK, c)
        block = cells[:, start:end] @ cells[:, start:].transpose(1, 2)  # [n, b, c - start]
        twice = torch.ones(end - start, c - start).triu().mul_(2).sqrt_()
        twice.fill_diagonal_(1.0)
        roots = (block.sign() * block.abs().sqrt() * twice).flatten(1)
        total += (roots @ roots.T).double()
    length = total.diagonal().sqrt()
    return (total / torch.outer(length, length)).numpy()


def gram(features: Tensor) -> Floats:
    """Inner products of raw features ``Tensor[n, d]`` with signed square root and unit length."""
    wide = signed_sqrt_l2(features.float())
    return (wide @ wide.T).double().numpy()
