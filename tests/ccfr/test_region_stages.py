"""The region stages at the smoke preset: what they keep, and how their rows differ."""

from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fgnb import ccfr, data, paths, presets, training
from fgnb.ccfr.region_recipe import region_values
from fgnb.ccfr.stages import equal_compute_side
from fgnb.nn.regions import greedy_nms
from fgnb.store import canonical_json
from fgnb.training import settings

SCALE = presets.get("smoke")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("regions")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGNB_RUNS", str(folder / "runs"))
        yield folder


@pytest.fixture(scope="module")
def images(place):
    return data.open_images("drawn", data_root=place / "data", preset=SCALE)


@pytest.fixture(scope="module")
def run(images):
    return training.fit(ccfr.region_stage(SCALE, images, fold="held-out"), progress=False)


def test_its_predictions(run, images):
    kept = run.predictions
    held_out = images.held_out(0)
    assert np.array_equal(kept["query_ids"], images.ids[held_out])
    assert kept["query_embedding"].shape[1] == 3 * 1280
    np.testing.assert_allclose(kept["query_probs"].sum(1), 1, atol=1e-5)
    boxes, scales = kept["query_boxes"], kept["query_box_scales"]
    assert boxes.shape == (held_out.sum(), 4, 4)
    np.testing.assert_allclose(boxes[..., 2] - boxes[..., 0], scales, rtol=1e-5)
    assert (np.diff(scales, axis=1) >= 0).all()
    assert (kept["query_box_scores"][:, 0] >= kept["query_box_scores"][:, 1]).all()


def test_the_database_is_the_folds_training_images_embedded_once(run, images):
    stage = ccfr.region_stage(SCALE, images, fold="held-out")
    found, index = stage.database(run), stage.train_index
    assert np.array_equal(found["database_ids"], images.ids[index])
    assert np.array_equal(found["database_labels"], images.labels[index])
    module = stage.module()
    run.load_weights(module)
    with torch.inference_mode():
        (batch,) = stage.zoomed.batches(index[:3])
        expected = module.eval()(batch).embedding
    np.testing.assert_allclose(found["database_embedding"][:3], expected, rtol=1e-3, atol=1e-4)
    stage.module = None  # a second call reads
    assert np.array_equal(stage.database(run)["database_embedding"], found["database_embedding"])


def test_without_its_stage_a_run_has_no_answers(run):
    with pytest.raises(ValueError, match="stage is None"):
        ccfr.Answers.of(run)


def test_stages_that_differ_in_training_alone_share_the_fitted_head(images, run):
    def heads():
        return sorted(p.name for p in (paths.runs_root() / "heads").iterdir() if p.is_dir())

    before, of = heads(), {"fold": "held-out"}
    for changes in ({"scorer_signal": "none"}, {"lr": 0.1, "mu": 0.0}, {"shared_extractor": False}):
        ccfr.region_stage(SCALE, images, **of, **changes).module()
    assert heads() == before
    ccfr.region_stage(SCALE, images, **of, scorer_signal="gate").module()
    assert len(heads()) == len(before) + 1


def test_a_longer_warm_up_is_another_run(images):
    longer = ccfr.region_stage(replace(SCALE, warm_up_epochs=2), images)
    first = ccfr.region_stage(SCALE, images)
    assert training.identity(longer).key != training.identity(first).key
    assert first.spec.warm_up["key"] == training.identity(first.warm_up).key
    assert ccfr.region_stage(SCALE, images, boxes="random").spec.warm_up is None


def test_regions_may_have_an_extractor_of_their_own(images):
    made = ccfr.region_stage(SCALE, images, fold="held-out", shared_extractor=False)
    kept, start = training.fit(made, progress=False).weights(), made.module().model.state_dict()
    for part in ("backbone.tail", "region_backbone.tail"):
        assert any(not kept[f"model.{n}"].equal(v) for n, v in start.items() if n.startswith(part))
    apart = [n for n in start if n.startswith("region_backbone.tail")]
    assert all(start[n].equal(start[n.removeprefix("region_")]) for n in apart)
    whole = {n: kept[f"model.{n.removeprefix('region_')}"] for n in apart}
    assert any(not kept[f"model.{n}"].equal(whole[n]) for n in apart)


def test_answers_come_from_it_without_a_logistic_row(run, images):
    answers = ccfr.Answers.of(run, ccfr.region_stage(SCALE, images, fold="held-out"))
    named = answers.predictions(ccfr.Settings(0.5, 0.7))
    assert sorted(named) == ["classification", "reranked", "retrieval"]
    assert not [name for name in answers.arrays("test") if "logistic" in name]


def test_the_stored_weights_give_the_stored_answers(run, images):
    stage = ccfr.region_stage(SCALE, images, fold="held-out")
    module = stage.module()
    run.load_weights(module)
    again = stage.predict(module.eval())
    np.testing.assert_allclose(again["query_probs"], run.predictions["query_probs"], atol=1e-5)
    assert np.array_equal(again["query_boxes"], run.predictions["query_boxes"])


