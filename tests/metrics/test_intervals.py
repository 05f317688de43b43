"""A difference over few images, against the sign test and the bootstrap that it mistrusts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from fgnb.metrics.coverage import mean_interval
from fgnb.metrics.intervals import FEWEST, interval_p, interval_step


@pytest.mark.parametrize("n", range(1, 10))
def test_few_images_that_agree_are_a_sign_test(n):
    found = mean_interval([0.25] * n)
    exact = binomtest(n, n).pvalue
    assert interval_p(*found, n) == (pytest.approx(exact) if n < FEWEST else 0.0)
    assert (exact > 0.05) == (n < FEWEST), "the bound is where the sign test can decide"


def test_one_image_is_no_evidence_however_far_it_lies():
    assert interval_p(100.0, 100.0, 100.0, 1) == 1.0
    assert interval_step(100.0, 100.0, 1) == math.inf


@given(st.floats(-50, 50), st.floats(0.01, 50), st.integers(FEWEST, 2000))
def test_a_symmetric_interval_over_more_images_is_the_normal_test(value, half, n):
    p = interval_p(value, value - half, value + half, n)
    assert p == pytest.approx(2 * norm.sf(abs(value) / (half / norm.ppf(0.975))), abs=1e-12)
    assert interval_step(value - half, value + half, n) == pytest.approx(half)


@given(st.floats(-50, 50), st.floats(0, 50), st.floats(0, 50), st.integers(1, 40))
def test_an_interval_that_holds_nought_never_shows_a_difference(value, below, above, n):
    low, high = value - below, value + above
    if low < 0 < high:
        assert interval_p(value, low, high, n) >= 0.05 - 1e-9
    assert interval_p(value, low, high, n) == interval_p(-value, -high, -low, n)


@given(st.floats(-50, 50), st.floats(0, 50), st.floats(0, 50))
def test_more_images_never_make_a_difference_less_sure(value, below, above):
    p = [interval_p(value, value - below, value + above, n) for n in range(1, 12)]
    assert p == sorted(p, reverse=True)
