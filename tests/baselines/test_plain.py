"""The plain stage: who trains, who is asked, what is kept; with frozen trunk and without."""

import numpy as np
import pytest
import torch
from torch import nn

from fgnb import ccfr, focus, presets, training
from fgnb.baselines.logistic import choose_c
from fgnb.baselines.plain import PlainSpec, PlainStage
from fgnb.data import cub
from fgnb.nn.weights import weights_info

RECIPE = {
    "backbone": "resnet18",
    "weights_tag": "random",
    "weights_sha256": "none",
    "image_size": 32,
    "frame": "crop",
    "crop_ratio": 0.875,
    "cut": 16,
    "fold": "all",
    "fold_seed": 0,
    "epochs": 2,
    "max_steps": None,
    "lr": 0.01,
    "decay": "cosine",
    "decay_every": 1,
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "clip_norm": 3.0,
    "label_smoothing": 0.1,
    "average": 0.0,
    "batch_norm": "stored",
    "batch_size": 4,
    "seed": 0,
    "threads": 1,
}


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=3, train=5, test=2, size=40), name="drawn")


@pytest.fixture
def stage(images, tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))

    def make(**changes):
        return PlainStage(images, PlainSpec(**(RECIPE | changes)), "random", "test/plain")

    return make


def test_its_gradients_have_the_length_that_the_spec_names(stage):
    for length in (0.0, 2.5):
        made = stage(clip_norm=length).module().configure_optimizers()["optimizer"]
        assert [group["clip_norm"] for group in made.param_groups] == [length]


def test_folds_never_mix(stage, images):
    selection, final = stage(fold="held-out"), stage(fold="all")
    held_out = images.held_out(0)
    assert set(selection.query_index) == set(np.flatnonzero(held_out))
    assert set(selection.train_index) == set(np.flatnonzero(images.train & ~held_out))
    assert set(final.train_index) == set(np.flatnonzero(images.train))
    assert set(final.query_index) == set(np.flatnonzero(~images.train))


def test_the_module_starts_as_logistic_regression_on_the_frozen_features(stage):
    made = stage()
    module = made.module()
    probs, _ = made._infer(module, made.query_index)
    expected = made.logistic.probs(made.cache.features[made.query_index])
    np.testing.assert_allclose(probs, expected, atol=1e-4)


def test_both_folds_share_the_c_of_the_held_out_part(stage, images, monkeypatch):
    made, train = stage(), np.flatnonzero(images.train)
    held_out = images.held_out(0)[train]
    features, labels = made.cache.features[train], images.labels[train]
    expected, _ = choose_c(features, labels, held_out, threads=1)
    calls = []

    def counted(*args, **kwargs):
        calls.append(args)
        return choose_c(*args, **kwargs)

    monkeypatch.setattr("fgnb.baselines.plain.choose_c", counted)
    found = [stage(fold=fold).logistic for fold in ("all", "held-out", "all")]
    assert [one.c for one in found] == [expected] * 3
    assert len(calls) == 1
    assert not np.array_equal(found[0].weight, found[1].weight)
    stage().fit_start((images.labels > 0).astype(int))  # other labels choose anew
    assert len(calls) == 2


def test_only_the_tail_and_the_head_are_trained(stage):
    made = stage()
    before = {name: value.clone() for name, value in made.module().state_dict().items()}
    run = training.fit(made)
    module = made.module()
    run.load_weights(module)
    moved = {name for name, value in module.state_dict().items() if not value.equal(before[name])}
    assert "head.weight" in moved
    assert any(name.startswith("backbone.tail") for name in moved)
    assert not any(name.startswith("backbone.trunk") for name in moved)


def test_what_is_kept_is_what_the_network_says_of_the_pictures(stage, images):
    made = stage()
    run = training.fit(made)
    module = made.module()
    run.load_weights(module)
    module.eval()
    kept = run.predictions
    assert kept["query_ids"].tolist() == images.ids[~images.train].tolist()
    assert kept["database_ids"].tolist() == images.ids[images.train].tolist()
    inputs = torch.from_numpy(np.array(made.cache.maps[made.query_index, 0]))
    with torch.inference_mode():
        logits = module.head(module.backbone.tail(inputs).mean((2, 3)))
    np.testing.assert_allclose(kept["query_probs"], logits.softmax(1), atol=1e-5)


