"""The witness of a row of the chapter on choosing; `fgnb run ... --keep` keeps its records."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fgnb import presets
from fgnb.data import open_images
from fgnb.evidence.experiment import Experiment


def witness(row: str) -> np.ndarray:
    """What the first fit of a rule says of the test images at `smoke`, with today's code."""
    return _smoke().answers(row).scores.astype(np.float32)


@lru_cache(maxsize=1)
def _smoke() -> Experiment:
    smoke = presets.get("smoke")
    return Experiment(open_images("drawn", preset=smoke), smoke)
