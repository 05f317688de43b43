"""Intervals and tests against slow, exact second implementations."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.metrics import bootstrap, detectable_step, holm, mcnemar, mcnemar_cutoff, wilson


def exact_p(b: int, c: int) -> Fraction:
    """Two-sided binomial p by adding the outcomes at least as uneven."""
    n, fewer = b + c, min(b, c)
    if b == c:
        return Fraction(1)
    return Fraction(2 * sum(math.comb(n, k) for k in range(fewer + 1)), 2**n)


def pair(b: int, c: int, both: int = 3) -> tuple[list[int], list[int]]:
    return [1] * b + [0] * c + [1] * both, [0] * b + [1] * c + [1] * both


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_against_exact_fractions(b, c):
    p = mcnemar(*pair(b, c))
    assert p == pytest.approx(float(min(Fraction(1), exact_p(b, c))), rel=1e-9)
    assert p == mcnemar(*pair(c, b))


def test_mcnemar_against_every_outcome_of_eight_coins():
    for heads in range(9):
        uneven = abs(2 * heads - 8)
        count = sum(abs(2 * sum(o) - 8) >= uneven for o in itertools.product((0, 1), repeat=8))
        assert mcnemar(*pair(heads, 8 - heads)) == pytest.approx(count / 256)


def test_mcnemar_edges():
    assert mcnemar([1, 0, 1], [1, 0, 1]) == 1.0
    assert mcnemar([True], [False]) == 1.0
    assert mcnemar(torch.ones(6), torch.zeros(6)) == pytest.approx(2 / 64)
    assert 0 <= mcnemar(*pair(5000, 1000)) < 1e-300 or mcnemar(*pair(5000, 1000)) == 0
    with pytest.raises(ValueError, match=r"correct_b has shape \(3,\), needs \(2,\)"):
        mcnemar([1, 0], [1, 0, 1])
    with pytest.raises(ValueError, match=r"correct_a has shape \(2, 1\), needs \(N,\)"):
        mcnemar([[1], [0]], [1, 0])
    with pytest.raises(ValueError, match="correct_a holds values besides 0 and 1"):
        mcnemar([0.3], [1])


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 500), st.data(), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_ends_solve_the_score_equation(n, data, level):
    k = data.draw(st.integers(0, n))
    low, high = wilson(k, n, level)
    assert 0.0 <= low <= k / n <= high <= 1.0
    z = math.sqrt(2) * _erfinv(level)
    for end in (low, high):
        if 0 < end < 1:
            assert abs(k / n - end) == pytest.approx(z * math.sqrt(end * (1 - end) / n), abs=1e-6)
    mirrored = wilson(n - k, n, level)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


def _erfinv(y: float) -> float:
    low, high = 0.0, 6.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erf(middle) < y else (low, middle)
    return low


def test_wilson_edges():
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10) == (0.0, pytest.approx(0.27753, abs=1e-5))
    assert wilson(10, 10) == (pytest.approx(0.72247, abs=1e-5), 1.0)
    for k, n in ((-1, 3), (4, 3), (1, -1)):
        with pytest.raises(ValueError, match=f"k is {k} and n is {n}"):
            wilson(k, n)
    with pytest.raises(ValueError, match="level is 95"):
        wilson(1, 2, 95)


@pytest.mark.parametrize(
    ("n", "before", "after", "most"),
    [
        (8041, 95.37, 95.49, 20),
        (5794, 90.7, 91.1, 125),
        (5794, 87.3, 87.6, 67),
        (5794, 90.3, 90.4, 6),
    ],
)
def test_the_papers_steps_are_significant_up_to_so_many_changed_answers(n, before, after, most):
    assert mcnemar_cutoff(n, (after - before) / 100) == most
    step = round(n * (after - before) / 100)
    fewer = (most - step) // 2
    assert exact_p(fewer, fewer + step) <= Fraction(1, 20) < exact_p(fewer + 1, fewer + 1 + step)


def test_a_step_that_no_number_of_changes_makes_significant():
    assert mcnemar_cutoff(1000, 0.005) is None
    assert mcnemar_cutoff(1000, 0.0) is None
    assert mcnemar_cutoff(1000, -0.006) == 6
    with pytest.raises(ValueError, match="difference is 3"):
        mcnemar_cutoff(1000, 3)
    with pytest.raises(ValueError, match="n is 0"):
        mcnemar_cutoff(0, 0.1)


@settings(max_examples=60, deadline=None)
@given(st.integers(6, 1500), st.floats(0.0, 1.0), st.sampled_from([0.01, 0.05, 0.1]))
def test_the_detectable_step_is_significant_and_the_one_below_is_not(n, fraction, alpha):
    step = detectable_step(n, fraction, alpha)
    if math.isinf(step):
        assert exact_p(0, n) > alpha
        return
    difference = round(step * n)
    assert step == pytest.approx(difference / n)
    discordant = math.floor(n * fraction + 0.5)
    if exact_p(0, discordant) > alpha:  # too few changes: the fewest that can be seen, one way
        assert exact_p(0, difference) <= alpha < exact_p(0, difference - 1)
        return
    fewer = (discordant - difference) // 2
    assert exact_p(fewer, discordant - fewer) <= alpha
    if difference >= 2:
        assert exact_p(fewer + 1, discordant - fewer - 1) > alpha


@pytest.mark.parametrize(("fraction", "images", "rule"), [(0.02, 12, 0.0084), (0.08, 21, 0.0168)])
def test_the_detectable_step_on_the_40_birds(fraction, images, rule):
    step = detectable_step(1090, fraction)
    assert step == images / 1090
    assert 1.96 * math.sqrt(fraction / 1090) == pytest.approx(rule, abs=5e-5)
    assert rule < step < rule + 3 / 1090


def test_the_detectable_step_at_its_edges():
    assert detectable_step(1000, 0.0) == 6 / 1000
    assert detectable_step(6, 0.5) == 1.0
    assert detectable_step(5, 1.0) == math.inf
    for arguments, message in (
        ((0, 0.1), "n is 0"),
        ((10, 1.1), "changed_fraction is 1.1"),
        ((10, 0.1, 0.0), "alpha is 0.0"),
    ):
        with pytest.raises(ValueError, match=message):
            detectable_step(*arguments)


def slow_holm(p: list[float]) -> list[float]:
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted = [0.0] * len(p)
    for i, at in enumerate(order):
        adjusted[at] = min(1.0, max((len(p) - j) * p[order[j]] for j in range(i + 1)))
    return adjusted


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_against_its_definition(p):
    adjusted = holm(p)
    assert adjusted.tolist() == pytest.approx(slow_holm(p))
    assert (adjusted >= np.asarray(p) - 1e-15).all()


def test_holm_names_what_does_not_fit():
    with pytest.raises(ValueError, match=r"pvalues has shape \(1, 1\), needs \(M,\)"):
        holm([[0.5]])
    with pytest.raises(ValueError, match=r"pvalues holds 1\.5"):
        holm([0.5, 1.5])
    with pytest.raises(ValueError, match="pvalues holds nan"):
        holm([math.nan])


def test_bootstrap_against_every_resample_of_a_tiny_table():
    table = np.array([[1, 0, 1], [0, 0, 1]])
    means = [
        table[np.ix_(seeds, images)].mean()
        for seeds in itertools.product(range(2), repeat=2)
        for images in itertools.product(range(3), repeat=3)
    ]
    for level in (0.6, 0.74):  # quantiles well inside a step of the few possible means
        interval = bootstrap(table, draws=20000, level=level)
        assert interval.value == 0.5
        ends = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
        assert interval[1:] == pytest.approx(ends.tolist(), abs=1e-9)


def test_bootstrap_of_a_difference_against_every_resample():
    a, b = np.array([[1, 1, 1], [0, 0, 1]]), np.array([[1, 0, 0], [0, 0, 0]])
    resamples = list(itertools.product(itertools.product(range(2), repeat=2), repeat=2))
    draws = {True: [], False: []}
    for images in itertools.product(range(3), repeat=3):
        for s, t in resamples:
            draws[False].append(a[np.ix_(s, images)].mean() - b[np.ix_(t, images)].mean())
            if s == t:
                draws[True].append(draws[False][-1])
    for paired, means in draws.items():
        interval = bootstrap(a, b, draws=20000, level=0.88, paired_seeds=paired)
        assert interval.value == pytest.approx(1 / 2)
        ends = np.quantile(means, [0.06, 0.94])
        assert interval[1:] == pytest.approx(ends.tolist(), abs=1e-9)
        mirrored = bootstrap(b, a, draws=20000, level=0.88, paired_seeds=paired)
        assert mirrored[1:] == pytest.approx((-ends[::-1]).tolist(), abs=1e-9)
    assert np.quantile(draws[True], 0.06) > np.quantile(draws[False], 0.06)


def test_bootstrap_is_seeded_and_covers_what_wilson_covers():
    correct = np.zeros((1, 1090))
    correct[0, :872] = 1
    interval = bootstrap(torch.from_numpy(correct), seed=3)
    assert interval == bootstrap(correct, seed=3)
    assert interval != bootstrap(correct, seed=4)
    assert interval[1:] == pytest.approx(wilson(872, 1090), abs=0.003)
    spread = np.zeros((4, 1090))
    for row, right in enumerate((800, 850, 900, 950)):
        spread[row, :right] = 1
    assert np.ptp(bootstrap(spread)[1:]) > 1.5 * np.ptp(interval[1:])


def test_bootstrap_in_pieces_is_the_bootstrap(monkeypatch):
    table = np.random.default_rng(0).integers(0, 2, (3, 50))
    monkeypatch.setattr("fgnb.metrics.statistics._CELLS_AT_ONCE", 700)
    interval = bootstrap(table, draws=999)
    assert interval.low < interval.value < interval.high


def test_bootstrap_names_what_does_not_fit():
    table = np.ones((2, 5))
    for arguments, message in (
        ((np.ones(5),), r"correct has shape \(5,\), needs \(S, N\)"),
        ((table, np.ones((2, 4))), r"other has shape \(2, 4\), needs \(T, 5\)"),
        ((np.zeros((0, 5)),), r"correct has shape \(0, 5\)"),
    ):
        with pytest.raises(ValueError, match=message):
            bootstrap(*arguments)
    with pytest.raises(ValueError, match=r"other has shape \(3, 5\), needs \(2, 5\)"):
        bootstrap(table, np.ones((3, 5)), paired_seeds=True)
    with pytest.raises(ValueError, match="draws is 0"):
        bootstrap(table, draws=0)
    with pytest.raises(ValueError, match="level is 1"):
        bootstrap(table, level=1)
