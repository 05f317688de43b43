"""From official image ids, which runs keep, to positions in an image set, which files have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgnb.data import ImageSet


def rows_of(images: ImageSet, ids: Any) -> NDArray[np.int64]:
    """Positions in `images` of official ids ``[Q]``, in their order.

    Raises:
        ValueError: an id that the set lacks.
    """
    wanted = np.asarray(ids, dtype=np.int64)
    rows = pd.Index(images.ids).get_indexer(wanted)
    if (rows < 0).any():
        raise ValueError(f"ids holds {wanted[rows < 0][0]}, which {images.title} lacks")
    return rows.astype(np.int64)
