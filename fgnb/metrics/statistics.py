"""How sure a number is, and whether two numbers differ.

One accuracy: `wilson`. Two models on the same images: `mcnemar`, with `detectable_step` beside
every "within noise". Two methods with several seeds: `bootstrap`, never McNemar over pooled
seeds. Several claims of one paper: `holm`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr

from fgnb.data.arguments import as_number, as_whole
from fgnb.metrics.accuracy import changes
from fgnb.metrics.checks import as_correct, as_floats, as_fraction, wrong_shape

_CELLS_AT_ONCE = 4_000_000


class Interval(NamedTuple):
    """An estimate with the ends of its interval."""

    value: float
    low: float
    high: float


def wilson(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a share of k in n (Wilson 1927), clamped to [0, 1].

    Args:
        k: successes, 0 to n: an integer of any width, no share. A float is refused even where it is
            whole, since 1.0 may be a share; so is a truth value.
        n: trials, an integer; with none, nothing is known: (0, 1).
        level: the confidence, in (0, 1).

    Returns:
        (low, high); low is exactly 0 at k = 0, high exactly 1 at k = n.

    Raises:
        ValueError: if k or n is no whole number, or one of the three is out of range.

    >>> low, high = wilson(872, 1090)
    >>> round(low, 4), round(high, 4)
    (0.7752, 0.8227)
    """
    level, k, n = as_fraction("level", level), as_whole("k", k), as_whole("n", n)
    if n < 0 or not 0 <= k <= n:
        raise ValueError(f"k is {k} and n is {n}, needs 0 <= k <= n")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, weight = k / n, z * z / n
    centre = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return low, high


def mcnemar(correct_a: Any, correct_b: Any) -> float:
    """Exact two-sided McNemar test: do two models err on the same images equally often?

    Of the images that exactly one model gets right, each is a fair coin under the null: p is the
    probability of a split at least as uneven (binomial, both tails).

    Args:
        correct_a: Tensor[N], 1 or True where the first model is right.
        correct_b: Tensor[N], the same images, the second model.

    Returns:
        p in (0, 1]; 1.0 without discordant images.

    Raises:
        ValueError: if a shape is wrong, nothing is given, or a value is neither 0 nor 1.

    >>> mcnemar([1, 1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0, 0])
    0.03125
    """
    a, b = as_correct("correct_a", correct_a, 1), as_correct("correct_b", correct_b, 1)
    if a.shape != b.shape:
        raise wrong_shape("correct_b", b, str(a.shape))
    split = changes(a, b)
    return _split_p(min(split), sum(split))


def _split_p(fewer: int, discordant: int) -> float:
    if 2 * fewer >= discordant - 1:
        return 1.0
    return min(1.0, 2.0 * float(bdtr(fewer, discordant, 0.5)))


