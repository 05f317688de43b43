"""Logistic regression on frozen, globally pooled features: the baseline below every baseline.

It is also the start of the fine-tuned classifier's head: from a random head the usual learning
rates wreck the pretrained tail on small sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from fgnb import progress

C_GRID = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
MAX_ITERATIONS = 500
LEAST_SCALE = 0.03
"""A feature varies at least so much, as a share of what the median one does, when standardised.

A feature that is all but constant would else get a weight of hundreds, and a head that starts from
it diverges at once. Of the photographs of birds no frozen feature is below it.
"""


@dataclass(frozen=True)
class Logistic:
    """A fitted linear classifier on raw features (the scaling is folded in).

    Attributes:
        weight: float32 ``[C, F]``.
        bias: float32 ``[C]``.
        c: inverse regularisation strength on standardised features.
    """

    weight: np.ndarray
    bias: np.ndarray
    c: float

    def probs(self, features: np.ndarray) -> np.ndarray:
        """Softmax probabilities, float32 ``[N, F]`` -> ``[N, C]``."""
        logits = features.astype(np.float64) @ self.weight.T.astype(np.float64) + self.bias
        logits -= logits.max(axis=1, keepdims=True)
        exp = np.exp(logits)
        return (exp / exp.sum(axis=1, keepdims=True)).astype(np.float32)


def fit_logistic(features: np.ndarray, labels: np.ndarray, *, c: float, threads: int) -> Logistic:
    """Multinomial logistic regression, ``features[N, F]`` standardised, labels 0 to C-1.

    Raises:
        ValueError: fewer than two classes, or a class without an image.
    """
    classes = int(labels.max()) + 1 if len(labels) else 0
    present = len(np.unique(labels))
    if present != classes or classes < 2:
        raise ValueError(f"labels holds {present} of {classes} classes; all, and two, are needed")
    with progress.task("a logistic regression"), threadpool_limits(threads):
        scaler = StandardScaler().fit(features)
        scaler.scale_ = np.maximum(scaler.scale_, LEAST_SCALE * np.median(scaler.scale_))
        model = LogisticRegression(C=c, max_iter=MAX_ITERATIONS)
        model.fit(scaler.transform(features), labels)
    weight, bias = model.coef_, model.intercept_
    if classes == 2:  # scikit-learn keeps one row for two classes
        weight, bias = np.vstack([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    scaled = weight / scaler.scale_
    return Logistic(scaled.astype(np.float32), (bias - scaled @ scaler.mean_).astype(np.float32), c)


def choose_c(
    features: np.ndarray,
    labels: np.ndarray,
    held_out: np.ndarray,
    *,
    threads: int,
    grid: Sequence[float] = C_GRID,
) -> tuple[float, dict[float, float]]:
    """The C of the highest held-out accuracy (ties: the lower log loss), and all accuracies.

    ``features``, ``labels`` and the mask ``held_out`` are of training images only.
    """
    truth = labels[held_out]
    scores: dict[float, tuple[float, float]] = {}
    for c in progress.track(grid, "value", len(grid)):
        model = fit_logistic(features[~held_out], labels[~held_out], c=c, threads=threads)
        probs = model.probs(features[held_out])
        likelihood = np.log(np.maximum(probs[np.arange(len(truth)), truth], 1e-12)).mean()
        scores[c] = (float((probs.argmax(1) == truth).mean()), float(likelihood))
    best = max(scores, key=lambda c: scores[c])
    return best, {c: accuracy for c, (accuracy, _) in scores.items()}
