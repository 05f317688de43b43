"""Fig. 6: a point is one re-ranking, claims follow from the grid, equals go to the least."""

from types import SimpleNamespace

import numpy as np
import pytest

from fgnb.ccfr import Settings, grids
from fgnb.pages.ccfr import reranked
from fgnb.pages.ccfr import sensitivity as fig6
from fgnb.pages.ccfr.sensitivity import Figure6
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

MADE = {"queries": 40, "classes": 6, "k": 15, "spread": 0.6, "lift": 0.15, "least": 0.4}
P = SimpleNamespace(t_sf=0.5, t_sc=0.7, topn=5, t_sf_rule="mean-top1")


@pytest.fixture(scope="module")
def answers(made_up):
    return made_up(0, **MADE)


@pytest.fixture(scope="module")
def found(answers):
    return fig6.grids(answers, Settings(0.5, 0.7, gate="sample"))


def sheet_of(answers, held_out, origin):
    sheet = Sheet("ccfr")
    sheet.add(Record("ccfr", "fusion", reranked.arrays(answers, held_out), origin()))
    reranked.derive(sheet, P, "fusion", "ccfr")
    fig6.derive(sheet, P, "fusion")
    return sheet


@pytest.fixture
def sheet(answers, made_up, origin):
    return sheet_of(answers, made_up(5, **MADE), origin)


def right(answers, **changed):
    setting = Settings(**{"t_sf": 0.5, "t_sc": 0.7, "topn": 2, **changed})
    return (setting.predictions(answers.probs, answers.neighbors) == answers.labels).mean()


def test_points_are_single_re_rankings(answers, found):
    rng = np.random.default_rng(1)
    for _ in range(12):
        i, j = rng.integers(12), rng.integers(10)
        sf, sc = fig6.T_SF[i], fig6.T_SC[j]
        at_best = {"t_sf": found.best[0], "t_sc": sc}
        assert found.accuracy("thresholds")[i, j] == right(answers, t_sf=sf, t_sc=sc)
        tried = grids.within(grids.TOPM, MADE["k"])
        n, m = rng.integers(5), rng.integers(len(tried))
        assert found.accuracy("topn")[n, j] == right(answers, topn=fig6.TOPN[n], **at_best)
        assert found.accuracy("topm")[m, j] == right(answers, topm=tried[m], **at_best)


def test_by_the_gate_of_a_class_every_point_is_re_ranked_by_itself(answers):
    by_class = fig6.grids(answers, Settings(0.5, 0.7, gate="class"))
    for i, j in ((0, 9), (5, 5), (11, 0)):
        single = right(answers, t_sf=fig6.T_SF[i], t_sc=fig6.T_SC[j], gate="class")
        assert by_class.accuracy("thresholds")[i, j] == single


def test_the_grid_is_the_papers():
    assert (min(fig6.T_SF), max(fig6.T_SF)) == (0.4, 0.95)
    assert (min(fig6.T_SC), max(fig6.T_SC)) == (0.5, 0.95)
    assert (min(fig6.TOPN), max(fig6.TOPN)) == (2, 6)


def test_the_best_point_is_the_highest_that_moves_least(found):
    points = [
        (found.accuracy("thresholds")[i, j], -sf, sc)
        for i, sf in enumerate(fig6.T_SF)
        for j, sc in enumerate(fig6.T_SC)
    ]
    best = max(points)
    assert found.best == (-best[1], best[2])


def test_claims_follow_from_the_grid(answers, found, sheet):
    frame = sheet.numbers([*fig6.READ_OFF.numbers, *fig6.RANGES.numbers])
    value = dict(zip(frame["claim"], frame["value"], strict=True))
    points = found.accuracy("thresholds")
    spread = [max(line) - min(line) for line in points.T.tolist()]
    assert value["ccfr.claim.t-sf-matters-most"] == pytest.approx(100 * np.mean(spread))
    spread = [max(line) - min(line) for line in points.tolist()]
    assert value["ccfr.claim.t-sc-hardly-matters"] == pytest.approx(100 * np.mean(spread))
    assert value["ccfr.fig6"] == pytest.approx(100 * points.max())
    where = fig6.Grids(
        *(sheet.rows["fig6"].arrays[f"held_out_{n}"] for n in ("labels", "thresholds"))
    )
    t_sf, t_sc = where.best
    assert value["own.ccfr.fig6.held-out"] == pytest.approx(
        100 * right(answers, t_sf=t_sf, t_sc=t_sc)
    )
    assert (value["ccfr.fig6.best.t-sf"], value["ccfr.fig6.best.t-sc"]) == found.best
    order = np.argsort(-answers.probs, axis=1, kind="stable")
    place = [list(line).index(label) for line, label in zip(order, answers.labels, strict=True)]
    mendable = [p for p in place if 0 < p < 5]
    assert value["ccfr.claim.errors-between-first-and-second"] == pytest.approx(
        100 * mendable.count(1) / len(mendable)
    )
    ends = {f"ccfr.setting.fig6.{k}": v for k, v in {"topn-min": 2, "t-sc-max": 0.95}.items()}
    assert {claim: value[claim] for claim in ends} == ends


