"""The page on the coordinate transfer layer: numbers from arrays, figures from what they draw."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fgnb import presets
from fgnb.data import PART_NAMES, cub
from fgnb.pages.pose import transfer, transfer_figures
from fgnb.pose.correspondence import error_gradients, prototypes
from fgnb.pose.frozen import FrozenMaps
from fgnb.report import records
from fgnb.report.sheet import Sheet

OPTIONS = {"backbone": "resnet18", "weights": "random", "frame": "square", "seed": 0}


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=2, train=3, test=1, size=64), name="drawn")


@pytest.fixture
def page(images):
    scale = presets.get("smoke", image_size=96, source_size=96, threads=1)
    return SimpleNamespace(images=images, scale=scale, options=OPTIONS)


def test_numbers_follow_from_the_arrays(images):
    context = records.Context("pose", "smoke", images, None, "drawn")
    arrays = {
        "area": np.array([0.2, 0.4]),
        "inside_parts": np.array([1.0, 1.0]),
        "inside_joint": np.array([0.5, 0.7]),
        "zero_outside": np.array([1.0, 0.5]),
        "nearest": np.array([0.5, 1.0]),
        "nearest_chance": np.array([0.25, 0.25]),
        "stacked": np.array([60]),
    }
    sheet = Sheet("pose")
    sheet.add(records.of_set(context, transfer.ROW, arrays, transfer.CODE))
    frames = [sheet.numbers(table.numbers) for table in transfer.TABLES]
    found = {line["claim"]: line for of in frames for line in of.to_dict("records")}
    assert found["pose.claim.gradient-to-window"]["value"] == pytest.approx(70.0)
    assert found["own.pose.transfer.excess-joint"]["value"] == pytest.approx(30.0)
    assert found["own.pose.transfer.zero-outside"]["value"] == pytest.approx(75.0)
    assert found["own.pose.transfer.nearest-excess"]["value"] == pytest.approx(50.0)
    assert found["pose.fig2"]["value"] == 60


def test_what_is_measured_answers_every_number(page):
    made = transfer.frozen(page)
    run, arrays, _ = transfer.measured(page, made, 3)
    assert run.spec["fold"] == "held-out", "the test images are not read"
    assert run.spec["window"] == 3
    asked = {
        reference.partition("/")[2]
        for table in transfer.TABLES
        for number in table.numbers
        for reference in number.rule.references
    }
    assert asked <= set(arrays)
    assert arrays["stacked"].tolist() == [15 * made.shape[0]]
    assert (arrays["inside_parts"] == 1).all()


def test_fig1_is_traced_with_two_networks(page):
    made = transfer.frozen(page)
    calls = {call.name: call for call in transfer.trace_model(page, made)}
    where, pooled = calls["highest output"], calls["coordinate transfer"]
    assert where.shapes == ((1, 15, 2),)
    assert pooled.shapes == ((1, 15, made.shape[0]),)
    assert pooled.parameters == 0
    own = sum(p.numel() for p in made.network.parameters())
    assert calls["classifier's trunk"].parameters + calls["classifier's tail"].parameters == own
    assert calls["localisation network"].parameters > own, "a backbone of its own, and a head"
    assert calls["classifier of all"].parameters == 2 * (15 * made.shape[0] + 512 + 1)


def test_the_highest_output_lands_in_cells_of_the_other_map():
    scores = torch.zeros(1, 2, 4, 4)
    scores[0, 0, 3, 0] = scores[0, 1, 1, 2] = 5.0
    points = transfer._Highest()(scores, torch.zeros(1, 8, 2, 2))
    assert points.tolist() == [[[-0.25, 1.25], [0.75, 0.25]]]


def test_fig2_draws_the_window_round_the_highest_cell(page):
    made = transfer.frozen(page)
    picture = transfer_figures.fig2(made, 0, 3)
    row = made.asked[0]
    heat = prototypes(made, 3).heat(made.maps(row[None]))[0]
    lines = [picture.axes[4 * n : 4 * n + 4] for n in range(4)]
    for first, hot, strong, strip in lines:
        part = PART_NAMES.index(first.get_ylabel())
        y, x = np.unravel_index(int(heat[part].argmax()), heat[part].shape)
        for axes in (hot, strong):
            (box,) = axes.patches
            assert (box.get_x(), box.get_y()) == (x - 1.5, y - 1.5)
            assert box.get_width() == box.get_height() == 3
        assert strip.images[0].get_array().size == made.shape[0]
        assert f"{PART_NAMES[part]}, highest" in picture.alt


def test_the_gradient_figure_counts_zero_cells(page):
    made = transfer.frozen(page)
    picture = transfer_figures.gradient_maps(made, 0, error_gradients(made, 1))
    cells = made.shape[1] * made.shape[2]
    assert f"of {cells} cells zero" in picture.alt
    assert "parts and whole: 0 of" in picture.alt
    assert "parts alone: 0 of" not in picture.alt


def test_a_set_without_keypoints_is_refused(images):
    bare = SimpleNamespace(title="cars", visible=np.zeros((4, 0), bool))
    with pytest.raises(ValueError, match="cars has no keypoints, which the layer pools at"):
        transfer.frozen(SimpleNamespace(images=bare))


def test_options_reach_the_maps(page):
    made = transfer.frozen(page)
    assert isinstance(made, FrozenMaps)
    assert (made.spec.backbone, made.spec.frame, made.spec.image_size) == ("resnet18", "square", 96)
