"""Rows by name: the right stage, the right fold, and options that only stages with regions take."""

import pytest

from fgnb import focus, presets
from fgnb.data import cub
from fgnb.focus import recipe, rows

WHOLE = ("resnet-50", "equal-compute")


@pytest.fixture
def make(write_cub):
    images = cub.load(write_cub(classes=2, train=4, test=2, size=80), name="drawn")
    preset = presets.get("smoke")

    def stage(row, **options):
        return focus.row_stage(
            row, preset, images, backbone="resnet18", weights="random", **options
        )

    return stage


def test_rows_of_table_2_are_those_of_the_recipe():
    for row, changes in {**recipe.TABLE2, **recipe.CONTROLS}.items():
        assert focus.ROWS[row] == ("regions", changes)
    assert {"resnet-50", "nts-net", "equal-compute"} < set(focus.ROWS)


def test_rows_of_section_3_3_answer_held_out_images(make):
    for row in focus.ROWS:
        held_out = row in rows.HELD_OUT or row.endswith("-held-out")
        assert make(row).spec.fold == ("held-out" if held_out else "all")
    assert make("ours-held-out").spec == make("ours", fold="held-out").spec


def test_nts_starts_where_ours_does(make):
    assert make("nts-net").spec.start == make("ours").spec.start is not None


def test_a_region_that_is_not_zoomed_has_the_pixels_of_its_box(make):
    spec = make("not-zoomed", crop_size=48).spec
    assert spec.crop_size == round(spec.box_size) != 48


def test_one_set_of_options_serves_all_rows(make):
    options = {"seed": 3, "epochs": 5, "crop_size": 48}
    assert make("ours", **options).spec.crop_size == 48
    passes = {
        row: made.spec.epochs + (made.spec.start["spec"]["epochs"] if row not in WHOLE else 0)
        for row in ("resnet-50", "equal-compute", "nts-net", "ours", "random-boxes")
        if (made := make(row, **options))
    }
    assert set(passes.values()) == {5 + presets.get("smoke").epochs}
    larger = make("equal-compute", crop_size=64).spec.image_size
    assert make("equal-compute", **options).spec.image_size < larger
    assert {make(row, **options).spec.seed for row in focus.ROWS} == {3}


def test_an_unknown_row_is_named(make):
    with pytest.raises(ValueError, match="no row 'theirs' of focus; there are resnet-50"):
        make("theirs")