def test_every_wrong_answer_has_its_rank(answers, sheet):
    frame = sheet.numbers(fig6.ERROR_RANKS.numbers)
    assert frame["value"].sum() == pytest.approx(100)
    assert set(frame["n"]) == {int((answers.probs.argmax(1) != answers.labels).sum())}


def test_without_a_mendable_error_that_row_is_left_out(made_up, origin):
    sure = made_up(3, **MADE)
    object.__setattr__(sure, "labels", sure.probs.argmax(1))
    frame = sheet_of(sure, made_up(5, **MADE), origin).numbers(fig6.READ_OFF.numbers)
    assert "ccfr.claim.errors-between-first-and-second" not in set(frame["claim"])


def test_figures_draw_the_grid(sheet, found):
    figure = Figure6.of(sheet)
    assert figure.t_sf == pytest.approx(sheet.rows["ccfr"].arrays["t_sf"][0])
    panels = figure.threshold_panels()
    right_panel = panels.axes[1]
    curves = [line for line in right_panel.lines if len(line.get_xdata()) == 12]
    for j, line in enumerate(curves):
        assert np.allclose(line.get_ydata(), 100 * found.accuracy("thresholds")[:, j])
    assert any(np.allclose(line.get_xdata(), figure.t_sf) for line in right_panel.lines)
    assert f"highest at T_sf {found.best[0]:g}" in panels.alt
    lines = figure.topn_curves().axes[0].lines
    assert np.allclose(
        lines[2].get_ydata()[np.argsort(lines[2].get_xdata())[::-1]],
        100 * found.accuracy("topn")[2],
    )
    i, j = fig6.T_SF.index(0.6), fig6.T_SC.index(0.7)
    trace = figure.surface().plotly()["data"][0]
    assert trace["z"][trace["y"].index(0.7)][trace["x"].index(0.6)] == pytest.approx(
        100 * found.accuracy("thresholds")[i, j]
    )
    assert panels.png().startswith(b"\x89PNG")


def test_the_votes_of_the_curve_are_equation_9(sheet, answers):
    votes, thresholds, library = Figure6.of(sheet).curve(answers)
    assert thresholds == fig6.T_SF
    for q in range(len(answers.labels)):
        top = np.argsort(-answers.probs[q], kind="stable")[:2]
        sums = dict.fromkeys(top, 0.0)
        for sim, label in zip(answers.neighbors.sims[q], answers.neighbors.labels[q], strict=True):
            if sim > 0.7 and label in sums:
                sums[label] += float(sim)
        whole = sum(sums.values())
        if not whole:
            assert np.isnan(votes[q]).all()
            continue
        expected = np.zeros(6)
        for c, total in sums.items():
            expected[c] = total / whole
        assert np.allclose(votes[q], expected)
    j = fig6.T_SC.index(0.7)
    assert library == [right(answers, t_sf=t, t_sc=fig6.T_SC[j]) for t in thresholds]


def test_which_threshold_moves_accuracy_more_is_tested_and_read(sheet, found):
    """What the paper reads off Fig. 6 can be contradicted: the gap of both ranges has a sign."""
    lines = sheet.numbers(fig6.READ_OFF.numbers).to_dict("records")
    (gap,) = (line for line in lines if line["kind"] == "range_gap")
    table = found.accuracy("thresholds")
    by_t_sf = np.mean([table[:, j].max() - table[:, j].min() for j in range(table.shape[1])])
    by_t_sc = np.mean([table[i].max() - table[i].min() for i in range(table.shape[0])])
    assert gap["value"] == pytest.approx(100 * (by_t_sf - by_t_sc))
    assert gap["claim"] == "ccfr.claim.t-sf-matters-most"
    assert gap["reading"]
