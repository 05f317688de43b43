"""The multi-level stage: its start, its loss, what it keeps, where its super classes come from."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fgnb import ccfr, presets, training
from fgnb.book import parameters
from fgnb.ccfr.multilevel_stage import MultiLevelModule
from fgnb.ccfr.recipe import MULTI_LEVEL, multi_level_spec
from fgnb.data import cub

OPTIONS = {"backbone": "resnet18", "weights": "random", "image_size": 32, "threads": 1}

GIVEN = (0, 1, 0, 1)


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=4, train=5, test=2, size=40), name="drawn")


@pytest.fixture
def stage(images, tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))

    def make(**changes):
        return ccfr.multi_level_stage(presets.get("smoke"), images, **(OPTIONS | changes))

    return make


@pytest.fixture
def plain(images, stage):
    return ccfr.global_stage(presets.get("smoke"), images, **OPTIONS)


def test_both_heads_start_as_logistic_regression_on_the_frozen_features(stage):
    made = stage(parents=GIVEN)
    module = made.module()
    probs, embedding = made._infer(module, made.query_index)
    features = made.cache.features[made.query_index]
    np.testing.assert_allclose(probs, made.logistic.probs(features), atol=1e-4)
    with torch.no_grad():
        parent_probs = module.parent_head(torch.from_numpy(embedding)).softmax(1).numpy()
    np.testing.assert_allclose(parent_probs, made.parent_logistic.probs(features), atol=1e-4)
    train = made.train_index
    seen = made.parent_logistic.probs(made.cache.features[train]).argmax(1)
    own = np.array(GIVEN)[made.images.labels[train]]
    assert (seen == own).mean() > 0.7


def test_super_classes_are_those_of_the_global_run_of_the_same_fold(stage, plain):
    for fold in ("held-out", "all"):
        made = stage(fold=fold)
        run = training.fit(
            ccfr.global_stage(presets.get("smoke"), plain.images, fold=fold, **OPTIONS)
        )
        kept = run.predictions
        expected = ccfr.build_hierarchy(kept["database_embedding"], kept["database_labels"], 2)
        assert list(made.parents) == expected.tolist()
        assert made.spec.clustered_on.fold == fold


def test_making_the_stage_trains_nothing_and_fitting_it_trains_what_it_needs(stage, plain):
    made = stage()
    assert training.describe_plan(plain)["state"] == "absent"
    run = training.fit(made)
    assert training.describe_plan(plain)["state"] == "stored"
    assert run.predictions["parents"].tolist() == list(made.parents)


def test_the_spec_of_the_clustered_run_is_part_of_the_key(stage, plain):
    first, other = stage(), stage(lr=0.5)
    assert first.spec.clustered_on == plain.spec
    assert other.spec.clustered_on.lr == 0.5
    keys = {
        training.identity(made).key
        for made in (
            first,
            other,
            stage(clustering="pretrained"),
            stage(parents=(0, 0, 1, 1)),
            stage(parents=(0, 1, 1, 1)),
            stage(children="sum"),
            stage(parent_weight=0.5),
            stage(n_parents=3),
        )
    }
    assert len(keys) == 8


def test_pretrained_features_are_clustered_without_a_run(stage, plain):
    made = stage(clustering="pretrained")
    rows = made.train_index
    expected = ccfr.build_hierarchy(made.cache.features[rows], made.images.labels[rows], 2)
    assert list(made.parents) == expected.tolist()
    assert made.spec.clustered_on is None
    assert training.describe_plan(plain)["state"] == "absent"


def test_the_loss_is_that_of_the_two_heads(stage):
    made = stage(parents=(0, 1, 1, 1), children="sum", parent_weight=0.5, label_smoothing=0.0)
    module = made.module()
    targets = torch.tensor([3, 0, 1])
    inputs = torch.from_numpy(np.array(made.cache.maps[:3, 0]))
    found = module.loss((inputs, targets))
    embedded = module.embed(inputs)
    child, parent = module.head(embedded).softmax(1), module.parent_head(embedded).softmax(1)
    total = 0.0
    for row, c in enumerate(targets.tolist()):
        own = (0, 1, 1, 1)[c]
        held = child[row, 0] if own == 0 else child[row, 1:].sum()
        total += -child[row, c].log() - 0.5 * parent[row, own].log()
        total += max(torch.zeros(()), held - parent[row, own])
    torch.testing.assert_close(found["loss"], total / 3)
    assert set(found) == {"loss", "children", "parents", "hinge"}


def test_equation_1_is_smoothed_as_in_the_plain_recipe(stage, plain):
    made = stage(parents=GIVEN)
    assert made.module().multi_level.label_smoothing == plain.spec.label_smoothing > 0


def test_what_is_kept_has_the_plain_stages_keys_and_two_more(stage, plain):
    made = stage()
    kept = training.fit(made).predictions
    assert set(kept) == {*training.fit(plain).predictions, "query_parent_probs", "parents"}
    module = made.module()
    training.fit(made).load_weights(module)
    module.eval()
    with torch.inference_mode():
        inputs = torch.from_numpy(np.array(made.cache.maps[made.query_index, 0]))
        probs = module.parent_head(module.embed(inputs)).softmax(1).numpy()
    np.testing.assert_allclose(kept["query_parent_probs"], probs, atol=1e-5)
    assert ccfr.Answers.of(training.fit(made)).probs.shape == (8, 4)


def test_what_is_kept_is_the_average_in_both_heads(stage):
    end = training.fit(stage(parents=GIVEN, average=0.0))
    kept = training.fit(stage(parents=GIVEN, average=0.5))
    first, last, midway = (stage(parents=GIVEN).module() for _ in range(3))
    end.load_weights(last)
    kept.load_weights(midway)
    for name in ("head", "parent_head"):
        start, stop, mean = (getattr(m, name).weight for m in (first, last, midway))
        torch.testing.assert_close(mean, (start + stop) / 2)
        assert not torch.equal(start, stop)


def test_a_training_that_was_cut_off_goes_on_to_the_same_weights(stage, tmp_path, monkeypatch):
    whole = training.fit(stage())
    calls = []

    def cut_off(module, batch):
        calls.append(batch)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return MultiLevelModule.loss(module, batch)

    other = tmp_path / "others"
    monkeypatch.setenv("FGNB_RUNS", str(other))
    made = stage()
    module = made.module()
    monkeypatch.setattr(module, "loss", partial(cut_off, module))
    monkeypatch.setattr(made, "module", lambda: module)
    with pytest.raises(KeyboardInterrupt):
        training.fit(made, checkpoint_every=1)
    assert training.describe_plan(stage())["state"] == "unfinished"
    resumed = training.fit(stage(), checkpoint_every=1)
    assert resumed.path.is_relative_to(other)
    assert resumed.environment["started_at_step"] == 1
    for name in ("weights.safetensors", "predictions.npz"):
        assert (resumed.path / name).read_bytes() == (whole.path / name).read_bytes(), name


def test_the_pages_defaults_are_the_recipes():
    defaults = {p.name: p.default for p in parameters.declared("ccfr/3-1-multi-level-loss")}
    for name in ("parent_weight", "children", "clustering"):
        assert defaults[name] == MULTI_LEVEL[name].value
    for value in MULTI_LEVEL.values():
        assert value.origin in ("stated", "chosen")
        assert value.reason


def test_a_region_model_may_start_from_it(stage):
    module = stage(parents=GIVEN).module()
    names = {name.partition(".")[0] for name in module.state_dict()}
    assert names == {"backbone", "head", "parent_head"}


@pytest.mark.parametrize(
    ("classes", "count"), [(4, 2), (10, 2), (12, 2), (13, 3), (24, 5), (40, 8), (200, 40)]
)
def test_a_fifth_of_the_classes_and_at_least_two(images, classes, count):
    named = SimpleNamespace(classes=("x",) * classes, protocol="drawn")
    found = multi_level_spec(presets.get("smoke"), named, "resnet18", "random", fold="all", seed=0)
    assert found.n_parents == count
    assert found.parent_weight == 1.0
    assert found.children == "mean"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_parents": 1}, "n_parents is 1, needs 2 to 4, the classes"),
        ({"n_parents": 5}, "n_parents is 5, needs 2 to 4"),
        ({"children": "max"}, "children is 'max'; it is one of mean, sum"),
        ({"clustering": "random"}, "clustering is 'random'; it is one of cross-entropy"),
        ({"parents": (0, 1, 1)}, "parents holds 3 classes in 2 super classes, needs 4 in 2"),
        ({"parents": (0, 1, 1, 0), "n_parents": 3}, "in 2 super classes, needs 4 in 3"),
        ({"parents": (0, 2, 2, 0)}, r"parents uses \[0, 2\]"),
    ],
)
def test_what_does_not_fit_is_refused(stage, change, message):
    with pytest.raises(ValueError, match=message):
        stage(**change)
    with pytest.raises(TypeError, match="rate"):
        stage(rate=0.1)
