"""Part networks: what they see, what joins them, what a run keeps."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from fgnb import data, pose, presets, training
from fgnb.baselines.logistic import fit_logistic
from fgnb.baselines.plain import PlainStage
from fgnb.pose import plan
from fgnb.pose.decode import decode
from fgnb.pose.found import found_points
from fgnb.pose.part_net_stage import PartNetStage

SMOKE = presets.get(
    "smoke", threads=1, batch_size=4, image_size=96, source_size=96
)  # of pictures of 64 pixels
OPTIONS = {"backbone": "resnet18", "weights": "random"}
FORM = {"dim": 64}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    scale = presets.get("smoke", species=3, families=1, train_per_class=6, test_per_class=3)
    return data.open_images("drawn", data_root=tmp_path_factory.mktemp("data"), preset=scale)


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGNB_RUNS", str(tmp_path_factory.mktemp("runs")))
        yield


@pytest.fixture(scope="module")
def head(images, store):
    stage = pose.part_net_stage(SMOKE, images, **OPTIONS)
    return stage, training.fit(stage, progress=False)


@pytest.fixture(scope="module")
def joined(images, store):
    stage = pose.part_nets_stage(SMOKE, images, **OPTIONS, **FORM)
    return stage, training.fit(stage, progress=False)


def test_keypoints_are_found_in_every_picture(images, head):
    localiser = head[0].localiser
    found, run = found_points(localiser), training.fit(localiser, progress=False)
    np.testing.assert_allclose(
        found[localiser.query_index], run.predictions["query_points"], atol=1e-3
    )
    rows = localiser.train_index[:5]
    cells = decode(localiser.score_maps(run, rows)).cells
    expected = localiser.frames_at(rows).points_back(localiser.spec.cells.pixels(cells))
    np.testing.assert_allclose(found[rows], expected, atol=1e-3)


def test_a_part_net_is_the_plain_backbone_on_the_crops(images, head):
    stage, run = head
    plain = PlainStage(stage.crops, stage.spec, "random", "tests/plain-on-crops")
    other = training.fit(plain, progress=False)
    for name, value in run.weights().items():
        assert torch.equal(value, other.weights()[name]), name
    for name, value in other.predictions.items():
        assert np.array_equal(run.predictions[name], value), name
    assert not torch.equal(run.weights()["head.weight"], stage.module().head.weight), "it learns"
    points, rows = found_points(stage.localiser), stage.query_index
    kept = run.predictions["query_crops"]
    inside = points[rows][:, [1, 4]]  # beak and crown, of the head
    assert (inside >= kept[:, None, :2] - 1).all()
    assert (inside <= kept[:, None, 2:] + 1).all()
    assert np.array_equal(run.predictions["query_ids"], images.ids[rows])


def test_head_and_body_see_other_pixels(images):
    sides = [
        pose.row_stage(row, SMOKE, images, **OPTIONS).crops.boxes[:, 2:].prod(axis=1).mean()
        for row in ("head-net", "body-net")
    ]
    assert sides[0] != sides[1]


def test_the_joined_classifier_begins_with_the_mean_of_its_networks(images, joined):
    stage, _ = joined
    train, query = stage.features
    assert train.shape[0] == len(stage.train_index)
    assert query.shape[0] == len(stage.query_index)
    module, said = stage.module(), []
    ends = np.cumsum([run.weights()["head.weight"].shape[1] for run in stage.runs])
    for run, part in zip(stage.runs, np.split(query, ends[:-1], axis=1), strict=True):
        weights = run.weights()
        logits = part @ weights["head.weight"].numpy().T + weights["head.bias"].numpy()
        probs = torch.from_numpy(logits).softmax(1)
        np.testing.assert_allclose(probs, run.predictions["query_probs"], atol=1e-4)
        said.append(logits)
    with torch.no_grad():
        own = module(torch.from_numpy(query)).numpy()
    np.testing.assert_allclose(own, np.mean(said, axis=0), atol=1e-4)


def test_the_model_is_read_at_true_keypoints_in_training_and_at_found_ones_at_test(images, joined):
    stage, _ = joined
    classifier, run = stage.classifier, stage.runs[0]
    module = classifier.module()
    run.load_weights(module)
    numbers = module.joint.num_features
    for rows, cells, seen in (
        (stage.train_index, classifier.true_cells(stage.train_index), stage.features[0]),
        (stage.query_index, classifier.found_cells, stage.features[1]),
    ):
        expected = classifier.vectors(module.joint.eval(), rows, cells)
        np.testing.assert_allclose(seen[:, :numbers], expected, atol=1e-5)


def test_a_fitted_start_is_a_logistic_regression_on_all_features(images, joined):
    stage = pose.part_nets_stage(SMOKE, images, **OPTIONS, **FORM, head_start="fitted")
    train, query = stage.features
    labels = images.labels[stage.train_index]
    c = float(joined[0].runs[0].predictions["logistic_c"])
    expected = fit_logistic(train, labels, c=c, threads=1).probs(query)
    with torch.no_grad():
        own = stage.module()(torch.from_numpy(query)).softmax(1)
    np.testing.assert_allclose(own, expected, atol=1e-4)


def test_a_run_keeps_its_answers_and_those_of_its_start(images, joined):
    _, run = joined
    kept, test = run.predictions, ~images.train
    assert np.array_equal(kept["query_ids"], images.ids[test])
    for name in ("query_probs", "query_logistic_probs"):
        np.testing.assert_allclose(kept[name].sum(axis=1), 1, rtol=1e-5)
    assert not np.array_equal(kept["query_probs"], kept["query_logistic_probs"]), "training acts"
    assert list(run.spec["nets"]) == ["head", "body"]
    assert run.spec["classifier"]["spec"]["holistic"] == "random-maclaurin"


def test_rows_join_what_their_names_say(images):
    def names(row):
        stage = pose.row_stage(row, SMOKE, images, **OPTIONS)
        return [one.name for one in stage.joined]

    assert names("part-nets") == ["pose/classifier", "pose/part-net", "pose/part-net"]
    assert names("crops-alone") == ["pose/part-net", "pose/part-net"]
    whole = pose.row_stage("whole-nets", SMOKE, images, **OPTIONS)
    assert [one.name for one in whole.joined] == ["pose/classifier", "pose/global", "pose/global"]
    seeds = [(one.spec.seed, one.spec.fold_seed) for one in whole.nets.values()]
    assert seeds == [(1, 0), (2, 0)]
    assert {one.spec.epochs for one in whole.joined} == {
        pose.row_stage("plain", SMOKE, images, **OPTIONS).spec.epochs
    }
    pooled = pose.row_stage("part-nets-pooled", SMOKE, images, **OPTIONS)
    assert pooled.classifier.spec.holistic == "pooled"


def test_networks_share_one_localiser_and_the_rows_options(images):
    stage = pose.row_stage("part-nets-held-out", SMOKE, images, **OPTIONS, margin=0.2, lr=0.003)
    keys = {training.identity(one.localiser).key for one in stage.joined}
    assert len(keys) == 1
    assert {one.spec.fold for one in stage.joined} == {"held-out"}
    assert {one.spec.lr for one in stage.joined} == {0.003} == {stage.spec.lr}
    assert {net.spec.margin for net in stage.nets.values()} == {0.2}
    assert not np.isin(stage.query_index, np.flatnonzero(~images.train)).any()


def test_held_out_figures_are_those_of_the_answers(images):
    stage = pose.row_stage("crops-alone-held-out", SMOKE, images, **OPTIONS)
    run = training.fit(stage, progress=False)
    probs, labels = run.predictions["query_probs"], run.predictions["query_labels"]
    told = run.metrics["epochs"][-1]["validation"]["held_out_accuracy"]
    assert told == pytest.approx((probs.argmax(axis=1) == labels).mean())


def test_the_published_network_takes_two_steps_on_pictures(tmp_path, monkeypatch):
    """Everything trained, so nothing is cached: crops are read, flipped and cropped each time."""
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    scale = presets.get("smoke", species=2, families=1, train_per_class=2, test_per_class=1)
    images = data.open_images("drawn", data_root=tmp_path / "data", preset=scale)
    paper = presets.get("paper", image_size=64, max_steps=2, batch_size=2, loader_workers=0)
    localiser = pose.localiser_stage(paper, images, **OPTIONS, channels=16)
    stage = pose.part_net_stage(paper, images, **OPTIONS, part="body", localiser=localiser)
    run = training.fit(stage, progress=False)
    assert run.metrics["final"]["step"] == 2
    sample, label = stage.data().dataset[0, 1]
    assert sample.shape == (3, 64, 64)
    assert label == images.labels[stage.train_index[1]]


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ("head-net", ["pose/localiser"]),
        ("part-nets", ["pose/classifier", "pose/part-net", "pose/part-net"]),
    ],
)
def test_a_plan_names_what_comes_first_and_trains_nothing(
    images, row, names, tmp_path, monkeypatch
):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    stage = pose.row_stage(row, SMOKE, images, **OPTIONS)
    assert [one.name for one in plan.earlier(stage)] == names
    assert len(stage.data().dataset) == len(stage.train_index)
    assert plan.cost(stage).operations > 0
    assert not (tmp_path / "runs").exists()
    for preset in ("smoke", "demo", "paper"):
        scale = presets.get(preset)
        one = pose.row_stage(row, scale, images, **OPTIONS)
        found = plan.origins(one, scale)
        assert {field.name for field in fields(one.spec)} <= set(found)


def test_other_stages_are_refused(images):
    stage = pose.part_net_stage(SMOKE, images, **OPTIONS)
    moved = replace(stage.spec, fold="held-out")
    with pytest.raises(ValueError, match="fold is 'held-out', and the localiser's is 'all'"):
        PartNetStage(images, moved, "random", "pose/part-net", localiser=stage.localiser)
    with pytest.raises(ValueError, match="head_start is 'sum'; it is one of mean, fitted"):
        pose.part_nets_stage(SMOKE, images, **OPTIONS, head_start="sum")
    with pytest.raises(ValueError, match="part is 'tail'; it is one of head, body"):
        pose.part_net_stage(SMOKE, images, **OPTIONS, part="tail")
    with pytest.raises(TypeError):
        pose.part_net_stage(SMOKE, images, **OPTIONS, sides=4)
