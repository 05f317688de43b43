"""The NTS stage: what is trained, what is kept, and that it is what the network says."""

import dataclasses

import numpy as np
import pytest
import torch

from fgnb import focus, presets, training
from fgnb.baselines.nts import NTSStage
from fgnb.baselines.recipe import known
from fgnb.baselines.stages import (
    FROZEN_TRUNK,
    PUBLISHED,
    STAGES,
    nts_spec,
    nts_stage,
    nts_warm_up_stage,
)
from fgnb.baselines.start import start_field
from fgnb.cli.train import stages
from fgnb.data import cub, load_rgb
from fgnb.data.transforms import eval_transform
from fgnb.nn.nts_proposer import nts_anchors
from fgnb.nn.regions import crop_and_resize
from fgnb.nn.weights import weights_info
from fgnb.store import code_digest
from fgnb.training.positions import preserved_random_state, seed_at

HEADS = ("proposal_network.down", "proposal_network.score", "raw", "part", "concat")
SMOKE = presets.get("smoke", threads=1, batch_size=4, source_size=128)


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=2, train=4, test=2, size=80), name="drawn")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One store for all tests: what the trunk sees is computed once."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def stage(images, runs, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(runs))

    def make(**changes):
        return nts_stage(SMOKE, images, backbone="resnet18", weights="random", **changes)

    return make


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def initial_weights(stage):
    """The weights that `training.fit` begins with."""
    with preserved_random_state():
        seed_at(stage.spec.seed, "module")
        return state(stage.module())


def test_a_run_trains_tail_heads_and_proposer_and_keeps_what_a_region_run_keeps(stage, images):
    made = stage(average=0.0)
    before = initial_weights(made)
    run = training.fit(made)
    moved = {name for name, value in run.weights().items() if not value.equal(before[name])}
    for part in ("backbone.tail", *(f"heads.{p}" for p in HEADS)):
        assert any(name.startswith(part) for name in moved), part
    assert not any(name.startswith("backbone.trunk") for name in moved)
    found, queries = run.predictions, ~images.train
    shapes = {name: value.shape for name, value in found.items()}
    assert shapes == {
        "query_ids": (4,),
        "query_labels": (4,),
        "query_probs": (4, 2),
        "query_image_probs": (4, 2),
        "query_embedding": (4, 5 * 512),
        "query_boxes": (4, 4, 4),
        "query_box_scores": (4, 4),
        "query_box_scales": (4, 4),
    }
    for name in ("query_boxes", "query_box_scores", "query_box_scales", "query_probs"):
        assert found[name].dtype == np.float32
    assert found["query_ids"].tolist() == images.ids[queries].tolist()
    (epoch,) = run.metrics["epochs"]
    assert set(epoch["parts"]) == {"raw", "concat", "part", "rank"}
    assert epoch["loss"] == pytest.approx(sum(epoch["parts"].values()), rel=1e-5)


def test_what_is_kept_is_what_the_network_says_of_each_picture_alone(stage, images):
    made = stage()
    run = training.fit(made)
    module = made.module()
    run.load_weights(module)
    module.eval()
    found, anchors = run.predictions, nts_anchors(64)
    info = weights_info("resnet18", "random")
    whole = eval_transform(64, info, frame=made.spec.framing)
    source = eval_transform(128, info, frame=made.spec.framing)
    for query, row in enumerate(np.flatnonzero(~images.train)):
        picture = load_rgb(images.path(row))
        with torch.no_grad():
            feature_map = module.backbone(whole(picture)[None])
            scores = module.heads.proposal_network(feature_map)[0]
            boxes = torch.from_numpy(found["query_boxes"][query])
            chosen = [int((anchors.boxes == box).all(1).nonzero()) for box in boxes]
            inside = crop_and_resize(torch.ones(1, 1, 128, 128), 2 * boxes[None], 32)
            crops = crop_and_resize(source(picture)[None], 2 * boxes[None], 32)
            mean, std = (torch.tensor(v)[:, None, None] for v in (info.mean, info.std))
            crops = crops - mean / std * (1 - inside)  # bytes are 0 outside before they are scaled
            seen = [*module.backbone(crops).mean((2, 3)), feature_map[0].mean((1, 2))]
            embedding = torch.cat(seen)
            probs = module.heads.concat(embedding).softmax(0)
            alone = module.heads.raw(seen[-1]).softmax(0)
        assert chosen[0] == int(scores.argmax())
        np.testing.assert_allclose(found["query_box_scores"][query], scores[chosen], atol=1e-4)
        np.testing.assert_allclose(found["query_box_scales"][query], anchors.scales[chosen])
        np.testing.assert_allclose(found["query_embedding"][query], embedding, atol=1e-3)
        np.testing.assert_allclose(found["query_probs"][query], probs, atol=1e-3)
        np.testing.assert_allclose(found["query_image_probs"][query], alone, atol=1e-3)


