"""Accuracy, the top-N curve, rectified and spoiled answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.metrics import accuracy, changes, topn_curve, true_class_ranks

TABLES = st.integers(1, 6).flatmap(
    lambda c: st.lists(
        st.tuples(st.lists(st.integers(0, 3), min_size=c, max_size=c), st.integers(0, c - 1)),
        min_size=1,
        max_size=8,
    )
)


def slow_rank(row: list[int], label: int) -> int:
    order = sorted(range(len(row)), key=lambda c: (-row[c], c))
    return order.index(label)


@settings(max_examples=80, deadline=None)
@given(TABLES)
def test_ranks_and_curve_against_sorting_with_ties_by_column(rows):
    scores = [row for row, _ in rows]
    labels = [label for _, label in rows]
    ranks = [slow_rank(row, label) for row, label in rows]
    assert true_class_ranks(scores, labels).tolist() == ranks
    curve = topn_curve(scores, labels, 8)
    for n in range(1, 9):
        assert curve[n - 1] == pytest.approx(sum(r < n for r in ranks) / len(ranks))
    assert accuracy(scores, labels) == curve[0]
    assert accuracy(np.argmax(scores, axis=1), labels) == curve[0]


def test_by_hand():
    scores = torch.tensor([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2], [0.1, 0.2, 0.7]])
    labels = torch.tensor([0, 1, 0])
    assert accuracy(scores, labels) == pytest.approx(1 / 3)
    assert topn_curve(scores, labels, 3).tolist() == pytest.approx([1 / 3, 2 / 3, 1.0])


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        (np.zeros((2, 3, 1)), [0, 1], r"scores has shape \(2, 3, 1\), needs \(N, C\) or \(N,\)"),
        (np.zeros((0, 3)), [], r"scores has shape \(0, 3\), needs \(N, C\), both at least 1"),
        ([], [], r"scores has shape \(0,\)"),
        (np.zeros((2, 3)), [0], r"labels has shape \(1,\), needs \(2,\)"),
        ([0, 1], [0], r"labels has shape \(1,\), needs \(2,\)"),
        (np.zeros((2, 3)), [0, 3], "labels runs from 0 to 3, needs 0 to 2"),
        (np.zeros((2, 3)), [-1, 2], "labels runs from -1 to 2"),
        (np.zeros((2, 3)), [0.0, 1.0], "labels has dtype float64, needs integers"),
        ([0.5, 1.0], [0, 1], "scores has dtype float64"),
        ([[np.nan, 1.0]], [0], "scores holds nan"),
    ],
)
def test_what_does_not_fit_is_named(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        accuracy(scores, labels)


def test_a_curve_has_a_length():
    with pytest.raises(ValueError, match="n_max is 0"):
        topn_curve([[1.0]], [0], 0)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_changes_account_for_the_difference_in_accuracy(pairs):
    before, after = zip(*pairs, strict=True)
    result = changes(before, after)
    assert result.rectified == sum(b < a for b, a in pairs)
    assert result.spoiled == sum(b > a for b, a in pairs)
    assert result.net == sum(after) - sum(before)


def test_changes_name_what_does_not_fit():
    with pytest.raises(ValueError, match=r"after_correct has shape \(3,\), needs \(2,\)"):
        changes([1, 0], [1, 0, 1])
    with pytest.raises(ValueError, match="before_correct holds values besides 0 and 1"):
        changes([2, 0], [1, 0])
    with pytest.raises(ValueError, match=r"before_correct has shape \(0,\), needs \(N,\)"):
        changes([], [])
