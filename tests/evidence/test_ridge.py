"""Ridge regression by Gram matrices against the normal equations of the joint feature itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from fgnb.baselines.ridge import one_hot, ridge_path, ridge_scores
from fgnb.evidence.joined import JOINS, gram, joined_regions, joint_gram

SHAPES = st.tuples(st.integers(2, 12), st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))
SHARES = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])


def made_up(shape, seed):
    n, boxes, wide, deep = shape
    rng = np.random.default_rng(seed)
    whole = rng.normal(size=(n + 3, wide)).astype(np.float32)
    regions = rng.normal(size=(n + 3, boxes, deep)).astype(np.float32)
    return whole, regions, one_hot(rng.integers(0, 3, n), 3)


@given(SHAPES, SHARES, st.sampled_from(JOINS), st.integers(0, 99))
def test_scores_are_those_of_the_normal_equations(shape, share, join, seed):
    whole, regions, targets = made_up(shape, seed)
    n = len(targets)
    known = joint_gram(gram(whole, whole), joined(regions, join), share)
    found = ridge_scores(known[:n, :n], known[:, :n], targets, 0.3)
    if join == "mean":
        parts = [sum(regions[:, k] for k in range(regions.shape[1])) / regions.shape[1]]
    else:
        parts = [regions[:, k] / regions.shape[1] ** 0.5 for k in range(regions.shape[1])]
    sides = [(1 - share) ** 0.5 * whole, *(share**0.5 * part for part in parts)]
    features = np.hstack([*sides, np.ones((n + 3, 1))]).astype(float)
    model = Ridge(alpha=0.3, fit_intercept=False, solver="svd").fit(features[:n], targets)
    assert np.allclose(found, model.predict(features).reshape(found.shape), atol=1e-4)


def joined(regions, join):
    part = joined_regions(regions, join)
    return gram(part, part)


@given(SHAPES, st.integers(0, 99))
def test_a_path_is_the_scores_at_each_strength(shape, seed):
    whole, _, targets = made_up(shape, seed)
    known = joint_gram(gram(whole, whole), None, 0.0)
    n, strengths = len(targets), (0.05, 1.0, 30.0)
    path = ridge_path(known[:n, :n], known[:, :n], targets, strengths)
    for strength, scores in zip(strengths, path, strict=True):
        assert np.allclose(scores, ridge_scores(known[:n, :n], known[:, :n], targets, strength))


def test_a_mean_knows_no_order_and_ranks_do():
    regions = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)
    turned = regions[:, ::-1]
    mean, ranks = ([joined_regions(r, join) for r in (regions, turned)] for join in JOINS)
    assert np.allclose(*mean, atol=1e-6)
    assert not np.allclose(*ranks, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: joined_regions(np.zeros((1, 1, 1), np.float32), "sum"), "join is 'sum'"),
        (lambda: joint_gram(np.eye(2), np.eye(2), 1.5), "share is 1.5"),
        (lambda: ridge_scores(np.eye(2), np.eye(2), np.eye(2), 0.0), "strength is 0.0"),
        (lambda: ridge_path(np.eye(2), np.eye(2), np.eye(2), (1.0, -1.0)), "strength is -1.0"),
    ],
)
def test_what_is_out_of_range_is_said(call, words):
    with pytest.raises(ValueError, match=words):
        call()
