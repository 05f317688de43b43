"""Sheets of boxes, charts of coverage and its arrays, on made-up boxes over a small set."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_boxes import ANCHORS, SIZE, regions_of
from matplotlib.colors import to_hex

from fgnb.data import PART_NAMES, cub
from fgnb.data.frame import Frame
from fgnb.report import coverage as covering
from fgnb.report import regions

METHODS = ("ranking loss", "none", "gate", "margin-rank")


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=3, train=4, test=2, size=SIZE), name="drawn")


def chosen(images, seed):
    scores = torch.from_numpy(np.random.default_rng(seed).random((6, len(ANCHORS)))).float()
    index = torch.cat([scores[:, :36].topk(2).indices, scores[:, 36:].topk(2).indices + 36], 1)
    return regions_of(images, scores, index)


@pytest.fixture
def boxes(images):
    return {name: chosen(images, seed) for seed, name in enumerate(METHODS)}


def test_regions_of_a_run_are_its_predictions(images):
    found = chosen(images, 0)
    run = SimpleNamespace(
        spec={"image_size": SIZE, "crop_ratio": 1.0},
        predictions={
            "query_ids": found.ids,
            "query_boxes": found.boxes,
            "query_box_scores": found.scores,
            "query_box_scales": found.scales,
        },
    )
    assert np.array_equal(regions.Regions.of(run).boxes, found.boxes)
    assert len(regions.Regions.of(run)) == 6


def test_a_sheet_has_a_row_a_method_and_a_colour_a_scale(images, boxes):
    rows = [regions.SheetRow(name, images, boxes[name], [0, 3]) for name in METHODS]
    figure = regions.sheet(rows)
    assert len(figure.axes) == 8
    first = figure.axes[0].patches
    assert len(first) == 4
    for patch in first:
        colour = regions.SCALE_COLOURS[0 if patch.get_width() == 6 else 1]
        assert to_hex(patch.get_edgecolor()).lower() == colour.lower()
    order = np.argsort(-boxes[METHODS[0]].scores[0], kind="stable")
    drawn = [[p.get_x(), p.get_y()] for p in first]
    assert drawn == boxes[METHODS[0]].boxes[0][order][:, :2].tolist()
    assert sorted(p.get_linestyle() for p in first) == ["-", "-", "--", "--"]
    assert "Rows: ranking loss; none; gate; margin-rank" in figure.alt
    with pytest.raises(ValueError, match=r"rows have \[1, 2\] queries"):
        regions.sheet([rows[0], rows[1]._replace(queries=[0])])
    with pytest.raises(ValueError, match=r"rows have \[\] queries"):
        regions.sheet([])


def test_the_frame_is_what_the_network_sees(images):
    picture = regions.framed(images, 0, size=12, framing=Frame("crop", 0.5))
    assert picture.shape == (12, 12, 3)
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_the_chart_says_its_numbers(images, boxes):
    found = {n: covering.coverage(images, boxes[n], ANCHORS) for n in METHODS[:2]}
    figure = regions.coverage_chart(found)
    head = found[METHODS[0]]["head"]
    assert f"ranking loss, head: {100 * head.share.value:.1f} %" in figure.alt
    assert f"chance, head: {100 * head.chance.mean():.1f} %" in figure.alt
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ticks == list(covering.GROUPS)  # the object has no key point


@pytest.mark.parametrize("gone", [("legs",), ("head", "tail"), tuple(covering.GROUPS)])
@pytest.mark.parametrize("count", [1, 2])
def test_a_group_that_no_image_shows_is_named_and_not_drawn(images, gone, count):
    visible = images.visible.copy()
    for group in gone:
        visible[:, [PART_NAMES.index(part) for part in covering.GROUPS[group]]] = False
    few = replace(images, visible=visible)
    every = chosen(images, 0)
    names = ("ids", "boxes", "scores", "scales")
    some = replace(every, **{name: getattr(every, name)[:count] for name in names})
    figure = regions.coverage_chart({"ours": covering.coverage(few, some, ANCHORS)})
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert not set(ticks) & set(gone)
    assert all(group in figure.alt.partition("seen in no image: ")[2] for group in gone)
    assert figure.axes[0].get_title().startswith("seen in no image")
    assert "nan" not in figure.alt
    assert figure.png().startswith(b"\x89PNG")


def test_parts_are_covered_where_a_set_has_cubs_fifteen(images):
    bare = replace(
        images,
        parts=np.zeros((len(images), 0, 2), np.float32),
        visible=np.zeros((len(images), 0), bool),
    )
    found = covering.coverage(bare, chosen(images, 0), ANCHORS)
    assert list(found) == ["object"]
    assert len(found["object"].rows) == 6
    both = covering.coverage(images, chosen(images, 0), ANCHORS)
    assert list(both) == ["object", *covering.GROUPS]
    arrays = covering.coverage_arrays(both)
    assert set(arrays) >= {"object", "object_chance", "head", "belly-and-breast_chance"}
    assert np.array_equal(arrays["head"], both["head"].chosen)


def test_every_part_belongs_to_a_group_but_the_back():
    named = {part for parts in covering.GROUPS.values() for part in parts}
    assert set(PART_NAMES) - named == {"back"}
