"""One trunk under both losses: a fair start, what meets in its layers, what a run keeps."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from fgnb import data, pose, presets, training
from fgnb.metrics.keypoints import pck
from fgnb.pose import plan
from fgnb.pose.answers import KEPT, localised
from fgnb.pose.shared_stage import SharedStage

SMOKE = presets.get("smoke", threads=1, batch_size=4)
OPTIONS = {"backbone": "resnet18", "weights": "random"}


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
    return pose.shared_stage(SMOKE, images, **OPTIONS | changed)


@pytest.fixture(scope="module")
def trained(images, store):
    stage = stage_of(images)
    return stage, training.fit(stage, progress=False)


def first_batch(stage, count=4):
    samples = [stage.data().dataset[0, index] for index in range(count)]
    return [torch.stack([torch.as_tensor(v) for v in part]) for part in zip(*samples, strict=True)]


def test_it_starts_where_the_two_networks_do(images):
    stage = stage_of(images)
    own = stage.module()
    classifier = pose.classifier_stage(SMOKE, images, **OPTIONS)
    assert stage.features[1] == classifier.features[1], "one fit for both, found in the store"
    other = classifier.module()
    assert torch.equal(own.head.weight, other.head.weight)
    assert torch.equal(own.joint.scales, other.joint.scales)
    kept = training.fit(classifier.localiser.start, progress=False).weights()
    for name, value in own.keypoints.state_dict().items():
        assert torch.equal(value, kept[f"model.head.{name}"]), name
    for name, value in own.joint.backbone.state_dict().items():
        assert torch.equal(value, kept[f"model.backbone.{name}"]), name
        assert torch.equal(value, other.joint.backbone.state_dict()[name]), name


def test_it_has_the_classifiers_passes_rate_and_freedom(images):
    stage, classifier = stage_of(images), pose.classifier_stage(SMOKE, images, **OPTIONS)
    same = {field.name for field in fields(classifier.spec)} - {"localiser"}
    for name in same:
        assert getattr(stage.spec, name) == getattr(classifier.spec, name), name
    free = {n for n, p in stage.module().named_parameters() if p.requires_grad}
    others = {n for n, p in classifier.module().named_parameters() if p.requires_grad}
    score_layers = {n for n in free if n.startswith("keypoints.")}
    assert free - score_layers == others
    assert {n for n, _ in stage.module().named_parameters() if n.startswith("keypoints.")} <= free


def test_a_look_is_the_classifiers_and_the_localisers(images):
    """Before training each half says what its own network says, of one pass through the trunk."""
    stage = stage_of(images)
    classifier = pose.classifier_stage(SMOKE, images, **OPTIONS)
    inputs, cells, *_ = first_batch(stage)
    own, other = stage.module().eval(), classifier.module().eval()
    localiser = stage.localiser.module()
    training.fit(stage.localiser, progress=False).load_weights(localiser)
    with torch.no_grad():
        seen = own.see(inputs)
        assert torch.allclose(own.answer(seen, cells), other(inputs, cells), atol=1e-5)
        assert torch.allclose(seen.scores, localiser.eval().model.score(inputs), atol=1e-5)
    bilinear = stage_of(images, holistic="tensor-sketch", dim=32).module().eval()
    with torch.no_grad():
        found = bilinear.answer(bilinear.see(inputs), cells)
        assert torch.allclose(found, bilinear(inputs, cells), atol=1e-5)


def test_the_loss_is_the_weighted_sum_of_both_networks_losses(images):
    stage = stage_of(images, keypoint_weight=0.3)
    classifier = pose.classifier_stage(SMOKE, images, **OPTIONS)
    batch = first_batch(stage)
    inputs, cells, classes, points, visible = batch
    own, other = stage.module().eval(), classifier.module().eval()
    localiser = stage.localiser.module()
    training.fit(stage.localiser, progress=False).load_weights(localiser)
    found = own.loss(batch)
    keypoints = localiser.eval().loss((inputs, points, visible))["loss"]
    named = other.loss((inputs, cells, classes))["loss"]
    assert float(found["keypoints"].detach()) == pytest.approx(float(keypoints), rel=1e-5)
    assert float(found["classes"]) == pytest.approx(float(named), rel=1e-5)
    assert float(found["loss"]) == pytest.approx(float(0.3 * keypoints + named), rel=1e-5)


def test_both_gradients_meet_in_the_trunk_alone(images):
    """Their sum is the gradient that the optimiser sees; neither reaches the other's last layer."""
    stage = stage_of(images, keypoint_weight=0.3)
    module, batch = stage.module().eval(), first_batch(stage)
    keypoints, classes = module.gradients(batch)
    assert keypoints.norm() > 0
    assert classes.norm() > 0
    module.loss(batch)["loss"].backward()
    shared = [p for p in module.joint.backbone.parameters() if p.requires_grad]
    summed = torch.cat([p.grad.flatten() for p in shared])
    torch.testing.assert_close(keypoints + classes, summed, rtol=1e-3, atol=1e-5)
    for loss, untouched in zip(module.losses(batch), (module.head, module.keypoints), strict=True):
        grads = torch.autograd.grad(loss, list(untouched.parameters()), allow_unused=True)
        assert all(grad is None for grad in grads)
    twice = stage_of(images, keypoint_weight=0.6).module().eval().gradients(batch)
    torch.testing.assert_close(twice[0], 2 * keypoints, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(twice[1], classes, rtol=1e-3, atol=1e-5)


def test_a_run_keeps_answers_and_keypoints(images, trained):
    stage, run = trained
    kept, test = run.predictions, ~images.train
    assert np.array_equal(kept["query_ids"], images.ids[test])
    assert np.array_equal(kept["query_true"], images.parts[test])
    assert np.array_equal(kept["query_boxes"], images.boxes[test])
    for name in ("probs", "true_probs", "logistic_probs", "logistic_true_probs"):
        assert kept[f"query_{name}"].shape == (test.sum(), 3)
        np.testing.assert_allclose(kept[f"query_{name}"].sum(axis=1), 1, rtol=1e-5)
    assert not np.array_equal(kept["query_probs"], kept["query_true_probs"])
    assert not np.array_equal(kept["query_probs"], kept["query_logistic_probs"])
    assert set(localised(stage, run)) == {*KEPT, "guess"}
    assert run.spec["localiser"]["key"] == training.identity(stage.localiser).key
    whole, start = run.weights(), stage.module().state_dict()
    for name in ("keypoints.score.weight", "head.weight", "joint.backbone.tail.0.0.conv1.weight"):
        assert not torch.equal(whole[name], start[name]), name
    trunk = "joint.backbone.trunk.0.0.weight"
    assert torch.equal(whole[trunk], start[trunk])


def test_its_own_keypoints_are_pooled_at_test(images, trained):
    stage, run = trained
    module = stage.module()
    run.load_weights(module)
    module.eval()
    kept, query = run.predictions, stage.query_index
    inputs = torch.from_numpy(np.array(stage.cache.maps[query, 0]))
    side, centre = 8, 0.5  # cells of 8 pixels, of a map of 8 x 8; the classifier's have 16
    at = torch.from_numpy((kept["query_cells"] + centre) * side / 16 - centre).float()
    with torch.no_grad():
        seen = module.see(inputs)
        assert np.array_equal(pose.decode(seen.scores).cells.numpy(), kept["query_cells"])
        for cells, name in ((at, "probs"), (stage.true_cells(query), "true_probs")):
            probs = module.answer(seen, cells).softmax(1).numpy()
            np.testing.assert_allclose(probs, kept[f"query_{name}"], atol=1e-5)


def test_before_training_the_first_phases_keypoints_are_pooled(trained):
    stage, run = trained
    first = training.fit(stage.localiser, progress=False).predictions
    found = stage._found(stage.module())
    assert np.array_equal(found["query_cells"], first["query_cells"])
    np.testing.assert_allclose(found["query_points"], first["query_points"], atol=1e-4)
    np.testing.assert_allclose(found["query_refined"], first["query_refined"], atol=1e-3)
    np.testing.assert_allclose(found["query_scores"], first["query_scores"], atol=1e-5)
    for name in ("true", "visible", "boxes", "scale", "offset"):
        assert np.array_equal(found[f"query_{name}"], first[f"query_{name}"]), name
    start = run.predictions["query_logistic_probs"]
    np.testing.assert_allclose(found["query_probs"], start, atol=1e-6)


def test_held_out_figures_are_of_classes_and_keypoints(images):
    stage = stage_of(images, fold="held-out")
    run = training.fit(stage, progress=False)
    kept, told = run.predictions, run.metrics["final"]["validation"]
    right = kept["query_probs"].argmax(axis=1) == kept["query_labels"]
    assert told["held_out_accuracy"] == pytest.approx(right.mean())
    truth = [kept[f"query_{name}"] for name in ("points", "true", "visible", "boxes")]
    assert told["held_out_pck_points"] == pytest.approx(np.nanmean(pck(*truth, 0.1)))
    assert stage_of(images).validate(stage.module()) == {}, "test images are not looked at"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"keypoint_weight": 0.0}, "keypoint_weight is 0.0, needs a finite number over 0"),
        ({"keypoint_weight": math.inf}, "keypoint_weight is inf, needs a finite number over 0"),
        ({"parts": False}, "parts is False and extractor 'pretrained'; one trunk"),
        ({"extractor": "localiser"}, "parts is True and extractor 'localiser'; one trunk"),
    ],
)
def test_a_spec_refuses(images, changed, words):
    with pytest.raises(ValueError, match=words):
        stage_of(images, **changed)


