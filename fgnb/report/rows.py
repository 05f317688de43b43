"""From official image ids, which runs keep, to positions in an image set, which files have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.data import ImageSet


def rows_of(images: ImageSet, ids: Any) -> NDArray[np.int64]:
    """Positions in `images` of official ids ``[Q]``, in their order.

    Raises:
        ValueError: an id that the set lacks.
    """
    wanted = np.asarray(ids, dtype=np.int64)
    if wanted.ndim != 1:
        raise ValueError(f"ids has shape {wanted.shape}, needs (Q,)")
    order = np.argsort(images.ids, kind="stable")
    place = np.searchsorted(images.ids[order], wanted).clip(max=len(order) - 1)
    rows = order[place]
    if (images.ids[rows] != wanted).any():
        unknown = int(wanted[images.ids[rows] != wanted][0])
        raise ValueError(f"ids holds {unknown}, which {images.title} lacks")
    return np.asarray(rows, dtype=np.int64)
