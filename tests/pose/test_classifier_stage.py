"""The classifier as a stage: true keypoints in training, the localiser's at test, both kept."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from fgnb import data, pose, presets, training
from fgnb.data.mirror import MIRRORED_PARTS
from fgnb.pose import plan
from fgnb.pose.classifier_recipe import classifier_spec, classifier_values
from fgnb.pose.classifier_stage import ClassifierStage

SMOKE = presets.get("smoke", threads=1, batch_size=4)
OPTIONS = {"backbone": "resnet18", "weights": "random"}
BASELINE = {"parts": False, "extractor": "localiser"}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    scale = presets.get("smoke", species=3, families=1, train_per_class=6, test_per_class=3)
    return data.open_images("drawn", data_root=tmp_path_factory.mktemp("data"), preset=scale)


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGNB_RUNS", str(tmp_path_factory.mktemp("runs")))
        yield


def stage_of(images, **changed):
    return pose.classifier_stage(SMOKE, images, **OPTIONS | changed)


def test_a_run_keeps_both_answers_and_those_of_its_start(images):
    stage = stage_of(images)
    run = training.fit(stage, progress=False)
    kept, test = run.predictions, ~images.train
    assert np.array_equal(kept["query_ids"], images.ids[test])
    assert np.array_equal(kept["query_labels"], images.labels[test])
    names = ("query_probs", "query_true_probs", "query_logistic_probs", "query_logistic_true_probs")
    for name in names:
        assert kept[name].shape == (test.sum(), 3)
        np.testing.assert_allclose(kept[name].sum(axis=1), 1, rtol=1e-5)
    assert not np.array_equal(kept["query_probs"], kept["query_true_probs"])
    assert not np.array_equal(kept["query_probs"], kept["query_logistic_probs"]), "training acts"
    assert run.spec["localiser"]["key"] == training.identity(stage.localiser).key


def test_phase_three_is_a_logistic_regression_at_true_keypoints(images):
    """Its answers by the module, whose halves are balanced, are those of the fit itself."""
    stage = stage_of(images)
    features, _ = stage.features
    rows = stage.train_index
    with torch.no_grad():
        module = stage.module().eval()
        inputs = torch.from_numpy(np.array(stage.cache.maps[rows, 0]))
        probs = module(inputs, stage.true_cells(rows)).softmax(1).numpy()
    np.testing.assert_allclose(probs, stage.logistic.probs(features[rows]), atol=2e-4)
    assert not features[~images.train].any(), "no test image is looked at"


def test_without_phase_three_the_head_begins_at_random_from_the_seed(images):
    fitted, random = stage_of(images), stage_of(images, head_start="random")
    first, again = (random.module().head.weight for _ in range(2))
    assert torch.equal(first, again)
    other = stage_of(images, head_start="random", seed=1).module().head.weight
    assert not torch.equal(first, other)
    assert not torch.equal(first, fitted.module().head.weight)
    assert random.features[1] == fitted.features[1], "the same features, found in the store"


def test_keypoints_in_cells_of_the_finer_map(images):
    stage = stage_of(images)
    cells = stage.cells(np.array([[[8.0, 24.0]] * 15]))
    assert cells[0, 0].tolist() == [0.0, 1.0], "of stride 16, the first centre at 8"
    true = stage.true_cells(np.arange(len(images)))
    for row in range(len(images)):
        for part in range(15):
            x, y = stage.framed_points[row, part]
            there = images.visible[row, part] and 0 <= x < 64 and 0 <= y < 64
            expected = [x / 16 - 0.5, y / 16 - 0.5] if there else [math.nan] * 2
            np.testing.assert_allclose(true[row, part], expected, atol=1e-5)


def test_at_test_the_localisers_keypoints_are_pooled_all_fifteen(images):
    stage = stage_of(images)
    found = training.fit(stage.localiser, progress=False).predictions["query_cells"]
    side = 8  # the localiser's cells, two to a cell of the classifier's map
    np.testing.assert_allclose(stage.found_cells, (found + 0.5) * side / 16 - 0.5, atol=1e-3)
    assert torch.isfinite(stage.found_cells).all()


def test_a_picture_is_looked_at_once_for_both_sets_of_keypoints(images, monkeypatch):
    stage = stage_of(images)
    module, true = stage.module(), stage.true_cells(stage.query_index)
    alone = [stage.probs_at(module, cells)[0] for cells in (stage.found_cells, true)]
    looked, look = [], module.joint.look
    monkeypatch.setattr(module.joint, "look", lambda inputs: looked.append(1) or look(inputs))
    both = stage.probs_at(module, stage.found_cells, true)
    assert len(looked) == math.ceil(len(true) / 64) == 1
    assert all(np.array_equal(*pair) for pair in zip(both, alone, strict=True))


def test_a_flipped_sample_has_left_and_right_exchanged(images):
    stage = stage_of(images)
    samples = stage.data().dataset
    row = int(stage.train_index[0])
    plain = stage.true_cells(np.array([row]))[0]
    seen = set()
    for epoch in range(8):
        inputs, cells, label = samples[epoch, 0]
        flipped = not np.array_equal(inputs, stage.cache.maps[row, 0])
        seen.add(flipped)
        expected = plain[list(MIRRORED_PARTS)].clone() if flipped else plain
        if flipped:
            expected[:, 0] = 64 / 16 - 1 - expected[:, 0]
        np.testing.assert_allclose(cells, expected, atol=1e-4)
        assert label == images.labels[row]
    assert seen == {True, False}


def test_the_baseline_tunes_the_localiser_by_the_classes_alone(images):
    stage = stage_of(images, **BASELINE)
    kept = training.fit(stage.localiser, progress=False).weights()
    own = stage.module().joint.backbone.state_dict()
    name = "tail.0.0.conv1.weight"
    assert torch.equal(own[name], kept[f"model.backbone.{name}"])
    assert not torch.equal(own[name], stage_of(images).module().joint.backbone.state_dict()[name])
    run = training.fit(stage, progress=False)
    assert "query_true_probs" not in run.predictions, "it pools no keypoints"


def test_held_out_images_are_answered_by_a_localiser_of_the_same_fold(images):
    stage = stage_of(images, fold="held-out")
    assert stage.localiser.spec.fold == "held-out"
    run = training.fit(stage, progress=False)
    kept, held_out = run.predictions, images.fold("held-out", 0)[1]
    assert np.array_equal(kept["query_ids"], images.ids[held_out])
    module = stage.module()
    run.load_weights(module)
    figures = stage.validate(module)
    right = kept["query_probs"].argmax(axis=1) == images.labels[held_out]
    assert figures["held_out_accuracy"] == pytest.approx(right.mean())
    assert stage_of(images).validate(module) == {}, "test images are not looked at"
    other = stage_of(images).localiser
    with pytest.raises(ValueError, match="fold is 'held-out', and the localiser's is 'all'"):
        stage_of(images, fold="held-out", localiser=other)


def test_without_parts_and_with_a_network_of_its_own_no_localiser_is_trained(images):
    stage = stage_of(images, parts=False)
    assert stage.localiser is None
    assert stage.spec.localiser is None
    with pytest.raises(ValueError, match="so localiser should be None"):
        ClassifierStage(
            images,
            replace(stage.spec, localiser={"key": "x"}),
            "random",
            "pose/classifier",
            localiser=stage_of(images).localiser,
        )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"holistic": "fc7"}, "holistic is 'fc7'; it is one of pooled"),
        ({"extractor": "shared"}, "extractor is 'shared'; it is one of pretrained, localiser"),
        ({"head_start": "zero"}, "head_start is 'zero'; it is one of fitted, random"),
        ({"dim": 0}, "dim is 0; it should be at least 1"),
        ({"window": 2}, "window is 2, needs an odd number"),
    ],
)
def test_a_spec_refuses(images, changed, words):
    with pytest.raises(ValueError, match=words):
        stage_of(images, **changed).module()


@pytest.mark.parametrize("preset", ["demo", "paper"])
def test_each_value_has_an_origin(images, preset):
    scale = presets.get(preset)
    stage = pose.classifier_stage(scale, images, **OPTIONS)
    found = plan.origins(stage, scale)
    assert {f.name for f in fields(stage.spec)} <= set(found)
    assert all(value.origin in ("stated", "chosen") for value in classifier_values(scale).values())
    spec = classifier_spec(scale, "resnet18", "random", fold="all", seed=0)
    assert spec.dim == 5000


def test_a_plan_has_the_whole_chain_and_its_cost(images):
    stage = stage_of(images, holistic="random-maclaurin", dim=64)
    (localiser,) = plan.earlier(stage)
    assert localiser.name == "pose/localiser"
    assert [other.name for other in plan.earlier(localiser)] == ["pose/localiser-head"]
    plain = pose.global_stage(SMOKE, images, **OPTIONS)
    assert plan.cost(stage).trained > plan.cost(plain).trained > 0
    assert plan.cost(stage).operations > plan.cost(plain).operations


def test_the_plain_backbone_is_trained_alike(images):
    plain, own = pose.global_stage(SMOKE, images, **OPTIONS), stage_of(images)
    same = {f.name for f in fields(plain.spec)}
    assert {n: getattr(plain.spec, n) for n in same} == {n: getattr(own.spec, n) for n in same}
