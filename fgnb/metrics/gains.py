"""Where a gain lies: the images of one group against all others (ccfr, section 4.3)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.data.arguments import as_whole
from fgnb.metrics.checks import as_correct, wrong_shape
from fgnb.metrics.statistics import Interval

DRAWS = 2000
_STEPS = np.array([-1, 0, 1])


def gain_contrast(
    after: Any, before: Any, within: Any, *, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Gain in accuracy on the images `within` a group, minus the gain on the others.

    Args:
        after: Tensor[N], 1 or True where the second method is right.
        before: Tensor[N], the same images, the first method.
        within: Tensor[N], 1 or True for the group; neither it nor its rest may be empty.
        draws: resamples of the images of either side, each side by itself; at least 1.
        seed: of the resampling.

    Returns:
        A number in [-2, 2] and its 95 % percentile interval, widened to hold it.

    Raises:
        ValueError: if a shape or a number is out of range, or a side is empty.

    >>> gain_contrast([1, 1, 1, 0], [0, 0, 1, 0], [1, 1, 0, 0]).value
    1.0
    """
    right, wrong = as_correct("after", after, 1), as_correct("before", before, 1)
    inside = as_correct("within", within, 1)
    for name, given in (("before", wrong), ("within", inside)):
        if given.shape != right.shape:
            raise wrong_shape(name, given, str(right.shape))
    if inside.all() or not inside.any():
        raise ValueError(f"within holds {inside.sum()} of {len(inside)} images, needs both sides")
    draws, seed = as_whole("draws", draws, 1), as_whole("seed", seed, 0)
    gain = right.astype(int) - wrong.astype(int)
    rng = np.random.default_rng(seed)
    drawn = _means(rng, gain[inside], draws) - _means(rng, gain[~inside], draws)
    value = float(gain[inside].mean() - gain[~inside].mean())
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value, min(float(low), value), max(float(high), value))


def _means(rng: np.random.Generator, gain: NDArray[Any], draws: int) -> NDArray[np.float64]:
    """Mean gain of resamples. Which images are drawn does not matter, only how many of a kind."""
    shares = np.array([(gain == step).mean() for step in _STEPS])
    return np.asarray(rng.multinomial(len(gain), shares, size=draws) @ _STEPS / len(gain))
