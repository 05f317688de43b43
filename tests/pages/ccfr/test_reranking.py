"""Section 3.3: every number by loops over the answers, its figures, and its explorers."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from fgnb.ccfr import Settings, mean_top1
from fgnb.ccfr.settings import T_SC_GRID, T_SF_GRID
from fgnb.metrics import topn_curve
from fgnb.pages.ccfr import reranked, reranking, reranking_figures
from fgnb.pages.ccfr.explorer.over import paper_setting
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

MADE = {"queries": 61, "classes": 6, "k": 12, "spread": 0.5}
P = SimpleNamespace(
    **{"t_sf_rule": "fixed", "t_sf": 0.62, "t_sc": 0.0, "topn": 4, "topm": 50},
    **{"alpha": 0.0, "beta": 1.0, "gate": "sample", "dataset": "cub"},
)
SETTINGS = Settings(t_sf=0.62, t_sc=0.0, topn=4)
OWN = "own.ccfr.reranking"


@pytest.fixture(scope="module")
def folds(made_up):
    return made_up(2, **MADE), made_up(1, **MADE)


@pytest.fixture
def sheet_of(folds, origin):
    """A function that makes the page's sheet of a row; global features have a logistic twin."""

    def make(*rows, p=P, **about):
        sheet = Sheet("ccfr")
        for row in rows:
            test, held_out = folds
            if row == "global":
                test = replace(test, logistic_probs=test.probs[:, ::-1].copy())
            of = origin(**about)
            sheet.add(Record("ccfr", row, reranked.arrays(test, held_out), of))
        reranking.derive(sheet, p)
        return sheet

    return make


def lines(sheet, features, *tables):
    wanted = [n for t in tables for n in reranking.OF[features][t].numbers]
    return sheet.numbers(wanted).to_dict("records")


def values(sheet, features, *tables):
    return {line["claim"]: line["value"] for line in lines(sheet, features, *tables)}


def answered(answers, setting):
    """Predicted classes, a query at a time: the softmax where it is sure, else the vote."""
    found = []
    near = answers.neighbors
    for probs, sims, labels in zip(answers.probs, near.sims, near.labels, strict=True):
        order = sorted(range(len(probs)), key=lambda c: -probs[c])[: setting.topn]
        counted = [(float(s), n) for s, n in zip(sims, labels, strict=True) if s > setting.t_sc]
        vote = {c: sum(s for s, n in counted if n == c) for c in order}
        sure = probs[order[0]] >= setting.t_sf or not sum(vote.values())
        found.append(order[0] if sure else max(order, key=vote.get))
    return np.array(found)


def gain(test, after, rows):
    before = test.probs.argmax(1)
    moves = [
        int(after[i] == test.labels[i]) - int(before[i] == test.labels[i])
        for i in np.flatnonzero(rows)
    ]
    return 100 * sum(moves) / len(moves)


@pytest.mark.parametrize(("features", "row"), [("regions", "fusion"), ("global", "global")])
def test_each_number_is_that_of_a_loop_over_the_answers(sheet_of, folds, features, row):
    test, held_out = folds
    value = values(sheet_of(row), features, "rows", "behind", "in use")
    n, own = len(test.labels), f"{OWN}.{features}"
    ranked = answered(test, SETTINGS)
    plain = [max(range(6), key=lambda c, q=q: test.probs[q, c]) for q in range(n)]
    right = [int(ranked[q] == test.labels[q]) for q in range(n)]
    before = [int(plain[q] == test.labels[q]) for q in range(n)]
    assert value[f"{own}.classification"] == pytest.approx(100 * sum(before) / n)
    assert value[f"{own}.reranked"] == pytest.approx(100 * sum(right) / n)
    step = 100 * (sum(right) - sum(before)) / n
    assert value["ccfr.claim.rerank-helps"] == pytest.approx(step)
    assert value["ccfr.fig5"] == sum(a > b for a, b in zip(right, before, strict=True)) > 0
    assert value[f"{own}.spoiled"] == sum(a < b for a, b in zip(right, before, strict=True))
    nearest = test.neighbors.labels[:, 0]
    assert value[f"{own}.retrieval"] == pytest.approx(100 * np.mean(nearest == test.labels))
    ranks = [sorted(-p).index(-p[t]) for p, t in zip(test.probs, test.labels, strict=True)]
    among = 100 * np.mean([rank < 4 for rank in ranks])
    assert value["ccfr.claim.topn-holds-answer"] == pytest.approx(among)
    grid = [replace(SETTINGS, t_sf=sf, t_sc=sc) for sf in T_SF_GRID for sc in T_SC_GRID]
    best = max(np.mean(answered(test, setting) == test.labels) for setting in grid)
    assert value[f"{own}.tuned"] == pytest.approx(100 * best)
    scores = {s: np.mean(answered(held_out, s) == held_out.labels) for s in grid}
    # Of equals the lowest T_sf, then the highest T_sc: what moves least.
    chosen = max(grid, key=lambda s: (round(scores[s], 9), -s.t_sf, s.t_sc))
    searched = 100 * np.mean(answered(test, chosen) == test.labels)
    assert value[f"{own}.searched"] == pytest.approx(searched)
    assert value["ccfr.setting.t-sf.cub"] == pytest.approx(held_out.probs.max(1).mean())
    assert [value[f"ccfr.setting.{name}"] for name in reranking.IN_USE] == [4, 50, 0, 1]
    if features == "global":
        other = np.mean(test.probs[:, ::-1].argmax(1) == test.labels)
        assert value[f"{own}.logistic"] == pytest.approx(100 * other)


def test_the_row_tuned_on_test_says_so():
    for tables in reranking.OF.values():
        label = tables["rows"].lines[-1].number.label
        assert "test images" in label
        assert "no result of the method" in label


def test_rows_stand_beside_table_4_and_are_not_its_entries(sheet_of):
    sheet = sheet_of("global")
    found = {line["claim"]: line["published"] for line in lines(sheet, "global", "rows")}
    own = [found[f"{OWN}.global.{name}"] for name in ("retrieval", "classification", "reranked")]
    assert own == [88.8, 90.7, 91.1]
    assert found["ccfr.claim.rerank-helps"] == 0.4
    assert np.isnan(found[f"{OWN}.global.tuned"])
    assert not any(claim.startswith("ccfr.table4") for claim in found)


def test_the_two_kinds_of_features_share_a_sheet_and_no_own_id(sheet_of):
    sheet = sheet_of("fusion", "global")
    tables = reranking.OF["regions"]
    ids = [
        {line["claim"] for line in lines(sheet, features, *tables) if line["claim"][:3] == "own"}
        for features in ("regions", "global")
    ]
    assert not ids[0] & ids[1]
    assert f"{OWN}.regions.logistic" not in ids[0], "the full model has no head of that kind"
    assert f"{OWN}.global.logistic" in ids[1]
    tested = {line["claim"] for line in lines(sheet, "regions", "rows") if line["test"] is not None}
    step = f"own.step.{OWN[4:]}.regions.retrieval"
    searched = f"{OWN}.regions.searched-helps"
    assert tested == {"ccfr.claim.rerank-helps", step, searched}


def test_the_gain_under_the_threshold_against_that_over_it(sheet_of, folds):
    test, _ = folds
    below = test.probs.max(1) < SETTINGS.t_sf
    gated, ungated, *_ = lines(sheet_of("fusion"), "regions", "questions")
    assert {gated["claim"], ungated["claim"]} == {"ccfr.claim.rerank-helps-when-unsure"}
    assert gated["value"] == pytest.approx(gain(test, answered(test, SETTINGS), below))
    every = answered(test, replace(SETTINGS, t_sf=2.0))
    over = gain(test, every, ~below)
    assert over != 0, "the made-up answers must move without the gate"
    assert ungated["value"] == pytest.approx(gain(test, every, below) - over)
    assert not gated["reading"], "true by construction: no evidence"
    assert ungated["reading"]


def test_thirds_are_equal_parts_by_confidence(sheet_of, folds):
    test, _ = folds
    order = sorted(range(61), key=lambda i: test.probs[i].max())
    parts = [order[:21], order[21:41], order[41:]]
    found = {line["claim"]: line for line in lines(sheet_of("fusion"), "regions", "thirds")}
    every = answered(test, replace(SETTINGS, t_sf=2.0))
    for place, part in enumerate(parts, 1):
        rows = np.isin(np.arange(61), part)
        own = f"{OWN}.regions.third-{place}"
        assert found[f"{own}.ungated"]["value"] == pytest.approx(gain(test, every, rows))
        gated = gain(test, answered(test, SETTINGS), rows)
        assert found[f"{own}.gated"]["value"] == pytest.approx(gated)
        assert found[f"{own}.gated"]["n"] == len(part)
        top1 = np.mean([test.probs[i].max() for i in part])
        assert found[f"{own}.top1"]["value"] == pytest.approx(top1, rel=1e-5)
    labels = [line["label"] for line in found.values()]
    assert labels[0] == "Least sure third: mean top-1, full model"


def test_the_rule_is_held_against_the_grid_where_both_were_read(sheet_of, folds):
    test, held_out = folds
    rule = float(np.mean([max(row) for row in held_out.probs.astype(float)]))

    def share(answers, t_sf):
        return 100 * np.mean(answered(answers, replace(SETTINGS, t_sf=t_sf)) == answers.labels)

    grid = [share(held_out, t_sf) for t_sf in T_SF_GRID]
    best = T_SF_GRID[int(np.argmax(np.round(grid, 9)))]
    _, _, gap, on_test, again = lines(sheet_of("fusion"), "regions", "questions")
    assert gap["claim"] == again["claim"] == "ccfr.claim.t-sf-from-mean-top1"
    assert gap["value"] == pytest.approx(share(held_out, rule) - max(grid))
    assert on_test["claim"] == f"{OWN}.regions.t-sf-rule"
    assert on_test["value"] == pytest.approx(share(test, rule) - share(test, best))
    assert again["value"] == on_test["value"]