def detectable_step(n: int, changed_fraction: float, alpha: float = 0.05) -> float:
    """The smallest difference in accuracy that an exact McNemar test can call significant.

    Exact, so a little above the rule of thumb 1.96 sqrt(changed_fraction / n) (on 1,090 images
    0.84 points at 2 % changed answers and 1.68 at 8 %), and not monotone: a difference of
    b - c images needs an even or odd number of changed answers, as it is even or odd itself.

    Args:
        n: number of test images, at least 1.
        changed_fraction: share of images that exactly one of the two models gets right, in
            [0, 1]; rounded to whole images.
        alpha: the level of the test, in (0, 1).

    Returns:
        |b - c| / n, in (0, 1]. Where so few answers change that no split is significant, the
        step is that of the fewest changed answers that can be (6 at 0.05), all one way; inf
        where n itself is below that.

    Raises:
        ValueError: if an argument is out of range.

    >>> round(detectable_step(1090, 0.02), 4), round(detectable_step(1090, 0.08), 4)
    (0.011, 0.0193)
    """
    alpha, n = as_fraction("alpha", alpha), as_whole("n", n, 1)
    changed_fraction = as_number("changed_fraction", changed_fraction)
    if not 0.0 <= changed_fraction <= 1.0:
        raise ValueError(f"changed_fraction is {changed_fraction}, needs a number from 0 to 1")
    for discordant in range(int(n * changed_fraction + 0.5), n + 1):
        fewer = np.arange(discordant // 2 + 1)
        p = np.minimum(1.0, 2.0 * bdtr(fewer, discordant, 0.5))
        significant = fewer[p <= alpha]
        if len(significant):
            return (discordant - 2 * int(significant[-1])) / n
    return math.inf


def mcnemar_cutoff(n: int, difference: float, alpha: float = 0.05) -> int | None:
    """The most answers that may have changed for a difference in accuracy to be significant.

    For a published step whose per-image answers are not at hand: it is significant if at most
    this many of the n answers changed between right and wrong.

    Args:
        n: number of test images, at least 1.
        difference: of the two accuracies, in [-1, 1]; rounded to whole images.
        alpha: the level of the test, in (0, 1).

    Returns:
        A number of answers, at most n; None where no number makes the step significant.

    Raises:
        ValueError: if an argument is out of range.

    >>> mcnemar_cutoff(8041, 0.9549 - 0.9537)
    20
    """
    alpha, n = as_fraction("alpha", alpha), as_whole("n", n, 1)
    difference = as_number("difference", difference)
    if not -1.0 <= difference <= 1.0:
        raise ValueError(f"difference is {difference}, needs a number from -1 to 1")
    step = int(abs(difference) * n + 0.5)
    if step == 0:
        return None
    discordant = np.arange(step, n + 1, 2)
    p = 2.0 * bdtr((discordant - step) // 2, discordant, 0.5)
    significant = discordant[p <= alpha]
    return int(significant[-1]) if len(significant) else None


def bootstrap(
    correct: Any,
    other: Any = None,
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
    paired_seeds: bool = False,
) -> Interval:
    """Percentile interval of a method's accuracy, or of two methods' difference.

    A crossed bootstrap: in every draw the seeds and the images are each drawn with replacement,
    and the same images serve both methods. With one seed only the images vary, and the interval
    says nothing about the seeds.

    Args:
        correct: Tensor[S, N], 1 or True where seed s is right on image n.
        other: Tensor[T, N], a second method on the same images; the interval is then that of
            correct - other.
        level: the confidence, in (0, 1).
        draws: number of resamples, at least 1.
        seed: of the resampling.
        paired_seeds: draw the same seeds for both (S = T, where a seed means the same split and
            the same sample order); else each method's seeds are drawn by themselves.

    Returns:
        The observed mean (or difference) and its interval.

    Raises:
        ValueError: if a shape or a number is out of range.
    """
    first = as_correct("correct", correct, 2)
    second = None if other is None else as_correct("other", other, 2)
    level, draws = as_fraction("level", level), as_whole("draws", draws, 1)
    seed = as_whole("seed", seed, 0)
    if second is not None and second.shape[1] != first.shape[1]:
        raise wrong_shape("other", second, f"(T, {first.shape[1]}), the images of correct")
    if second is not None and paired_seeds and second.shape != first.shape:
        raise wrong_shape("other", second, f"{first.shape} where paired_seeds is set")
    value = float(first.mean() - (0.0 if second is None else second.mean()))
    n = first.shape[1]
    if len(first) == 1 and (second is None or len(second) == 1):
        change = first[0].astype(np.float32) - (0.0 if second is None else second[0])
        drawn = image_counts(n, draws, seed) @ change / n
    else:
        drawn = _crossed(first, second, draws, seed, paired_seeds)
    low, high = np.quantile(drawn.astype(np.float64), [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def _crossed(
    first: NDArray[Any], second: NDArray[Any] | None, draws: int, seed: int, paired_seeds: bool
) -> NDArray[np.float64]:
    """Means (or differences) of resamples of seeds and images, ``[draws]``."""
    rng, n = np.random.default_rng(seed), first.shape[1]
    means = []
    for done in range(0, draws, step := max(1, _CELLS_AT_ONCE // n)):
        count = min(step, draws - done)
        seeds = _shares(rng, count, len(first))
        per_image = seeds @ first
        if second is not None:
            seeds = seeds if paired_seeds else _shares(rng, count, len(second))
            per_image = per_image - seeds @ second
        means.append((per_image * _shares(rng, count, n)).sum(axis=1))
    return np.concatenate(means)


def image_counts(n: int, draws: int, seed: int) -> NDArray[np.float32]:
    """How often each of n images is drawn in n draws with replacement, ``[draws, n]``.

    The same for every number over n images, so that a page draws once. Whole numbers: sums of right
    answers over them are exact.

    Raises:
        ValueError: if a number is out of range.
    """
    return _image_counts(
        as_whole("n", n, 1), as_whole("draws", draws, 1), as_whole("seed", seed, 0)
    )


@lru_cache(maxsize=8)
def _image_counts(n: int, draws: int, seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, np.full(n, 1.0 / n), size=draws).astype(np.float32)
    drawn.flags.writeable = False
    return drawn


def _shares(rng: np.random.Generator, draws: int, size: int) -> NDArray[np.float64]:
    """How often each of `size` things is drawn in `size` draws with replacement, over `size`."""
    return rng.multinomial(size, np.full(size, 1.0 / size), size=draws) / size


def holm(pvalues: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down correction: adjusted p-values in the order given (Holm 1979).

    Args:
        pvalues: float[M], each in [0, 1]; may be empty.

    Returns:
        float64[M]: reject where at most alpha, and the chance of any false rejection among the M
        is at most alpha.

    Raises:
        ValueError: if the shape is wrong or a value is outside [0, 1].

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p = as_floats("pvalues", pvalues)
    if p.ndim != 1:
        raise wrong_shape("pvalues", p, "(M,)")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"pvalues holds {p[~((p >= 0) & (p <= 1))][0]}, needs numbers in [0, 1]")
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted
