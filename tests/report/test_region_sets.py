"""Fig. 7 on several sets: which scale each has, and what its boxes are held against."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fgnb import presets
from fgnb.data import cub
from fgnb.metrics.coverage import box_sides
from fgnb.nn.regions import Anchors, Level
from fgnb.report import collect, rederive, region_results, region_sets, regions

SIZE = 24
ANCHORS = Anchors.pyramid(SIZE, levels=[Level(4, 6), Level(8, 12)])


def shown(images, seed):
    rows = np.flatnonzero(~images.train)
    random = np.random.default_rng(seed)
    scores = torch.from_numpy(random.random((len(rows), len(ANCHORS))))
    probs = random.dirichlet(np.ones(3), len(rows)).astype(np.float32)
    index = torch.cat([scores[:, :36].topk(2).indices, scores[:, 36:].topk(2).indices + 36], 1)
    found = regions.Regions(
        ids=images.ids[rows],
        boxes=ANCHORS.boxes[index].numpy(),
        scores=scores.gather(1, index).numpy(),
        scales=ANCHORS.scales[index].numpy(),
        size=SIZE,
        crop_ratio=1.0,
    )
    birds = images.parts.shape[1] == 15
    parts = region_results.parts_under(images, found, ANCHORS) if birds else {}
    on_object = region_results.object_under(images, found, ANCHORS)
    return region_sets.Shown(images, found, on_object, parts, probs)


@pytest.fixture
def sets(write_cub):
    birds = cub.load(write_cub(classes=3, train=4, test=2, size=SIZE), name="drawn")
    bare = {"parts": np.zeros((18, 0, 2), np.float32), "visible": np.zeros((18, 0), bool)}
    return [shown(birds, 0), shown(replace(birds, name="drawn-cars", **bare), 1)]


def test_only_the_demonstration_draws_small_sets():
    demo, paper = presets.get("demo"), presets.get("paper")
    small = region_sets.scale_of(demo, "drawn-cars")
    assert small.species < demo.species
    assert small.image_size == demo.image_size
    assert region_sets.scale_of(demo, "drawn") is demo
    assert region_sets.scale_of(paper, "drawn-cars") is paper
    assert region_sets.scale_of(demo, "cars") is demo


def test_cars_have_no_parts_and_birds_do(sets):
    birds, cars = sets
    assert list(birds.on_parts) == list(region_results.GROUPS)
    assert cars.on_parts == {}
    for found in sets:
        assert set(box_sides(found.regions.boxes).ravel()) == {6.0, 12.0}
        assert len(found.on_object.rows) == 6


def test_the_sheet_has_a_row_a_set(sets):
    figure = region_sets.rows_of_sets(sets, count=4)
    assert len(figure.axes) == 8
    assert "Rows: drawn; drawn cars" in figure.alt
    assert len(region_sets.rows_of_sets(sets, count=60).axes) == 12


def test_results_have_the_origin_of_their_set(sets):
    origins = [
        collect(
            "ccfr/4-5-regions",
            preset="smoke",
            images=found.images,
            seconds=1.0,
            test_reads=0,
            modules=["fgnb.metrics"],
        )
        for found in sets
    ]
    arrays = region_sets.set_arrays(sets)
    results = region_sets.set_results(arrays, sets, origins)
    assert len({(result.claim, result.label) for result in results}) == len(results)
    for result in results:
        assert rederive(result, arrays) == (result.value, result.interval)
        assert result.provenance.dataset == result.label.split(": ")[1]
    parts = [r for r in results if r.claim == region_results.CLAIM_PARTS]
    assert {r.provenance.dataset for r in parts} == {"drawn"}
    on = next(r for r in results if r.claim == "ccfr.fig7")
    assert on.value == pytest.approx(100 * sets[0].on_object.chosen.mean())
    assert [r.value for r in results if r.claim == "ccfr.text.shown-regions"] == [4, 4]
    cars = next(r for r in results if r.claim == "ccfr.setting.t-sf.cars")
    assert cars.value == pytest.approx(sets[1].probs.max(1).mean())
