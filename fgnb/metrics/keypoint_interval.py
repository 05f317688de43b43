"""The interval of a mean PCK: images are drawn again, each with all of its keypoints."""

from __future__ import annotations

from typing import Any

import numpy as np

from fgnb.data.arguments import as_flags, as_whole
from fgnb.metrics.checks import as_fraction, wrong_shape
from fgnb.metrics.coverage import Interval
from fgnb.metrics.keypoints import keypoint_hits

_DRAWS = 1000
_CELLS_AT_ONCE = 4_000_000


def mean_pck_interval(hits: Any, visible: Any, *, level: float = 0.95, seed: int = 0) -> Interval:
    """The mean over parts of PCK with the percentile interval of a bootstrap over images.

    A part that a draw never shows is left out of that draw's mean.

    Args:
        hits: Tensor[B, P], true where a keypoint was found; read where it is visible.
        visible: Tensor[B, P], true where it is annotated, at least once.
        level: the confidence, in (0, 1).
        seed: of the resampling.

    Raises:
        ValueError: if a shape is wrong, a number out of range, or nothing is visible.

    >>> mean_pck_interval([[1, 0], [1, 1]], [[1, 1], [1, 1]]).value
    0.75
    """
    seen = as_flags("visible", visible)
    if seen.ndim != 2 or not seen.any():
        raise ValueError(f"visible has shape {seen.shape}, needs (B, P) with a visible keypoint")
    right = as_flags("hits", hits)
    if right.shape != seen.shape:
        raise wrong_shape("hits", right, str(seen.shape))
    level, seed = as_fraction("level", level), as_whole("seed", seed, 0)
    right, rng, means = right & seen, np.random.default_rng(seed), []
    step = max(1, _CELLS_AT_ONCE // len(seen))
    for done in range(0, _DRAWS, step):
        draws = min(step, _DRAWS - done)
        counts = rng.multinomial(len(seen), np.full(len(seen), 1 / len(seen)), draws)
        means.append(_mean(counts @ right.astype(float), counts @ seen.astype(float)))
    ends = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    value = float(_mean(right.sum(axis=0)[None], seen.sum(axis=0)[None])[0])
    return Interval(value, min(float(ends[0]), value), max(float(ends[1]), value))


def mean_pck(pred: Any, true: Any, visible: Any, boxes: Any, alpha: float) -> Interval:
    """The same of points; arguments as in `fgnb.metrics.keypoints.pck`."""
    return mean_pck_interval(keypoint_hits(pred, true, visible, boxes, alpha), visible)


def _mean(right: Any, shown: Any) -> Any:
    """Mean share of each line over the parts that it shows."""
    shares = right / np.maximum(shown, 1)
    return shares.sum(axis=1) / np.maximum((shown > 0).sum(axis=1), 1)
