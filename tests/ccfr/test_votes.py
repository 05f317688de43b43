"""Who is asked again, a query at a time; and neighbours made better by their labels."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.ccfr.settings import Settings
from fgnb.ccfr.votes import asked, mended


def by_hand(answers, setting):
    """A query, a neighbour, a class at a time."""
    gated, voters = [], []
    near = answers.neighbors
    for probs, sims, labels in zip(answers.probs.tolist(), near.sims, near.labels, strict=True):
        top = sorted(range(len(probs)), key=lambda c, p=probs: (-p[c], c))[: setting.topn]
        compared = top if setting.gate == "class" else top[:1]
        unsure = any(probs[c] < setting.t_sf for c in compared)
        heard = [
            label in top and float(sim) > setting.t_sc
            for sim, label in list(zip(sims, labels, strict=True))[: setting.topm]
        ]
        gated.append(unsure)
        voters.append(unsure and any(heard))
    return gated, voters


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 50),
    t_sf=st.floats(0, 1.1),
    t_sc=st.floats(0, 1),
    topn=st.integers(1, 7),
    topm=st.integers(1, 14),
    gate=st.sampled_from(["sample", "class"]),
)
def test_who_is_asked_and_only_they_change(made_up, seed, t_sf, t_sc, topn, topm, gate):
    answers = made_up(seed, queries=25, classes=5, k=10, spread=0.6)
    setting = Settings(t_sf, t_sc, topn=topn, topm=topm, gate=gate)
    found = asked(answers.probs, answers.neighbors, setting)
    assert (found.gated.tolist(), found.voters.tolist()) == by_hand(answers, setting)
    after = setting.predictions(answers.probs, answers.neighbors)
    changed = after != answers.probs.argmax(axis=1)
    assert not (changed & ~found.voters).any(), "an answer changed that nobody was asked about"


def test_a_vote_that_everybody_casts_changes_answers(made_up):
    answers = made_up(1, queries=200, classes=5, k=10, spread=0.6)
    setting = Settings(2.0, 0.0)
    found = asked(answers.probs, answers.neighbors, setting)
    assert found.gated.all()
    assert found.voters.all()
    silent = asked(answers.probs, answers.neighbors, replace(setting, t_sc=1.0))
    assert silent.gated.all()
    assert not silent.voters.any()


@pytest.mark.parametrize("whole", [False, True])
def test_mended_neighbours_are_right_by_that_share_and_nothing_else_moves(made_up, whole):
    answers = made_up(4, queries=400, classes=6, k=10, spread=0.6, agree=0.3)
    near, truth = answers.neighbors, answers.labels
    assert np.array_equal(mended(near, truth, 0.0, whole=whole).labels, near.labels)
    right = near.labels == truth[:, None]
    former = right
    for share in (0.25, 0.5, 1.0):
        made = mended(near, truth, share, whole=whole)
        assert np.array_equal(made.sims, near.sims)
        now = made.labels == truth[:, None]
        wrong = ~right[:, 0]
        assert now[wrong, 0].mean() == pytest.approx(share, abs=0.08)
        assert (now[:, 0] >= former[:, 0]).all(), "a larger share mends what a smaller one did"
        assert now[right[:, 0], 0].all()
        former = now
    if not whole:
        assert former.all()
        return
    for before, after, true in zip(near.labels.tolist(), made.labels.tolist(), truth, strict=True):
        counts = [sorted(map(row.count, set(row))) for row in (before, after)]
        assert counts[0] == counts[1], "a vote as divided as it was"
        assert after[0] == true


def test_a_share_is_a_share(made_up):
    answers = made_up(4, queries=4, classes=3, k=3, spread=0.6)
    for wrong in (-0.1, 1.5):
        with pytest.raises(ValueError, match="share is"):
            mended(answers.neighbors, answers.labels, wrong)
