"""Ridge regression on one-hot targets in closed form, from inner products alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, eigh

Floats = NDArray[np.float64]


def one_hot(labels: NDArray[np.int64], classes: int) -> Floats:
    """Targets ``[N, C]``."""
    return np.eye(classes)[labels]


def ridge_scores(known: Floats, asked: Floats, targets: Floats, strength: float) -> Floats:
    """What ridge regression says of images: scores ``[Q, C]``.

    Args:
        known: Gram matrix of the N training images, ``[N, N]``.
        asked: of Q images with them, ``[Q, N]``.
        targets: ``[N, C]``.
        strength: what is added to the diagonal, over 0.

    Raises:
        ValueError: a strength that is not over 0.
    """
    _check_strength(strength)
    factor = cho_factor(known + strength * np.eye(len(known)), lower=True)
    return np.asarray(asked @ cho_solve(factor, targets))


def ridge_path(known: Floats, asked: Floats, targets: Floats, strengths: Sequence[float]) -> Floats:
    """`ridge_scores` at several strengths, by one decomposition: ``[S, Q, C]``."""
    for strength in strengths:
        _check_strength(strength)
    values, vectors = eigh(known)
    values = np.maximum(values, 0.0)  # a Gram matrix has none below, but for rounding
    inner, outer = vectors.T @ targets, asked @ vectors
    return np.stack([(outer / (values + strength)) @ inner for strength in strengths])


def _check_strength(strength: float) -> None:
    if not strength > 0:
        raise ValueError(f"strength is {strength}, needs a number over 0")
