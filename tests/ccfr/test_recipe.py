"""The recipe: origins of its values, and the page's defaults held to them."""

import pytest

from fgnb import presets
from fgnb.book import parameters
from fgnb.ccfr.recipe import RERANK, values


@pytest.mark.parametrize("name", presets.NAMES)
def test_every_value_says_where_it_comes_from(name):
    for value in [*values(presets.get(name)).values(), *RERANK.values()]:
        assert value.origin in ("stated", "chosen")
        assert value.reason


def test_the_pages_defaults_are_the_recipes():
    defaults = {p.name: p.default for p in parameters.declared("ccfr/3-3-re-ranking")}
    for name, value in RERANK.items():
        assert defaults["t_sf_rule" if name == "t_sf" else name] == value.value


def test_the_published_values_come_with_a_trunk_that_is_trained():
    paper = {name: value.value for name, value in values(presets.get("paper")).items()}
    assert (paper["lr"], paper["decay"], paper["decay_every"]) == (0.001, "step", 30)
    assert paper["weight_decay"] == 1e-4
    assert presets.get("paper").freeze_stride is None
