"""What a paired test of so many images can find: a step's chance to show, and a bound on none.

`fgnb.metrics.statistics.detectable_step` is the smallest difference that would be significant if it
were measured. A true step of that size is measured smaller as often as larger, so that it shows in
about half of all cases; `found_step` is the one that shows in four cases of five.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from scipy.special import bdtr
from scipy.stats import binom

from fgnb.data.arguments import as_number, as_whole
from fgnb.metrics.checks import as_fraction

POWER = 0.8
_HALVINGS = 40


def found_step(
    n: int, changed_fraction: float, *, power: float = POWER, alpha: float = 0.05
) -> float:
    """The difference in accuracy that an exact McNemar test finds with probability ``power``.

    Of n new images each one changes between right and wrong with probability ``changed_fraction``,
    or with that of the difference itself where it is the larger one: a step needs changed answers.
    The test is `fgnb.metrics.mcnemar`; both its sides count.

    Args:
        n: number of test images, at least 1.
        changed_fraction: probability that exactly one of two models gets an image right, in [0, 1].
        power: the probability, in (0, 1).
        alpha: the level of the test, in (0, 1).

    Returns:
        A difference in (0, 1], to 1e-9 and better; inf where not even 1 is found so often.

    Raises:
        ValueError: if an argument is out of range.

    >>> round(found_step(1090, 0.092), 4)
    0.0264
    """
    n, alpha = as_whole("n", n, 1), as_fraction("alpha", alpha)
    power, changed = as_fraction("power", power), as_number("changed_fraction", changed_fraction)
    if not 0.0 <= changed <= 1.0:
        raise ValueError(f"changed_fraction is {changed}, needs a number from 0 to 1")
    return _found_step(n, float(changed), float(power), float(alpha))


@lru_cache(maxsize=4096)
def _found_step(n: int, changed: float, power: float, alpha: float) -> float:
    if mcnemar_power(n, changed, 1.0, alpha=alpha) < power:
        return math.inf
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = mcnemar_power(n, changed, middle, alpha=alpha) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def mcnemar_power(
    n: int, changed_fraction: float, difference: float, *, alpha: float = 0.05
) -> float:
    """The probability that an exact McNemar test calls a true difference significant.

    Exact: a sum over the number of changed answers, binomial itself, and of their split.

    Args:
        n: number of test images, at least 1.
        changed_fraction: as in `found_step`; at least the difference counts.
        difference: of the two accuracies, in [-1, 1].
        alpha: the level of the test, in (0, 1).

    Returns:
        A probability in [0, 1].

    Raises:
        ValueError: if an argument is out of range.

    >>> round(mcnemar_power(1090, 0.092, 20 / 1090), 2)
    0.48
    """
    n, alpha = as_whole("n", n, 1), as_fraction("alpha", alpha)
    changed = as_number("changed_fraction", changed_fraction)
    step = abs(as_number("difference", difference))
    for name, value in {"changed_fraction": changed, "difference": step}.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} is {value}, needs a number of at most 1")
    changed = max(float(changed), float(step))
    if changed == 0.0:
        return 0.0
    low, high = (int(end) for end in binom.interval(1 - 1e-12, n, changed))
    discordant = np.arange(max(low - 1, 0), min(high + 1, n) + 1)
    most = _most_fewer(n, alpha)[discordant]
    ahead = (1 + step / changed) / 2
    # Significant where the fewer of both kinds are at most `most`: on either side.
    either = bdtr(most, discordant, 1 - ahead) + bdtr(most, discordant, ahead)
    found = np.where(most < 0, 0.0, either)
    return float(min(1.0, (binom.pmf(discordant, n, changed) * found).sum()))


@lru_cache(maxsize=32)
def _most_fewer(n: int, alpha: float) -> np.ndarray:
    """The most answers of the rarer kind that a significant split may have, by the changed ones.

    int64[n + 1]; -1 where no split is significant.
    """
    changed = np.arange(n + 1)
    most = np.asarray(binom.ppf(alpha / 2, np.maximum(changed, 1), 0.5)).astype(np.int64)
    most = np.minimum(most + 1, changed)
    for _ in range(3):
        over = (most >= 0) & (2.0 * bdtr(np.maximum(most, 0), changed, 0.5) > alpha)
        most = np.where(over, most - 1, most)
    return np.where((most >= 0) & (2.0 * bdtr(np.maximum(most, 0), changed, 0.5) > alpha), -1, most)


def none_of(n: int, level: float = 0.95) -> float:
    """The largest share that none of n images goes with: "the rule of three", about 3 / n.

    A share over it would have given at least one with probability ``level``.

    Raises:
        ValueError: if a number is out of range.

    >>> round(1090 * none_of(1090), 2), none_of(1)
    (2.99, 0.95)
    """
    n, level = as_whole("n", n, 1), as_fraction("level", level)
    return float(-math.expm1(math.log1p(-level) / n))


def interval_found_step(low: float, high: float, *, power: float = POWER) -> float:
    """The difference that the normal test over an interval finds with probability ``power``.

    Half a 95 % interval is what is just significant; the rest is the quantile of ``power``.

    Args:
        low: the lower end of a 95 % interval of a difference.
        high: its upper end.
        power: the probability, in (0, 1).

    Raises:
        ValueError: if an argument is out of range.

    >>> round(interval_found_step(-1.96, 1.96), 2)
    2.8
    """
    low, high = as_number("low", low), as_number("high", high)
    normal, power = NormalDist(), as_fraction("power", power)
    return float(high - low) / 2 * (1 + normal.inv_cdf(power) / normal.inv_cdf(0.975))
