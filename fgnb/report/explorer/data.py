"""What the explorer shows: checked, rounded once to float32, packed for a page.

All faces compute on the same float32 values, widened to float64, so that they decide alike even
where a threshold equals a stored value.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RANKS = 10
NEIGHBORS = 50


@dataclass(frozen=True, eq=False)
class Material:
    """Answers to Q queries over C classes, with their K nearest database images.

    Attributes:
        probs: softmax probabilities, float32 ``[Q, C]``.
        sims: similarities of the nearest images, descending, float32 ``[Q, K]``, K at most 50.
        neighbor_labels: their classes, int64 ``[Q, K]``.
        labels: true classes, int64 ``[Q]``.
        class_names: C names.
        query_names: Q names, or None: numbers.
        neighbor_index: rows of the database, int64 ``[Q, K]``, or None.
        neighbor_names: names of the database's images by row, or None.
    """

    probs: NDArray[np.float32]
    sims: NDArray[np.float32]
    neighbor_labels: NDArray[np.int64]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    query_names: tuple[str, ...] | None = None
    neighbor_index: NDArray[np.int64] | None = None
    neighbor_names: tuple[str, ...] | None = None

    @property
    def ranks(self) -> int:
        """How many of the most probable classes a page stores for each query."""
        return min(RANKS, self.probs.shape[1])

    def query_name(self, q: int) -> str:
        """The name of query row ``q``; its number, from 1, where there are no names."""
        return self.query_names[q] if self.query_names else f"query {q + 1}"

    def top(self) -> NDArray[np.int64]:
        """The most probable classes of each query, ties by column, ``[Q, ranks]``."""
        return np.argsort(-self.probs, axis=1, kind="stable")[:, : self.ranks]

    def packed(self) -> dict[str, Any]:
        """The numbers and names of a page, ready for JSON; arrays as base64, little-endian."""
        top = self.top()
        found: dict[str, Any] = {
            "queries": len(self.probs),
            "ranks": self.ranks,
            "neighbors": self.sims.shape[1],
            "classes": self.class_names,
            "names": self.query_names,
            "bytesPerClass": 1 if len(self.class_names) <= 256 else 2,
            "probs": _base64(np.take_along_axis(self.probs, top, axis=1), "<f4"),
            "sims": _base64(self.sims, "<f4"),
        }
        kind = f"<u{found['bytesPerClass']}"
        for name, array in {"top": top, "near": self.neighbor_labels, "truth": self.labels}.items():
            found[name] = _base64(array, kind)
        if self.neighbor_index is not None:
            found["rows"] = _base64(self.neighbor_index, "<u2")
            found["database"] = self.neighbor_names
        return found


def material(
    probs: ArrayLike,
    sims: ArrayLike,
    neighbor_labels: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str],
    *,
    query_names: Sequence[str] | None = None,
    neighbor_index: ArrayLike | None = None,
    neighbor_names: Sequence[str] | None = None,
) -> Material:
    """Check the answers and keep the 50 nearest images of each query.

    Raises:
        ValueError: a wrong shape, a class or a row out of range, similarities that do not
            descend, no query, more than 65,536 classes or (with an index) database images.
    """
    p, s = _floats("probs", probs), _floats("sims", sims)[:, :NEIGHBORS]
    queries, classes = p.shape
    if not queries or not classes:
        raise ValueError(f"probs has shape {p.shape}, needs (Q, C), both at least 1")
    if len(s) != queries or not s.shape[1]:
        raise ValueError(f"sims has shape {s.shape}, needs ({queries}, K), K at least 1")
    if (s[:, 1:] > s[:, :-1]).any():
        raise ValueError("sims does not descend along a row, needs the nearest image first")
    names = tuple(class_names)
    if len(names) != classes:
        raise ValueError(f"class_names has {len(names)} names, needs {classes}")
    near = _integers("neighbor_labels", neighbor_labels, s.shape, classes)
    index = None
    if neighbor_index is not None:
        images = len(neighbor_names) if neighbor_names is not None else 1 << 16
        index = _integers("neighbor_index", neighbor_index, s.shape, min(images, 1 << 16))
    elif neighbor_names is not None:
        raise ValueError("neighbor_names is given without neighbor_index; give both")
    named = tuple(query_names) if query_names is not None else None
    if named is not None and len(named) != queries:
        raise ValueError(f"query_names has {len(named)} names, needs {queries}")
    truth = _integers("labels", labels, (queries,), classes)
    database = tuple(neighbor_names) if neighbor_names is not None else None
    return Material(p, s, near, truth, names, named, index, database)


def _floats(name: str, values: ArrayLike) -> NDArray[np.float32]:
    array = np.asarray(values, dtype=np.float32)
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {array.shape}, needs two axes")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds nan or infinity, needs finite numbers")
    return array


def _integers(
    name: str, values: ArrayLike, shape: tuple[int, ...], limit: int
) -> NDArray[np.int64]:
    array = np.asarray(values)
    if len(shape) == 2 and array.ndim == 2:
        array = array[:, : shape[1]]
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, needs {shape}")
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} has dtype {array.dtype}, needs integers")
    if array.min() < 0 or array.max() >= min(limit, 1 << 16):
        raise ValueError(
            f"{name} runs from {array.min()} to {array.max()}, needs 0 to {min(limit, 1 << 16) - 1}"
        )
    return array.astype(np.int64)


def _base64(array: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array).astype(kind).tobytes()).decode("ascii")
