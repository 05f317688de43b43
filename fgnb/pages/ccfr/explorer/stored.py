"""What the explorer shows: checked, rounded once, packed for a page, cut to what a page can hold.

All faces compute on the same float32 values, widened to float64, so that they decide alike even
where a threshold equals a stored value.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fgnb.metrics.checks import as_floats, as_probs

RANKS = 10
NEIGHBORS = 50
MAX_BYTES = 300_000  # of a page's numbers and names, as JSON
_ROWS = 1 << 16


@dataclass(eq=False)
class StoredAnswers:
    """Answers to Q queries over C classes, with their K nearest database images.

    Arrays are checked and converted when it is made.

    Attributes:
        probs: softmax probabilities ``[Q, C]``; kept as float32.
        sims: similarities of the nearest images, descending, ``[Q, K]``; 50 are kept.
        neighbor_labels: their classes ``[Q, K]``.
        labels: true classes ``[Q]``.
        class_names: C names.
        query_names: Q names; numbers where empty.
        neighbor_index: rows of the database ``[Q, K]``, or None; pictures need it.

    Raises:
        ValueError: a wrong shape, ``probs`` that are none, a class or a row out of range,
            similarities that do not descend, no query, more than 65,536 classes or database images.
    """

    probs: NDArray[Any]
    sims: NDArray[Any]
    neighbor_labels: NDArray[Any]
    labels: NDArray[Any]
    class_names: Sequence[str]
    query_names: Sequence[str] = ()
    neighbor_index: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        self.probs = as_probs("probs", self.probs).astype(np.float32)
        self.sims = _floats("sims", self.sims)[:, :NEIGHBORS]
        (queries, classes), shape = self.probs.shape, self.sims.shape
        if shape[0] != queries or not shape[1]:
            raise ValueError(f"sims has shape {shape}, needs ({queries}, K), K at least 1")
        if (self.sims[:, 1:] > self.sims[:, :-1]).any():
            raise ValueError("sims does not descend along a row, needs the nearest image first")
        self.class_names = tuple(map(str, self.class_names))
        numbered = (f"query {q + 1}" for q in range(queries))
        self.query_names = tuple(map(str, self.query_names)) or tuple(numbered)
        for name, wanted in (("class_names", classes), ("query_names", queries)):
            if len(getattr(self, name)) != wanted:
                raise ValueError(f"{name} has {len(getattr(self, name))} names, needs {wanted}")
        self._integers("neighbor_labels", shape, classes)
        self._integers("labels", (queries,), classes)
        if self.neighbor_index is not None:
            self._integers("neighbor_index", shape, _ROWS)

    @property
    def ranks(self) -> int:
        """How many of the most probable classes a page stores for each query."""
        return min(RANKS, self.probs.shape[1])

    def top(self) -> NDArray[np.int64]:
        """The most probable classes of each query, ties by column, ``[Q, ranks]``."""
        return np.argsort(-self.probs, axis=1, kind="stable")[:, : self.ranks]

    def packed(self) -> dict[str, Any]:
        """The numbers and names of a page, ready for JSON; arrays as base64, little-endian.

        Values that half precision holds exactly take two bytes each.
        """
        top = self.top()
        best = np.take_along_axis(self.probs, top, axis=1)
        exact = all(np.array_equal(a, _half(a)) for a in (best, self.sims))
        of_float, of_class = 2 if exact else 4, 1 if len(self.class_names) <= 256 else 2
        parts = {
            **{"top": (top, "u", of_class), "near": (self.neighbor_labels, "u", of_class)},
            **{"truth": (self.labels, "u", of_class), "probs": (best, "f", of_float)},
            "sims": (self.sims, "f", of_float),
        }
        if self.neighbor_index is not None:
            parts["rows"] = (self.neighbor_index, "u", 2)
        return {
            **{"queries": len(self.probs), "ranks": self.ranks, "neighbors": self.sims.shape[1]},
            **{"classes": self.class_names, "names": self.query_names},
            **{"bytesPerClass": of_class, "bytesPerFloat": of_float},
            **{name: _base64(*part) for name, part in parts.items()},
        }

    def within(self, max_bytes: int, seed: int = 0) -> StoredAnswers:
        """As much as a page of ``max_bytes`` holds: where needed in half precision, and a sample.

        Raises:
            ValueError: not even ten queries fit.
        """
        if self._bytes() <= max_bytes:
            return self
        whole = sample = replace(self, probs=_half(self.probs), sims=_half(self.sims))
        order = np.random.default_rng(seed).permutation(len(self.probs))
        kept = len(order)
        while (size := sample._bytes()) > max_bytes:
            kept = min(kept - 1, int(kept * max_bytes / size))
            if kept < min(10, len(order)):
                raise ValueError(f"not ten queries fit: over max_bytes of {max_bytes:,}")
            sample = whole._only(np.sort(order[:kept]))
        return sample

    def _only(self, rows: NDArray[np.int64]) -> StoredAnswers:
        of = (self.probs, self.sims, self.neighbor_labels, self.labels)
        probs, sims, near, labels = (array[rows] for array in of)
        names = [self.query_names[q] for q in rows]
        index = None if self.neighbor_index is None else self.neighbor_index[rows]
        return StoredAnswers(probs, sims, near, labels, self.class_names, names, index)

    def _bytes(self) -> int:
        return len(json.dumps(self.packed(), separators=(",", ":")))

    def _integers(self, name: str, shape: tuple[int, ...], limit: int) -> None:
        array = np.asarray(getattr(self, name))
        array = array[:, : shape[1]] if array.ndim == len(shape) == 2 else array
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, needs {shape}")
        if array.dtype.kind not in "iu":
            raise ValueError(f"{name} has dtype {array.dtype}, needs integers")
        low, high, most = array.min(), array.max(), min(limit, _ROWS) - 1
        if low < 0 or high > most:
            raise ValueError(f"{name} runs from {low} to {high}, needs 0 to {most}")
        setattr(self, name, array.astype(np.int64))


def _half(values: NDArray[Any]) -> NDArray[np.float32]:
    return values.astype(np.float16).astype(np.float32)


def _floats(name: str, values: ArrayLike) -> NDArray[np.float32]:
    array = as_floats(name, values).astype(np.float32)
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {array.shape}, needs two axes")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds nan or infinity, needs finite numbers")
    return array


def _base64(array: NDArray[Any], kind: str, size: int) -> str:
    packed = np.ascontiguousarray(array).astype(f"<{kind}{size}").tobytes()
    return base64.b64encode(packed).decode("ascii")
