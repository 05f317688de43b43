"""The two phases as stages: what each trains, what samples hold, what a run keeps, the plan."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fgnb import data, pose, presets, training
from fgnb.data import PART_NAMES, cub
from fgnb.data.mirror import MIRRORED_PARTS
from fgnb.metrics.keypoints import pck
from fgnb.pose import plan
from fgnb.pose.recipe import localiser_spec, values
from fgnb.pose.rows import LISTS, ROWS

SMOKE = presets.get("smoke", threads=1, batch_size=4)
OPTIONS = {"backbone": "resnet18", "weights": "random"}


@pytest.fixture
def images(write_cub, tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    return cub.load(write_cub(classes=2, train=4, test=2, size=80), name="drawn")


def stage_of(images, scale=SMOKE, **changed):
    return pose.localiser_stage(scale, images, **OPTIONS | changed)


def test_the_second_phase_goes_on_from_the_first_and_a_run_keeps_what_pages_ask(images):
    stage = stage_of(images)
    before = stage.start.module().state_dict()
    run = training.fit(stage, progress=False)
    head, whole = training.fit(stage.start).weights(), run.weights()
    tail, fc6 = "model.backbone.tail.0.0.conv1.weight", "model.head.fc6.0.weight"
    assert torch.equal(head[tail], before[tail]), "phase 1 leaves the features alone"
    assert not torch.equal(head[fc6], before[fc6])
    assert not torch.equal(whole[tail], head[tail])
    trunk = "model.backbone.trunk.0.0.weight"
    assert torch.equal(whole[trunk], before[trunk])
    assert run.spec["start"]["key"] == training.identity(stage.start).key

    kept, test = run.predictions, ~images.train
    assert np.array_equal(kept["query_ids"], images.ids[test])
    assert np.array_equal(kept["query_true"], images.parts[test])
    assert np.array_equal(kept["query_visible"], images.visible[test])
    assert np.array_equal(kept["query_boxes"], images.boxes[test])
    assert kept["query_scores"].shape == (4, 15)
    assert ((kept["query_scores"] >= 0) & (kept["query_scores"] <= 1)).all()
    # A picture of 86 x 80 pixels in a frame of 64, in cells of 8: each has 10.75 x 10 pixels.
    cell = np.array([10.75, 10.0])
    assert np.allclose(kept["query_points"], cell * (kept["query_cells"] + 0.5))
    assert (np.abs(kept["query_refined"] - kept["query_points"]) <= cell + 1e-3).all()
    maps = stage.score_maps(run, stage.query_index)
    assert maps.shape == (4, 15, 8, 8)
    assert np.array_equal(pose.decode(maps).cells.numpy(), kept["query_cells"])


def test_held_out_images_are_answered_and_their_pck_told(images):
    stage = stage_of(images, fold="held-out")
    run = training.fit(stage, progress=False)
    kept = run.predictions
    told = run.metrics["final"]["validation"]["held_out_pck_points"]
    truth = [kept[f"query_{name}"] for name in ("points", "true", "visible", "boxes")]
    assert told == pytest.approx(np.nanmean(pck(*truth, 0.1)))
    assert set(kept["query_ids"]) <= set(images.ids[images.train])


def test_a_mirrored_sample_has_its_points_mirrored(images):
    stage = stage_of(images)
    samples = stage.data().dataset
    plain = torch.from_numpy(stage.framed_points[stage.train_index]).float()
    seen = torch.from_numpy(images.visible[stage.train_index].copy())
    flipped = 0
    for index in range(len(samples)):
        row = int(stage.train_index[index])
        for epoch in range(4):
            inputs, points, visible = samples[epoch, index]
            mirrored = np.array_equal(inputs, stage.pictures.cache.maps[row, 1])
            flipped += mirrored
            assert mirrored or np.array_equal(inputs, stage.pictures.cache.maps[row, 0])
            order = list(MIRRORED_PARTS) if mirrored else list(range(15))
            assert torch.equal(visible, seen[index][order])
            x = 64 - plain[index, order, 0] if mirrored else plain[index, :, 0]
            assert torch.allclose(points[:, 0], x, atol=1e-4)
            assert torch.allclose(points[:, 1], plain[index, order, 1], atol=1e-4)
    assert 4 < flipped < 4 * len(samples) - 4


def test_a_cropped_picture_has_its_points_where_the_crop_has_them(images):
    """Without a frozen trunk pictures are cropped at random; what falls outside is no target."""
    spread = np.random.default_rng(0).uniform(0, 80, images.parts.shape).astype(np.float32)
    images = replace(images, parts=spread)
    stage = stage_of(images, frame="crop", crop_ratio=0.5, cut=1)
    spec, samples, scale = stage.spec, stage.data().dataset, (137 / 86, 128 / 80)
    for index, row in enumerate(stage.train_index):
        left, top, flipped = stage.pictures.augment.window(137, 128, seed=(0, 1, int(row)))
        xy, seen = images.parts[row] * scale - (left, top), images.visible[row]
        if flipped:
            order = list(MIRRORED_PARTS)
            xy, seen = xy[order] * (-1, 1) + (64, 0), seen[order]
        _, points, visible = samples[1, index]
        assert np.array_equal(visible, seen)
        assert np.allclose(points, xy, atol=1e-3)
        targets = pose.keypoint_targets(points[None], visible[None], spec.cells, image_size=64)
        inside = ((xy >= 0) & (xy <= 64)).all(axis=1) & seen
        assert np.array_equal(targets[0].flatten(1).any(dim=1), inside)
    # What the centre crop leaves outside, of the whole set: 137 - 64 is cut off in two parts.
    centred = images.parts * scale - (36, 32)
    outside = images.visible & ~((centred >= 0) & (centred <= 64)).all(axis=2)
    assert np.array_equal(stage.outside(), outside)
    assert 0 < outside.sum() < images.visible.sum()


def test_what_counts_for_a_run(images):
    first, again = stage_of(images), stage_of(images)
    assert training.identity(first).key == training.identity(again).key
    keys = {
        training.identity(stage_of(images, **changed)).key
        for changed in (
            {},
            {"grid": "stride-16"},
            {"positive_weight": 5.0},
            {"seed": 1},
            {"head_epochs": 3},
            {"head_lr": 0.1},
            {"prior": 0.5},
        )
    }
    assert len(keys) == 7


def test_the_plan_names_the_chain_and_every_origin(images):
    stage = stage_of(images)
    assert plan.earlier(stage) == [stage.start]
    assert plan.earlier(stage.start) == []
    for one in (stage.start, stage):
        found = plan.origins(one, SMOKE)
        assert set(found) >= set(vars(one.spec))
        assert found["prior"].value == one.spec.prior == 1 / 64
    first, second = plan.cost(stage.start), plan.cost(stage)
    assert second.trained > first.trained > 0
    assert first.operations < second.operations


@pytest.mark.parametrize("preset", ["smoke", "demo", "paper"])
def test_every_value_is_stated_or_chosen_with_a_reason(preset):
    for phase in ("head", "all"):
        for name, value in values(presets.get(preset), phase).items():
            assert value.origin in ("stated", "chosen"), name
            assert value.reason, name


def test_the_published_recipe():
    paper = presets.get("paper")
    spec = localiser_spec(paper, "vgg16", "random", phase="all", fold="all", seed=0)
    assert (spec.image_size, spec.frame, spec.channels, spec.kernel) == (500, "square", 4096, 7)
    assert (spec.cells.cells, spec.positive_weight, spec.cut) == (16, 1.0, 1)
    assert spec.fc_start == "random", "random weights have no fc6 to begin from"
    literal = localiser_spec(
        paper, "vgg16", "random", phase="head", fold="all", seed=0, grid="valid"
    )
    assert (literal.cells.cells, literal.kernel, literal.prior) == (10, 7, 1 / 100)
    assert literal.lr > spec.lr, "all layers at a smaller rate"


def test_the_published_network_takes_two_steps_of_both_phases(tmp_path, monkeypatch):
    """VGG-16 with everything trained, at half the size and with thin fc6 and fc7, for time."""
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    scale = presets.get("smoke", species=2, families=1, train_per_class=2, test_per_class=1)
    images = data.open_images("drawn", data_root=tmp_path / "data", preset=scale)
    paper = presets.get("paper", image_size=250, max_steps=2, batch_size=1, loader_workers=0)
    stage = pose.localiser_stage(
        paper, images, backbone="vgg16", weights="random", grid="valid", channels=16
    )
    run = training.fit(stage, progress=False)
    assert run.metrics["final"]["step"] == 2
    conv = "model.backbone.tail.0.0.weight"
    first = training.fit(stage.start).weights()
    assert not torch.equal(run.weights()[conv], first[conv])
    assert stage.spec.cells.cells == 2
    assert run.predictions["query_cells"].max() < 2


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"grid": "valid"}, "image_size is 64; the grid valid needs"),
        ({"positive_weight": 0.0}, "positive_weight is 0.0, needs"),
        ({"prior": 2.0}, "prior is 2.0, needs"),
        ({"channels": 0}, "channels is 0; it should be at least 1"),
        ({"dropout": 1.0}, "dropout is 1.0; it should be from 0"),
        ({"fc_start": "copied"}, "fc_start is 'copied'; it is one of pretrained, random"),
        ({"decay": "none"}, "decay is 'none'; it is one of"),
    ],
)
def test_a_spec_refuses(images, changed, words):
    with pytest.raises(ValueError, match=words):
        stage_of(images, **changed)


def test_a_set_without_parts_is_refused(images):
    bare = replace(images, parts=images.parts[:, :0], visible=images.visible[:, :0])
    with pytest.raises(ValueError, match="which have 0 parts; the localiser needs the 15"):
        stage_of(bare)


def test_rows(images):
    assert len(PART_NAMES) == 15
    names = {f"localiser{grid}{twin}" for grid in ("", "-stride-32") for twin in ("", "-held-out")}
    assert names <= set(ROWS)
    assert all(f"{row}-held-out" in ROWS for row in ROWS if not row.endswith("-held-out"))
    assert all(row in ROWS for rows in LISTS.values() for row in rows)
    assert not set(LISTS) & set(ROWS), "a name asks for one thing"
    stage = pose.row_stage("localiser-stride-32-held-out", SMOKE, images, **OPTIONS)
    assert (stage.spec.grid, stage.spec.fold) == ("stride-32", "held-out")
    with pytest.raises(ValueError, match="no row 'beak' of pose; there are localiser"):
        pose.row_stage("beak", SMOKE, images)
