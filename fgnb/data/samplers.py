"""Batches: shuffled ones, and P x K for metric losses (ccfr section 3.2; CHOICE there).

The order is a function of (seed, epoch) alone, so a training that resumes at epoch e draws what an
undisturbed one would have drawn. numpy only; a `torch` DataLoader takes it as `batch_sampler`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fgnb.data.arguments import as_array, as_whole


def shuffled_batches(count: int, size: int, seed: int, epoch: int) -> list[list[int]]:
    """0 to ``count - 1`` in an order of ``(seed, epoch)``, ``size`` at a time.

    The last batch may be smaller.

    Raises:
        ValueError: a number out of range.
    """
    count, size = as_whole("count", count, 0), as_whole("size", size, 1)
    seed, epoch = as_whole("seed", seed, 0), as_whole("epoch", epoch, 0)
    order = np.random.default_rng((seed, epoch)).permutation(count).tolist()
    return [order[i : i + size] for i in range(0, count, size)]


class PKSampler:
    """Batches of `classes_per_batch` distinct classes with `images_per_class` images each.

    Classes come in shuffled rounds, each class once a round, and so do the images within a class:
    every class is used in every epoch, and a class repeats an image only after all its others.
    A class with fewer than K images gives all of them and fills up by sampling with replacement.
    An epoch has about N / (P K) batches, and always enough to use every class once.
    """

    def __init__(
        self, labels: ArrayLike, classes_per_batch: int, images_per_class: int, seed: int
    ) -> None:
        """Prepare the sampler.

        Args:
            labels: int[N], the class of each image; the batches hold positions in this array.
            classes_per_batch: P, at least 1, at most the number of classes.
            images_per_class: K, at least 1.
            seed: 0 or more.

        Raises:
            ValueError: if a shape or a number is out of range.
        """
        array = as_array("labels", labels)
        classes_per_batch = as_whole("classes_per_batch", classes_per_batch)
        images_per_class = as_whole("images_per_class", images_per_class)
        seed = as_whole("seed", seed)
        if array.ndim != 1 or len(array) == 0:
            raise ValueError(f"labels has shape {array.shape}, needs (N,) with N of at least 1")
        self._members = [np.flatnonzero(array == label) for label in np.unique(array)]
        if not 1 <= classes_per_batch <= len(self._members):
            raise ValueError(
                f"classes_per_batch is {classes_per_batch}, needs 1 to {len(self._members)}, the "
                "number of classes in labels"
            )
        if images_per_class < 1:
            raise ValueError(f"images_per_class is {images_per_class}, needs at least 1")
        if seed < 0:
            raise ValueError(f"seed is {seed}, needs 0 or more")
        self.classes_per_batch = classes_per_batch
        self.images_per_class = images_per_class
        self.seed = seed
        self.epoch = 0
        by_images = -(-len(array) // (classes_per_batch * images_per_class))
        by_classes = -(-len(self._members) // classes_per_batch)
        self._length = max(by_images, by_classes)

    def __len__(self) -> int:
        """Number of batches an epoch."""
        return self._length

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch (0 or more) whose order the next iteration gives."""
        if epoch < 0:
            raise ValueError(f"epoch is {epoch}, needs 0 or more")
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches(self.epoch))

    def batches(self, epoch: int) -> list[list[int]]:
        """The batches of an epoch: `len(self)` lists of P K positions, grouped by class."""
        rng = np.random.default_rng([self.seed, epoch])
        classes = _Rounds(np.arange(len(self._members)), rng)
        images = [_Rounds(members, rng) for members in self._members]
        return [
            [
                int(image)
                for label in classes.take(self.classes_per_batch)
                for image in images[label].take(self.images_per_class)
            ]
            for _ in range(self._length)
        ]


class _Rounds:
    """Items in shuffled rounds, each once a round; distinct within one `take` where possible."""

    def __init__(self, items: NDArray[np.int64], rng: np.random.Generator) -> None:
        self._items, self._rng = items, rng
        self._queue: list[int] = []

    def take(self, count: int) -> list[int]:
        taken: list[int] = []
        later: list[int] = []
        while len(taken) < min(count, len(self._items)):
            if not self._queue:
                self._queue = self._rng.permutation(self._items).tolist()
            item = self._queue.pop(0)
            (later if item in taken else taken).append(item)
        self._queue = later + self._queue
        missing = count - len(taken)
        return taken + self._rng.choice(self._items, size=missing).tolist() if missing else taken
