"""Calibration: does a confidence of 0.7 mean right seven times out of ten?

It stands beside ccfr's label-free threshold (section 4.3: T_sf is roughly the mean top-1
probability), which presumes that confidence and accuracy agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.metrics.accuracy import true_class_ranks
from fgnb.metrics.checks import as_scores


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability diagram in numbers.

    Attributes:
        edges: float64[bins + 1], from 0 to 1; a bin holds its lower edge, the last both.
        confidence: float64[bins], mean top-1 probability; nan where the bin is empty.
        accuracy: float64[bins], share of right answers; nan where the bin is empty.
        count: int64[bins], images in the bin.
        ece: the expected calibration error, |accuracy - confidence| averaged over the images'
            bins, in [0, 1].
    """

    edges: NDArray[np.float64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]
    ece: float


def reliability(probs: Any, labels: Any, bins: int = 10) -> Reliability:
    """Group images by their top-1 probability and compare it with their accuracy.

    Args:
        probs: Tensor[N, C], rows that sum to 1; equal probabilities by column order.
        labels: Tensor[N], columns of `probs`.
        bins: number of equally wide bins over [0, 1].

    Raises:
        ValueError: if a shape or number is out of range, or the rows are no probabilities
            (re-ranked scores, for one, are not).
    """
    table = as_scores("probs", probs)
    if bins < 1:
        raise ValueError(f"bins is {bins}, needs at least 1")
    if table.min() < 0 or table.max() > 1 + 1e-6 or np.abs(table.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError(
            f"probs runs from {table.min():.4g} to {table.max():.4g} with row sums from "
            f"{table.sum(axis=1).min():.4g} to {table.sum(axis=1).max():.4g}, needs rows of "
            "probabilities that sum to 1"
        )
    confidence = table.max(axis=1)
    correct = true_class_ranks(table, labels) == 0
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(place, confidence, bins) / count
        mean_accuracy = np.bincount(place, correct, bins) / count
    gaps = np.abs(mean_accuracy - mean_confidence)[count > 0]
    ece = float(gaps @ count[count > 0] / len(table))
    return Reliability(edges, mean_confidence, mean_accuracy, count, ece)
