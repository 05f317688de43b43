"""Accuracy, the top-N curve, and what a second opinion rectifies and spoils."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgnb.data.arguments import as_array, as_whole
from fgnb.metrics.checks import as_correct, as_labels, as_scores, wrong_shape


def accuracy(scores: Any, labels: Any) -> float:
    """Share of images whose best class is the true one.

    Args:
        scores: Tensor[N, C], higher is better, equal scores by column order; or Tensor[N] of
            integers, the predicted classes themselves.
        labels: Tensor[N], the true classes.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: if a shape is wrong, nothing is given, or a score is nan.

    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """
    given = as_array("scores", scores)
    if given.ndim == 1 and given.size:
        predictions = as_labels("scores", given, len(given))
        return float(np.mean(predictions == as_labels("labels", labels, len(given))))
    if given.ndim != 2:
        raise wrong_shape("scores", given, "(N, C) or (N,), not empty")
    return float(topn_curve(given, labels, 1)[0])


def topn_curve(scores: Any, labels: Any, n_max: int) -> NDArray[np.float64]:
    """Share of images whose true class is among the best 1, 2, ... n_max classes.

    Args:
        scores: Tensor[N, C], higher is better; equal scores rank by column order.
        labels: Tensor[N], columns of `scores`.
        n_max: length of the curve, at least 1; past C it stays at 1.

    Returns:
        float64[n_max], never falling, in [0, 1].

    Raises:
        ValueError: if a shape or a number is out of range, or a score is nan.

    >>> topn_curve([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3]], [0, 2], 3).tolist()
    [0.5, 1.0, 1.0]
    """
    n_max = as_whole("n_max", n_max, 1)
    ranks = true_class_ranks(scores, labels)
    return np.mean(ranks[:, None] < np.arange(1, n_max + 1), axis=0)


def true_class_ranks(scores: Any, labels: Any) -> NDArray[np.int64]:
    """Rank of each image's true class, 0 for the best; arguments as in `topn_curve`."""
    table = as_scores("scores", scores)
    columns = as_labels("labels", labels, *table.shape)
    own = np.take_along_axis(table, columns[:, None], axis=1)
    before = np.arange(table.shape[1]) < columns[:, None]
    return ((table > own) | ((table == own) & before)).sum(axis=1)


class Changes(NamedTuple):
    """Answers that went from wrong to right, and from right to wrong."""

    rectified: int
    spoiled: int

    @property
    def net(self) -> int:
        """Answers gained in all."""
        return self.rectified - self.spoiled


def changes(before_correct: Any, after_correct: Any) -> Changes:
    """Count the answers that a change to a method rectified and spoiled.

    Args:
        before_correct: Tensor[N], 1 or True where the first method is right.
        after_correct: Tensor[N], the same images after the change.

    Raises:
        ValueError: if a shape is wrong, nothing is given, or a value is neither 0 nor 1.

    >>> changes([0, 0, 1, 1], [1, 1, 1, 0])
    Changes(rectified=2, spoiled=1)
    """
    before = as_correct("before_correct", before_correct, 1)
    after = as_correct("after_correct", after_correct, 1)
    if before.shape != after.shape:
        raise wrong_shape("after_correct", after, str(before.shape))
    return Changes(int((~before & after).sum()), int((before & ~after).sum()))
