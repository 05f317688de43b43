"""One image set, whatever its layout: files, labels, split, boxes and parts as arrays.

The loaders (`fgnb.data.cub` and its like) read a folder and return an `ImageSet`; everything
above works on that alone. numpy only: nothing here imports torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

PROTOCOLS = ("official", "subset", "drawn")
ORIGINAL_PIXELS = "original"
UNVERIFIED_PIXELS = "unverified pixels"
FOLDS = ("held-out", "all")


class DataError(ValueError):
    """A fault of the data: which file, what was expected, what to do."""


@dataclass(frozen=True)
class Whole:
    """The set that an image set is, or is a part of: what its title is made of.

    Attributes:
        name: e.g. "CUB-200-2011" or "drawn birds".
        classes: the number of its classes.
        remark: what the title says besides, e.g. "a split of its own"; often empty.
    """

    name: str
    classes: int
    remark: str = ""

    def title(self, classes: str) -> str:
        """What a page calls a part of it, described in words, e.g. "40 of 200 classes"."""
        return f"{self.name} ({', '.join(filter(None, (classes, self.remark)))})"


@dataclass(frozen=True, eq=False)
class ImageSet:
    """N labelled images with their official split, boxes and part locations.

    Attributes:
        name: short name, e.g. "cub" or "drawn".
        title: what a page calls it, e.g. "CUB-200-2011 (40 of 200 classes)".
        layout: the layout that it was read from, e.g. "cub".
        root: the set's folder.
        files: N paths below `root/folder`, in the official order, with forward slashes.
        ids: int64[N], the official image ids.
        labels: int64[N], contiguous from 0; they index `classes`.
        classes: the class names.
        class_ids: int64[C], the official ids of the classes, ascending.
        train: bool[N], True for training images.
        boxes: float32[N, 4] as (x1, y1, x2, y2) in pixels, x1 < x2.
        parts: float32[N, P, 2] as (x, y) in pixels; (0, 0) where a part is not visible.
        visible: bool[N, P]; P is 0 in a layout without parts.
        protocol: "official" (the whole set in its official split), "subset" or "drawn". Whether
            a row of numbers is "published" depends on more: `fgnb.data.protocol.row_protocol`.
        fingerprint: SHA-256 over images and annotations, the data manifest's hash.
        published: counts of the full set ("classes", "train", "test"); None for drawn sets.
        folder: the folder below `root` that holds the images; empty where it is `root` itself.
        whole: the set that this one is, or is a part of; None where nothing is known of it.
        restriction: the ids of the classes that the set was restricted to, e.g. "1-40"; empty
            where it is all that lies in `root`. See `fgnb.data.restrict`.
        renamed: name on the disk of those `files` that are spelt otherwise there.
        pixels: what was done to the pictures of a real set, as its `images.json` declares it, e.g.
            "original size, re-encoded as JPEG at quality 80"; "original" where nothing was;
            "unverified pixels" without that file; empty for drawn sets. Not in `fingerprint`.
    """

    name: str
    title: str
    layout: str
    root: Path
    files: tuple[str, ...]
    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    class_ids: NDArray[np.int64]
    train: NDArray[np.bool_]
    boxes: NDArray[np.float32]
    parts: NDArray[np.float32]
    visible: NDArray[np.bool_]
    protocol: str
    fingerprint: str
    published: dict[str, int] | None = None
    folder: str = "images"
    pixels: str = ""
    whole: Whole | None = None
    restriction: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, n_parts = len(self.files), self.parts.shape[1] if self.parts.ndim == 3 else -1
        needed = {
            "ids": (n,),
            "labels": (n,),
            "class_ids": (len(self.classes),),
            "train": (n,),
            "boxes": (n, 4),
            "parts": (n, n_parts, 2),
            "visible": (n, n_parts),
        }
        for name, shape in needed.items():
            array = getattr(self, name)
            if array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}, needs {shape}")
            array.setflags(write=False)
        if n == 0:
            raise ValueError("files is empty: an image set needs at least one image")
        if not np.array_equal(np.unique(self.labels), np.arange(len(self.classes))):
            raise ValueError(
                f"labels must use each of 0..{len(self.classes) - 1} (there are "
                f"{len(self.classes)} classes); they run from {self.labels.min()} to "
                f"{self.labels.max()} with {len(np.unique(self.labels))} values"
            )
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol is {self.protocol!r}, needs one of {PROTOCOLS}")

    def __len__(self) -> int:
        return len(self.files)

    def __repr__(self) -> str:
        return (
            f"ImageSet({self.named!r}, {self.protocol}, {len(self.classes)} classes, "
            f"{self.n_train} training, {self.n_test} test images)"
        )

    @property
    def named(self) -> str:
        """The title and what was done to the pictures: what a page calls the set in full."""
        if not self.pixels:
            return self.title
        pixels = "original pixels" if self.pixels == ORIGINAL_PIXELS else self.pixels
        return f"{self.title}, {pixels}"

    @property
    def n_train(self) -> int:
        """Number of training images."""
        return int(self.train.sum())

    @property
    def n_test(self) -> int:
        """Number of test images."""
        return len(self) - self.n_train

    def path(self, i: int) -> Path:
        """The file of image `i` (a position from 0, not an official id)."""
        name = self.files[i]
        return self.root / self.folder / self.renamed.get(name, name)

    def rows_of(self, ids: ArrayLike) -> NDArray[np.int64]:
        """Positions of official ids ``[Q]``, which runs keep, in their order.

        Raises:
            ValueError: an id that the set lacks.
        """
        wanted = np.asarray(ids, dtype=np.int64)
        order = np.argsort(self.ids, kind="stable")
        places = np.searchsorted(self.ids, wanted, sorter=order).clip(max=len(self) - 1)
        rows = order[places].astype(np.int64)
        lacking = wanted[self.ids[rows] != wanted]
        if len(lacking):
            raise ValueError(f"ids holds {lacking[0]}, which {self.title} lacks")
        return rows

    def held_out(self, seed: int, fraction: float = 0.2) -> NDArray[np.bool_]:
        """Mark the training images on which settings are chosen, so that test never is.

        In each class the training images are put in the order of SHA-256("seed:id") and the
        first `fraction` of them (rounded half up; at least one, never all) are held out. The
        choice depends on the seed and the official ids alone.

        Args:
            seed: the run's seed.
            fraction: share of each class's training images, in (0, 1).

        Returns:
            bool[N], True for held-out training images; never True for a test image.

        Raises:
            ValueError: if `fraction` is not strictly between 0 and 1.
            DataError: if a class has fewer than two training images.
        """
        if not 0.0 < fraction < 1.0:
            raise ValueError(f"fraction is {fraction}, needs a number strictly between 0 and 1")
        held = np.zeros(len(self), dtype=bool)
        for label, name in enumerate(self.classes):
            rows = np.flatnonzero(self.train & (self.labels == label))
            if len(rows) < 2:
                raise DataError(
                    f"class {name!r} of {self.title} has {len(rows)} training image(s) in "
                    f"{self.root}; holding out a part needs at least 2"
                )
            count = min(max(int(len(rows) * fraction + 0.5), 1), len(rows) - 1)
            order = sorted(rows, key=lambda row: _hold_out_rank(seed, int(self.ids[row])))
            held[order[:count]] = True
        return held

    def fold(self, fold: str, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The rows that a stage trains on, and those that it answers.

        Args:
            fold: "held-out" (four fifths of the training images, and the fifth held out) or "all"
                (all training images, and the test images).
            seed: of the held-out part.

        Raises:
            ValueError: if `fold` is neither.
            DataError: as in `held_out`.
        """
        if fold not in FOLDS:
            raise ValueError(f"fold is {fold!r}; it is one of {', '.join(FOLDS)}")
        held_out = self.held_out(seed)
        if fold == "held-out":
            return np.flatnonzero(self.train & ~held_out), np.flatnonzero(held_out)
        return np.flatnonzero(self.train), np.flatnonzero(~self.train)


def _hold_out_rank(seed: int, image_id: int) -> str:
    return hashlib.sha256(f"{seed}:{image_id}".encode()).hexdigest()
