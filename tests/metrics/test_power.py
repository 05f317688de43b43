"""The step that a paired test finds four times in five: against enumeration and simulation."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.metrics import (
    detectable_step,
    found_step,
    interval_found_step,
    mcnemar,
    mcnemar_power,
    none_of,
)


def enumerated(n, changed, step, alpha=0.05):
    """Power by every pair of counts, each with its own test and its trinomial probability."""
    changed = max(changed, step)
    up, down = (changed + step) / 2, (changed - step) / 2
    total = 0.0
    for mended in range(n + 1):
        for spoiled in range(n + 1 - mended):
            rows = [1] * mended + [0] * spoiled + [1] * (n - mended - spoiled)
            others = [0] * mended + [1] * spoiled + [1] * (n - mended - spoiled)
            if mcnemar(rows, others) <= alpha:
                ways = math.comb(n, mended) * math.comb(n - mended, spoiled)
                total += ways * up**mended * down**spoiled * (1 - changed) ** (n - mended - spoiled)
    return total


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 13),
    st.floats(0, 1),
    st.floats(-1, 1),
    st.sampled_from([0.05, 0.2]),
)
def test_power_is_that_of_every_possible_outcome(n, changed, step, alpha):
    found = mcnemar_power(n, changed, step, alpha=alpha)
    assert found == pytest.approx(enumerated(n, changed, abs(step), alpha), abs=1e-9)


@pytest.mark.parametrize(("n", "changed"), [(1090, 0.092), (1090, 0.0), (5794, 0.05), (240, 0.3)])
def test_a_step_of_that_size_is_found_four_times_in_five(n, changed):
    """By drawing sets of images, and testing each as a page does."""
    step = found_step(n, changed)
    share = max(changed, step)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(n, [(share + step) / 2, (share - step) / 2, 1 - share], size=1500)
    hits = 0
    for mended, spoiled, same in draws:
        rows = np.repeat([1, 0, 1], [mended, spoiled, same])
        others = np.repeat([0, 1, 1], [mended, spoiled, same])
        hits += mcnemar(rows, others) <= 0.05
    assert hits / len(draws) == pytest.approx(0.8, abs=0.035)


def test_what_is_just_significant_is_found_about_half_of_the_time():
    for n, changed in ((1090, 0.092), (5794, 0.05), (300, 0.2)):
        least = detectable_step(n, changed)
        assert 0.4 < mcnemar_power(n, changed, least) < 0.65
        assert found_step(n, changed) > 1.2 * least


def test_the_step_at_its_edges():
    assert found_step(5, 1.0) == math.inf, "five images pass no test"
    assert found_step(6, 0.5) == pytest.approx(0.8 ** (1 / 6), abs=1e-6), "all six, one way"
    assert 1000 * found_step(1000, 0.0) == pytest.approx(7.9, abs=0.01), "six of eight or so"
    assert mcnemar_power(100, 0.0, 0.0) == 0.0
    steps = [found_step(1000, changed) for changed in (0.0, 0.02, 0.1, 0.3, 1.0)]
    assert all(a < b for a, b in pairwise(steps))
    powers = [found_step(500, 0.1, power=power) for power in (0.1, 0.5, 0.8, 0.99)]
    assert all(a < b for a, b in pairwise(powers))
    for arguments in ((0, 0.1), (10, -0.1), (10, 1.1)):
        with pytest.raises(ValueError, match=r"n is 0|changed_fraction is"):
            found_step(*arguments)


@pytest.mark.parametrize("n", [1, 2, 60, 1090, 5794])
def test_the_rule_of_three(n):
    """None of n is seen with probability 0.05 exactly at that share, and 3 / n is near it."""
    assert (1 - none_of(n)) ** n == pytest.approx(0.05)
    if n > 50:
        assert n * none_of(n) == pytest.approx(3, abs=0.08)


def test_an_interval_found_four_times_in_five():
    rng = np.random.default_rng(1)
    step = interval_found_step(-1.96, 1.96)
    assert (np.abs(rng.normal(step, 1, 20_000)) > 1.96).mean() == pytest.approx(0.8, abs=0.01)
