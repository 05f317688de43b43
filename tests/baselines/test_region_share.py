"""The regions' weight in a start: each row takes what was best for it on held-out images."""

import json
from pathlib import Path

import pytest

from fgnb import ccfr, data, focus, presets
from fgnb.ccfr.region_recipe import REGION_SHARE as OF_CCFR
from fgnb.focus.recipe import REGION_SHARE as OF_FOCUS

FILE = Path(__file__).parents[2] / "benchmarks" / "region_share_cub.json"
MEASURED = json.loads(FILE.read_text(encoding="utf-8"))["rows"]
ROWS = {"ccfr": ccfr.row_stage, "focus": focus.row_stage}
READINGS = [("ccfr/gate", "ccfr/fusion"), ("ccfr/none", "ccfr/fusion")]
READINGS += [("focus/ours-image-level", "focus/ours"), ("focus/two-joined", "focus/ours")]


@pytest.fixture(scope="module")
def share():
    scale = presets.get("smoke")
    images = data.open_images("drawn", preset=scale)

    def of(name, **options):
        paper, _, row = name.partition("/")
        return ROWS[paper](row, scale, images, **options).spec.region_share

    return of


def test_both_recipes_hold_what_was_measured():
    kept = {f"ccfr/{row}": value.value for row, value in OF_CCFR.items()}
    kept |= {f"focus/{row}": value.value for row, value in OF_FOCUS.items()}
    assert kept == {name: row["share"] for name, row in MEASURED.items()}


def test_the_best_weight_was_taken():
    for row in MEASURED.values():
        tried = {k: v["accuracy"] for k, v in row.items() if k.startswith("at ")}
        assert tried[f"at {row['share']}"] == max(tried.values())


@pytest.mark.parametrize("name", MEASURED)
def test_a_row_and_its_twin_begin_with_their_weight(share, name):
    assert share(name) == share(f"{name}-held-out") == MEASURED[name]["share"]
    assert share(name, region_share=0.9) == 0.9


@pytest.mark.parametrize(("name", "like"), READINGS)
def test_other_readings_begin_as_the_row_that_they_read(share, name, like):
    assert share(name) == MEASURED[like]["share"]