def test_before_training_it_answers_as_logistic_regression_on_whole_and_regions(stage):
    made = stage(head_start="whole")
    module = made.module()
    found = made._infer(module, made.query_index)
    start, seen = made.plain.logistic, found["embedding"].reshape(4, 5, 512)
    np.testing.assert_allclose(
        seen[:, 4], made.plain.cache.features[made.query_index], rtol=1e-3, atol=1e-4
    )
    logits = seen @ start.weight.T + start.bias  # [Q, 5, C]
    logits = (logits * np.array([1, 1, 1, 1, 4])[:, None] / 8).sum(1)
    expected = torch.from_numpy(logits).softmax(1)
    np.testing.assert_allclose(found["probs"], expected, atol=1e-3)


def test_a_fitted_start_is_a_regression_on_regions_and_its_mean_with_the_whole(
    stage, images, fitted
):
    made = stage()
    module = made.module()
    labels = images.labels[made.train_index]
    train = made._infer(module, made.train_index)["embedding"]
    query = made._infer(module, made.query_index)
    each, of = train[:, : 4 * 512].reshape(-1, 512), np.repeat(labels, 4)
    regions = query["embedding"][:, : 4 * 512].reshape(-1, 512)
    expected = np.exp(fitted(each, of, made.plain.logistic.c, regions))
    with torch.no_grad():
        said = module.heads.part(torch.from_numpy(regions)).softmax(1)
    np.testing.assert_allclose(said, expected, atol=1e-3)
    with torch.no_grad():
        of_regions = module.heads.part(torch.from_numpy(regions)).unflatten(0, (4, 4)).mean(1)
        of_whole = module.heads.raw(torch.from_numpy(query["embedding"][:, 4 * 512 :]))
    expected = ((of_regions + of_whole) / 2).softmax(1)
    np.testing.assert_allclose(query["probs"], expected, atol=1e-3)


def test_it_begins_from_a_trained_plain_stage_and_always_the_same(stage, images):
    plain = focus.global_stage(SMOKE, images, backbone="resnet18", weights="random")
    made, ended = stage(start=plain), training.fit(plain).weights()
    before = initial_weights(made)
    assert before["heads.raw.weight"].equal(ended["head.weight"])
    name = "backbone.tail.0.1.conv2.weight"
    assert before[name].equal(ended[name])
    assert not initial_weights(stage())[name].equal(ended[name])
    assert made.spec.start == {
        "stage": "baselines/plain",  # as the store has it: ccfr's is the same run
        "key": training.identity(plain).key,
        "spec": dataclasses.asdict(plain.spec),
    }
    assert all(value.equal(before[name]) for name, value in state(made.module()).items())
    with pytest.raises(ValueError, match="should both be None, or neither"):
        NTSStage(images, made.spec, "random", "baselines/nts")


@pytest.fixture
def warmed(stage, images):
    """A stage whose warm-up takes such steps that other boxes are the best after it."""
    made = stage()
    warm_up = nts_warm_up_stage(SMOKE, images, backbone="resnet18", weights="random", lr=1.0)
    spec = dataclasses.replace(made.spec, warm_up=start_field(warm_up))
    return NTSStage(images, spec, "random", "baselines/nts", warm_up=warm_up)


def test_it_begins_with_the_proposer_of_its_warm_up(stage, warmed):
    ranked = training.fit(warmed.warm_up)
    begun, apart = initial_weights(warmed), initial_weights(stage(warm_up=False))
    proposer = [name for name in ranked.weights() if "proposal_network" in name]
    assert len(proposer) == 12
    for name in proposer:
        own = f"heads.{name.removeprefix('proposer.')}"
        assert begun[own].equal(ranked.weights()[name])
        assert not begun[own].equal(apart[own])
    boxes = warmed._infer(warmed.module(), warmed.query_index)["index"]
    seen = nts_anchors(64).boxes[torch.from_numpy(boxes)]
    np.testing.assert_array_equal(seen, ranked.predictions["query_boxes"][:, :4])


