"""The frame of a set is the one that its record of held-out answers says is best."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fgnb.data import cub
from fgnb.data.frame import KINDS
from fgnb.data.setframe import set_frame

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def drawn(write_cub):
    return cub.load(write_cub(size=24), name="drawn")


@pytest.mark.parametrize("layout", ["cub", "cars", "aircraft"])
def test_the_best_on_held_out_images_is_taken(layout, drawn):
    measured = json.loads((BENCHMARKS / f"frames_{layout}.json").read_text(encoding="utf-8"))
    assert measured["test_reads"] == 0
    assert set(measured["rows"]) == set(KINDS)
    best = max(measured["rows"], key=lambda kind: measured["rows"][kind]["accuracy"])
    chosen = set_frame(replace(drawn, protocol="subset", layout=layout))
    assert chosen.kind == best == measured["best"]
    assert f"frames_{layout}.json" in chosen.reason


def test_drawn_pictures_and_sets_that_nothing_was_tried_on_are_cropped(drawn):
    assert set_frame(drawn).kind == "crop"
    other = set_frame(replace(drawn, protocol="subset", layout="folder"))
    assert other.kind == "crop"
    assert "no other was tried" in other.reason
