"""What an interval over images says of a difference, and how few images say nothing."""

from __future__ import annotations

import math
from statistics import NormalDist

from fgnb.data.arguments import as_number, as_whole

FEWEST = 6
"""Images from which a difference can be told from none: six that all agree (p = 1/32), not five.

The same for McNemar's test, which needs six changed answers.
"""
ALPHA = 0.05
_Z = NormalDist().inv_cdf(1 - ALPHA / 2)


def interval_p(value: float, low: float, high: float, n: int) -> float:
    """The two-sided p of a difference from 0 by the normal test over its 95 % interval.

    A resampling of very few images repeats them, so that its interval is far too narrow, of one
    image a point. So p is never below 2^(1 - n), the sign test of n images that all agree, as long
    as that decides: below `FEWEST` images.

    Args:
        value: the difference.
        low: the lower end of its interval, at most ``value``.
        high: the upper end, at least ``value``. Where the half width would say that an interval
            shows what it holds 0 beside, it is so skewed that its side of 0 counts instead.
        n: the images that it was measured on, of two groups the smaller one; at least 1.

    Returns:
        p in [0, 1]; 0 where many images agree and the interval has no width.

    >>> round(interval_p(1.6, 0.2, 3.0, 1090), 3), interval_p(1.6, 1.6, 1.6, 1)
    (0.025, 1.0)
    """
    value, low, high = (
        float(as_number(name, given))
        for name, given in {"value": value, "low": low, "high": high}.items()
    )
    n = as_whole("n", n, 1)
    p = _normal_p(value, (high - low) / 2)
    if low <= 0 <= high and p < ALPHA:
        p = max(p, _normal_p(value, value - low if value > 0 else high - value))
    return max(p, 2.0 ** (1 - n)) if n < FEWEST else p


def interval_step(low: float, high: float, n: int) -> float:
    """The smallest difference that would have shown, by the same test: inf below `FEWEST` images.

    >>> interval_step(-1.0, 3.0, 240), interval_step(-1.0, 3.0, 5)
    (2.0, inf)
    """
    half = (float(as_number("high", high)) - float(as_number("low", low))) / 2
    return math.inf if as_whole("n", n, 1) < FEWEST else half


def _normal_p(value: float, half: float) -> float:
    return 2 * NormalDist().cdf(-abs(value) * _Z / half) if half else float(value == 0)
