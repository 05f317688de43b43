"""Checks that the metrics share: what came in, in which shape, and what was needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.data.arguments import (
    BELOW_ZERO,
    ROW_SUM,
    as_array,
    as_flags,
    as_number,
    no_probabilities,
)


def wrong_shape(name: str, array: NDArray[Any], needed: str) -> ValueError:
    """The error for an argument of a wrong shape."""
    return ValueError(f"{name} has shape {array.shape}, needs {needed}")


def as_floats(name: str, values: Any) -> NDArray[np.float64]:
    """Float64 array of any shape."""
    return as_array(name, values).astype(np.float64, copy=False)


def as_scores(name: str, values: Any) -> NDArray[np.float64]:
    """Float64[N, C] with N and C of at least 1 and no nan."""
    scores = as_floats(name, values)
    if scores.ndim != 2 or 0 in scores.shape:
        raise wrong_shape(name, scores, "(N, C), both at least 1")
    if np.isnan(scores).any():
        raise ValueError(f"{name} holds nan, needs numbers")
    return scores


def as_probs(name: str, values: Any) -> NDArray[np.float64]:
    """Float64[N, C] of rows that sum to 1, but for rounding to half precision."""
    table = as_scores(name, values)
    if not np.isfinite(table).all():
        raise ValueError(f"{name} holds nan or infinity, needs finite numbers")
    sums = table.sum(axis=1)
    if table.min() < -BELOW_ZERO or not (np.abs(sums - 1) <= ROW_SUM).all():
        raise ValueError(no_probabilities(name, table.min(), table.max(), sums.min(), sums.max()))
    return table


def as_labels(name: str, values: Any, n: int, n_classes: int | None = None) -> NDArray[np.int64]:
    """Int64[n]; with `n_classes`, each in 0..n_classes - 1."""
    labels = as_array(name, values)
    if labels.shape != (n,):
        raise wrong_shape(name, labels, f"({n},)")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{name} has dtype {labels.dtype}, needs integers")
    if n_classes is not None and not ((labels >= 0) & (labels < n_classes)).all():
        raise ValueError(
            f"{name} runs from {labels.min()} to {labels.max()}, needs 0 to {n_classes - 1}"
        )
    return labels.astype(np.int64)


def as_correct(name: str, values: Any, ndim: int) -> NDArray[np.bool_]:
    """Bool array of `ndim` axes from booleans or zeros and ones; not empty."""
    correct = as_array(name, values)
    if correct.ndim != ndim or correct.size == 0:
        raise wrong_shape(name, correct, ("(N,)", "(S, N)", "(A, B, N)")[ndim - 1] + ", not empty")
    return as_flags(name, correct)


def as_fraction(name: str, value: Any) -> float:
    """A number strictly between 0 and 1."""
    number = as_number(name, value, "a number strictly between 0 and 1")
    if not 0.0 < number < 1.0:
        raise ValueError(f"{name} is {number}, needs a number strictly between 0 and 1")
    return float(number)
