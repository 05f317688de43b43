"""The reliability diagram's numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fgnb.metrics import reliability


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
