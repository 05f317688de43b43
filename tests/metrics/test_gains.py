"""Where a gain lies, and what a threshold without labels loses: by hand and by single resamples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgnb.metrics.gains import gain_contrast
from fgnb.metrics.grid import gap_to_best


def slow_contrast(after, before, within):
    sides = {True: [], False: []}
    for a, b, w in zip(after, before, within, strict=True):
        sides[bool(w)].append(int(a) - int(b))
    return sum(sides[True]) / len(sides[True]) - sum(sides[False]) / len(sides[False])


answers = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=2, max_size=30)


@given(answers.filter(lambda rows: len({within for _, _, within in rows}) == 2))
def test_the_contrast_is_that_of_two_loops_and_turns_its_sign_with_the_group(rows):
    after, before, within = (np.array(column) for column in zip(*rows, strict=True))
    found = gain_contrast(after, before, within, draws=20)
    assert found.value == pytest.approx(slow_contrast(after, before, within))
    assert found.low <= found.value <= found.high
    assert gain_contrast(after, before, ~within, draws=20).value == pytest.approx(-found.value)


def test_the_interval_is_that_of_drawing_each_side_by_itself():
    rng = np.random.default_rng(5)
    after, before = rng.random(400) < 0.7, rng.random(400) < 0.6
    within = np.arange(400) < 120
    found = gain_contrast(after, before, within)
    gain = after.astype(int) - before.astype(int)
    drawn = [
        rng.choice(gain[within], 120).mean() - rng.choice(gain[~within], 280).mean()
        for _ in range(2000)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.012)
    assert found.high == pytest.approx(high, abs=0.012)


def test_where_nothing_changes_the_contrast_is_exactly_nothing():
    right = np.array([1, 0, 1, 1])
    assert gain_contrast(right, right, [1, 1, 0, 0]) == (0.0, 0.0, 0.0)


def test_the_shortfall_seeks_the_best_point_again_in_every_draw():
    rng = np.random.default_rng(2)
    chosen = rng.random(60) < 0.6
    line = rng.random((4, 60)) < np.array([0.5, 0.6, 0.65, 0.3])[:, None]
    found = gap_to_best(chosen, line, draws=41)

    def slow(rows):
        best = max(sum(bool(point[i]) for i in rows) for point in line)
        return (sum(bool(chosen[i]) for i in rows) - best) / len(rows)

    assert found.value == pytest.approx(slow(range(60)))
    counts = np.random.default_rng(0).multinomial(60, np.full(60, 1 / 60), size=41)
    drawn = sorted(slow(np.repeat(np.arange(60), line)) for line in counts)
    assert found.low == pytest.approx(min(drawn[1], found.value))
    assert found.high == pytest.approx(max(drawn[39], found.value))


def test_the_shortfall_by_hand():
    line = np.array([[1, 1, 0, 0], [1, 1, 1, 0]])
    assert gap_to_best([1, 0, 0, 0], line).value == pytest.approx(-0.5)
    assert gap_to_best([1, 1, 1, 1], line).value == pytest.approx(0.25)  # off the grid, and better
    assert gap_to_best(line[1], line[1:]) == (0.0, 0.0, 0.0)


def test_what_is_wrong_is_named():
    with pytest.raises(ValueError, match="within holds 3 of 3 images, needs both sides"):
        gain_contrast([1, 0, 1], [1, 0, 0], [1, 1, 1])
    with pytest.raises(ValueError, match="within holds 0 of 2 images"):
        gain_contrast([1, 0], [1, 0], [0, 0])
    with pytest.raises(ValueError, match=r"before has shape \(2,\), needs \(3,\)"):
        gain_contrast([1, 0, 1], [1, 0], [1, 0, 1])
    with pytest.raises(ValueError, match="draws is 0"):
        gain_contrast([1, 0], [1, 0], [0, 1], draws=0)
    with pytest.raises(ValueError, match=r"chosen has shape \(2,\), needs \(3,\)"):
        gap_to_best([1, 0], [[1, 0, 1]])
