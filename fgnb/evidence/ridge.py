"""Ridge regression on one-hot targets in closed form, and the joint feature that it is taught on.

What a classifier sees of an image is laid end to end, `sqrt(1 - share)` times the whole's feature
and `sqrt(share)` times that of its regions, with a one for the bias. All that ridge regression asks
of it are inner products, so everything here takes Gram matrices: shares are then sums of two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, eigh

Floats = NDArray[np.float64]
JOINS = ("mean", "ranks")


def joined_regions(regions: NDArray[np.float32], join: str) -> NDArray[np.float32]:
    """The regions' part of the joint feature.

    Args:
        regions: ``[N, K, D]``, in the order in which they were chosen.
        join: ``mean``, which knows no order, or ``ranks``, the k-th best end to end, over sqrt(K).

    Returns:
        ``[N, D]`` or ``[N, K D]``.

    Raises:
        ValueError: an unknown join.
    """
    if join not in JOINS:
        raise ValueError(f"join is {join!r}; it is one of {', '.join(JOINS)}")
    if join == "mean":
        return regions.mean(axis=1)
    return regions.reshape(len(regions), -1) / np.float32(np.sqrt(regions.shape[1]))


def gram(left: NDArray[np.float32], right: NDArray[np.float32]) -> Floats:
    """Inner products of rows, ``[N, F]`` and ``[M, F]`` -> ``[N, M]``."""
    return (left @ right.T).astype(np.float64)


def joint_gram(whole: Floats, regions: Floats | None, share: float) -> Floats:
    """Inner products of joint features, from those of their two parts; without regions the whole's.

    Raises:
        ValueError: a share that is not in [0, 1].
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share is {share}, needs a number from 0 to 1")
    if regions is None:
        return whole + 1.0
    return (1.0 - share) * whole + share * regions + 1.0


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
