"""The reliability diagram's numbers, temperature scaling and the likelihood."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fgnb.metrics import (
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
    temper,
)


def slow(probs, labels, bins):
    """One image at a time, bins as half-open intervals."""
    groups = [[] for _ in range(bins)]
    for row, label in zip(probs.tolist(), labels.tolist(), strict=True):
        top = max(row)
        b = next(
            b for b in range(bins) if b == bins - 1 or top < np.linspace(0, 1, bins + 1)[b + 1]
        )
        groups[b].append((top, row.index(top) == label))
    ece = 0.0
    for group in groups:
        if group:
            gap = abs(sum(t for t, _ in group) - sum(r for _, r in group))
            ece += gap / len(labels)
    return groups, ece


@pytest.mark.parametrize("bins", [1, 3, 10, 15])
def test_against_one_image_at_a_time(bins):
    rng = np.random.default_rng(bins)
    probs = rng.dirichlet([0.4] * 5, 200)
    labels = rng.integers(0, 5, 200)
    result = reliability(torch.from_numpy(probs), torch.from_numpy(labels), bins)
    groups, ece = slow(probs, labels, bins)
    assert result.count.tolist() == [len(g) for g in groups]
    assert result.ece == pytest.approx(ece)
    for b, group in enumerate(groups):
        if group:
            assert result.confidence[b] == pytest.approx(np.mean([t for t, _ in group]))
            assert result.accuracy[b] == pytest.approx(np.mean([r for _, r in group]))
        else:
            assert np.isnan(result.confidence[b])
            assert np.isnan(result.accuracy[b])
    assert result.edges[[0, -1]].tolist() == [0.0, 1.0]


def test_by_hand_with_confidences_on_the_edges():
    probs = [[1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.25, 0.75]]
    result = reliability(probs, [0, 1, 0, 0], bins=4)
    assert result.count.tolist() == [0, 0, 1, 3]
    assert result.accuracy[2:].tolist() == [1.0, pytest.approx(1 / 3)]
    assert result.ece == pytest.approx((0.5 + abs(2.75 - 1)) / 4)


@pytest.mark.parametrize("probs", [[[0.9, 0.3]], [[1.4, -0.4]], [[0.2, 0.3]]])
def test_scores_that_are_no_probabilities_are_refused(probs):
    with pytest.raises(ValueError, match="needs rows of probabilities"):
        reliability(probs, [0])


def test_arguments_out_of_range_are_named():
    with pytest.raises(ValueError, match="bins is 0"):
        reliability([[1.0]], [0], bins=0)
    with pytest.raises(ValueError, match=r"probs has shape \(2,\), needs \(N, C\)"):
        reliability([0.5, 0.5], [0, 1])


def slow_nll(probs, labels, floor):
    return sum(
        -math.log(max(row[label], floor)) for row, label in zip(probs, labels, strict=True)
    ) / len(labels)


def slow_temper(row, temperature):
    """A softmax of the logits, one entry at a time."""
    logits = [math.log(max(p, 1e-12)) for p in row]
    raised = [math.exp(z / temperature) for z in logits]
    return [value / sum(raised) for value in raised]


@pytest.fixture
def answers():
    rng = np.random.default_rng(5)
    probs = rng.dirichlet([0.3] * 6, 120)
    labels = np.where(rng.random(120) < 0.6, probs.argmax(1), rng.integers(0, 6, 120))
    return probs, labels


def test_log_likelihood_is_that_of_a_loop(answers):
    probs, labels = answers
    for floor in (1e-6, 0.01):
        found = negative_log_likelihood(probs, labels, floor)
        assert found == pytest.approx(slow_nll(probs.tolist(), labels.tolist(), floor))
    hard = [[1.0, 0.0], [0.0, 1.0]]
    assert negative_log_likelihood(hard, [0, 0], floor=1e-3) == pytest.approx(math.log(1e3) / 2)
    assert negative_log_likelihood(hard, [0, 1]) == 0.0


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_tempering_is_that_of_a_loop_and_keeps_every_order(answers, temperature):
    probs = (answers[0] + 0.05) / 1.3  # no entry falls under the floor when it is sharpened
    found = temper(probs, temperature)
    assert np.allclose(found, [slow_temper(row, temperature) for row in probs.tolist()])
    assert (found.argsort(1) == probs.argsort(1)).all()
    assert np.allclose(temper(found, 1 / temperature), probs, atol=1e-6)


def test_the_fitted_temperature_beats_a_fine_grid_and_scales_with_the_logits(answers):
    probs, labels = answers
    fitted = fit_temperature(probs, labels)
    best = negative_log_likelihood(temper(probs, fitted), labels, 1e-12)
    for tried in np.geomspace(0.1, 10, 80):
        assert best <= negative_log_likelihood(temper(probs, tried), labels, 1e-12) + 1e-9
    assert fit_temperature(temper(probs, 2.0), labels) == pytest.approx(fitted / 2, rel=1e-3)


def test_answers_that_are_all_right_have_no_finite_temperature():
    assert fit_temperature([[0.7, 0.3], [0.2, 0.8]], [0, 1]) == pytest.approx(0.02)


def test_calibration_error_of_confidences_is_that_of_the_diagram(answers):
    probs, labels = answers
    right = probs.argmax(1) == labels
    for bins in (1, 7, 10):
        found = expected_calibration_error(probs.max(1), right, bins)
        assert found == pytest.approx(reliability(probs, labels, bins).ece)
        assert found == pytest.approx(slow(probs, labels, bins)[1])


def test_new_arguments_out_of_range_are_named():
    good = [[0.5, 0.5]]
    with pytest.raises(ValueError, match="temperature is 0, needs a finite number above 0"):
        temper(good, 0)
    with pytest.raises(ValueError, match="floor is 0, needs"):
        negative_log_likelihood(good, [0], floor=0)
    with pytest.raises(ValueError, match="labels runs from 2 to 2, needs 0 to 1"):
        fit_temperature(good, [2])
    with pytest.raises(ValueError, match="needs rows of probabilities"):
        temper([[3.0, 1.0]], 1.0)
    with pytest.raises(ValueError, match=r"confidence has shape \(1,\), needs \(2,\)"):
        expected_calibration_error([0.5], [1, 0])
    with pytest.raises(ValueError, match=r"confidence runs from 0\.5 to 1\.5"):
        expected_calibration_error([0.5, 1.5], [1, 0])
