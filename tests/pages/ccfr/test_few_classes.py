"""Answers to one to five images over two to six classes, on every page that re-ranks."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.ccfr import Settings, grids
from fgnb.pages.ccfr import ablation, reranked, reranking, reranking_figures, results
from fgnb.pages.ccfr.explorer.over import explorer_over
from fgnb.pages.ccfr.sensitivity import Figure6
from fgnb.report import render
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

P = SimpleNamespace(t_sf=0.5, t_sc=0.7, topn=5, t_sf_rule="mean-top1")
SIZES = {
    "classes": st.integers(2, 6),
    "queries": st.integers(1, 5),
    "held_out": st.integers(1, 5),
    "k": st.integers(1, 8),
    "spread": st.sampled_from([0.05, 5.0]),
    "seed": st.integers(0, 99),
}


@pytest.fixture(scope="module")
def folds(made_up):
    """A function that makes answers up to test and to held-out images."""

    def make(classes, queries, held_out, k, spread, seed):
        sizes = {"classes": classes, "k": k, "spread": spread}
        test = made_up(seed, queries=queries, **sizes)
        return test, made_up(seed + 100, queries=held_out, **sizes)

    return make


def sheet_of(module, test, held_out, origin):
    sheet = Sheet("ccfr")
    made = origin(classes=test.probs.shape[1], n_test=len(test.labels))
    sheet.add(Record("ccfr", "fusion", reranked.arrays(test, held_out), made))
    module.derive(sheet, P)
    return sheet


def shown(tables, sheet):
    """Every table as a page prints it; each of its numbers is finite."""
    texts = {}
    for table in tables:
        frame = sheet.numbers(table.numbers)
        for line in frame.to_dict("records"):
            assert all(math.isfinite(line[end]) for end in ("value", "low", "high")), line["label"]
            assert line["reading"] not in ("supported", "contradicted"), line["label"]
        texts[table.title] = str(render.Html(render.table(table, [(sheet, frame)])))
    return texts


@pytest.mark.parametrize("module", [ablation, reranking, results])
@settings(max_examples=6, deadline=None)
@given(**SIZES)
def test_tables_say_what_there_is_and_what_lacks(module, folds, origin, **sizes):
    test, held_out = folds(**sizes)
    sheet = sheet_of(module, test, held_out, origin)
    texts = shown(module.TABLES, sheet)
    for text in texts.values():
        assert text, "an empty table says so"
        assert "nan" not in text.split()
        assert "inf" not in text.split()
    classes, wrong = sizes["classes"], int((test.probs.argmax(1) != test.labels).sum())
    if module is ablation:
        ranks = texts["Where the true class stands, of wrong answers before re-ranking"]
        counted = [r for r in (2, 3, 4, 5) if wrong and r <= classes]
        found = sheet.numbers(ablation.sensitivity.ERROR_RANKS.numbers)["label"].tolist()
        beyond = ["Below rank 5"] * bool(wrong and classes > 5)
        assert found == [*(f"At rank {r}" for r in counted), *beyond]
        lacking = ranks.partition("nothing to count for")[2]
        assert ("Below rank 5" in lacking) == (not beyond and bool(found))
        largest = sheet.numbers(ablation.sensitivity.RANGES.numbers).set_index("label")["value"]
        assert largest["largest topn tried"] == min(6, classes)
        spread = "Range of accuracy over topn"
        found = sheet.numbers(ablation.READ_OFF.numbers)["label"]
        assert (spread in set(found)) == (classes > 2)
    if module is reranking:
        behind = sheet.numbers(reranking.OF["regions"]["behind"].numbers)
        assert ("ccfr.claim.topn-holds-answer" in set(behind["claim"])) == (classes > P.topn)


@settings(max_examples=5, deadline=None)
@given(**SIZES)
def test_figures_stay_within_the_classes(folds, origin, **sizes):
    test, held_out = folds(**sizes)
    figure6, classes = Figure6.of(sheet_of(ablation, test, held_out, origin)), sizes["classes"]
    curves = figure6.topn_curves()
    assert len(curves.axes[0].get_legend().get_texts()) == min(6, classes) - 1
    assert f"to {min(6, classes)}:" in curves.alt
    assert "nan" not in figure6.threshold_panels().alt
    assert "nan" not in figure6.surface().alt
    top = reranking_figures.topn(held_out)
    assert len(top.axes[0].lines[0].get_xdata()) == classes
    assert f"100.0 % at top {min(5, classes)}" in top.alt or classes > 5
    assert "nan" not in reranking_figures.reliability_diagram(held_out).alt
    panels = results.calibration_panels(test, results.methods_of(held_out, P))
    assert "nan" not in panels.alt


@settings(max_examples=4, deadline=None)
@given(**SIZES)
def test_the_explorer_offers_no_class_and_no_neighbour_that_is_not_there(folds, **sizes):
    test, _ = folds(**sizes)
    names = [f"class {c}" for c in range(sizes["classes"])]
    made = explorer_over(test, Settings(0.5, 0.7), names, dataset="cub")
    for setting in made.settings.values():
        assert setting.topn <= sizes["classes"]
        assert setting.topm <= sizes["k"]
    assert made.lab().outcome == made.evaluate(made.settings["start"])
    assert made.html(figure=False)


@settings(max_examples=8, deadline=None)
@given(**SIZES)
def test_a_value_beyond_what_there_is_answers_like_the_last_that_is(folds, **sizes):
    test, _ = folds(**sizes)
    found = grids.grids(test, Settings(0.5, 0.7))
    best = found.best[0]
    for n in grids.TOPN:
        place = found.topn_values.index(min(n, sizes["classes"]))
        for j, t_sc in enumerate(grids.T_SC):
            setting = Settings(best, t_sc, topn=n)
            expected = setting.predictions(test.probs, test.neighbors)
            assert np.array_equal(found.topn[place, j], expected)
