"""Every row of both papers sees a set in one frame: the set's own, or the one that is asked for."""

from dataclasses import replace

import pytest

from fgnb import ccfr, focus, presets
from fgnb.baselines.recipe import with_frame
from fgnb.ccfr import plan as ccfr_plan
from fgnb.ccfr.rows import ROWS as CCFR
from fgnb.data import open_images
from fgnb.data.frame import Frame
from fgnb.focus import plan as focus_plan
from fgnb.focus.rows import ROWS as FOCUS
from fgnb.training import plan

SMOKE = presets.get("smoke")
ROOMS = {"ccfr": (ccfr, ccfr_plan, CCFR), "focus": (focus, focus_plan, FOCUS)}
CASES = [(room, row) for room, (*_, rows) in ROOMS.items() for row in rows]


@pytest.fixture(scope="module")
def cars():
    """Drawn pictures that stand for photographs of cars."""
    images = open_images("drawn-cars", preset=SMOKE)
    return replace(images, protocol="subset")


@pytest.mark.parametrize("asked", [{}, {"frame": "set"}, {"frame": "resize-600-crop"}])
@pytest.mark.parametrize(("room", "row"), CASES)
def test_one_frame_for_a_row_and_all_that_it_starts_from(room, row, asked, cars):
    module, plans, _ = ROOMS[room]
    stage = module.row_stage(row, SMOKE, cars, backbone="resnet18", weights="random", **asked)
    chain = plan.chain(stage, plans.earlier)
    expected = "resize-600-crop" if asked.get("frame", "set") != "set" else "square"
    assert {one.spec.frame for one in chain} == {expected}
    assert {one.spec.framing.kind for one in chain} == {expected}


def test_a_plan_says_why_the_set_has_its_frame(cars):
    for module, plans, _ in ROOMS.values():
        stage = module.row_stage("equal-compute", SMOKE, cars)
        frame = plans.origins(stage, SMOKE)["frame"]
        assert (frame.value, frame.origin) == ("square", "chosen")
        assert "held-out images" in frame.reason


@pytest.mark.parametrize(("room", "row"), CASES)
def test_where_everything_is_trained_every_row_has_the_public_codes_frame(room, row, cars):
    module, plans, _ = ROOMS[room]
    paper = presets.get("paper")
    stage = module.row_stage(row, paper, cars, backbone="resnet18", weights="random")
    chain = plan.chain(stage, plans.earlier)
    assert {one.spec.frame for one in chain} == {"resize-600-crop"}
    resized = stage.spec.framing.resized([[80, 40]], 448)
    assert resized.tolist() == [[600, 600]]
    asked = module.row_stage(row, paper, cars, weights="random", frame="square")
    assert {one.spec.frame for one in plan.chain(asked, plans.earlier)} == {"square"}


def test_drawn_pictures_keep_the_crop_and_an_unknown_frame_is_named(cars):
    drawn = replace(cars, protocol="drawn")
    assert with_frame(drawn, SMOKE, {})["frame"] == Frame().kind == "crop"
    with pytest.raises(ValueError, match="frame is 'squashed'; it is one of crop, square"):
        ccfr.row_stage("plain", SMOKE, cars, weights="random", frame="squashed")
