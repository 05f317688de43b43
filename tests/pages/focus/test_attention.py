"""Attention maps on the page: what figures draw, and numbers against counts by hand."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from fgnb import claims, presets
from fgnb.data import PART_NAMES, cub
from fgnb.data.frame import Frame
from fgnb.focus import propose_regions
from fgnb.focus.maps import ClassMaps
from fgnb.focus.proposals import cell_boxes
from fgnb.focus.recipe import region_spec
from fgnb.pages.focus import attention
from fgnb.pages.focus import attention_figures as figures
from fgnb.report import records, short
from fgnb.report.regions import Regions
from fgnb.report.sheet import Sheet

SCALE = presets.get("smoke", image_size=96, source_size=96, threads=1)
SPEC = replace(
    region_spec(SCALE, "resnet18", "random", fold="held-out", seed=0), crop_ratio=1.0, sigma=0.0
)
ANCHORS = cell_boxes(96, 3, SPEC.box_size, "shift")


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=3, train=4, test=2, size=96), name="drawn")


@pytest.fixture
def stage(images):
    return SimpleNamespace(images=images, spec=SPEC, query_index=np.flatnonzero(~images.train))


@pytest.fixture
def maps(images):
    draw = torch.Generator().manual_seed(4)
    three = [torch.randn(6, 3, 3, generator=draw) for _ in range(3)]
    rows = np.flatnonzero(~images.train)
    predicted = images.labels[rows].copy()
    predicted[:2] = (predicted[:2] + 1) % 3
    return ClassMaps(
        images.ids[rows], images.labels[rows], predicted, *three, anchors=ANCHORS, iou=0.25
    )


@pytest.fixture
def sheet_of(images):
    def build(arrays, row=attention.ROW):
        context = records.Context("focus", "smoke", images, None, "drawn")
        record = records.of_set(context, row, arrays, ["fgnb.focus.maps"])
        origin = record.origin.model_copy(update={"spec": vars(SPEC)})
        sheet = Sheet("focus")
        sheet.add(replace(record, origin=origin))
        attention.derive(sheet, SimpleNamespace())
        return sheet

    return build


def numbers(sheet):
    lines = [sheet.numbers(table.numbers) for table in attention.TABLES]
    return {line["claim"]: line for frame in lines for line in frame.to_dict("records")}


def patches(axes):
    return {
        to_hex(p.get_edgecolor()).upper(): [p.get_x(), p.get_y(), p.get_x() + p.get_width()]
        for p in axes.patches
    }


def test_steps_end_in_the_boxes_of_the_smoothed_maximum(stage, monkeypatch):
    maps = torch.randn(5, 3, 3, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(figures, "every_class_map", lambda *_: maps)
    stage.spec = replace(SPEC, box_size=34.0)
    query = int((stage.images.labels[stage.query_index] == 1).argmax())
    figure = figures.class_map_steps(stage, None, query)
    panels = figure.axes
    assert len(panels) == 5
    assert np.array_equal(panels[0].images[1].get_array(), maps[1].numpy())
    assert np.array_equal(panels[2].images[1].get_array(), maps.amax(0).numpy())
    assert {tuple(p.images[1].get_clim()) for p in panels[:4]} == {
        (float(maps.min()), float(maps.max()))
    }
    boxes = propose_regions(maps.amax(0)[None], image_size=96, box_size=34.0, count=4)[0]
    drawn = patches(panels[-1])
    for colour, box in zip(figures.RANK_COLOURS, boxes.tolist(), strict=True):
        assert drawn[colour.upper()] == pytest.approx(box[:3])
    assert "maximum of 5 up to" in figure.alt


def test_border_rules_tell_which_boxes_leave_the_frame(stage):
    grid = torch.zeros(3, 3)
    grid[0, 0], grid[2, 2] = 2.0, 1.0
    stage.spec = replace(SPEC, box_size=48.0)
    figure = figures.border_rules(stage, 0, grid)
    words = re.findall(r"(\w+): (\d) over the border, (\d) cut", figure.alt)
    assert [rule for rule, *_ in words] == ["shift", "clip", "pad"]
    assert words[0][1:] == ("0", "0")
    assert words[1][1] == "0"
    assert int(words[1][2]) >= 2
    assert int(words[2][1]) >= 2
    assert words[2][2] == "0"


def test_maps_beside_each_other(stage, maps):
    figure = figures.maps_beside(stage, maps, [0, 3])
    assert len(figure.axes) == 6
    shown = [axes.images[1].get_array() for axes in figure.axes]
    wanted = [maps.of(kind)[q] for kind in ("maximum", "predicted", "true") for q in (0, 3)]
    for picture, grid in zip(shown, wanted, strict=True):
        assert np.array_equal(picture, grid.numpy())
    assert "1 of them with a wrong predicted class" in figure.alt


def test_arrays_are_counts_over_images(images, stage, maps):
    arrays = attention.map_arrays(stage, maps)
    assert arrays["wrong"].tolist() == [True, True] + [False] * 4
    lists = {k: maps.chosen(k, 4).tolist() for k in ("maximum", "predicted", "true")}

    def share(a, b, q):
        return len(set(lists[a][q]) & set(lists[b][q])) / 4

    assert arrays["same_where_wrong"].tolist() == [share("predicted", "maximum", q) for q in (0, 1)]
    assert len(arrays["same_where_right"]) == 4
    for kind in ("predicted", "maximum"):
        assert arrays[f"true_by_{kind}"].tolist() == [share("true", kind, q) for q in (0, 1)]
    assert images.parts.shape[1] == len(PART_NAMES)
    assert {"head", "head_chance", "wing", "tail", "object"} <= set(arrays)


def test_numbers_follow_from_the_arrays(stage, maps, sheet_of):
    arrays = attention.map_arrays(stage, maps)
    found = numbers(sheet_of(arrays))
    assert found["own.focus.maps.wrong"]["value"] == pytest.approx(100 * 2 / 6)
    gain = arrays["true_by_maximum"] - arrays["true_by_predicted"]
    assert found["focus.claim.single-map-misleads"]["value"] == pytest.approx(100 * gain.mean())
    over = arrays["tail"].mean() - arrays["tail_chance"].mean()
    assert found["own.focus.maps.excess-tail"]["value"] == pytest.approx(100 * over)
    sheet = sheet_of(arrays)
    parts = sheet.numbers(attention.PARTS.numbers).set_index("label")
    wing = parts.loc["Regions on the wing, over chance"]
    assert wing["claim"] == "focus.claim.map-finds-discriminative-regions"
    assert wing["value"] == pytest.approx(
        100 * (arrays["wing"].mean() - arrays["wing_chance"].mean())
    )


def test_the_claims_of_the_page_have_their_home_here():
    ledger = claims.load("focus")
    own = {n.claim for t in attention.TABLES for n in t.numbers if not n.claim.startswith("own.")}
    assert own == {entry.id for entry in ledger if entry.home == attention.NOTEBOOK}


def test_nothing_wrong_leaves_its_numbers_out(stage, maps, sheet_of):
    right = ClassMaps(**{**vars(maps), "predicted": maps.labels})
    found = numbers(sheet_of(attention.map_arrays(stage, right)))
    assert found["own.focus.maps.wrong"]["value"] == 0
    assert "own.focus.maps.same-where-right" in found
    absent = {"same-where-wrong", "true-by-predicted", "true-by-maximum"}
    assert not {f"own.focus.maps.{name}" for name in absent} & set(found)
    assert "focus.claim.single-map-misleads" not in found


def test_settings_in_use_stand_under_the_papers(stage, maps, sheet_of):
    found = numbers(sheet_of(attention.map_arrays(stage, maps)))
    settings = {c.removeprefix("focus.setting."): v for c, v in found.items() if ".setting." in c}
    assert {name: line["value"] for name, line in settings.items()} == pytest.approx(
        {
            "image-size": 96,
            "box-size": 160 * 96 / 448,
            "region-size": SPEC.crop_size,
            "nms-iou": 0.25,
            "m": 6,
            "l": 4,
        }
    )
    published = {name: line["published"] for name, line in settings.items()}
    assert published["image-size"] == 448
    assert published["region-size"] == 224


def test_the_model_of_table_2_stands_in_for_where_regions_lie(stage, maps, sheet_of):
    arrays = attention.map_arrays(stage, maps)
    parts = {k: v for k, v in arrays.items() if k.partition("_")[0] in ("head", "wing")}
    alone = numbers(sheet_of(parts, row="ours"))
    assert set(alone) == {"focus.claim.map-finds-discriminative-regions"}
    nothing = Sheet("focus")
    attention.derive(nothing, SimpleNamespace())
    assert not nothing.rows


def test_ranked_boxes_are_coloured_by_rank(images):
    rows = np.flatnonzero(~images.train)[:3]
    boxes = np.tile(np.arange(16, dtype=np.float32).reshape(1, 4, 4), (3, 1, 1))
    boxes[..., 2:] += 20
    flat = np.ones((3, 4), np.float32)
    found = Regions(images.ids[rows], boxes, flat, flat, 96, Frame("crop", 1.0))
    figure = figures.ranked_sheet(images, found, [0, 2])
    for axes in figure.axes:
        drawn = patches(axes)
        for colour, box in zip(figures.RANK_COLOURS, boxes[0].tolist(), strict=True):
            assert drawn[colour.upper()] == pytest.approx(box[:3])
    assert figure.alt.startswith("2 pictures, each with its 4 best boxes")


def test_a_summary_without_published_values_has_no_column_for_them():
    claims_in_words = {"The map finds the head": {"published": ""}}
    assert "Published" not in short.summary(claims_in_words, [])
    assert "Published" in short.summary({"It helps": {"published": "+0.1"}}, [])
