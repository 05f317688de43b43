"""Whether anything can be trained and measured on a set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgnb.data.imageset import DataError

LEAST_TRAIN = 2
"""Training images of each class: settings are chosen on one that is held out."""


def check_usable(
    root: Path, classes: Sequence[str], labels: NDArray[np.int64], train: NDArray[np.bool_]
) -> None:
    """Refuse a set that can't be used.

    Args:
        root: the set's folder.
        classes: the names of the classes that have images.
        labels: int64[N], contiguous from 0; they index `classes`.
        train: bool[N], True for training images.

    Raises:
        DataError: if there is one class, no training image, no test image, or a class with fewer
            than `LEAST_TRAIN` training images. The message names folder and class, and says what
            is needed.
    """
    counts = np.bincount(labels[train], minlength=len(classes))
    few = np.flatnonzero(counts < LEAST_TRAIN)
    if len(classes) < 2:
        fault = f"holds one class, {classes[0]!r}"
    elif not train.any():
        fault = f"holds no training image: all {len(train)} are test images"
    elif train.all():
        fault = f"holds no test image: all {len(train)} are training images"
    elif len(few):
        least = int(counts[few[0]])
        number = "1 training image" if least == 1 else f"{least} training images"
        others = f" (and {len(few) - 1} more classes too few)" if len(few) > 1 else ""
        fault = f"holds {number} of the class {classes[few[0]]!r}{others}"
    else:
        return
    raise DataError(
        f"{root} can't be used: it {fault}. Needed are at least 2 classes, {LEAST_TRAIN} training "
        "images of each (one is held out to choose settings on), and a test image. Add images, or "
        "take the class out of the set."
    )
