"""How the thresholds are found: on the answers given, by the rule named."""

import numpy as np
import pytest

from fgnb.ccfr.retrieval import Neighbors
from fgnb.ccfr.settings import (
    QUANTILE,
    RULES,
    T_SC_GRID,
    T_SC_RULES,
    T_SF_GRID,
    Settings,
    choose,
    mean_top1,
    nearest_quantile,
    tune,
)


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
    tuned, how = choose("held-out", probs, neighbors, truth, base, t_sc_rule="held-out")
    assert tuned.topn == 3
    assert how["accuracy"] == np.mean(tuned.predictions(probs, neighbors) == truth) == 1.0
    assert choose("fixed", probs, neighbors, truth, base)[0] == base
    with pytest.raises(ValueError, match="rule is 'best'; it is one of mean-top1, held-out, fixed"):
        choose("best", probs, neighbors, truth, base)
    with pytest.raises(ValueError, match="t_sc_rule is 'mean'; it is one of held-out, quantile"):
        choose("fixed", probs, neighbors, truth, base, t_sc_rule="mean")


@pytest.mark.parametrize("t_sf_rule", RULES)
@pytest.mark.parametrize("t_sc_rule", T_SC_RULES)
def test_the_two_rules_are_each_its_own(made_up, t_sf_rule, t_sc_rule):
    """A threshold that is searched is the best with the other where that one's rule puts it."""
    answers = made_up(3, queries=60, classes=5, k=12, spread=0.6)
    probs, near, truth = answers.probs, answers.neighbors, answers.labels
    base = Settings(t_sf=0.61, t_sc=0.72, topn=3)
    found, how = choose(t_sf_rule, probs, near, truth, base, t_sc_rule=t_sc_rule)
    t_sf = {"mean-top1": [mean_top1(probs)], "held-out": T_SF_GRID, "fixed": [0.61]}[t_sf_rule]
    low = sorted(near.sims[:, 0].tolist())[int(QUANTILE * 59)]
    t_sc = {"held-out": T_SC_GRID, "quantile": [low], "fixed": [0.72]}[t_sc_rule]
    best = max(
        np.mean(Settings(sf, sc, topn=3).predictions(probs, near) == truth)
        for sf in t_sf
        for sc in t_sc
    )
    assert any(found.t_sf == pytest.approx(sf) for sf in t_sf)
    assert any(found.t_sc == pytest.approx(sc) for sc in t_sc)
    assert np.mean(found.predictions(probs, near) == truth) == best
    assert (how["rule"], how["t_sc_rule"]) == (t_sf_rule, t_sc_rule)
    if "held-out" not in (t_sf_rule, t_sc_rule):
        assert choose(t_sf_rule, probs, near, None, base, t_sc_rule=t_sc_rule)[0] == found


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
def test_a_quantile_leaves_that_share_without_a_neighbour_over_it(share):
    sims = -np.sort(-np.random.default_rng(0).random((400, 9)), axis=1)
    t_sc = nearest_quantile(sims, share)
    silent = sum(not any(value > t_sc for value in row) for row in sims.tolist())
    assert abs(silent - share * 400) <= 1
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValueError, match="share is"):
            nearest_quantile(sims, wrong)
    with pytest.raises(ValueError, match=r"sims has shape \(3,\)"):
        nearest_quantile(np.ones(3))
