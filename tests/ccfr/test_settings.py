"""How the thresholds are found: on the answers given, by the rule named."""

import numpy as np
import pytest

from fgnb.ccfr.retrieval import Neighbors
from fgnb.ccfr.settings import Settings, choose, mean_top1, tune


@pytest.fixture
def answers():
    """Two unsure queries that their neighbours put right, one sure one that they would spoil."""
    probs = np.array([[0.4, 0.35, 0.25], [0.3, 0.45, 0.25], [0.9, 0.06, 0.04]], np.float32)
    labels = np.array([[1, 1, 0], [2, 2, 1], [1, 1, 1]])
    sims = np.array([[0.9, 0.8, 0.6], [0.9, 0.8, 0.6], [0.9, 0.8, 0.7]], np.float32)
    return probs, Neighbors(sims, np.zeros_like(labels), labels), np.array([1, 2, 0])


def test_mean_top1_is_the_mean_of_the_highest_probability(answers):
    assert mean_top1(answers[0]) == pytest.approx((0.4 + 0.45 + 0.9) / 3)


@pytest.mark.parametrize("gate", ["sample", "class"])
def test_the_grid_search_agrees_with_single_evaluations(answers, gate):
    probs, neighbors, truth = answers
    tuned = tune(
        probs,
        neighbors,
        truth,
        Settings(0.5, 0.5, gate=gate),
        t_sf=(0.2, 0.5, 0.95),
        t_sc=(0.5, 0.7),
        topn=(2, 3),
    )
    for i, t_sf in enumerate(tuned.t_sf):
        for j, t_sc in enumerate(tuned.t_sc):
            for k, topn in enumerate(tuned.topn):
                found = Settings(t_sf, t_sc, topn=topn, gate=gate).predictions(probs, neighbors)
                assert tuned.accuracy[i, j, k] == np.mean(found == truth)
    if gate == "class":
        return
    # t_sf 0.2 changes nothing, 0.95 spoils the sure one; topn 2 can't reach class 2 of the second
    assert tuned.accuracy[:, 0, 1].tolist() == [pytest.approx(1 / 3), 1.0, pytest.approx(2 / 3)]
    assert (tuned.settings.t_sf, tuned.settings.t_sc, tuned.settings.topn) == (0.5, 0.7, 3)


def test_each_rule_moves_what_it_says(answers):
    probs, neighbors, truth = answers
    base = Settings(t_sf=0.33, t_sc=0.65, topn=3)
    by_mean, _ = choose("mean-top1", probs, neighbors, truth, base)
    assert (by_mean.t_sf, by_mean.t_sc) == (pytest.approx(mean_top1(probs)), 0.65)
    tuned, how = choose("held-out", probs, neighbors, truth, base)
    assert tuned.topn == 3
    assert how["accuracy"] == np.mean(tuned.predictions(probs, neighbors) == truth) == 1.0
    assert choose("fixed", probs, neighbors, truth, base)[0] == base
    with pytest.raises(ValueError, match="rule is 'best'; it is one of mean-top1, held-out, fixed"):
        choose("best", probs, neighbors, truth, base)
