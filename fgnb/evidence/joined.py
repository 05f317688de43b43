"""The joint feature that ridge regression is taught on (`fgnb.baselines.ridge`).

What a classifier sees of an image is laid end to end, `sqrt(1 - share)` times the whole's feature
and `sqrt(share)` times that of its regions, with a one for the bias. All that ridge regression asks
of it are inner products, so everything here takes Gram matrices: shares are then sums of two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgnb.baselines.ridge import Floats

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
