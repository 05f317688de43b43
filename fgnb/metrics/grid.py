"""How much a setting matters, over a grid of two of them (ccfr, Fig. 6), with intervals.

Everything starts from ``correct[A, B, N]``: is the method right on image n at point (a, b)? The
same images serve every point, so an interval draws images, never points. A range and a loss are
never negative, and noise alone makes them positive: a small one is no evidence of an influence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.data.arguments import as_whole
from fgnb.metrics.calibration import expected_calibration_error
from fgnb.metrics.checks import as_correct, as_floats, wrong_shape
from fgnb.metrics.statistics import Interval, image_counts

DRAWS = 1000


def accuracy_range(correct: Any, axis: int, *, draws: int = DRAWS, seed: int = 0) -> Interval:
    """Highest minus lowest accuracy along one axis, averaged over the other.

    Args:
        correct: Tensor[A, B, N], 1 or True where right.
        axis: 0 or 1, the setting that is moved.
        draws: resamples of the images, at least 1.
        seed: of the resampling.

    Returns:
        A number in [0, 1] and its 95 % percentile interval, widened to hold it.

    Raises:
        ValueError: if a shape or a number is out of range.
    """
    axis, points = _axis(axis), _points(correct)
    return _over_images(points, lambda shares: np.ptp(shares, axis=axis).mean(axis=0), draws, seed)


def range_gap(correct: Any, *, draws: int = DRAWS, seed: int = 0) -> Interval:
    """How much more the first setting moves accuracy than the second: the gap of both ranges.

    Args:
        correct: Tensor[A, B, N], 1 or True where right; neither axis of a single value.
        draws: resamples of the images, at least 1.
        seed: of the resampling.

    Returns:
        `accuracy_range` along axis 0 minus that along axis 1, in [-1, 1], and its 95 % percentile
        interval over the same resamples, widened to hold it.

    Raises:
        ValueError: if a shape or a number is out of range.
    """
    points = _points(correct)
    if min(points.shape[:2]) < 2:
        raise wrong_shape("correct", points, "(A, B, N), A and B over 1")

    def gap(shares: NDArray[np.float64]) -> NDArray[np.float64]:
        first, second = (np.ptp(shares, axis=axis).mean(axis=0) for axis in (0, 1))
        return np.asarray(first - second)

    return _over_images(points, gap, draws, seed)


def regret(correct: Any, *, draws: int = DRAWS, seed: int = 0) -> Interval:
    """The most that a choice of b can lose where one a, the best on average, serves them all.

    0 where the curves over a all have their highest point at the same a.

    Args:
        correct: Tensor[A, B, N], 1 or True where right.
        draws: resamples of the images, at least 1.
        seed: of the resampling.

    Returns:
        max over b of (best accuracy over a, minus that at the common a), in [0, 1], and its 95 %
        percentile interval, widened to hold it.

    Raises:
        ValueError: if a shape or a number is out of range.
    """

    def loss(shares: NDArray[np.float64]) -> NDArray[np.float64]:
        common = shares.mean(axis=1).argmax(axis=0)  # [draws]
        at_common = np.take_along_axis(shares, common[None, None], axis=0)[0]
        return np.asarray((shares.max(axis=0) - at_common).max(axis=0))

    return _over_images(_points(correct), loss, draws, seed)


def best_value(
    correct: Any, values: Any, axis: int, *, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """The value of one setting at the most accurate point of the grid.

    Args:
        correct: Tensor[A, B, N], 1 or True where right; of equal points the first counts, a
            before b, so put first what is to be preferred.
        values: float[A] or float[B], the values along `axis`.
        axis: 0 or 1.
        draws: resamples of the images, at least 1.
        seed: of the resampling.

    Returns:
        One of `values`; the interval runs between the values that the middle 95 % of the draws
        choose, widened to hold it.

    Raises:
        ValueError: if a shape or a number is out of range.
    """
    axis, points = _axis(axis), _points(correct)
    along = as_floats("values", values)
    if along.shape != points.shape[axis : axis + 1]:
        raise wrong_shape("values", along, f"({points.shape[axis]},), the grid along axis {axis}")
    if not np.isfinite(along).all():
        raise ValueError("values holds nan or infinity, needs finite numbers")

    def at(shares: NDArray[np.float64]) -> NDArray[np.float64]:
        best = shares.reshape(-1, shares.shape[2]).argmax(axis=0)
        return along[np.unravel_index(best, points.shape[:2])[axis]]

    return _over_images(points, at, draws, seed)


def gap_to_best(chosen: Any, correct: Any, *, draws: int = DRAWS, seed: int = 0) -> Interval:
    """Accuracy of a setting found without labels, minus that of the best point of a line.

    The best point is the best on the same images, and is sought again in every draw: it is a
    little too good wherever several points are close.

    Args:
        chosen: Tensor[N], 1 or True where the method is right at the chosen setting.
        correct: Tensor[A, N], the same at every value that was tried.
        draws: resamples of the images, at least 1.
        seed: of the resampling.

    Returns:
        A number in [-1, 1], over 0 where the chosen setting beats every value tried, and its 95 %
        percentile interval, widened to hold it.

    Raises:
        ValueError: if a shape or a number is out of range.
    """
    line = as_correct("correct", correct, 2)
    own = as_correct("chosen", chosen, 1)
    if own.shape != line.shape[1:]:
        raise wrong_shape("chosen", own, str(line.shape[1:]))

    def lead(shares: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(shares[0, 0] - shares[1:, 0].max(axis=0))

    stacked = np.concatenate([own[None], line])[:, None]
    return _over_images(_points(stacked), lead, draws, seed)


def calibration_interval(
    confidence: Any, correct: Any, *, bins: int = 10, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """The expected calibration error with a 95 % percentile interval, widened to hold it.

    A bin of few images is off by chance, so the error of a resample lies above that of the images.

    Args:
        confidence: Tensor[N], in [0, 1].
        correct: Tensor[N], 1 or True where right.
        bins: number of equally wide bins over [0, 1].
        draws: resamples of the images, at least 1.
        seed: of the resampling.

    Raises:
        ValueError: if a shape or a number is out of range.
    """
    bins = as_whole("bins", bins, 1)
    value = expected_calibration_error(confidence, correct, bins)
    sure, right = as_floats("confidence", confidence), as_correct("correct", correct, 1)
    place = np.clip(np.digitize(sure, np.linspace(0, 1, bins + 1)) - 1, 0, bins - 1)
    gaps = np.zeros((bins, len(sure)))
    gaps[place, np.arange(len(sure))] = right - sure
    drawn = np.abs(gaps @ _weights(len(sure), draws, seed)).sum(axis=0)
    return _held(value, drawn)


def _over_images(
    points: NDArray[np.bool_],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    draws: int,
    seed: int,
) -> Interval:
    """`statistic` of accuracies [A, B, draws] -> [draws], on the images and on resamples."""
    n = points.shape[2]
    flat = points.reshape(-1, n).astype(np.float64)
    drawn = (flat @ _weights(n, draws, seed)).round(12).reshape(*points.shape[:2], draws)
    return _held(float(statistic(points.mean(axis=2, keepdims=True))[0]), statistic(drawn))


def _held(value: float, drawn: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")
    return Interval(value, min(float(low), value), max(float(high), value))


def _weights(n: int, draws: int, seed: int) -> NDArray[np.float64]:
    """How often each of n images is drawn in n draws with replacement, over n: [n, draws]."""
    return np.asarray(image_counts(n, draws, seed).T.astype(np.float64) / n)


def _points(correct: Any) -> NDArray[np.bool_]:
    return as_correct("correct", correct, 3)


def _axis(axis: Any) -> int:
    axis = as_whole("axis", axis)
    if axis not in (0, 1):
        raise ValueError(f"axis is {axis}, needs 0 or 1")
    return axis
