"""What classification keeps of a bilinear feature made compact: frozen maps, kernel ridge.

Every form goes through the same classifier, ridge regression on one-hot targets, which asks for
inner products alone; so the whole feature can take part without being held. Its strength is chosen
for each form on the held-out fifth; then it is fitted to all training images, and the test images
are read once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fgnb.baselines import ridge
from fgnb.nn.backbones import global_pool
from fgnb.pose.bilinear import RandomMaclaurin, TensorSketch
from fgnb.pose.frozen import FrozenMaps
from fgnb.pose.kernels import Floats, gram, normalised_gram
from fgnb.training import environment
from fgnb.training.counted import Counted
from fgnb.training.settings import deterministic

FORMS: dict[str, Callable[..., Any]] = {
    "random-maclaurin": RandomMaclaurin,
    "tensor-sketch": TensorSketch,
}
DIMS = (240, 1000, 5000)
"""The last is the paper's; 12,544 / 240 is the paper's 262 thousand over 5,000."""
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Of the ridge, as shares of the mean squared length of a centred feature."""
POOLED, FULL = "pooled", "full"
ROWS = (POOLED, FULL, *(f"{form}-{dim}" for form in FORMS for dim in DIMS))
CODE = ("fgnb.pose.compact",)
_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class Answered(Counted):
    """What a form answered, as a page takes a run.

    Attributes:
        classes: of each test image, by each projection, int16 ``[F, N]``.
        strength: of the ridge, chosen on held-out images; the first projection's.
    """

    classes: NDArray[np.int16]
    strength: float
    code_of: tuple[str, ...] = CODE


class Experiment:
    """All forms on the maps of one image set.

    Args:
        frozen: with the fold ``all``.
        projections: of each compact form, with seeds from 0; their answers stand beside each other
            as fits.
    """

    def __init__(self, frozen: FrozenMaps, projections: int = 1) -> None:
        self.frozen, self.images, self.projections = frozen, frozen.images, projections
        self.rows = np.concatenate([frozen.taught, frozen.asked])

    @cached_property
    def maps(self) -> Tensor:
        """Maps of training and test images: ``Tensor[N, c, h, w]``."""
        return self.frozen.maps(self.rows)

    @property
    def channels(self) -> int:
        """c: the whole bilinear feature has its square."""
        return int(self.maps.shape[1])

    def answers(self, row: str) -> Answered:
        """The answers of a row of `ROWS` to the test images."""
        began = time.monotonic()
        with deterministic(self.frozen.spec.threads):
            fits = [self._fit(kernel) for kernel in self._grams(row)]
        fits *= self.projections // len(fits)  # what has no random numbers answers every time alike
        form, _, dim = row.rpartition("-")
        spec = self.frozen.described | {"form": form or row, "strength": fits[0][1]}
        spec |= {"dim": int(dim) if form else self._numbers(row), "projections": self.projections}
        around = environment.describe(self.frozen.spec.threads, time.monotonic() - began)
        classes = np.stack([classes for classes, _ in fits])
        return Answered(classes=classes, strength=fits[0][1], spec=spec, environment=around)

    def witness(self, row: str) -> Floats:
        """Inner products of all images under the first projection of a form."""
        with deterministic(self.frozen.spec.threads):
            return next(self._grams(row))

    def _numbers(self, row: str) -> int:
        return self.channels**2 if row == FULL else self.channels

    def _grams(self, row: str) -> Iterator[Floats]:
        """Inner products of all images under a form, a matrix a projection."""
        if row == FULL:
            yield normalised_gram(self.maps)
        elif row == POOLED:
            yield gram(global_pool(self.maps))
        else:
            form, _, dim = row.rpartition("-")
            for seed in range(self.projections):
                layer = FORMS[form](self.channels, int(dim), seed)
                yield gram(torch.cat([layer(some) for some in self.maps.split(_BATCH)]))

    def _fit(self, kernel: Floats) -> tuple[NDArray[np.int16], float]:
        """Classes of the test images, and the strength that was chosen."""
        n, labels = len(self.frozen.taught), self.images.labels[self.rows]
        held_out = np.flatnonzero(self.images.held_out(self.frozen.spec.seed)[self.rows])
        others = np.setdiff1d(np.arange(n), held_out)
        path = ridge_path(kernel, labels, others, held_out)
        right = (path.argmax(axis=2) == labels[held_out]).mean(axis=1)
        best = int(right.argmax())
        answers = ridge_path(kernel, labels, np.arange(n), np.arange(n, len(labels)))[best]
        return answers.argmax(axis=1).astype(np.int16), STRENGTHS[best]


def ridge_path(
    kernel: Floats, labels: NDArray[np.int64], train: NDArray[Any], asked: NDArray[Any]
) -> Floats:
    """Scores of the asked images by ridge regression at every strength of `STRENGTHS`.

    Features and targets are taken less their mean over the training images.

    Args:
        kernel: inner products of all images, ``[N, N]``.
        labels: ``[N]``, 0 to C - 1.
        train: positions of those that teach.
        asked: positions of those that are answered.

    Returns:
        float64 ``[strengths, asked, C]``.
    """
    targets = ridge.one_hot(labels[train], int(labels.max()) + 1)
    known, other = kernel[np.ix_(train, train)], kernel[np.ix_(asked, train)]
    column = known.mean(axis=0)
    other = other - other.mean(axis=1, keepdims=True) - column + column.mean()
    known = known - column[:, None] - column + column.mean()
    size, mean = known.trace() / len(known), targets.mean(axis=0)
    strengths = [strength * size for strength in STRENGTHS]
    return ridge.ridge_path(known, other, targets - mean, strengths) + mean