def test_no_training_reads_memory_that_it_has_not_written(run, images, monkeypatch, tmp_path):
    """With fresh memory filled by NaN, as torch does where it is asked to, the same bits."""
    monkeypatch.setattr(settings, "_CHECKS", SimpleNamespace(fill_uninitialized_memory=False))
    assert torch.utils.deterministic.fill_uninitialized_memory
    stage = ccfr.region_stage(SCALE, images, fold="held-out")
    again = training.fit(stage, root=tmp_path, progress=False)
    for name, weight in run.weights().items():
        assert torch.equal(again.weights()[name], weight)
    assert np.array_equal(again.predictions["query_probs"], run.predictions["query_probs"])


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_the_head_starts_as_a_mean_of_whole_and_regions(images, fitted, share):
    stage = ccfr.region_stage(SCALE, images, fold="held-out", region_share=share)
    module = stage.module()
    found = stage._infer(module, stage.query_index)
    width = module.model.backbone.num_features
    train = stage._infer(module, stage.train_index)["embedding"].reshape(-1, 3, width)[:, 1:]
    query = found["embedding"].reshape(-1, 3, width)
    start = training.fit(stage.start, progress=False)
    c = float(start.predictions["logistic_c"])
    labels = np.repeat(images.labels[stage.train_index], 2)
    whole = {name: start.weights()[f"head.{name}"].numpy() for name in ("weight", "bias")}
    logits = (1 - share) * (query[:, 0] @ whole["weight"].T + whole["bias"])
    seen = train.reshape(-1, width)
    logits += share * np.mean([fitted(seen, labels, c, query[:, i]) for i in (1, 2)], axis=0)
    expected = torch.from_numpy(logits).softmax(1)
    np.testing.assert_allclose(found["probs"], expected, atol=1e-3)


def test_each_row_is_another_spec_of_one_stage(images):
    rows = [
        {"nms": "joint-equal", "fusion": "concatenate"},
        {"fusion": "concatenate"},
        {},
        {"boxes": "random"},
        {"boxes": "centre"},
        {"scorer_signal": "margin-rank"},
    ]
    stages = [ccfr.region_stage(SCALE, images, **row) for row in rows]
    assert len({training.identity(stage).key for stage in stages}) == len(rows)
    assert [stage.warm_up is None for stage in stages] == [False] * 3 + [True] * 2 + [False]
    start = stages[0].spec.start
    assert all(stage.spec.start == start for stage in stages)
    assert start["spec"] == asdict(stages[0].start.spec)
    canonical_json(asdict(stages[0].spec))


def test_controls_use_the_boxes_that_they_name(images):
    for boxes in ("random", "centre", "oracle"):
        stage = ccfr.region_stage(SCALE, images, fold="held-out", boxes=boxes)
        module = stage.module().eval()
        (batch,) = stage.zoomed.batches(stage.query_index)
        with torch.no_grad():
            chosen = module(batch).chosen
            scores = stage.placement.eval()(batch)
        assert torch.equal(chosen.places, module.model.selector(scores, stage.anchors))
        assert not [p for p in module.model.pyramid.parameters() if p.requires_grad]


def test_the_warm_up_moves_the_pyramid_alone(images):
    stage = ccfr.warm_up_stage(SCALE, images, fold="held-out")
    run = training.fit(stage, progress=False)
    torch.manual_seed(0)
    start = training.fit(stage.start, progress=False).weights()
    after = run.weights()
    assert torch.equal(after["head.weight"], start["head.weight"])
    name = "tail.0.0.conv_pw.weight"
    assert torch.equal(after[f"scorer.backbone.{name}"], start[f"backbone.{name}"])
    assert run.predictions["query_boxes"].shape == (6, 4, 4)


def test_joint_suppression_is_over_all_scales(images):
    stage = ccfr.region_stage(SCALE, images, fold="held-out", nms="joint", fusion="concatenate")
    module = stage.module().eval()
    (batch,) = stage.zoomed.batches(stage.query_index)
    with torch.no_grad():
        scores = module.model.score(module.model.extractor.whole(batch.inputs))
        chosen = module(batch).chosen.places
    assert torch.equal(chosen, greedy_nms(scores, stage.anchors.overlap, count=4, iou=0.25))


def test_a_batch_has_four_images_of_every_class_in_it(images):
    stage = ccfr.region_stage(SCALE, images)
    for batch in stage.data().batches(0):
        labels = images.labels[stage.train_index[batch]]
        assert set(np.unique(labels, return_counts=True)[1]) == {4}


def test_every_value_says_where_it_comes_from():
    for name in presets.NAMES:
        for value in region_values(presets.get(name)).values():
            assert value.origin in ("stated", "chosen")
            assert value.reason
    paper = region_values(presets.get("paper"))
    assert (paper["lr"].value, paper["decay_every"].value, paper["weight_decay"].value) == (
        0.001,
        30,
        1e-4,
    )
    assert (paper["iou"].value, paper["per_scale"].value, paper["mu"].value) == (0.25, 2, 1.0)


def test_equal_compute_has_at_least_the_pixels(images):
    assert equal_compute_side(448, 224, 4) == 640
    stage = ccfr.equal_compute_stage(SCALE, images)
    pixels = SCALE.image_size**2 + 4 * SCALE.crop_size**2
    assert stage.spec.image_size**2 >= pixels
    assert (stage.spec.image_size - 32) ** 2 < pixels


def test_bad_options_are_named(images):
    with pytest.raises(ValueError, match="boxes is 'drawn'"):
        ccfr.region_stage(SCALE, images, boxes="drawn")
    with pytest.raises(ValueError, match="multiple of images_per_class, 3"):
        ccfr.region_stage(SCALE, images, images_per_class=3)
    with pytest.raises(ValueError, match="nms is 'soft'"):
        ccfr.region_stage(SCALE, images, nms="soft")
    with pytest.raises(TypeError, match="temperature"):
        ccfr.region_stage(SCALE, images, temperature=1)