def test_the_classifier_of_regions_is_fitted_on_the_warmed_proposers_boxes(
    stage, warmed, images, fitted
):
    module, labels = warmed.module(), images.labels[warmed.train_index]
    seen = warmed._infer(module, warmed.train_index)
    cold = stage(warm_up=False)
    untrained = cold._infer(cold.module(), cold.train_index)
    assert not np.array_equal(seen["index"], untrained["index"])
    each = seen["embedding"][:, : 4 * 512].reshape(-1, 512)
    expected = np.exp(fitted(each, np.repeat(labels, 4), warmed.plain.logistic.c, each))
    with torch.no_grad():
        said = module.heads.part(torch.from_numpy(each)).softmax(1)
    np.testing.assert_allclose(said, expected, atol=1e-3)


def test_another_warm_up_is_another_run(stage, warmed, images):
    keys = {training.identity(made).key for made in (stage(), stage(warm_up=False), warmed)}
    assert len(keys) == 3
    longer = dataclasses.replace(SMOKE, warm_up_epochs=2)
    made = nts_stage(longer, images, backbone="resnet18", weights="random")
    assert made.spec.warm_up["key"] == training.identity(made.warm_up).key
    assert made.spec.warm_up["key"] != stage().spec.warm_up["key"]
    with pytest.raises(ValueError, match=r"warm_up and spec\.warm_up should both be None"):
        NTSStage(images, made.spec, "random", "baselines/nts")


@pytest.mark.parametrize("head_start", ["whole", "fitted"])
def test_the_joint_classifier_begins_with_a_share_of_regions(stage, head_start):
    made = stage(region_share=0.2, head_start=head_start)
    heads = made.module().heads
    parts = heads.concat.weight.unflatten(1, (5, -1)).detach()
    torch.testing.assert_close(parts[:, 4], 0.8 * heads.raw.weight.detach())
    for each in range(4):
        torch.testing.assert_close(parts[:, each], 0.05 * heads.part.weight.detach())
    torch.testing.assert_close(
        heads.concat.bias.detach(), 0.8 * heads.raw.bias.detach() + 0.2 * heads.part.bias.detach()
    )


def test_the_concatenation_answers(stage):
    made = stage()
    module = made.module()
    for head in (module.heads.raw, module.heads.part):
        torch.nn.init.constant_(head.bias, 1e6)
    with torch.no_grad():
        module.heads.concat.bias.copy_(torch.tensor([0.0, 1e6]))
    probs = made._infer(module, made.query_index)["probs"]
    np.testing.assert_array_equal(probs, [[0, 1]] * 4)


def test_the_same_stage_gives_the_same_bits_and_leaves_the_mode_alone(stage, tmp_path):
    one = training.fit(stage()).predictions
    again = training.fit(stage(), root=tmp_path)
    assert not again.reused
    other = again.predictions
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name])
    made = stage()
    module = made.module().train()
    first = made._infer(module, made.query_index)
    np.testing.assert_array_equal(made._infer(module, made.query_index)["probs"], first["probs"])
    assert module.training
    assert module.heads.dropout.training


def test_a_sample_and_its_source_are_flipped_together(stage):
    dataset = stage().data().dataset
    flips = []
    for epoch in range(8):
        batch, again = dataset[(epoch, 0)], dataset[(epoch, 0)]
        assert torch.equal(batch.inputs, again.inputs)
        row = int(batch.rows)
        flips.append(not np.array_equal(batch.sources, dataset.sources[row]))
        assert np.array_equal(batch.inputs, dataset.cache.maps[row, int(flips[-1])])
    assert True in flips
    assert False in flips


def test_without_a_frozen_trunk_everything_is_trained_on_pictures(stage):
    made = stage(cut=1, max_steps=1)
    before = initial_weights(made)
    run = training.fit(made)
    after = run.weights()
    assert any(
        name.startswith("backbone.tail.0") and not value.equal(before[name])
        for name, value in after.items()
    )
    assert run.predictions["query_probs"].shape == (4, 2)


