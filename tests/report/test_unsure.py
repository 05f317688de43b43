"""Gains by confidence and the threshold without labels: each number by loops over the answers."""

from dataclasses import replace

import numpy as np
import pytest

from fgnb.ccfr import Settings
from fgnb.ccfr.settings import T_SF_GRID
from fgnb.report import rederive, unsure

MADE = {"queries": 61, "classes": 6, "k": 12, "spread": 0.5}


def asked(answers, setting):
    """Predicted classes, a query at a time: the softmax where it is sure, else the vote."""
    found = []
    for probs, sims, near in zip(
        answers.probs, answers.neighbors.sims, answers.neighbors.labels, strict=True
    ):
        order = sorted(range(len(probs)), key=lambda c: -probs[c])[: setting.topn]
        vote = {c: sum(float(s) for s, n in zip(sims, near, strict=True) if n == c) for c in order}
        sure = probs[order[0]] >= setting.t_sf or not sum(vote.values())
        found.append(order[0] if sure else max(order, key=vote.get))
    return np.array(found)


@pytest.fixture
def case(provenance, made_up):
    held_out, test = made_up(1, **MADE), made_up(2, **MADE)
    base = Settings(t_sf=0.5, t_sc=0.0, topn=4)
    settings = replace(base, t_sf=0.62)
    arrays = {
        **held_out.arrays("held_out"),
        **test.arrays("test"),
        "test_classification_predictions": test.probs.argmax(1),
        "test_reranked_predictions": settings.predictions(test.probs, test.neighbors),
        **unsure.gain_arrays(held_out, test, settings, base),
    }
    found = unsure.gain_results(arrays, features="regions", provenance=provenance())
    return held_out, test, settings, base, arrays, found


def gain(test, after, rows):
    before = test.probs.argmax(1)
    moves = [
        int(after[i] == test.labels[i]) - int(before[i] == test.labels[i])
        for i in np.flatnonzero(rows)
    ]
    return 100 * sum(moves) / len(moves)


def test_the_gain_under_the_threshold_against_that_over_it(case):
    _, test, settings, _, _, found = case
    below = test.probs.max(1) < settings.t_sf
    gated, ungated = found["unsure"]
    assert {gated.claim, ungated.claim} == {unsure.CLAIM_UNSURE}
    assert gated.value == pytest.approx(gain(test, asked(test, settings), below))
    every = asked(test, replace(settings, t_sf=2.0))
    over = gain(test, every, ~below)
    assert over != 0, "the made-up answers must move without the gate"
    assert ungated.value == pytest.approx(gain(test, every, below) - over)


def test_thirds_are_equal_parts_by_confidence(case):
    _, test, settings, _, _, found = case
    order = sorted(range(61), key=lambda i: test.probs[i].max())
    parts = [order[:21], order[21:41], order[41:]]
    value = {result.claim: result for result in found["thirds"]}
    every = asked(test, replace(settings, t_sf=2.0))
    for place, part in enumerate(parts):
        rows = np.isin(np.arange(61), part)
        own = f"own.ccfr.reranking.regions.third-{place + 1}"
        assert value[f"{own}.ungated"].value == pytest.approx(gain(test, every, rows))
        assert value[f"{own}.gated"].n == len(part)
        top1 = np.mean([test.probs[i].max() for i in part])
        assert value[f"{own}.top1"].value == pytest.approx(top1, rel=1e-5)
    table = unsure.thirds_table(found["thirds"], "regions")
    assert [line[0].text for line in table.rows] == [
        "Least sure third",
        "Middle third",
        "Surest third",
    ]
    assert [line[1].text for line in table.rows] == ["21", "20", "20"]


def test_the_rule_is_held_against_the_grid_where_both_were_read(case):
    held_out, test, _, base, arrays, found = case
    rule = float(np.mean([max(row) for row in held_out.probs.astype(float)]))

    def share(answers, t_sf):
        return 100 * np.mean(asked(answers, replace(base, t_sf=t_sf)) == answers.labels)

    grid = [share(held_out, t_sf) for t_sf in T_SF_GRID]
    shortfall, on_test = found["rule"]
    assert shortfall.claim == unsure.CLAIM_RULE
    assert shortfall.value == pytest.approx(share(held_out, rule) - max(grid))
    best = T_SF_GRID[int(np.argmax(np.round(grid, 9)))]
    assert on_test.settings == {
        "t_sf without labels": pytest.approx(rule),
        "t_sf of the grid": best,
    }
    assert on_test.value == pytest.approx(share(test, rule) - share(test, best))
    figure = unsure.rule_curve(held_out, arrays)
    assert f"mean top-1 probability is {rule:.3f}" in figure.alt
    assert f"{max(grid):.2f} %, at {best:g}" in figure.alt


def test_every_number_follows_from_the_arrays(case):
    *_, arrays, found = case
    for result in [result for group in found.values() for result in group]:
        assert rederive(result, arrays) == (result.value, result.interval)


def test_a_gate_that_is_always_open_leaves_the_comparison_out(case, provenance):
    *_, arrays, _ = case
    for everyone in (True, False):
        changed = {**arrays, "test_unsure": np.full(61, everyone)}
        found = unsure.gain_results(changed, features="regions", provenance=provenance())
        assert found["unsure"] == []
        assert len(found["thirds"]) == 9
