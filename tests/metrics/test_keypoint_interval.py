"""The interval of a mean PCK over images."""

import numpy as np
import pytest

from fgnb.metrics.keypoint_interval import mean_pck_interval


def test_the_interval_is_that_of_resampling_by_loops():
    rng = np.random.default_rng(1)
    seen = rng.random((40, 4)) > 0.3
    hits = rng.random((40, 4)) > 0.5
    means = []
    for _ in range(2000):
        rows = rng.integers(40, size=40)
        shares = [hits[rows, p][seen[rows, p]].mean() for p in range(4)]
        means.append(np.mean(shares))
    found = mean_pck_interval(hits, seen)
    assert found.value == pytest.approx(np.mean([hits[seen[:, p], p].mean() for p in range(4)]))
    low, high = np.quantile(means, [0.025, 0.975])
    assert (found.low, found.high) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))


def test_keypoints_of_an_image_are_drawn_together():
    """All right or all wrong in an image: as wide as with one keypoint an image."""
    hits = np.repeat(np.arange(50)[:, None] < 25, 15, axis=1)
    one, many = (mean_pck_interval(of, np.ones_like(of)) for of in (hits[:, :1], hits))
    assert (one.low, one.high) == pytest.approx((many.low, many.high))


def test_what_is_never_visible_is_left_out():
    hits, seen = [[1, 1, 1], [0, 1, 0]], [[1, 0, 1], [1, 0, 1]]
    assert mean_pck_interval(hits, seen).value == 0.5
    exact = mean_pck_interval([[1], [1]], [[1], [1]])
    assert (exact.value, exact.low, exact.high) == (1, 1, 1)


@pytest.mark.parametrize(
    ("hits", "visible", "words"),
    [
        ([[1, 0]], [[0, 0]], r"visible has shape \(1, 2\), needs \(B, P\) with a visible"),
        ([1, 0], [1, 1], r"visible has shape \(2,\), needs"),
        ([[1, 0, 1]], [[1, 0]], r"hits has shape \(1, 3\), needs \(1, 2\)"),
        ([[2, 0]], [[1, 0]], "hits holds values besides 0 and 1"),
    ],
)
def test_what_is_refused(hits, visible, words):
    with pytest.raises(ValueError, match=words):
        mean_pck_interval(hits, visible)
