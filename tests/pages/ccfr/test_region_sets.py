"""Fig. 7 on several sets: what its boxes are held against, by set."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fgnb.data import cub
from fgnb.metrics.coverage import centre_coverage
from fgnb.nn.regions import Anchors, Level
from fgnb.pages.ccfr import region_sets
from fgnb.report.coverage import GROUPS, array_name
from fgnb.report.records import Record
from fgnb.report.regions import Regions
from fgnb.report.sheet import Sheet

SIZE = 24
ANCHORS = Anchors.pyramid(SIZE, levels=[Level(4, 6), Level(8, 12)])
SETS = ("drawn", "drawn-cars")


@pytest.fixture
def images(write_cub):
    birds = cub.load(write_cub(classes=3, train=4, test=2, size=SIZE), name="drawn")
    bare = {"parts": np.zeros((18, 0, 2), np.float32), "visible": np.zeros((18, 0), bool)}
    return {"drawn": birds, "drawn-cars": replace(birds, name="drawn-cars", **bare)}


def run_of(images, seed):
    random = np.random.default_rng(seed)
    scores = torch.from_numpy(random.random((6, len(ANCHORS))))
    index = torch.cat([scores[:, :36].topk(2).indices, scores[:, 36:].topk(2).indices + 36], 1)
    return SimpleNamespace(
        spec={"image_size": SIZE, "crop_ratio": 1.0},
        predictions={
            "query_ids": images.ids[~images.train],
            "query_boxes": ANCHORS.boxes[index].numpy(),
            "query_box_scores": scores.gather(1, index).numpy(),
            "query_box_scales": ANCHORS.scales[index].numpy(),
            "query_probs": random.dirichlet(np.ones(3), 6).astype(np.float32),
        },
    )


@pytest.fixture
def kept(images):
    return {
        name: region_sets.arrays(
            SimpleNamespace(images=images[name], anchors=ANCHORS), run_of(images[name], seed)
        )
        for seed, name in enumerate(SETS)
    }


def sheet_of(arrays, origin, name):
    sheet = Sheet("ccfr")
    sheet.add(Record("ccfr", region_sets.ROW, arrays, origin(dataset=name, protocol="drawn")))
    region_sets.derive(sheet, None)
    return sheet


def test_cars_have_no_parts_and_birds_do(kept):
    birds, cars = kept.values()
    assert {array_name(group) for group in GROUPS} <= set(birds)
    assert not {array_name(group) for group in GROUPS} & set(cars)
    assert birds["count"].tolist() == cars["count"].tolist() == [4]


def test_numbers_follow_by_set(kept, origin):
    birds, cars = (sheet_of(kept[name], origin, name) for name in SETS)
    lines = birds.numbers(region_sets.FIG7.numbers)
    assert list(lines["claim"]) == [
        "ccfr.text.shown-regions",
        "ccfr.fig7",
        "own.ccfr.fig7.object",
        *["ccfr.claim.boxes-sit-on-parts"] * 2,
    ]
    assert lines["published"].iloc[0] == lines["value"].iloc[0] == 4
    assert lines["value"].iloc[1] == pytest.approx(100 * kept["drawn"]["object"].mean())
    over = kept["drawn"]["head"] - kept["drawn"]["head_chance"]
    assert lines["value"].iloc[3] == pytest.approx(100 * over.mean())
    assert len(cars.numbers(region_sets.FIG7.numbers)) == 3


def test_the_threshold_of_the_birds_stands_elsewhere(kept, origin):
    birds, cars = (sheet_of(kept[name], origin, name) for name in SETS)
    assert birds.numbers(region_sets.THRESHOLDS.numbers).empty
    (line,) = cars.numbers(region_sets.THRESHOLDS.numbers).to_dict("records")
    assert line["claim"] == "ccfr.setting.t-sf.cars"
    assert line["published"] == 0.7
    assert line["value"] == pytest.approx(kept["drawn-cars"]["probs"].max(axis=1).mean())


def test_objects_are_those_of_the_frame(images, kept):
    found = Regions.of(run_of(images["drawn"], 0))
    objects = region_sets.objects_of(images["drawn"], found)
    covered = centre_coverage(
        found.boxes,
        found.scales,
        objects,
        anchors=ANCHORS.boxes.numpy(),
        anchor_scales=ANCHORS.scales.numpy(),
    )
    assert np.array_equal(covered.chosen, kept["drawn"]["object"])


def test_the_sheet_has_a_row_a_set(images):
    found = [Regions.of(run_of(images[name], seed)) for seed, name in enumerate(SETS)]
    figure = region_sets.rows_of_sets(list(images.values()), found, count=4)
    assert len(figure.axes) == 8
    assert "Rows: drawn; drawn cars" in figure.alt
    assert len(region_sets.rows_of_sets(list(images.values()), found, count=60).axes) == 12
