"""The searching database: cosine similarity and the topm nearest images (section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from fgnb.ccfr.rerank import topm_neighbors

STORED_NEIGHBORS = 50


@dataclass(frozen=True)
class Neighbors:
    """The most similar database images of each query, best first (``rank(q, X, topm)``).

    Attributes:
        sims: float32 ``[Q, K]``, cosine similarity, descending.
        index: int64 ``[Q, K]``, rows of the database; equal similarities in row order.
        labels: int64 ``[Q, K]``, their classes.
    """

    sims: np.ndarray
    index: np.ndarray
    labels: np.ndarray

    def predictions(self) -> np.ndarray:
        """Retrieval alone: the class of the nearest image (Table 4, first row), ``[Q]``."""
        return self.labels[:, 0]


def nearest(
    queries: np.ndarray,
    database: np.ndarray,
    labels: np.ndarray,
    k: int = STORED_NEIGHBORS,
    chunk: int = 1024,
) -> Neighbors:
    """The ``k`` nearest of ``database[N, D]`` to each of ``queries[Q, D]`` by cosine similarity.

    ``k`` is clipped to N. Both sides are L2-normalised here. The search is exact; queries go in
    chunks, so memory stays at ``chunk`` x N.

    Raises:
        ValueError: widths that differ, labels that don't match the database, vectors that are not
            finite, a ``k`` below 1.
    """
    if queries.ndim != 2 or database.ndim != 2 or queries.shape[1] != database.shape[1]:
        raise ValueError(
            f"queries is {queries.shape}, database {database.shape}; [Q, D] and [N, D] are needed"
        )
    if labels.shape != database.shape[:1]:
        raise ValueError(f"labels is {labels.shape}; ({len(database)},) is needed")
    if k < 1:
        raise ValueError(f"k is {k}, needs 1 at least")
    for name, vectors in {"queries": queries, "database": database}.items():
        if not np.isfinite(vectors).all():
            raise ValueError(f"{name} holds nan or infinity, needs finite numbers")
    unit = _normalise(database)
    sims, index = [], []
    for start in range(0, len(queries), chunk):
        block = _normalise(queries[start : start + chunk]) @ unit.T
        best, order = topm_neighbors(torch.from_numpy(block), k)
        sims.append(best.numpy())
        index.append(order.numpy())
    rows = np.concatenate(index)
    return Neighbors(np.concatenate(sims), rows, labels[rows])


def _normalise(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
