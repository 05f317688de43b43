"""The rivals of re-ranking against loops over images, and how they are chosen."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.ccfr import Answers, Settings
from fgnb.ccfr.alternatives import (
    Interpolated,
    Reranked,
    Softmax,
    best_of,
    fit_alternatives,
    knn_probs,
    reranked_probs,
)
from fgnb.ccfr.retrieval import Neighbors


def made_up(seed, queries=60, classes=7, k=12):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, queries)
    logits = rng.normal(size=(queries, classes)) + 1.5 * np.eye(classes)[labels]
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    near = np.where(
        rng.random((queries, k)) < 0.5, labels[:, None], rng.integers(0, classes, (queries, k))
    )
    sims = -np.sort(-rng.random((queries, k)), axis=1)
    return Answers(
        ids=np.arange(queries),
        labels=labels,
        probs=probs.astype(np.float32),
        logistic_probs=probs.astype(np.float32),
        neighbors=Neighbors(sims.astype(np.float32), np.zeros_like(near), near),
        database_ids=np.arange(30),
        database_labels=rng.integers(0, classes, 30),
    )


def slow_votes(sims, labels, n_classes, temperature, topm):
    """One query: the weight of each neighbour, added to its class."""
    raised = [math.exp(s / temperature) for s in sims[:topm]]
    votes = [0.0] * n_classes
    for value, label in zip(raised, labels, strict=False):
        votes[label] += value / sum(raised)
    return votes


def slow_shares(probs, sims, labels, rule):
    """One query of `reranked_probs`, by equations 8 and 9 class after class."""
    order = sorted(range(len(probs)), key=lambda c: (-probs[c], c))[: rule.topn]
    votes = dict.fromkeys(order, 0.0)
    for s, label in list(zip(sims, labels, strict=True))[: rule.topm]:
        if s > rule.t_sc and label in votes:
            votes[label] += s
    total = sum(votes.values())
    new = list(probs)
    if probs[order[0]] >= rule.t_sf or total == 0:
        return new
    scores = {c: rule.alpha * probs[c] + rule.beta * votes[c] / total for c in order}
    held, whole = sum(probs[c] for c in order), sum(scores.values())
    for c in order:
        new[c] = scores[c] / whole * held
    return new


@pytest.mark.parametrize("temperature", [0.02, 0.3, 5.0])
def test_votes_are_those_of_a_loop(temperature):
    near = made_up(1).neighbors
    found = knn_probs(near, 7, temperature, topm=9)
    slow = [
        slow_votes(s, n, 7, temperature, 9)
        for s, n in zip(near.sims.astype(float).tolist(), near.labels.tolist(), strict=True)
    ]
    assert np.allclose(found, slow)
    assert knn_probs(near, 7, 1e-4, 50).argmax(1).tolist() == near.labels[:, 0].tolist()


@pytest.mark.parametrize(
    "rule",
    [
        Settings(0.6, 0.4, topn=3, topm=8),
        Settings(0.6, 0.4, topn=5, alpha=0.7, beta=0.3),
        Settings(1.01, 0.99, topn=2),
        Settings(0.0, 0.1, topn=4),
    ],
)
def test_shared_out_scores_are_those_of_a_loop(rule):
    answers = made_up(2)
    found = reranked_probs(answers.probs, answers.neighbors, rule)
    near = answers.neighbors
    rows = zip(
        answers.probs.astype(float).tolist(),
        near.sims.astype(float).tolist(),
        near.labels.tolist(),
        strict=True,
    )
    assert np.allclose(found, [slow_shares(*row, rule) for row in rows], atol=1e-6)
    assert np.allclose(found.sum(1), 1)


@given(
    seed=st.integers(0, 1000),
    t_sf=st.floats(0, 1.1),
    t_sc=st.floats(0, 1),
    topn=st.integers(1, 9),
    alpha=st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_sharing_out_changes_no_answer(seed, t_sf, t_sc, topn, alpha):
    answers = made_up(seed, queries=12)
    method = Reranked(Settings(t_sf, t_sc, topn=topn, alpha=alpha, beta=1 - alpha))
    probs = method.probs(answers)
    rows = np.arange(12)
    chosen = method.predictions(answers)
    assert (probs[rows, chosen] >= probs.max(1) - 1e-6).all()


def test_no_score_at_all_leaves_the_softmax():
    answers = made_up(3)
    rule = Settings(1.01, 0.0, alpha=0.0, beta=0.0)
    assert np.allclose(reranked_probs(answers.probs, answers.neighbors, rule), answers.probs)


def test_interpolation_is_a_mixture_with_both_ends():
    answers = made_up(4)
    votes = knn_probs(answers.neighbors, 7, 0.1, 12)
    mixed = Interpolated(0.3, 0.1, 12).probs(answers)
    assert np.allclose(mixed, 0.7 * answers.probs + 0.3 * votes, atol=1e-6)
    assert np.allclose(Interpolated(0.0, 0.1, 12).probs(answers), answers.probs, atol=1e-6)
    assert np.allclose(Interpolated(1.0, 0.1, 12).probs(answers), votes)


def test_the_best_is_that_of_accuracy_then_likelihood_then_order():
    answers = made_up(5)
    flat, sharp = Softmax(9.0), Softmax(1.0)  # the same answers, the second likelier
    assert best_of([flat, sharp], answers) is sharp
    assert best_of([sharp, Softmax(1.0)], answers) is sharp
    near = Interpolated(1.0, 0.01, 12)
    accuracies = [(m.predictions(answers) == answers.labels).mean() for m in (sharp, near)]
    assert accuracies[0] != accuracies[1]
    best = max(zip(accuracies, (sharp, near), strict=True), key=lambda pair: pair[0])[1]
    assert best_of([flat, near, sharp], answers) is best
    with pytest.raises(ValueError, match="methods is empty"):
        best_of([], answers)


def test_fitted_alternatives_lose_to_none_of_their_own_grid():
    held_out = made_up(6)
    rule = Settings(0.5, 0.3)
    found = fit_alternatives(held_out, rule)
    right = {name: (m.predictions(held_out) == held_out.labels).mean() for name, m in found.items()}
    assert right["softmax"] == right["tempered"]
    # each grid holds the softmax (alpha 1, weight 0); the mix also holds the vote alone
    assert min(right["mix"], right["interpolated"]) >= right["softmax"]
    vote = Reranked(replace(rule, t_sf=0.5, alpha=0.0, beta=1.0))
    assert right["mix"] >= (vote.predictions(held_out) == held_out.labels).mean()
    for name, method in found.items():
        assert np.allclose(method.probs(held_out).sum(1), 1, atol=1e-5), name
        assert all(isinstance(v, int | float | str) for v in method.settings().values()), name
    gate = found["tempered-gate"]
    tempered = found["tempered"].probs(held_out)
    assert gate.rule.t_sf == pytest.approx(tempered.max(1).mean())
    assert np.array_equal(
        gate.predictions(held_out), gate.rule.predictions(tempered, held_out.neighbors)
    )


def test_what_cannot_be_shared_out_or_voted_is_named():
    answers = made_up(7)
    for name in ("t_sc", "alpha", "beta"):
        rule = replace(Settings(0.5, 0.5), **{name: -0.1})
        with pytest.raises(ValueError, match=rf"{name} is -0\.1, needs at least 0"):
            reranked_probs(answers.probs, answers.neighbors, rule)
    with pytest.raises(ValueError, match=r"temperature is 0\.0, needs"):
        knn_probs(answers.neighbors, 7, 0.0)
    with pytest.raises(ValueError, match="n_classes is 3, needs more than"):
        knn_probs(answers.neighbors, 3, 0.1)
