"""The adjusted Rand index against a count of all pairs and its definition by random groupings."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from fgnb.metrics.grouping import adjusted_rand


def rand(a, b):
    """Share of pairs that both groupings treat alike, pair by pair."""
    pairs = list(itertools.combinations(range(len(a)), 2))
    return sum((a[i] == a[j]) == (b[i] == b[j]) for i, j in pairs) / len(pairs)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=30).map(
        lambda rows: tuple(zip(*rows, strict=True))
    )
)
def test_it_is_that_of_another_implementation(groupings):
    a, b = groupings
    assert adjusted_rand(a, b) == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)
    assert adjusted_rand(b, a) == pytest.approx(adjusted_rand(a, b), abs=1e-12)


def test_it_is_the_rand_index_over_that_of_all_shuffles():
    a, b = [0, 0, 1, 1, 2], [0, 0, 1, 2, 2]
    shuffles = [rand(a, shuffled) for shuffled in itertools.permutations(b)]
    expected = np.mean(shuffles)
    assert adjusted_rand(a, b) == pytest.approx((rand(a, b) - expected) / (1 - expected))


def test_edges():
    assert adjusted_rand([0], [5]) == 1
    assert adjusted_rand([0, 0, 0], [1, 1, 1]) == 1
    assert adjusted_rand([0, 1, 2], [2, 0, 1]) == 1
    assert adjusted_rand([0, 0, 0], [0, 1, 2]) == 0
    with pytest.raises(ValueError, match=r"groups has shape \(2,\) and others \(3,\)"):
        adjusted_rand([0, 1], [0, 1, 2])
    with pytest.raises(ValueError, match=r"both need \(N,\), N over 0"):
        adjusted_rand([], [])