def test_half_an_average_is_midway_between_start_and_end(stage):
    end, kept = training.fit(stage()), training.fit(stage(average=0.5))
    start, last, midway = (stage().module().state_dict() for _ in range(3))
    for run, state in ((end, last), (kept, midway)):
        module = stage().module()
        run.load_weights(module)
        state.update(module.state_dict())
    for name, value in midway.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (start[name] + last[name]) / 2)
    assert not torch.equal(midway["head.weight"], last["head.weight"])


def test_held_out_figures_after_each_epoch_and_none_where_test_would_be_read(stage):
    selection = training.fit(stage(fold="held-out", average=0.5))
    for entry in selection.metrics["epochs"]:
        assert set(entry["validation"]) == {"held_out_accuracy", "held_out_log_loss"}
    probs, truth = selection.predictions["query_probs"], selection.predictions["query_labels"]
    last = selection.metrics["epochs"][-1]["validation"]["held_out_accuracy"]
    assert last == pytest.approx(np.mean(probs.argmax(1) == truth))
    assert all(entry["validation"] == {} for entry in training.fit(stage()).metrics["epochs"])


def test_without_a_frozen_trunk_pictures_are_augmented_by_position(stage, tmp_path):
    made = stage(cut=1, epochs=1, max_steps=1)
    samples = made.data().dataset
    first, label = samples[(0, 2)]
    assert first.shape == (3, 32, 32)
    assert label == made.images.labels[made.train_index[2]]
    assert torch.equal(samples[(0, 2)][0], first)
    assert not torch.equal(samples[(1, 2)][0], first)
    alone = training.fit(made).predictions["query_probs"]
    assert alone.shape == (6, 3)
    helped = PlainStage(made.images, made.spec, "random", "test/helped", workers=1)
    again = training.fit(helped, root=tmp_path / "others")
    assert not again.reused
    np.testing.assert_array_equal(again.predictions["query_probs"], alone)


def test_papers_whose_recipes_agree_share_the_run(images, monkeypatch, tmp_path):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    how = {"backbone": "resnet18", "weights": "random"}
    smoke, paper = presets.get("smoke"), presets.get("paper")
    first = training.fit(focus.global_stage(smoke, images, **how))
    again = training.fit(ccfr.global_stage(smoke, images, **how))
    assert (first.reused, again.reused) == (False, True)
    assert first.path == again.path
    assert first.path.parent == tmp_path / "runs" / "baselines" / "plain"
    made = (room.global_stage(paper, images, **how) for room in (ccfr, focus))
    assert len({training.identity(stage).key for stage in made}) == 2
    nested = ccfr.multi_level_stage(smoke, images, **how, n_parents=2)
    assert training.identity(nested).described["stage"] == "ccfr/multi-level"


def test_the_loss_is_label_smoothed_cross_entropy(stage):
    made = stage()
    module = made.module()
    inputs = torch.from_numpy(np.array(made.cache.maps[:3, 0]))
    targets = torch.tensor([0, 2, 1])
    log_probs = module.head(module.embed(inputs)).log_softmax(1)
    slow = []
    for row, target in zip(log_probs, targets, strict=True):
        weights = torch.full((3,), 0.1 / 3)
        weights[target] += 0.9
        slow.append(-(weights * row).sum())
    torch.testing.assert_close(module.loss((inputs, targets))["loss"], torch.stack(slow).mean())


@pytest.mark.parametrize(
    ("decay", "expected"), [("cosine", [1.0, 0.5, 0.0]), ("step", [1.0, 1.0, 0.1])]
)
def test_the_rate_decays_as_the_spec_says(stage, decay, expected):
    made = stage(decay=decay, decay_every=2, epochs=2, batch_size=15)
    optimised = made.module().configure_optimizers()
    optimizer, schedule = optimised["optimizer"], optimised["lr_scheduler"]["scheduler"]
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(2):
        optimizer.step()
        schedule.step()
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.01 * share for share in expected])


def test_batch_normalisation_keeps_its_statistics_in_training(stage):
    module = stage().module().train()
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert not any(m.training for m in norms)


def test_wrong_words_are_refused(stage):
    with pytest.raises(ValueError, match="fold is 'test'; it is one of held-out, all"):
        stage(fold="test")
    with pytest.raises(ValueError, match="decay is 'linear'"):
        stage(decay="linear")


def test_the_spec_names_its_weights():
    assert weights_info("resnet18", "random").sha256 == RECIPE["weights_sha256"]
