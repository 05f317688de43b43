"""What a classifier on global features answers to held-out images, for two pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fgnb import ccfr
from fgnb.data import ImageSet
from fgnb.data.frame import Frame, frames_of

ROW = "plain-held-out"


@dataclass(frozen=True)
class HeldOutAnswers:
    """What a classifier on global features answers to the held-out images."""

    images: ImageSet
    rows: np.ndarray  # int64[Q], positions of the held-out images
    database: np.ndarray  # int64[N], positions of the other training images
    labels: np.ndarray  # int64[Q]
    probs: np.ndarray  # float32[Q, C]
    sims: np.ndarray  # float32[Q, N], cosine similarity to the other training images
    shares: np.ndarray  # float64[Q], share of the frame inside the object's box, in [0, 1]

    @classmethod
    def of(cls, images: ImageSet, run: Any) -> HeldOutAnswers:
        """The answers kept in a run of ``ccfr/global`` on the held-out fold."""
        kept, size = run.predictions, run.spec["image_size"]
        rows, database = (images.rows_of(kept[f"{of}_ids"]) for of in ("query", "database"))
        vectors = kept["query_embedding"], kept["database_embedding"]
        near = ccfr.nearest(*vectors, kept["database_labels"], k=len(database))
        sims = np.empty_like(near.sims)
        np.put_along_axis(sims, near.index, near.sims, axis=1)
        frames = frames_of(images, rows, image_size=size, frame=Frame.of(run.spec))
        boxes = frames.boxes(images.boxes[rows][:, None])[:, 0].clip(0, size)
        shares = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) / size**2
        return cls(images, rows, database, kept["query_labels"], kept["query_probs"], sims, shares)

    @property
    def classes(self) -> np.ndarray:
        """The predicted classes ``[Q]``."""
        return np.asarray(self.probs.argmax(axis=1))

    @property
    def same_class(self) -> np.ndarray:
        """Where an image of the database is of the query's class: ``bool[Q, N]``."""
        return np.asarray(self.images.labels[self.database][None] == self.labels[:, None])

    def confusion(self) -> np.ndarray:
        """Images of class i answered with class j: ``int64[C, C]``."""
        return self._by_class(np.eye(self.probs.shape[1], dtype=np.int64)[self.classes])

    def pairs(self, count: int) -> list[tuple[int, int, int]]:
        """The most confused classes and their errors, then by the probability given each other."""
        errors, mass = self.confusion(), self._by_class(self.probs.astype(np.float64))
        errors, mass = errors + errors.T, mass + mass.T
        a, b = np.triu_indices(len(errors), 1)
        order = np.lexsort((-mass[a, b], -errors[a, b]))[:count]
        return [(int(a[i]), int(b[i]), int(errors[a[i], b[i]])) for i in order]

    def arrays(self) -> dict[str, np.ndarray]:
        """What a record keeps besides the answers."""
        own = self.same_class[np.arange(len(self.rows)), self.sims.argmax(axis=1)]
        names = np.array(genera(self.images))
        return {"genera": names, "object_shares": self.shares, "nearer_to_another_class": ~own}

    def _by_class(self, values: np.ndarray) -> np.ndarray:
        table = np.zeros((values.shape[1],) * 2, values.dtype)
        np.add.at(table, self.labels, values)
        return table


def genera(images: ImageSet) -> tuple[str, ...]:
    """What look-alikes share in their names: birds the last word, cars and aircraft the first."""
    place = -1 if images.layout == "cub" else 0
    return tuple(plain_name(name).split()[place] for name in images.classes)


def plain_name(name: str) -> str:
    """A class's name without number and underscores."""
    return name.split(".", 1)[-1].replace("_", " ")
