"""How much a setting matters: values by hand and by loops, intervals by resampling one by one."""

import numpy as np
import pytest

from fgnb.metrics import expected_calibration_error
from fgnb.metrics.grid import accuracy_range, best_value, calibration_interval, range_gap, regret


@pytest.fixture
def correct():
    rng = np.random.default_rng(3)
    level = np.array([[0.2, 0.3], [0.7, 0.6], [0.5, 0.9], [0.4, 0.4]])
    return rng.random((4, 2, 50)) < level[:, :, None]


def means(correct, images):
    """Accuracy of each point over a list of images, one at a time."""
    a_size, b_size, _ = correct.shape
    return [
        [sum(bool(correct[a, b, i]) for i in images) / len(images) for b in range(b_size)]
        for a in range(a_size)
    ]


def slow_range(table, axis):
    lines = table if axis == 1 else [list(line) for line in zip(*table, strict=True)]
    return sum(max(line) - min(line) for line in lines) / len(lines)


def slow_regret(table):
    totals = [round(sum(line), 9) for line in table]
    common = totals.index(max(totals))
    return max(max(column) - column[common] for column in zip(*table, strict=True))


def slow_best(table, values, axis):
    flat = [(round(value, 9), a, b) for a, line in enumerate(table) for b, value in enumerate(line)]
    best = max(flat, key=lambda point: (point[0], -point[1], -point[2]))
    return values[best[1 + axis]]


def resampled(correct, statistic, draws):
    """The statistic of each resample, its images written out one by one."""
    n = correct.shape[2]
    rng = np.random.default_rng(0)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=draws)
    found = []
    for line in counts:
        images = [i for i, times in enumerate(line) for _ in range(times)]
        found.append(statistic(means(correct, images)))
    return found


def test_values_and_ends_are_those_of_loops(correct):
    values = [0.1, 0.2, 0.3, 0.4]
    cases = [
        (lambda: accuracy_range(correct, 0, draws=41), lambda table: slow_range(table, 0)),
        (lambda: accuracy_range(correct, 1, draws=41), lambda table: slow_range(table, 1)),
        (lambda: regret(correct, draws=41), slow_regret),
        (
            lambda: range_gap(correct, draws=41),
            lambda table: slow_range(table, 0) - slow_range(table, 1),
        ),
        (lambda: best_value(correct, values, 0, draws=41), lambda t: slow_best(t, values, 0)),
        (lambda: best_value(correct, [5, 6], 1, draws=41), lambda t: slow_best(t, [5, 6], 1)),
    ]
    for fast, slow in cases:
        found = fast()
        assert found.value == pytest.approx(slow(means(correct, range(50))))
        drawn = sorted(resampled(correct, slow, 41))
        assert found.low == pytest.approx(min(drawn[1], found.value))
        assert found.high == pytest.approx(max(drawn[39], found.value))


def test_by_hand():
    grid = np.zeros((2, 2, 4), bool)
    grid[0, 0, :1] = grid[1, 0, :3] = grid[0, 1, :2] = grid[1, 1, :1] = True
    # accuracies [[1/4, 2/4], [3/4, 1/4]]
    assert accuracy_range(grid, 0).value == pytest.approx((0.5 + 0.25) / 2)
    assert accuracy_range(grid, 1).value == pytest.approx((0.25 + 0.5) / 2)
    assert regret(grid).value == pytest.approx(0.25)  # a = 1 on average; b = 1 loses 2/4 - 1/4
    assert best_value(grid, [0.4, 0.5], 0).value == 0.5
    assert best_value(grid, [9, 8], 1).value == 9


def test_a_setting_that_changes_nothing_has_no_influence_and_ties_go_to_the_first():
    grid = np.broadcast_to(np.random.default_rng(0).random(30) < 0.5, (3, 4, 30))
    assert accuracy_range(grid, 0) == accuracy_range(grid, 1) == regret(grid) == (0.0, 0.0, 0.0)
    assert best_value(grid, [3, 1, 2], 0) == (3.0, 3.0, 3.0)


def test_the_calibration_interval_is_that_of_single_resamples():
    rng = np.random.default_rng(1)
    confidence, right = rng.random(80), rng.random(80) < 0.5
    found = calibration_interval(confidence, right, bins=5, draws=41)
    assert found.value == expected_calibration_error(confidence, right, 5)
    counts = np.random.default_rng(0).multinomial(80, np.full(80, 1 / 80), size=41)
    drawn = []
    for line in counts:
        rows = np.repeat(np.arange(80), line)
        drawn.append(expected_calibration_error(confidence[rows], right[rows], 5))
    drawn.sort()
    assert found.low == pytest.approx(min(drawn[1], found.value))
    assert found.high == pytest.approx(max(drawn[39], found.value))


def test_what_is_wrong_is_named():
    good = np.ones((2, 3, 4), bool)
    with pytest.raises(ValueError, match="axis is 2, needs 0 or 1"):
        accuracy_range(good, 2)
    with pytest.raises(ValueError, match=r"correct has shape \(2, 3\), needs \(A, B, N\)"):
        regret(good[:, :, 0])
    with pytest.raises(ValueError, match="besides 0 and 1"):
        regret(good * 2)
    with pytest.raises(ValueError, match=r"values has shape \(2,\), needs \(3,\)"):
        best_value(good, [1, 2], 1)
    with pytest.raises(ValueError, match="draws is 0"):
        accuracy_range(good, 0, draws=0)
