"""The second explorer of section 3.3: over recorded predictions, without pictures."""

from dataclasses import replace

import numpy as np
import pytest

from fgnb import report
from fgnb.report import pages
from fgnb.report.recorded_explorer import MAX_BYTES, explorer_html, paper_setting, reranked

SETTING = {
    **{"t_sf": 0.41, "t_sc": 0.65, "topn": 5, "topm": 50},
    **{"alpha": 0.0, "beta": 1.0, "gate": "sample"},
}


@pytest.fixture
def answers(arrays):
    rng = np.random.default_rng(1)
    sims = -np.sort(-rng.random((200, 50)).astype(np.float32), axis=1)
    return {
        **arrays,
        "test_neighbor_sims": sims,
        "test_neighbor_labels": rng.integers(0, 10, (200, 50)),
    }


@pytest.fixture
def rows(results):
    own = replace(results[2], settings={**SETTING, "t_sf": 0.9})
    return [results[0], own, replace(results[1], settings=SETTING)]


def test_the_row_of_the_ledger_sets_the_start(rows):
    assert reranked(rows).settings["t_sf"] == 0.41
    assert reranked(rows[:1]) is None


def test_the_papers_setting_comes_from_the_ledger(rows, answers):
    from fgnb.ccfr.settings import Settings

    base = Settings(**SETTING)
    paper = paper_setting("cub", base)
    assert (paper.t_sf, paper.topn, paper.topm, paper.t_sc) == (0.5, 5, 50, 0.65)
    assert paper_setting("drawn", base) is None


def test_it_is_small_holds_no_picture_and_escapes_names(rows, answers):
    answers["class_names"] = np.array(["</script><b>"] + [f"bird {i}" for i in range(9)])
    made = explorer_html(rows, answers)
    assert "recorded-explorer" in made
    assert "data:image" not in made
    assert "</script><b>" not in made
    assert len(made.encode()) <= MAX_BYTES
    assert explorer_html(rows, {k: v for k, v in answers.items() if k != "class_names"}) is None


def test_1090_photographs_of_40_classes_fit(rows):
    rng = np.random.default_rng(0)
    big = {
        "test_ids": np.arange(10_000, 11_090),
        "test_probs": rng.dirichlet(np.ones(40), 1090).astype(np.float32),
        "test_labels": rng.integers(0, 40, 1090),
        "test_neighbor_sims": -np.sort(-rng.random((1090, 50)).astype(np.float32), axis=1),
        "test_neighbor_labels": rng.integers(0, 40, (1090, 50)),
        "class_names": np.array([f"Black-footed Albatross {i}" for i in range(40)]),
    }
    assert len(explorer_html(rows, big).encode()) <= MAX_BYTES


def test_assembly_gets_a_cell_without_input(rows, answers, tmp_path):
    report.save("3-3-re-ranking", rows, answers)
    report.keep(tmp_path / "nb.results", "ccfr")
    cells = pages.recorded_cells("ccfr/3-3-re-ranking")
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code"]
    assert cells[1]["metadata"]["tags"] == ["remove-input"]
    assert "recorded-explorer" in cells[1]["outputs"][0]["data"]["text/html"]
    assert len({cell["id"] for cell in cells}) == 2
