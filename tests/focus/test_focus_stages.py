"""focus's stages: what is trained, what is kept, how rows differ; the recipe's origins."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from fgnb import presets, training
from fgnb.baselines import start
from fgnb.baselines.recipe import equal_compute_side
from fgnb.cli.train import stages
from fgnb.data import cub
from fgnb.focus import STAGES, equal_compute_stage, global_stage, region_stage
from fgnb.focus.recipe import CONTROLS, MODEL, TABLE2, least_map_scale, region_spec, region_values
from fgnb.nn.regions import greedy_nms
from fgnb.store import canonical_json
from fgnb.training.positions import preserved_random_state, seed_at

SMOKE = presets.get("smoke", threads=1, batch_size=4, source_size=128)


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=2, train=4, test=2, size=80), name="drawn")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One store for all tests: what the trunk sees is computed once, and each run."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def stage(images, runs, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(runs))

    def make(**changes):
        return region_stage(SMOKE, images, backbone="resnet18", weights="random", **changes)

    return make


def initial_weights(stage):
    """The weights that `training.fit` begins with."""
    with preserved_random_state():
        seed_at(stage.spec.seed, "module")
        return {name: value.clone() for name, value in stage.module().state_dict().items()}


def test_a_run_trains_tail_and_classifiers_and_keeps_what_a_region_run_keeps(stage, images):
    made = stage()
    before = initial_weights(made)
    run = training.fit(made)
    moved = {name for name, value in run.weights().items() if not value.equal(before[name])}
    for part in ("backbone.tail", "image", "region", "hybrid"):
        assert any(name.startswith(f"model.{part}") for name in moved), part
    assert not any(name.startswith("model.backbone.trunk") for name in moved)
    found = run.predictions
    assert {name: value.shape for name, value in found.items()} == {
        "query_ids": (4,),
        "query_labels": (4,),
        "query_probs": (4, 2),
        "query_image_probs": (4, 2),
        "query_region_probs": (4, 6, 2),
        "query_embedding": (4, 5 * 512),
        "query_maps": (4, 4, 4),
        "query_boxes": (4, 6, 4),
        "query_box_scores": (4, 6),
        "query_box_scales": (4, 6),
    }
    for name in ("query_probs", "query_maps", "query_boxes", "query_box_scores"):
        assert found[name].dtype == np.float32
    assert found["query_ids"].tolist() == images.ids[~images.train].tolist()
    np.testing.assert_allclose(found["query_region_probs"].sum(2), 1, atol=1e-5)
    (epoch,) = run.metrics["epochs"]
    assert set(epoch["parts"]) == {"image", "region", "hybrid"}
    assert epoch["loss"] == pytest.approx(sum(epoch["parts"].values()), rel=1e-5)


def test_kept_boxes_are_the_kept_maps(stage):
    made = stage()
    found = training.fit(made).predictions
    maps = torch.from_numpy(found["query_maps"]).flatten(1)
    places = greedy_nms(maps, made.anchors.overlap, count=6, iou=0.25)
    assert np.array_equal(found["query_boxes"], made.anchors.boxes[places].numpy())
    assert np.array_equal(found["query_box_scores"], maps.gather(1, places).numpy())


def test_the_stored_weights_give_the_stored_answers(stage):
    made = stage()
    run, module = training.fit(made), made.module()
    run.load_weights(module)
    module.eval()
    found = run.predictions
    with torch.no_grad():
        for row, image in enumerate(made.query_index):
            (batch,) = made.zoomed.batches(np.array([image]))
            alone = module(batch).logits.softmax(1)[0]
            np.testing.assert_allclose(alone, found["query_probs"][row], atol=1e-3)


def test_image_level_only_answers_from_the_image_and_still_trains_regions(stage):
    made = stage(**TABLE2["ours-image-level"])
    run = training.fit(made)
    found = run.predictions
    assert np.array_equal(found["query_probs"], found["query_image_probs"])
    assert found["query_embedding"].shape == (4, 512)
    assert not [name for name in run.weights() if "hybrid" in name]
    (epoch,) = run.metrics["epochs"]
    assert set(epoch["parts"]) == {"image", "region"}


def test_a_single_class_map_is_the_true_ones_in_training_alone(stage, monkeypatch):
    made = stage(**TABLE2["ours-without-max-pooling"])
    module = made.module()
    batch = next(made.zoomed.batches(made.train_index[:4]))
    with torch.no_grad():
        batch = batch._replace(targets=1 - module(batch).image_logits.argmax(1))
    asked = []
    attend = module.model.attend

    def heard(feature_map, classes):
        asked.append(classes)
        return attend(feature_map, classes)

    monkeypatch.setattr(module.model, "attend", heard)
    with torch.no_grad():
        module.loss(batch)
        predicted = module(batch).image_logits.argmax(1)
    assert torch.equal(asked[0], batch.targets)
    assert torch.equal(asked[1], predicted)


def test_each_row_is_another_spec_of_one_stage(stage):
    rows = [stage(**changes) for changes in (*TABLE2.values(), *CONTROLS.values())]
    assert len({training.identity(row).key for row in rows}) == len(rows) == 6
    first = rows[0].spec.start
    assert all(row.spec.start == first for row in rows)
    assert first["spec"] == asdict(rows[0].start.spec)
    canonical_json(asdict(rows[0].spec))


def test_controls_use_the_boxes_that_they_name(stage):
    for changes in CONTROLS.values():
        made = stage(fold="held-out", **changes)
        module = made.module().eval()
        (batch,) = made.zoomed.batches(made.query_index)
        with torch.no_grad():
            chosen = module(batch).chosen
            scores = made.placement.eval()(batch)
        boxes, count = made.anchors, made.spec.proposals
        expected = greedy_nms(scores, boxes.overlap, count=count, iou=made.spec.iou)
        assert torch.equal(chosen.places, expected)


def test_training_begins_from_the_plain_run_or_from_a_logistic_regression(stage, images):
    made = stage()
    plain = training.fit(made.start).weights()
    weights = initial_weights(made)
    assert weights["model.image.weight"].equal(plain["head.weight"])
    name = "tail.0.1.conv2.weight"
    assert weights[f"model.backbone.{name}"].equal(plain[f"backbone.{name}"])
    other = stage(start="logistic", head_start="whole")
    assert other.spec.start is None
    logistic = torch.from_numpy(other.plain.logistic.weight)
    assert initial_weights(other)["model.region.weight"].equal(logistic)
    assert training.identity(other).key != training.identity(made).key
    resized = stage(image_size=96)
    assert resized.start.spec.image_size == 96
    with pytest.raises(ValueError, match="start is 'fresh'; it is one of global, logistic"):
        stage(start="fresh")


def test_the_region_head_is_fitted_once_to_regions_of_this_fold(stage, monkeypatch):
    made = stage(fold="held-out", sigma=0.7)
    asked = []
    fit = start.fit_logistic
    monkeypatch.setattr(start, "fit_logistic", lambda *a, **k: asked.append(a) or fit(*a, **k))
    module = made.module()
    again = initial_weights(made)
    assert all(value.equal(again[name]) for name, value in module.state_dict().items())
    ((regions, of),) = asked
    assert regions.shape == (6 * 6, 512)
    found = made._infer(module, made.train_index)
    np.testing.assert_allclose(regions, found["regions"].reshape(-1, 512), atol=1e-4)
    labels = made.images.labels[made.train_index]
    assert of.tolist() == np.repeat(labels, 6).tolist()
    c = float(training.fit(made.start).predictions["logistic_c"])
    expected = fit(regions, of, c=c, threads=1).weight
    assert torch.equal(module.model.region.weight, torch.from_numpy(expected))
    (batch,) = made.zoomed.batches(made.query_index)
    with torch.no_grad():
        output = module.eval()(batch)
    mean = (output.image_logits + output.region_logits[:, :4].mean(1)) / 2
    torch.testing.assert_close(output.hybrid_logits, mean, rtol=1e-4, atol=1e-3)


def test_pretrained_layers_have_a_rate_of_their_own_and_all_that_is_free_is_trained(stage):
    module = stage(lr=0.5, pretrained_rate=0.1).module()
    groups = module.configure_optimizers()["optimizer"].param_groups
    assert [group["initial_lr"] for group in groups] == pytest.approx([0.05, 0.5])
    trained = {id(p) for group in groups for p in group["params"]}
    assert trained == {id(p) for p in module.parameters() if p.requires_grad}
    tail = {id(p) for p in module.model.backbone.tail.parameters()}
    assert {id(p) for p in groups[0]["params"]} == tail


def test_the_average_lies_between_start_and_end(stage):
    made = stage(average=0.25)
    module = made.module()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1.0)
    made.finish(module)
    name = "model.hybrid.weight"
    torch.testing.assert_close(module.state_dict()[name], before[name] + 0.75)


def test_held_out_figures_where_test_is_not_read(stage):
    made = stage(fold="held-out")
    run = training.fit(made)
    (entry,) = run.metrics["epochs"]
    probs, truth = run.predictions["query_probs"], run.predictions["query_labels"]
    figures = entry["validation"]
    assert figures["held_out_accuracy"] == pytest.approx(np.mean(probs.argmax(1) == truth))
    loss = -np.log(probs[np.arange(len(truth)), truth]).mean()
    assert figures["held_out_log_loss"] == pytest.approx(loss, rel=1e-5)
    assert stage().validate(stage().module()) == {}


def test_regions_in_small_parts_give_the_same_gradient(stage):
    found = []
    for micro_batch in (None, 5):
        made = stage(micro_batch=micro_batch)
        module = made.module()
        module.loss(next(made.zoomed.batches(made.train_index[:2])))["loss"].backward()
        found.append({n: p.grad for n, p in module.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-3, atol=1e-3)


def test_two_steps_of_the_published_recipe_with_resnet_50(images, runs, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(runs))
    scale = presets.get(
        "paper",
        image_size=64,
        source_size=64,
        crop_size=32,
        batch_size=2,
        max_steps=2,
        threads=1,
        loader_workers=0,
        micro_batch=4,
    )
    options = {"backbone": "resnet50", "weights": "random", "batch_norm": "stored"}
    made = region_stage(scale, images, **options)
    assert (made.spec.epochs, made.spec.start, made.spec.cut) == (100, None, 1)
    run = training.fit(made)
    assert run.metrics["final"]["step"] == 2
    assert np.isfinite(run.metrics["final"]["loss"])
    before = initial_weights(made)
    for name in ("model.backbone.tail.0.0.weight", "model.hybrid.weight"):
        assert not run.weights()[name].equal(before[name])


def test_the_published_values():
    paper = region_spec(presets.get("paper"), "resnet50", "random", fold="all", seed=1)
    assert (paper.image_size, paper.crop_size, paper.box_size) == (448, 224, 160)
    assert (paper.lr, paper.pretrained_rate, paper.decay, paper.decay_every) == (
        0.01,
        0.1,
        "step",
        40,
    )
    assert (paper.epochs, paper.weight_decay, paper.momentum) == (100, 5e-4, 0.9)
    assert (paper.proposals, paper.concatenated, paper.iou, paper.map_scale) == (6, 4, 0.25, 1)
    demo = region_spec(presets.get("demo"), "resnet18", "random", fold="all", seed=1)
    assert (demo.box_size, demo.map_scale, demo.cut) == (80, 1, 8)
    assert demo.epochs == presets.get("demo").region_epochs


@pytest.mark.parametrize("name", presets.NAMES)
def test_every_value_says_where_it_comes_from(name):
    preset = presets.get(name)
    spec = asdict(region_spec(preset, "resnet18", "random", fold="all", seed=0))
    for field, value in region_values(preset).items():
        assert value.origin in ("stated", "chosen")
        assert value.reason
        if field not in ("box_size", "map_scale"):
            assert spec[field] == value.value


def test_there_is_a_cell_for_every_proposal():
    for size in range(16, 513, 16):
        for proposals in (1, 4, 6, 40):
            scale = least_map_scale(size, proposals)
            cells = -(-size // 32)
            assert (cells * scale) ** 2 >= proposals
            assert scale == 1 or (cells * (scale - 1)) ** 2 < proposals


def test_equal_compute_has_at_least_the_pixels(images):
    made = equal_compute_stage(SMOKE, images, backbone="resnet18", weights="random")
    pixels = SMOKE.image_size**2 + MODEL["proposals"].value * SMOKE.crop_size**2
    assert made.spec.image_size**2 >= pixels > (made.spec.image_size - 32) ** 2
    assert equal_compute_side(448, 224, 4) == 640


def test_the_command_line_knows_them(images):
    assert stages("focus") == STAGES
    made = global_stage(SMOKE, images, backbone="resnet18", weights="random")
    assert made.name == "focus/global"


def test_bad_options_are_named(stage):
    with pytest.raises(TypeError, match="temperature"):
        stage(temperature=2.0)
    with pytest.raises(ValueError, match="head_start is 'fresh'; it is one of whole, fitted"):
        stage(head_start="fresh")
    with pytest.raises(ValueError, match="fold is 'test'"):
        stage(fold="test")
    with pytest.raises(ValueError, match="proposals is 30; the map has 16 cells"):
        stage(proposals=30, map_scale=2)
    with pytest.raises(ValueError, match="source is 32, under image, 64"):
        stage(source_size=32)