@pytest.mark.parametrize("t_sf", [0.0, 2.0])
def test_a_gate_that_is_always_open_leaves_the_comparison_out(sheet_of, t_sf):
    sheet = sheet_of("fusion", p=SimpleNamespace(**{**vars(P), "t_sf": t_sf}))
    claims = values(sheet, "regions", "questions", "thirds")
    assert "ccfr.claim.rerank-helps-when-unsure" not in claims
    assert sum(".third-" in claim for claim in claims) == 9


def test_a_row_without_neighbours_derives_nothing(folds, origin):
    test, held_out = folds
    kept = reranked.arrays(test, held_out)
    kept.pop("neighbor_sims")
    sheet = Sheet("ccfr")
    sheet.add(Record("ccfr", "fusion", kept, origin()))
    reranking.derive(sheet, P)
    assert list(sheet.rows) == ["fusion"]


@pytest.fixture
def images(folds, tmp_path):
    """As much of a drawn set as figures and explorers look at."""
    Image.new("RGB", (9, 9), "green").save(tmp_path / "bird.png")
    return SimpleNamespace(
        title="drawn birds",
        protocol="drawn",
        ids=np.arange(100),
        classes=[f"<bird> {c}" for c in range(6)],
        path=lambda row: tmp_path / "bird.png",
    )


def test_the_figures_say_what_they_show(folds, images):
    test, held_out = folds
    figure = reranking_figures.topn(held_out)
    line = figure.axes[0].lines[0]
    assert np.allclose(line.get_ydata(), 100 * topn_curve(held_out.probs, held_out.labels, 6))
    assert "%" in figure.axes[0].get_ylabel()
    assert figure.axes[0].get_xlabel()
    reliable = reranking_figures.reliability_diagram(held_out)
    rule = mean_top1(held_out.probs)
    assert any(np.allclose(line.get_xdata(), rule) for line in reliable.axes[0].lines)
    assert f"{rule:.3f}" in reliable.alt
    for drawn in (figure, reliable, reranking_figures.rectified_image(images, test, SETTINGS)):
        assert drawn._repr_mimebundle_()[0]["image/png"].startswith("iVBOR")
        assert len(drawn.alt) > 40


def test_the_example_is_a_rectified_query_in_its_new_order(folds, images):
    test, _ = folds
    figure = reranking_figures.rectified_image(images, test, SETTINGS)
    after, before = answered(test, SETTINGS), test.probs.argmax(1)
    fixed = {
        (images.classes[t], images.classes[b])
        for t, b, a in zip(test.labels, before, after, strict=True)
        if a == t != b
    }
    assert fixed, "the made-up answers must hold a rectified one"
    shown = next(
        (t, b) for t, b in fixed if f"of {t}:" in figure.alt and f"answers {b}," in figure.alt
    )
    assert f"re-ranked order {shown[0]};" in figure.alt
    bars = [axes for axes in figure.axes if axes.get_xlabel()]
    first, second = ([tick.get_text() for tick in axes.get_yticklabels()] for axes in bars)
    assert (first[0], second[0]) == shown[::-1]
    assert set(first) == set(second)
    # without one, the least sure query is shown
    sure = reranking_figures.rectified_image(images, test, replace(SETTINGS, t_sf=0.0))
    assert f"of {images.classes[test.labels[test.probs.max(1).argmin()]]}:" in sure.alt


def test_photographs_bring_no_pictures_into_the_explorer(folds, images):
    test, _ = folds
    page = SimpleNamespace(images=images, p=P)
    drawn = reranking.explorer(page, test, SETTINGS)
    assert drawn.sprite is not None
    assert drawn.settings["start"] == replace(SETTINGS, topm=test.neighbors.sims.shape[1])
    assert drawn.settings["published"].t_sf == 0.5
    images.protocol = "subset"
    assert reranking.explorer(page, test, SETTINGS).sprite is None


def test_the_papers_setting_comes_from_the_ledger():
    paper = paper_setting("cub", replace(SETTINGS, t_sc=0.65))
    assert (paper.t_sf, paper.topn, paper.topm, paper.t_sc) == (0.5, 5, 50, 0.65)
    assert paper_setting("aircraft", SETTINGS).t_sf == 0.7
    assert paper_setting("drawn", SETTINGS) is None


def test_the_explorer_over_records_takes_the_newest_and_holds_no_picture(sheet_of):
    old = sheet_of("fusion", recorded="2026-01-01 10:00")
    new = sheet_of("global", recorded="2026-02-01 10:00", dataset_title="<newest>")
    names = np.array(["</script><b>", *(f"bird {i}" for i in range(5))])
    new.rows["global"].arrays["class_names"] = names
    shown = reranking.recorded_explorer(SimpleNamespace(recorded=[new, old], p=P)).text
    assert 'id="recorded-explorer"' in shown
    assert "The same over &lt;newest&gt;" in shown
    assert "data:image" not in shown
    assert "</script><b>" not in shown
    assert shown.startswith("<details")
    nothing = reranking.recorded_explorer(SimpleNamespace(recorded=[], p=P)).text
    assert "No row with neighbours is recorded yet" in nothing
