"""The automatically constructed category hierarchy (section 3.1): classes grouped by appearance.

The paper says "visual feature clustering" and no more. Chosen here: k-means on the L2-normalised
mean feature of each class.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
from torch import Tensor

from fgnb.data.arguments import as_array, as_whole

RESTARTS = 10


def build_hierarchy(features: Any, labels: Any, n_parents: int, seed: int = 0) -> Tensor:
    """The super class of each class: k-means on L2-normalised class means.

    >>> features = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.1]])
    >>> build_hierarchy(features, torch.tensor([0, 1, 2]), n_parents=2).tolist()
    [0, 1, 0]

    Args:
        features: ``Tensor[N, D]``, array or list, a vector for each image.
        labels: their classes, integer ``[N]``, each of 0 to C-1 at least once.
        n_parents: super classes to find, 1 to the number of different class means.
        seed: of the starts of k-means; equal arguments give equal super classes.

    Returns:
        int64 ``Tensor[C]``: super classes from 0, numbered in the order of their first class.

    Raises:
        ValueError: shapes or values that don't fit, classes without an image, or fewer different
            class means than ``n_parents``.
    """
    means = class_means(features, labels)
    n_parents, seed = as_whole("n_parents", n_parents), as_whole("seed", seed, 0)
    different = len(np.unique(means, axis=0))
    if not 1 <= n_parents <= different:
        raise ValueError(
            f"n_parents is {n_parents}, needs 1 to {different}, the number of different class means"
        )
    with threadpool_limits(1):  # the order of a sum must not depend on the machine's cores
        clusters = KMeans(n_parents, n_init=RESTARTS, random_state=seed).fit(means)
    _, first, inverse = np.unique(clusters.labels_, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return torch.from_numpy(number[inverse])


def class_means(features: Any, labels: Any) -> np.ndarray:
    """The mean feature of each class, at unit length: float64 ``[C, D]``.

    Args:
        features: ``[N, D]``, tensor, array or list, finite.
        labels: integer ``[N]``, each of 0 to C-1 at least once.

    Raises:
        ValueError: shapes or values that don't fit, or classes without an image.
    """
    vectors, classes = as_array("features", features), as_array("labels", labels)
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise ValueError(f"features has shape {vectors.shape}, needs (N, D) with N and D over 0")
    if not np.isfinite(vectors).all():
        raise ValueError("features holds nan or infinity, needs finite numbers")
    if classes.shape != (len(vectors),):
        raise ValueError(f"labels has shape {classes.shape}, needs ({len(vectors)},)")
    if classes.dtype.kind not in "iu":
        raise ValueError(f"labels has dtype {classes.dtype}, needs integers")
    present, count = np.unique(classes), int(classes.max()) + 1
    if present[0] < 0 or len(present) != count:
        raise ValueError(
            f"labels holds {len(present)} classes from {present[0]} to {present[-1]}, needs each "
            "of 0 to C-1: number them without gaps"
        )
    means = np.zeros((count, vectors.shape[1]))
    np.add.at(means, classes, vectors.astype(np.float64))
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