def test_score_layers_of_other_features_are_refused(images):
    whole = pose.localiser_stage(SMOKE, images, **OPTIONS)
    with pytest.raises(ValueError, match="localiser is of the phase 'all', whose features"):
        stage_of(images, localiser=whole)
    other = pose.localiser_head_stage(SMOKE, images, **OPTIONS, seed=1)
    other.spec = replace(other.spec, fold_seed=0)
    with pytest.raises(ValueError, match="seed is 0, and the localiser's is 1"):
        stage_of(images, localiser=other)


def test_the_row_its_plan_and_its_origins(images):
    stage = pose.row_stage("shared-trunk-held-out", SMOKE, images, **OPTIONS)
    assert isinstance(stage, SharedStage)
    assert stage.spec.fold == stage.localiser.spec.fold == "held-out"
    assert [other.name for other in plan.earlier(stage)] == ["pose/localiser-head"]
    classifier = pose.classifier_stage(SMOKE, images, **OPTIONS)
    own, other = plan.cost(stage_of(images)), plan.cost(classifier)
    assert own.trained > other.trained
    assert own.operations > other.operations
    for preset in ("smoke", "demo", "paper"):
        scale = presets.get(preset)
        one = pose.shared_stage(scale, images, **OPTIONS)
        found = plan.origins(one, scale)
        assert {field.name for field in fields(one.spec)} <= set(found)
        assert found["keypoint_weight"].value == one.spec.keypoint_weight
        assert found["keypoint_weight"].reason
