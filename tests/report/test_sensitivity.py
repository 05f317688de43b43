"""Fig. 6: a point is one re-ranking, claims follow from the grid, equals go to the least."""

from dataclasses import replace

import numpy as np
import pytest

from fgnb.ccfr import Settings
from fgnb.report import rederive
from fgnb.report import sensitivity as fig6
from fgnb.report import sensitivity_figures as drawn

MADE = {"queries": 40, "classes": 6, "k": 15, "spread": 0.6, "lift": 0.15, "least": 0.4}


@pytest.fixture(scope="module")
def answers(made_up):
    return made_up(0, **MADE)


@pytest.fixture(scope="module")
def found(answers):
    return fig6.sensitivity(answers, Settings(0.5, 0.7, gate="sample"))


def right(answers, **changed):
    setting = Settings(**{"t_sf": 0.5, "t_sc": 0.7, "topn": 2, **changed})
    return (setting.predictions(answers.probs, answers.neighbors) == answers.labels).mean()


def test_points_are_single_re_rankings(answers, found):
    rng = np.random.default_rng(1)
    for _ in range(12):
        i, j = rng.integers(12), rng.integers(10)
        sf, sc = fig6.T_SF[i], fig6.T_SC[j]
        at_best = {"t_sf": found.t_sf, "t_sc": sc}
        assert found.accuracy("thresholds")[i, j] == right(answers, t_sf=sf, t_sc=sc)
        n, m = rng.integers(5), rng.integers(6)
        assert found.accuracy("topn")[n, j] == right(answers, topn=fig6.TOPN[n], **at_best)
        assert found.accuracy("topm")[m, j] == right(answers, topm=fig6.TOPM[m], **at_best)


def test_the_grid_is_the_papers():
    assert (min(fig6.T_SF), max(fig6.T_SF)) == (0.4, 0.95)
    assert (min(fig6.T_SC), max(fig6.T_SC)) == (0.5, 0.95)
    assert (min(fig6.TOPN), max(fig6.TOPN)) == (2, 6)


def test_the_best_point_is_the_highest_that_moves_least(answers, found):
    points = [
        (found.accuracy("thresholds")[i, j], -sf, sc)
        for i, sf in enumerate(fig6.T_SF)
        for j, sc in enumerate(fig6.T_SC)
    ]
    best = max(points)
    assert (found.t_sf, found.t_sc) == (-best[1], best[2])


def test_claims_follow_from_the_grid_and_from_the_file_again(answers, found, provenance):
    held = replace(found, t_sf=0.9, t_sc=0.5)
    arrays = {"test_labels": answers.labels, **fig6.sensitivity_arrays(found, answers, held)}
    results = fig6.sensitivity_results(arrays, provenance())
    results += fig6.range_results(arrays, provenance())
    value = {result.claim: result.value for result in results}
    points = found.accuracy("thresholds")
    spread = [max(line) - min(line) for line in points.T.tolist()]
    assert value["ccfr.claim.t-sf-matters-most"] == pytest.approx(100 * np.mean(spread))
    spread = [max(line) - min(line) for line in points.tolist()]
    assert value["ccfr.claim.t-sc-hardly-matters"] == pytest.approx(100 * np.mean(spread))
    assert value["ccfr.fig6"] == pytest.approx(100 * points.max())
    held_right = right(answers, t_sf=0.9, t_sc=0.5)
    assert value["own.ccfr.fig6.held-out"] == pytest.approx(100 * held_right)
    assert value["ccfr.fig6.best.t-sf"] == found.t_sf
    assert value["ccfr.fig6.best.t-sc"] == found.t_sc
    order = np.argsort(-answers.probs, axis=1, kind="stable")
    place = [list(line).index(label) for line, label in zip(order, answers.labels, strict=True)]
    mendable = [p for p in place if 0 < p < 5]
    assert value["ccfr.claim.errors-between-first-and-second"] == pytest.approx(
        100 * mendable.count(1) / len(mendable)
    )
    ends = {f"ccfr.setting.fig6.{k}": v for k, v in {"topn-min": 2, "t-sc-max": 0.95}.items()}
    assert {claim: value[claim] for claim in ends} == ends
    for result in results:
        assert rederive(result, arrays) == (result.value, result.interval)


def test_without_a_mendable_error_that_row_is_left_out(found, provenance, made_up):
    sure = made_up(3, **MADE)
    object.__setattr__(sure, "labels", sure.probs.argmax(1))
    arrays = {"test_labels": sure.labels, **fig6.sensitivity_arrays(found, sure, found)}
    claims = [result.claim for result in fig6.sensitivity_results(arrays, provenance())]
    assert "ccfr.claim.errors-between-first-and-second" not in claims
    assert "0 of 40 answers are wrong" in str(drawn.error_ranks(sure))


def test_figures_draw_the_grid(answers, found):
    panels = {"held-out images": found, "test images": found}
    figure = drawn.threshold_panels(panels, Settings(0.55, 0.7))
    left, right_panel = figure.axes[:2]
    curves = [line for line in left.lines if len(line.get_xdata()) == 12]
    for j, line in enumerate(curves):
        assert np.allclose(line.get_ydata(), 100 * found.accuracy("thresholds")[:, j])
    assert any(np.allclose(line.get_xdata(), 0.55) for line in right_panel.lines)
    assert f"highest at T_sf {found.t_sf:g}" in figure.alt
    lines = drawn.topn_curves(found).axes[0].lines
    assert np.allclose(
        lines[2].get_ydata()[np.argsort(lines[2].get_xdata())[::-1]],
        100 * found.accuracy("topn")[2],
    )
    surface = drawn.accuracy_surface(found, "test images")
    i, j = fig6.T_SF.index(0.6), fig6.T_SC.index(0.7)
    trace = surface.plotly()["data"][0]
    assert trace["z"][trace["y"].index(0.7)][trace["x"].index(0.6)] == pytest.approx(
        100 * found.accuracy("thresholds")[i, j]
    )
    assert figure.png().startswith(b"\x89PNG")


def test_the_table_of_ranks_counts_every_wrong_answer(answers):
    table = drawn.error_ranks(answers)
    counts = [int(row[1].text) for row in table.rows]
    assert sum(counts) == int((answers.probs.argmax(1) != answers.labels).sum())
    assert [row[0].text for row in table.rows] == ["2", "3", "4", "5", "below 5"]
