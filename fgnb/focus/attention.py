"""The attention map: how much each place tells about any class (section 3.2, equation 2).

``max`` takes, cell by cell, the highest of all C class activation maps. It needs no prediction, so
a wrong one can't mislead it. ``class`` is the form of Zhou et al. (CVPR 2016), the paper's
ablation: the map of one class, the true one in training and the predicted one at test.

The paper gives no width for its Gaussian; sigma is in cells of the map.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from fgnb.data.arguments import as_number
from fgnb.nn.arguments import as_floats, as_integers

REDUCTIONS = ("max", "class", "predicted")
CLASSES_AT_A_TIME = 64
CUT_OFF = 4.0  # of the Gaussian, in sigma; never under 2


def attention_map(
    features: Any,
    weight: Any,
    *,
    sigma: float = 1.0,
    reduce: str = "max",
    classes: Any = None,
) -> Tensor:
    """Equation 2, smoothed.

    Arrays and lists will do for tensors; features and weights of two precisions meet in the wider.

    Args:
        features: Z, ``Tensor[B, N, h, w]``, the last map of whole images.
        weight: W of equation 1, ``Tensor[C, N]``.
        sigma: width of the Gaussian in cells; 0 leaves the map as it is.
        reduce: ``max`` over all classes; ``class``, the map of ``classes``; ``predicted``, the map
            of the arg-max of equation 1.
        classes: with ``class`` alone, int64 ``Tensor[B]``.

    Returns:
        M, ``Tensor[B, h, w]``; gradients pass to ``features`` and ``weight``.

    Raises:
        ValueError: a wrong shape or type, a sigma below 0 or not finite, an unknown ``reduce``,
            classes where there should be none, none where there should be, or one outside 0 to
            C - 1.

    >>> features = torch.tensor([[[[1.0, 0.0]], [[0.0, 2.0]]]])  # 1 x 2 cells
    >>> attention_map(features, torch.tensor([[1.0, 0.0], [0.0, 3.0]]), sigma=0)
    tensor([[[1., 6.]]])
    """
    features = as_floats("features", features)
    weight = as_floats("weight", weight, features.device)
    if features.dtype != weight.dtype:
        wider = torch.promote_types(features.dtype, weight.dtype)
        features, weight = features.to(wider), weight.to(wider)
    if classes is not None:
        classes = as_integers("classes", classes, features.device)
    _check(features, weight, reduce, classes)
    if reduce == "max":
        return smooth(_highest(features, weight), sigma)
    if reduce == "predicted":
        classes = (features.mean(dim=(2, 3)) @ weight.T).argmax(dim=1)
    return smooth(torch.einsum("bnhw,bn->bhw", features, weight[classes]), sigma)


def smooth(maps: Any, sigma: float) -> Tensor:
    """Gaussian smoothing of ``maps[B, h, w]``, sigma in cells.

    Beyond the border the map is reflected, its outermost cells repeated (``c b a | a b c``), as
    often as the kernel is long; so the mean of a map stays what it was. The kernel ends at 4 sigma.

    Raises:
        ValueError: maps of a wrong shape; a sigma below 0 or not finite.
    """
    maps = as_floats("maps", maps)
    if maps.ndim != 3:
        raise ValueError(f"maps has shape {tuple(maps.shape)}, needs (B, h, w)")
    sigma = as_number("sigma", sigma, "a finite number of cells, 0 or more")
    if not (math.isfinite(sigma) and sigma >= 0):
        raise ValueError(f"sigma is {sigma}, needs a finite number of cells, 0 or more")
    if sigma == 0:
        return maps
    down, across = (_blur(cells, float(sigma)).to(maps) for cells in maps.shape[1:])
    return down @ maps @ across.T


def _highest(features: Tensor, weight: Tensor) -> Tensor:
    """Maximum over classes, a few classes' maps at a time: ``Tensor[B, h, w]``."""
    parts = (
        torch.einsum("bnhw,cn->bchw", features, some).amax(dim=1)
        for some in weight.split(CLASSES_AT_A_TIME)
    )
    best = next(parts)
    for part in parts:
        best = torch.maximum(best, part)
    return best


@lru_cache(maxsize=64)
@torch.inference_mode(mode=False)  # kept, and then used in training too
def _blur(cells: int, sigma: float) -> Tensor:
    """The smoothing of an axis as a matrix, float64 ``Tensor[cells, cells]``."""
    radius = max(int(CUT_OFF * sigma + 0.5), math.ceil(2 * sigma))
    steps = torch.arange(-radius, radius + 1)
    kernel = torch.exp(-0.5 * (steps.double() / sigma) ** 2)
    kernel /= kernel.sum()
    places = (torch.arange(cells)[:, None] + steps) % (2 * cells)
    places = torch.where(places < cells, places, 2 * cells - 1 - places)
    blank = torch.zeros(cells, cells, dtype=torch.float64)
    return blank.scatter_add_(1, places, kernel.expand(cells, -1))


def _check(features: Tensor, weight: Tensor, reduce: str, classes: Tensor | None) -> None:
    if features.ndim != 4 or 0 in features.shape[1:]:
        raise ValueError(f"features has shape {tuple(features.shape)}, needs (B, N, h, w)")
    if weight.ndim != 2 or weight.shape[1] != features.shape[1] or not len(weight):
        raise ValueError(
            f"weight has shape {tuple(weight.shape)}, needs (C, {features.shape[1]}): a column for "
            "each channel of features"
        )
    if reduce not in REDUCTIONS:
        raise ValueError(f"reduce is {reduce!r}, needs one of {', '.join(REDUCTIONS)}")
    if (reduce == "class") != (classes is not None):
        needs = 'needs Tensor[B] with reduce="class"' if classes is None else "needs None"
        raise ValueError(f"classes is {'None' if classes is None else 'given'}, {needs}")
    if classes is None:
        return
    if classes.shape != features.shape[:1]:
        raise ValueError(f"classes has shape {tuple(classes.shape)}, needs ({len(features)},)")
    if ((classes < 0) | (classes >= len(weight))).any():
        raise ValueError(
            f"classes runs from {int(classes.min())} to {int(classes.max())}, needs 0 to "
            f"{len(weight) - 1}"
        )
