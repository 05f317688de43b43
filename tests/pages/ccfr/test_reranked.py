"""Where thresholds come from, and whom re-ranking asked, by loops over the answers."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fgnb.ccfr import Settings
from fgnb.ccfr.settings import QUANTILE, choose, mean_top1
from fgnb.pages.ccfr import coarse, reranked, results, sensitivity
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

MADE = {"queries": 80, "classes": 6, "k": 12, "spread": 0.5}
P = SimpleNamespace(
    **{"t_sf_rule": "held-out", "t_sc_rule": "held-out", "t_sf": 0.5, "t_sc": 0.7},
    **{"topn": 4, "topm": 50},
)
WHOLE = {"manifest": "e" * 64, "protocol": "official", "dataset_title": "CUB-200-2011"}


@pytest.fixture(scope="module")
def folds(made_up):
    return made_up(2, **MADE), made_up(1, **MADE)


@pytest.fixture
def sheets(folds, origin):
    """The whole set, a refit alone, and a part of it with held-out answers."""
    test, held_out = folds

    def make(row="fusion", regime="weights of the end"):
        whole = Sheet("ccfr", recorded=True, regime="weights of the end")
        whole.add(Record("ccfr", "fusion", reranked.arrays(test, None), origin(**WHOLE)))
        part = Sheet("ccfr", recorded=True, regime=regime)
        part.add(Record("ccfr", row, reranked.arrays(test, held_out), origin()))
        whole.others, part.others = (part,), (whole,)
        return whole, part

    return make


def test_a_whole_set_takes_its_thresholds_from_its_part_in_the_same_regime(sheets, folds):
    test, held_out = folds
    whole, part = sheets()
    for sheet, words in ((whole, "CUB-200-2011 (40 of 200 classes)"), (part, "own training part")):
        found = reranked.folds(sheet, "fusion")
        assert words in found.source
        base = Settings(0.5, 0.7, topn=4)
        on = held_out.probs, held_out.neighbors, held_out.labels
        expected = choose("held-out", *on, base, t_sc_rule="held-out")[0]
        assert found.setting(P)[0] == expected
        assert reranked.derive(sheet, P, "fusion", "ccfr")
        classes = expected.predictions(test.probs, test.neighbors)
        assert np.array_equal(sheet.rows["ccfr"].arrays["classes"], classes)


@pytest.mark.parametrize(
    "other", [{"row": "global"}, {"regime": "mean of start and end"}, {"alone": True}]
)
def test_without_such_a_part_rules_without_labels_look_at_the_images(sheets, folds, other):
    alone = other.pop("alone", False)
    whole, _ = sheets(**other)
    whole.others = () if alone else whole.others
    found = reranked.folds(whole, "fusion")
    assert found.held_out is None
    assert "none of whose labels is read" in found.source
    settings, how = found.setting(P)
    assert (how["rule"], how["t_sc_rule"]) == ("mean-top1", "quantile")
    test = folds[0]
    assert settings.t_sf == pytest.approx(mean_top1(test.probs))
    first = sorted(test.neighbors.sims[:, 0].tolist())
    assert settings.t_sc == pytest.approx(first[int(QUANTILE * (len(first) - 1))])
    blind = found._replace(test=replace(test, labels=(test.labels + 1) % 6))
    assert blind.setting(P)[0] == settings, "no label was read"


def test_pages_work_with_and_without_held_out_answers(sheets):
    for alone in (False, True):
        whole, _ = sheets()
        whole.others = () if alone else whole.others
        results.derive(whole, SimpleNamespace(**vars(P)))
        assert {"ccfr", "classification", "retrieval", "better"} <= set(whole.rows)
        assert ("tempered" in whole.rows) is not alone
        sensitivity.derive(whole, P, "fusion")
        assert ("honest" in whole.rows["fig6"].arrays) is not alone
        for table in results.TABLES:
            whole.numbers(table.numbers)


def test_who_was_asked_is_counted_on_the_page(sheets, folds):
    test, _ = folds
    whole, _ = sheets()
    p = SimpleNamespace(**{**vars(P), "t_sf_rule": "fixed", "t_sc_rule": "fixed", "t_sf": 0.62})
    results.derive(whole, p)
    frame = whole.numbers(results.ASKED.numbers)
    value = {c.rpartition(".")[2]: v for c, v in zip(frame["claim"], frame["value"], strict=True)}
    gated = voters = changed = up = down = 0
    near = test.neighbors
    after = Settings(0.62, 0.7, topn=4).predictions(test.probs, near)
    for q, probs in enumerate(test.probs):
        top = sorted(range(6), key=lambda c, p=probs: -p[c])[:4]
        unsure = probs[top[0]] < 0.62
        gated += unsure
        pairs = zip(near.sims[q], near.labels[q], strict=True)
        voters += unsure and any(s > 0.7 and c in top for s, c in pairs)
        changed += after[q] != top[0]
        up += after[q] == test.labels[q] != top[0]
        down += after[q] != test.labels[q] == top[0]
    found = [value[k] for k in ("gated", "voters", "changed", "mended", "lost", "t-sf", "t-sc")]
    assert found == [gated, voters, changed, up, down, 0.62, 0.7]
    assert 0 < changed <= voters < gated


def test_global_features_classify_and_the_full_models_neighbours_vote(sheets, folds, origin):
    test, _ = folds
    whole, _ = sheets()
    probs_of = np.roll(test.probs, 1, axis=1).astype(np.float16)
    arrays = {"ids": test.ids, "labels": test.labels, "classes": probs_of.argmax(1)}
    whole.add(Record("ccfr", "multi-level", arrays, origin(**WHOLE)))
    results.derive(whole, P)
    assert "ccfr-coarse" not in whole.rows, "no probabilities are recorded"
    with_probs = Record("ccfr", "multi-level", arrays | {"probs": probs_of}, origin(**WHOLE))
    whole.rows["multi-level"] = with_probs
    results.derive(whole, P)
    t_sc = reranked.folds(whole, "fusion").setting(P)[0].t_sc
    probs = probs_of.astype(np.float32)
    setting = Settings(float(np.mean([max(row) for row in probs.tolist()])), t_sc, topn=4)
    expected = setting.predictions(probs, test.neighbors)
    assert np.array_equal(whole.rows["ccfr-coarse"].arrays["classes"], expected)
    frame = whole.numbers(coarse.TABLE.numbers)
    assert len(frame) == 4
    whole.rows["multi-level"] = replace(
        with_probs, arrays=arrays | {"probs": probs_of, "ids": -test.ids}
    )
    whole.rows.pop("ccfr-coarse")
    results.derive(whole, P)
    assert "ccfr-coarse" not in whole.rows, "other images"


def test_our_repair_never_answers_for_the_paper(folds, origin):
    sheet = Sheet("ccfr", recorded=True)
    sheet.add(Record("ccfr", "fusion-margin-rank", reranked.arrays(*folds), origin()))
    results.derive(sheet, P)
    claims = {c for table in results.TABLES for c in sheet.numbers(table.numbers)["claim"]}
    assert "own.ccfr.repair.rerank-helps" in claims
    assert not any(claim.startswith("ccfr.") for claim in claims)


def test_a_page_says_where_each_setting_comes_from(sheets):
    whole, part = sheets()
    page = SimpleNamespace(sheets=[whole, part], p=P)
    text = reranked.sources(page).text
    assert text.count("<li>") == 2
    assert "CUB-200-2011, recorded, fusion: T_sf" in text
    assert "from held-out images of CUB-200-2011 (40 of 200 classes)" in text
