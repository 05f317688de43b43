"""Sheets of boxes and what is recorded of them, on made-up boxes over a small set."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from fgnb.ccfr.proposals import Proposals
from fgnb.data import PART_NAMES, cub
from fgnb.nn.regions import Anchors, Level
from fgnb.report import collect, rederive, region_results, region_settings, regions

SIZE = 24
ANCHORS = Anchors.pyramid(SIZE, levels=[Level(4, 6), Level(8, 12)])


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=3, train=4, test=2, size=SIZE), name="drawn")


def proposals(seed, q):
    scores = np.random.default_rng(seed).random((q, len(ANCHORS)))
    return Proposals(torch.from_numpy(scores).float(), ANCHORS, 0.25, 2)


def chosen(images, asked):
    index = asked.separate()
    rows = np.flatnonzero(~images.train)
    return regions.Regions(
        ids=images.ids[rows],
        boxes=ANCHORS.boxes[index].numpy(),
        scores=asked.scores.gather(1, index).numpy(),
        scales=ANCHORS.scales[index].numpy(),
        size=SIZE,
        crop_ratio=1.0,
    )


METHODS = (region_results.WARM_UP, "none", "gate", "margin-rank")


@pytest.fixture
def made(images):
    asked = {name: proposals(i, 6) for i, name in enumerate(METHODS)}
    asked["none"] = asked[region_results.WARM_UP]
    boxes = {name: chosen(images, found) for name, found in asked.items()}
    under = {
        name: region_results.parts_under(images, found, ANCHORS) for name, found in boxes.items()
    }
    return asked, boxes, under


@pytest.fixture
def origin(images):
    return collect(
        "ccfr/3-2-local-regions",
        preset="smoke",
        images=images,
        seconds=1.0,
        test_reads=0,
        modules=["fgnb.metrics"],
    )


def test_regions_of_a_run_are_its_predictions(images):
    found = chosen(images, proposals(0, 6))
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


def test_a_sheet_has_a_row_a_method_and_a_colour_a_scale(images, made):
    _, boxes, _ = made
    rows = [regions.Row(name, images, boxes[name], [0, 3]) for name in METHODS]
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
    picture = regions.framed(images, 0, size=12, crop_ratio=0.5)
    assert picture.shape == (12, 12, 3)
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_suppression_shows_three_rules_and_both_scales(images, made):
    asked, boxes, _ = made
    figure = regions.suppression(images, boxes["gate"], asked["gate"], 1)
    assert [len(axes.patches) for axes in figure.axes] == [0, 0, 4, 4, 4]
    assert "36" not in figure.axes[0].get_title()
    assert figure.axes[0].get_title().startswith("scores of 6×6 boxes")
    small = int(asked["gate"].small(asked["gate"].joint())[1].sum())
    assert f"over all scales: {small};" in figure.alt


def test_charts_say_their_numbers(made):
    asked, _, under = made
    figure = regions.coverage_chart({name: under[name] for name in METHODS[:2]})
    share = under[METHODS[0]]["head"].share.value
    assert f"ranking loss, head: {100 * share:.1f} %" in figure.alt
    chance = under[METHODS[0]]["head"].chance.mean()
    assert f"chance, head: {100 * chance:.1f} %" in figure.alt
    counts = {name: found.small(found.joint()) for name, found in asked.items()}
    bars = regions.small_counts(counts)
    heights = [patch.get_height() for patch in bars.axes[0].patches[:5]]
    by_hand = [100 * np.mean(counts[METHODS[0]].sum(1) == n) for n in range(5)]
    assert heights == pytest.approx(by_hand)


def test_parts_need_cubs_fifteen(images):
    bare = replace(
        images,
        parts=np.zeros((len(images), 0, 2), np.float32),
        visible=np.zeros((len(images), 0), bool),
    )
    found = chosen(images, proposals(0, 6))
    with pytest.raises(ValueError, match="images has 0 parts, needs the 15 of CUB"):
        region_results.parts_under(bare, found, ANCHORS)
    objects = region_results.object_under(bare, found, ANCHORS)
    assert len(objects.rows) == 6


def test_every_part_belongs_to_a_group_but_the_back():
    named = {part for parts in region_results.GROUPS.values() for part in parts}
    assert set(PART_NAMES) - named == {"back"}


def test_results_are_derived_again_and_an_unmoved_method_shows_none(images, made, origin):
    asked, boxes, under = made
    arrays = region_results.region_arrays(images, boxes, asked, under)
    results = region_results.region_results(
        arrays, METHODS[1:], default="margin-rank", provenance=origin
    )
    results += region_results.part_results(arrays, METHODS, provenance=origin)
    assert len({(result.claim, result.label) for result in results}) == len(results)
    for result in results:
        assert rederive(result, arrays) == (result.value, result.interval)
    by_claim = {result.claim: result for result in results}
    moved = {name: by_claim[region_results.own_claim(name, "moved")] for name in METHODS[1:]}
    assert moved["none"].value == 0
    assert by_claim["ccfr.fig4"].value == moved["margin-rank"].value
    gained = by_claim[region_results.own_claim("margin-rank", "gain-head")]
    gap = under["margin-rank"]["head"].chosen - under[region_results.WARM_UP]["head"].chosen
    assert gained.value == pytest.approx(100 * gap.mean())
    sides = [by_claim[region_results.own_claim(name, "side")].value for name in METHODS]
    triplet = [r for r in results if r.claim == region_results.CLAIM_TRIPLET]
    assert [r.unit for r in triplet] == ["points", "points", "pixels"]
    assert triplet[-1].value == pytest.approx(sides[3] - sides[0])
    table = region_results.method_table(results, METHODS, region_results.MOVES)
    assert table.rows[0][2].text == ""
    assert table.rows[1][2].text.startswith("0.0 (0.0 to")
    assert [row[-1].text for row in table.rows] == ["drawn"] * 4
    lost = [r for r in results if r.claim == region_results.CLAIM_NMS]
    assert lost[1].value == pytest.approx(lost[0].value + lost[2].value)


def test_methods_on_other_queries_are_refused(images, made):
    asked, boxes, under = made
    other = {**boxes, "gate": replace(boxes["gate"], ids=boxes["gate"].ids[::-1])}
    with pytest.raises(ValueError, match="chosen 'gate' has other queries"):
        region_results.region_arrays(images, other, asked, under)


def test_settings_stand_beside_the_papers(origin):
    spec = SimpleNamespace(
        **{"image_size": SIZE, "crop_size": 8, "mu": 1.0, "per_scale": 2, "iou": 0.25},
        **{"lr": 0.002, "weight_decay": 1e-4, "batch_size": 8, "fusion": "network"},
    )
    stage = SimpleNamespace(spec=spec, anchors=ANCHORS)
    arrays = region_settings.setting_arrays(stage, [])
    found = {r.claim: r.value for r in region_settings.setting_results(arrays, provenance=origin)}
    assert found["ccfr.setting.box-scale-small"] == 6
    assert found["ccfr.setting.box-scale-large"] == 12
    assert found["ccfr.setting.aspect-ratio"] == 1
    assert found["ccfr.setting.fusion-kernel"] == 1
    assert found["ccfr.fig2"] == 0
