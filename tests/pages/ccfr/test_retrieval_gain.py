"""Accuracy of retrieval against the gain of re-ranking: recorded, published, and what if."""

from types import SimpleNamespace

import numpy as np
import pytest

from fgnb.pages.ccfr import reranked, retrieval_gain
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

P = SimpleNamespace(
    **{"t_sf_rule": "fixed", "t_sc_rule": "fixed", "t_sf": 0.7, "t_sc": 0.5},
    **{"topn": 4, "topm": 50},
)


@pytest.fixture(scope="module")
def found(made_up):
    made = {"queries": 150, "classes": 6, "k": 10, "spread": 0.5, "agree": 0.15}
    return reranked.Folds(made_up(2, **made), made_up(1, **made), "held-out images of it")


@pytest.fixture
def page(found, origin):
    def sheet(recorded, **about):
        made = Sheet("ccfr", recorded=True)
        arrays = reranked.arrays(found.test, found.held_out)
        made.add(Record("ccfr", "fusion", arrays, origin(recorded=recorded, **about)))
        return made

    newest = sheet("2026-03-01 10:00")
    newest.before = [sheet("2026-02-01 10:00")]
    cars = sheet("2026-01-01 10:00", dataset="cars", manifest="d" * 64, dataset_title="<cars>")
    return SimpleNamespace(recorded=[newest, cars], p=P)


def test_a_point_is_counted_by_hand(found):
    at = retrieval_gain.point("a", "cub", found, P)
    test = found.test
    right = nearest = after = 0
    ranked = found.setting(P)[0].predictions(test.probs, test.neighbors)
    for q, true in enumerate(test.labels):
        right += max(range(6), key=lambda c, q=q: test.probs[q, c]) == true
        nearest += test.neighbors.labels[q, 0] == true
        after += ranked[q] == true
    assert at.classification == pytest.approx(100 * right / 150)
    assert at.lead == pytest.approx(100 * (nearest - right) / 150)
    assert at.gain == pytest.approx(100 * (after - right) / 150)
    assert at.low <= at.gain <= at.high
    assert 0 < at.voters < at.n == 150


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("rule", ["held-out", "quantile"])
def test_a_what_if_starts_at_what_is_and_ends_where_every_neighbour_is_right(found, rule, whole):
    curve = retrieval_gain.what_if(found, P, rule, whole=whole)
    ruled = SimpleNamespace(**{**vars(P), "t_sc_rule": rule})
    at = retrieval_gain.point("a", "cub", found, ruled)
    assert (curve.lead[0], curve.gain[0]) == pytest.approx((at.lead, at.gain))
    assert curve.lead[-1] == pytest.approx(100 - at.classification)
    assert (np.diff(curve.lead) >= 0).all()
    assert curve.gain[-1] > curve.gain[0], "better neighbours, a better vote"
    assert curve.at(curve.lead[3]) == pytest.approx(curve.gain[3])
    assert np.isnan(curve.at(99.9))


def test_every_recording_is_a_point_and_names_are_escaped(page):
    pairs = retrieval_gain.points(page, ["fusion", "gone"])
    assert [pair[0].set_name for pair in pairs] == ["cub", "cub", "cars"]
    for used, quantile in pairs:
        assert used.voters != quantile.voters, "two thresholds"
        assert used.lead == quantile.lead
    text = retrieval_gain.table(pairs).text
    assert text.count("<tr>") == 4
    assert "<cars>" not in text
    assert "Nothing recorded" in retrieval_gain.table([]).text


def test_the_published_distances_follow_from_table_4():
    found = retrieval_gain.published()
    assert found["cub"] == pytest.approx((-1.9, 0.4))
    assert set(found) == {"cub", "aircraft", "cars"}


def test_the_page_has_a_figure_and_an_answer_in_words(page, found):
    gains = retrieval_gain.Gains.of(page, found.test, found.held_out)
    assert gains.whose == "fusion on CUB-200-2011 (40 of 200 classes)"
    figure = gains.figure()
    assert "3 recorded rows" in figure.alt
    assert figure.png().startswith(b"\x89PNG")
    assert "points, by the way of mending" in gains.words().text
    empty = SimpleNamespace(recorded=[], p=P)
    here = retrieval_gain.Gains.of(empty, found.test, found.held_out)
    assert here.whose == "this run"
    assert here.figure().alt
