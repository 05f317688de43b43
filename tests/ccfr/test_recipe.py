"""The recipe: origins of its values, and the page's defaults held to them."""

import pytest

from fgnb import ccfr, presets
from fgnb.book import parameters
from fgnb.ccfr.recipe import RERANK, values
from fgnb.data import open_images

SMOKE = presets.get("smoke")


@pytest.fixture(scope="module")
def drawn_birds():
    return open_images("drawn", preset=SMOKE)


@pytest.mark.parametrize("name", presets.NAMES)
def test_every_value_says_where_it_comes_from(name):
    for value in [*values(presets.get(name)).values(), *RERANK.values()]:
        assert value.origin in ("stated", "chosen")
        assert value.reason


def test_the_pages_defaults_are_the_recipes():
    defaults = {p.name: p.default for p in parameters.declared("ccfr/3-3-re-ranking")}
    for name, value in RERANK.items():
        assert defaults[f"{name}_rule" if name in ("t_sf", "t_sc") else name] == value.value


def test_the_published_values_come_with_a_trunk_that_is_trained():
    paper = {name: value.value for name, value in values(presets.get("paper")).items()}
    assert (paper["lr"], paper["decay"], paper["decay_every"]) == (0.001, "step", 30)
    assert paper["weight_decay"] == 1e-4
    assert presets.get("paper").freeze_stride is None


def test_every_row_takes_as_many_passes_in_all(drawn_birds):
    def passes(row):
        spec = ccfr.row_stage(row, SMOKE, drawn_birds, epochs=5).spec
        start = getattr(spec, "start", None)
        return spec.epochs + (start["spec"]["epochs"] if start else 0)

    rows = [row for row in ccfr.ROWS if row not in ("warm-up", "warm-up-held-out")]
    assert {passes(row) for row in rows} == {5 + SMOKE.epochs}


def test_a_cut_is_of_a_row_and_all_that_it_starts_from(drawn_birds):
    stage = ccfr.row_stage("fusion", SMOKE, drawn_birds, cut=1)
    assert {stage.spec.cut, stage.start.spec.cut, stage.warm_up.spec.cut} == {1}
