"""Calibration: does a confidence of 0.7 mean right seven times out of ten?

It stands beside ccfr's label-free threshold (section 4.2: T_sf is roughly the mean top-1
probability), which presumes that confidence and accuracy agree; and beside re-ranking itself, as
what a single number fitted on held-out images (temperature scaling, Guo et al., ICML 2017) can do
without looking at any other image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from fgnb.data.arguments import as_number, as_whole
from fgnb.metrics.accuracy import true_class_ranks
from fgnb.metrics.checks import as_correct, as_floats, as_fraction, as_labels, as_probs, wrong_shape

FLOOR = 1e-6  # the least probability that a log likelihood sees: a zero costs 13.8 nats
_TEMPERATURES = (0.02, 50.0)


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
    table = as_probs("probs", probs)
    return _binned(table.max(axis=1), true_class_ranks(table, labels) == 0, bins)


def expected_calibration_error(confidence: Any, correct: Any, bins: int = 10) -> float:
    """`Reliability.ece` of answers whose confidence and correctness are known.

    Args:
        confidence: Tensor[N], the probability that an answer claims for itself, in [0, 1].
        correct: Tensor[N], 1 or True where it is right.
        bins: number of equally wide bins over [0, 1].

    Raises:
        ValueError: if a shape or number is out of range.

    >>> expected_calibration_error([0.75, 0.75, 0.5, 0.5], [1, 1, 1, 0])
    0.125
    """
    sure = as_floats("confidence", confidence)
    right = as_correct("correct", correct, 1)
    if sure.shape != right.shape:
        raise wrong_shape("confidence", sure, f"{right.shape}, that of correct")
    if not ((sure >= 0) & (sure <= 1 + 1e-6)).all():
        raise ValueError(
            f"confidence runs from {sure.min():.4g} to {sure.max():.4g}, needs numbers in [0, 1]"
        )
    return _binned(sure, right, bins).ece


def negative_log_likelihood(probs: Any, labels: Any, floor: float = FLOOR) -> float:
    """Mean of -log p over the images, p being the probability given to the true class; nats.

    Args:
        probs: Tensor[N, C], rows that sum to 1.
        labels: Tensor[N], columns of `probs`.
        floor: what a smaller probability counts as, in (0, 1); a hard vote gives zeros, whose
            logarithm would be the only thing seen.

    Raises:
        ValueError: if a shape or number is out of range, or the rows are no probabilities.

    >>> round(negative_log_likelihood([[0.5, 0.5], [0.25, 0.75]], [0, 1]), 4)
    0.4904
    """
    table = as_probs("probs", probs)
    floor = as_fraction("floor", floor)
    own = table[np.arange(len(table)), as_labels("labels", labels, *table.shape)]
    return float(-np.log(np.maximum(own, floor)).mean())


def temper(probs: Any, temperature: float) -> NDArray[np.float64]:
    """The softmax of the same logits over `temperature`: p^(1/T), scaled to sum to 1.

    Args:
        probs: Tensor[N, C], rows that sum to 1. Their logarithms are the logits up to a constant
            of the row, which the softmax drops; a probability under 1e-12 counts as 1e-12.
        temperature: T; over 1 it flattens, under 1 it sharpens, and it never changes an order.

    Returns:
        float64[N, C].

    Raises:
        ValueError: if a shape or number is out of range, or the rows are no probabilities.

    >>> temper([[0.8, 0.2]], 2.0).round(3).tolist()
    [[0.667, 0.333]]
    """
    table = as_probs("probs", probs)
    temperature = as_number("temperature", temperature)
    if not (temperature > 0.0 and np.isfinite(temperature)):
        raise ValueError(f"temperature is {temperature}, needs a finite number above 0")
    return _tempered(np.log(np.maximum(table, 1e-12)), temperature)


def fit_temperature(probs: Any, labels: Any) -> float:
    """The temperature of the least negative log-likelihood; give held-out answers.

    Searched over log T between 0.02 and 50 (the likelihood has one maximum there: it is concave
    in 1/T). Where every answer is right the likelihood has none, and the lower end is returned.

    Args:
        probs: Tensor[N, C], rows that sum to 1.
        labels: Tensor[N], columns of `probs`.

    Raises:
        ValueError: if a shape is wrong or the rows are no probabilities.

    >>> round(fit_temperature([[0.9, 0.1]] * 4, [0, 0, 0, 1]), 2)
    2.0
    """
    table = as_probs("probs", probs)
    columns = as_labels("labels", labels, *table.shape)
    logits = np.log(np.maximum(table, 1e-12))
    rows = np.arange(len(table))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        highest = scaled.max(axis=1)
        total = highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=1))
        return float((total - scaled[rows, columns]).mean())

    low, high = (float(np.log(end)) for end in _TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-7})
    ends = {low: loss(low), high: loss(high), float(found.x): float(found.fun)}
    return float(np.exp(min(ends, key=lambda place: ends[place])))


def _tempered(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    scaled = logits / temperature
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _binned(confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int) -> Reliability:
    """Confidence and correctness, both [N], grouped into equally wide bins."""
    bins = as_whole("bins", bins, 1)
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(place, confidence, bins) / count
        mean_accuracy = np.bincount(place, correct, bins) / count
    gaps = np.abs(mean_accuracy - mean_confidence)[count > 0]
    ece = float(gaps @ count[count > 0] / len(confidence))
    return Reliability(edges, mean_confidence, mean_accuracy, count, ece)
