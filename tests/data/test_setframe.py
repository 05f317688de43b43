"""The frame of a set is the one that its record of held-out answers says is best."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fgnb.data import cub
from fgnb.data.frame import KINDS
from fgnb.data.images import Head
from fgnb.data.setframe import cut_away, set_frame

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


@pytest.mark.parametrize(("kind", "share"), [("crop", "62%"), ("square", None)])
def test_a_frame_that_cuts_the_object_is_warned_of(kind, share, drawn):
    """A box over the whole of a picture of 2:1: the crop keeps half of it, less its margin."""
    n = len(drawn)
    whole = np.tile(np.array([0, 0, 40, 20], np.float32), (n, 1))
    heads = [Head((40, 20), 1, True)] * n
    said = cut_away(replace(drawn, boxes=whole), heads, kind)
    assert (said is None) == (share is None)
    if share:
        assert f"the frame {kind} cuts {share} of the median object away" in said
        assert f"in {n} of {n} pictures" in said
    with pytest.raises(ValueError, match="frame is 'wide'"):
        cut_away(drawn, heads, "wide")