@pytest.mark.parametrize("warm_up", [True, False])
def test_an_average_is_of_everything_but_a_proposer_that_began_at_random(stage, warm_up):
    made = stage(average=0.5, warm_up=warm_up)
    module = made.module()
    start = state(module)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1.0)
    before = state(module)
    made.finish(module)
    after, free = module.state_dict(), dict(module.named_parameters())
    for name, value in before.items():
        if name not in free or not free[name].requires_grad:
            continue
        stays = name.startswith("heads.proposal_network") and not warm_up
        expected = value if stays else (value + start[name]) / 2
        torch.testing.assert_close(after[name], expected, msg=name)


def test_held_out_figures_where_test_is_not_read(stage):
    selection = training.fit(stage(fold="held-out"))
    (entry,) = selection.metrics["epochs"]
    probs, truth = selection.predictions["query_probs"], selection.predictions["query_labels"]
    figures = entry["validation"]
    assert figures["held_out_accuracy"] == pytest.approx(np.mean(probs.argmax(1) == truth))
    loss = -np.log(probs[np.arange(len(truth)), truth]).mean()
    assert figures["held_out_log_loss"] == pytest.approx(loss, rel=1e-5)
    assert stage().validate(stage().module()) == {}


def test_heads_have_a_rate_of_their_own_and_all_that_is_free_is_trained(stage):
    module = stage(lr=0.5, new_layers=3.0).module()
    groups = module.configure_optimizers()["optimizer"].param_groups
    assert [group["initial_lr"] for group in groups] == [0.5, 1.5, 1.5]
    proposer, heads = (
        {id(p) for p in of.parameters()} for of in (module.heads.proposal_network, module.heads)
    )
    assert {id(p) for p in groups[1]["params"]} == proposer
    assert {id(p) for p in groups[2]["params"]} == heads - proposer
    trained = {id(p) for group in groups for p in group["params"]}
    assert trained == {id(p) for p in module.parameters() if p.requires_grad}


def test_regions_in_small_parts_give_the_same_loss_and_gradient(stage):
    found = []
    for micro_batch in (None, 5):
        made = stage(micro_batch=micro_batch, dropout=0.0)
        with preserved_random_state():
            seed_at(0, "module")
            module = made.module()
        batch = next(made.zoomed.batches(made.train_index[:2]))
        module.loss(batch)["loss"].backward()
        found.append({n: p.grad for n, p in module.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-3, atol=1e-3)


def test_recipes_name_every_field_that_is_no_scale():
    assert set(PUBLISHED) == set(FROZEN_TRUNK)
    paper = nts_spec(presets.get("paper"), "resnet50", "random", fold="all", seed=1)
    assert (paper.image_size, paper.source_size, paper.crop_size, paper.cut) == (448, 448, 224, 1)
    demo = nts_spec(presets.get("demo"), "resnet18", "random", fold="all", seed=1)
    assert (demo.image_size, demo.source_size, demo.crop_size, demo.cut) == (224, 448, 112, 8)
    assert demo.epochs == presets.get("demo").region_epochs
    for spec, recipe in ((paper, PUBLISHED), (demo, FROZEN_TRUNK)):
        fields = dataclasses.asdict(spec)
        values = {**known(recipe), "warm_up": None}  # named by the stage
        assert {name: fields[name] for name in recipe} == values


def test_the_command_line_knows_it(stage):
    assert stages("baselines") == STAGES
    assert stage().name == "baselines/nts"
    assert code_digest(stage().modules) != code_digest(["fgnb.baselines.plain"])


def test_bad_input_is_named(stage):
    with pytest.raises(TypeError, match="margin"):
        stage(margin=2.0)
    with pytest.raises(ValueError, match="head_start is 'fresh'; it is one of whole, fitted"):
        stage(head_start="fresh")
    with pytest.raises(ValueError, match=r"region_share is 1\.5, needs a number from 0 to 1"):
        stage(region_share=1.5)
    with pytest.raises(ValueError, match="fold is 'test'"):
        stage(fold="test")
    with pytest.raises(ValueError, match="source is 32, under image, 64"):
        stage(source_size=32)
