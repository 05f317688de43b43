"""Who teaches what: one half of the training images for maps and scorers, folds of the other.

A rule that chose regions on the very images that it was taught on would look better than it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgnb.data import ImageSet

Rows = NDArray[np.int64]
_STREAM = 0x666F6C64  # keeps these draws apart from others of the same seed


class Fit(NamedTuple):
    """One fit of a classifier: which seed and fold, and places among the folds' images."""

    number: int
    seed: int
    fold: int
    train: Rows
    held_out: Rows


@dataclass(frozen=True)
class Split:
    """Rows of an image set by their part in the experiment.

    Attributes:
        taught: training images that class maps and scorers are fitted on, half of each class.
        folded: the other half, on which classifiers are fitted and settings chosen.
        test: test images.
        fits: seeds times folds of ``folded``, seed by seed.
    """

    taught: Rows
    folded: Rows
    test: Rows
    fits: tuple[Fit, ...]

    @property
    def asked(self) -> Rows:
        """The folds' images, then the test images: what classifiers answer."""
        return np.concatenate([self.folded, self.test])

    @property
    def first(self) -> tuple[Fit, ...]:
        """The fits of the first seed, on whose folds settings are chosen."""
        return tuple(fit for fit in self.fits if fit.seed == self.fits[0].seed)


def split_of(images: ImageSet, *, seed: int, seeds: int, folds: int) -> Split:
    """The split of a set; a function of ids and seeds alone.

    Args:
        images: the set.
        seed: of the halves, and the first of the folds'.
        seeds: how often the folds are drawn anew.
        folds: how many; fewer where a class has not as many images in its half.

    Raises:
        DataError: a class with fewer than two training images.
        ValueError: no seed, or fewer than two folds, also for lack of images.
    """
    half = images.held_out(seed, 0.5)
    taught, folded = np.flatnonzero(half), np.flatnonzero(images.train & ~half)
    labels = images.labels[folded]
    folds = min(folds, int(np.bincount(labels, minlength=len(images.classes)).min()))
    if seeds < 1 or folds < 2:
        raise ValueError(
            f"seeds is {seeds} and folds {folds}, needs 1 and 2 at least; a fold needs an image of "
            "each class in half of the training images"
        )
    fits: list[Fit] = []
    for own in range(seed, seed + seeds):
        number_of = _folds(labels, folds, own)
        for fold in range(folds):
            held = number_of == fold
            pair = np.flatnonzero(~held), np.flatnonzero(held)
            fits.append(Fit(len(fits), own, fold, *pair))
    return Split(taught, folded, np.flatnonzero(~images.train), tuple(fits))


def _folds(labels: Rows, folds: int, seed: int) -> Rows:
    """The fold of each image: each class in a random order, dealt out one by one."""
    rng, number_of, dealt = np.random.default_rng((seed, _STREAM)), np.empty_like(labels), 0
    for label in np.unique(labels):
        order = rng.permutation(np.flatnonzero(labels == label))
        number_of[order] = (np.arange(len(order)) + dealt) % folds
        dealt += len(order)
    return number_of
