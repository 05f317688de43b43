"""The searching database: cosine similarity and the topm nearest images (section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fgnb.ccfr.rerank import topm_neighbors
from fgnb.data.arguments import as_array, as_whole

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
    queries: Any,
    database: Any,
    labels: Any,
    k: int = STORED_NEIGHBORS,
    chunk: int = 1024,
) -> Neighbors:
    """The ``k`` nearest of ``database[N, D]`` to each of ``queries[Q, D]`` by cosine similarity.

    ``k`` is clipped to N. Both sides are L2-normalised here; arrays, tensors and lists will do. The
    search is exact; queries go in chunks, so memory stays at ``chunk`` x N.

    Raises:
        ValueError: widths that differ, labels that don't match the database or are no integers,
            vectors that are not finite, a ``k`` or ``chunk`` below 1.
    """
    queries, database = as_array("queries", queries), as_array("database", database)
    labels = as_array("labels", labels)
    if queries.ndim != 2 or database.ndim != 2 or queries.shape[1] != database.shape[1]:
        raise ValueError(
            f"queries is {queries.shape}, database {database.shape}; [Q, D] and [N, D] are needed"
        )
    if labels.shape != database.shape[:1]:
        raise ValueError(f"labels is {labels.shape}; ({len(database)},) is needed")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels has dtype {labels.dtype}, needs integers")
    k, chunk = as_whole("k", k, 1), as_whole("chunk", chunk, 1)
    unit_queries, unit_database = _normalised(queries, "queries"), _normalised(database, "database")
    sims, index = zip(
        *(topm_neighbors(part @ unit_database.T, k) for part in unit_queries.split(chunk)),
        strict=True,
    )
    rows = torch.cat(index).numpy()
    return Neighbors(torch.cat(sims).numpy(), rows, labels.astype(np.int64)[rows])


def _normalised(vectors: np.ndarray, name: str) -> Tensor:
    found = torch.from_numpy(np.require(vectors, np.float32, ["C", "W"]))
    norms = torch.linalg.vector_norm(found, dim=1, keepdim=True)
    if not norms.isfinite().all():
        raise ValueError(f"{name} holds nan or infinity, needs finite numbers")
    return found / norms.clamp(min=1e-12)
