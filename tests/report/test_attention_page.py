"""Attention maps on the page: what figures draw, and numbers against counts by hand."""

import re

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from fgnb import claims, presets
from fgnb.data import PART_NAMES, cub
from fgnb.focus import propose_regions
from fgnb.focus.maps import ClassMaps
from fgnb.focus.proposals import cell_boxes
from fgnb.focus.recipe import region_spec
from fgnb.report import attention, attention_results, collect, rederive

SCALE = presets.get("smoke", image_size=96, source_size=96, threads=1)
SPEC = region_spec(SCALE, "resnet18", "random", fold="held-out", seed=0)
ANCHORS = cell_boxes(96, 3, SPEC.box_size, "shift")


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=3, train=4, test=2, size=96), name="drawn")


@pytest.fixture
def found(images):
    draw = torch.Generator().manual_seed(4)
    maps = [torch.randn(6, 3, 3, generator=draw) for _ in range(3)]
    rows = np.flatnonzero(~images.train)
    predicted = images.labels[rows].copy()
    predicted[:2] = (predicted[:2] + 1) % 3
    return ClassMaps(
        images.ids[rows], images.labels[rows], predicted, *maps, anchors=ANCHORS, iou=0.25
    )


@pytest.fixture
def origin(images):
    return collect(
        "focus/3-2-attention-regions",
        preset="smoke",
        images=images,
        weights=None,
        seeds=[0],
        threads=1,
        seconds=1.0,
        test_reads=0,
        modules=["fgnb.focus.maps"],
        runs=[],
    )


def patches(axes):
    return [
        (to_hex(p.get_edgecolor()).upper(), [p.get_x(), p.get_y(), p.get_x() + p.get_width()])
        for p in axes.patches
    ]


def test_steps_end_in_the_boxes_of_the_smoothed_maximum():
    maps = torch.randn(5, 3, 3, generator=torch.Generator().manual_seed(0))
    frame = np.zeros((96, 96, 3), np.float32)
    figure = attention.class_map_steps(
        frame, maps, [("true", 1), ("other", 4)], box_size=34.0, sigma=0.0
    )
    panels = figure.axes
    assert len(panels) == 5
    assert np.array_equal(panels[0].images[1].get_array(), maps[1].numpy())
    assert np.array_equal(panels[2].images[1].get_array(), maps.amax(0).numpy())
    assert {tuple(p.images[1].get_clim()) for p in panels[:4]} == {
        (float(maps.min()), float(maps.max()))
    }
    boxes = propose_regions(maps.amax(0)[None], image_size=96, box_size=34.0, count=4)[0]
    drawn = dict(patches(panels[-1]))
    for colour, box in zip(attention.RANK_COLOURS, boxes.tolist(), strict=True):
        assert drawn[colour.upper()] == pytest.approx(box[:3])
    assert "maximum of 5 up to" in figure.alt
    with pytest.raises(ValueError, match="classes is empty"):
        attention.class_map_steps(frame, maps, [], box_size=34.0)


def test_border_rules_tell_which_boxes_leave_the_frame():
    grid = torch.zeros(3, 3)
    grid[0, 0], grid[2, 2] = 2.0, 1.0
    figure = attention.border_rules(np.zeros((96, 96, 3), np.float32), grid, box_size=48.0)
    told = re.findall(r"(\w+): (\d) over the border, (\d) cut", figure.alt)
    assert [rule for rule, *_ in told] == ["shift", "clip", "pad"]
    assert told[0][1:] == ("0", "0")
    assert told[1][1] == "0"
    assert int(told[1][2]) >= 2
    assert int(told[2][1]) >= 2
    assert told[2][2] == "0"


def test_maps_beside_each_other(images, found):
    figure = attention.maps_beside(images, found, [0, 3], size=96, crop_ratio=1.0)
    assert len(figure.axes) == 6
    shown = [axes.images[1].get_array() for axes in figure.axes]
    wanted = [found.of(kind)[q] for kind in ("maximum", "predicted", "true") for q in (0, 3)]
    for picture, grid in zip(shown, wanted, strict=True):
        assert np.array_equal(picture, grid.numpy())
    assert "1 of them with a wrong predicted class" in figure.alt
    with pytest.raises(ValueError, match="queries is empty"):
        attention.maps_beside(images, found, [], size=96, crop_ratio=1.0)


def test_arrays_are_counts_over_images(images, found):
    arrays = attention_results.map_arrays(images, found, SPEC)
    assert arrays["held_out_wrong"].tolist() == [True, True] + [False] * 4
    lists = {k: found.chosen(k, 4).tolist() for k in ("maximum", "predicted", "true")}

    def share(a, b, q):
        return len(set(lists[a][q]) & set(lists[b][q])) / 4

    assert arrays["same_where_wrong"].tolist() == [share("predicted", "maximum", q) for q in (0, 1)]
    assert len(arrays["same_where_right"]) == 4
    for kind in ("predicted", "maximum"):
        slow = [share("true", kind, q) for q in (0, 1)]
        assert arrays[f"true_{kind}_where_wrong"].tolist() == slow
    assert images.parts.shape[1] == len(PART_NAMES)
    assert {"head", "head_chance", "wing", "tail"} <= set(arrays)


def test_results_follow_from_the_arrays(images, found, origin):
    arrays = attention_results.map_arrays(images, found, SPEC)
    results = attention_results.map_results(arrays, provenance=origin)
    named = {result.claim: result for result in results}
    assert named["own.focus.maps.wrong"].value == pytest.approx(100 * 2 / 6)
    gain = arrays["true_maximum_where_wrong"] - arrays["true_predicted_where_wrong"]
    assert named[attention_results.CLAIM_SINGLE].value == pytest.approx(100 * gain.mean())
    over = arrays["wing"].mean() - arrays["wing_chance"].mean()
    parts = [r for r in results if r.claim == attention_results.CLAIM_PARTS]
    assert any(r.value == pytest.approx(100 * over) for r in parts)
    ledger = claims.load("focus")
    for result in results:
        rederive(result, arrays)
        if not result.claim.startswith("own."):
            assert ledger[result.claim].home == "focus/3-2-attention-regions"


def test_nothing_wrong_leaves_its_numbers_out(images, found, origin):
    right = ClassMaps(**{**vars(found), "predicted": found.labels})
    arrays = attention_results.map_arrays(images, right, SPEC)
    results = attention_results.map_results(arrays, provenance=origin)
    assert not [r for r in results if "wrong" in r.claim and r.claim != "own.focus.maps.wrong"]
    assert attention_results.CLAIM_SINGLE not in {r.claim for r in results}


def test_settings_in_use_stand_under_the_papers(images, found, origin):
    arrays = attention_results.map_arrays(images, found, SPEC)
    results = attention_results.setting_results(arrays, provenance=origin)
    values = {r.claim.removeprefix("focus.setting."): r.value for r in results}
    assert values == pytest.approx(
        {
            "image-size": 96,
            "box-size": 160 * 96 / 448,
            "region-size": SPEC.crop_size,
            "nms-iou": 0.25,
            "m": 6,
            "l": 4,
        }
    )
