"""The warm-up of NTS: what it teaches, on which boxes, and what it leaves alone."""

from dataclasses import asdict, fields, replace

import numpy as np
import pytest
import torch
from PIL import Image

from fgnb import ccfr, data, focus, presets, store, training
from fgnb.baselines import stages
from fgnb.baselines.nts_warm_up import NTSWarmUpSpec, NTSWarmUpStage
from fgnb.baselines.recipe import known
from fgnb.data import cub
from fgnb.nn.nts_proposer import Proposer, nts_anchors
from fgnb.nn.ranking import ranking_loss
from fgnb.training.positions import preserved_random_state, seed_at

SCALE = presets.get("smoke", threads=1)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warm-up")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGNB_RUNS", str(folder / "runs"))
        yield folder


@pytest.fixture(scope="module")
def images(place):
    return data.open_images("drawn", data_root=place / "data", preset=SCALE)


@pytest.fixture(scope="module")
def stage(images):
    return lambda preset=SCALE, **changes: stages.nts_warm_up_stage(
        preset, images, **{"fold": "held-out", **changes}
    )


def begun(made):
    """The module that `training.fit` begins with."""
    with preserved_random_state():
        seed_at(made.spec.seed, "module")
        return made.module()


def in_order(module, made, rows):
    """Share of pairs of boxes that the scores put in the order of the classifier's sureness."""
    right = pairs = 0
    module.eval()
    with preserved_random_state(), torch.no_grad():
        torch.manual_seed(0)
        for batch in made.zoomed.batches(rows):
            for _ in range(8):
                found = module.propose(batch, "sampled")
                scores, worth = found.scores, module.worth(batch, found.boxes)
                surer = worth[:, :, None] > worth[:, None, :]
                pairs += int(surer.sum())
                right += int((surer & (scores[:, :, None] > scores[:, None, :])).sum())
    return right / pairs


def test_it_puts_more_pairs_in_order_on_images_that_it_has_not_seen(place, write_cub):
    """A class is known by a red or a blue patch, somewhere on grey."""
    folder, rng = write_cub(classes=2, train=12, test=6, size=96), np.random.default_rng(1)
    for path in sorted((folder / "images").rglob("*.jpg")):
        pixels = rng.integers(110, 140, (96, 96, 3), dtype=np.uint8)
        y, x = rng.integers(0, 72, 2)
        pixels[y : y + 24, x : x + 24] = (
            (220, 40, 40) if "_1" in path.parent.name else (40, 40, 220)
        )
        Image.fromarray(pixels).save(path)
    scale = replace(SCALE, image_size=96, source_size=96, batch_size=16, max_steps=30)
    patches = cub.load(folder, name="drawn")
    made = stages.nts_warm_up_stage(replace(scale, warm_up_epochs=15), patches, lr=0.01)
    module = begun(made)
    before = in_order(module, made, made.query_index)
    training.fit(made, progress=False).load_weights(module)
    assert in_order(module, made, made.query_index) > before + 0.06


def test_only_the_proposer_learns(stage):
    made = stage()
    start, run = begun(made).state_dict(), training.fit(made, progress=False)
    for name, value in run.weights().items():
        moved = not value.equal(start[name])
        assert moved == name.startswith("proposer.proposal_network"), name
    group = begun(made).configure_optimizers()["optimizer"].param_groups[0]
    assert group["initial_lr"] == 0.001
    free = [p for p in begun(made).parameters() if p.requires_grad]
    assert len(group["params"]) == len(free) == 12


def test_its_loss_is_the_ranking_of_what_the_starts_head_says_of_regions(stage):
    made = stage()
    module = begun(made)
    (batch,) = made.zoomed.batches(made.train_index[:3])
    torch.manual_seed(7)
    loss = module.loss(batch)["loss"]
    torch.manual_seed(7)
    found = module.proposer.sample(module.extractor.whole(batch.inputs)[-1])
    maps = module.extractor.regions(batch, found.boxes)
    worth = [
        [float(module.head(maps[i, k].mean((1, 2))).log_softmax(0)[batch.targets[i]])
         for k in range(6)]
        for i in range(3)
    ]  # fmt: skip
    torch.testing.assert_close(loss, ranking_loss(found.scores, torch.tensor(worth)))
    loss.backward()
    assert module.proposer.proposal_network.down[0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("candidates", ["sampled", "best"])
def test_candidates_are_anywhere_or_its_own_best(stage, candidates):
    made = stage(candidates=candidates)
    module = begun(made)
    (batch,) = made.zoomed.batches(made.train_index[:3])
    seen = []
    module.worth = lambda batch, boxes: seen.append(boxes) or torch.rand(boxes.shape[:2])
    torch.manual_seed(1)
    module.loss(batch)
    module.loss(batch)
    assert seen[0].equal(seen[1]) == (candidates == "best")
    if candidates == "best":
        assert seen[0].equal(module.propose(batch).boxes)


def test_sampled_boxes_are_all_different_and_of_each_side_as_often():
    proposer = Proposer(4, 448)
    torch.manual_seed(0)
    feature_map = torch.randn(1, 4, 14, 14).expand(700, -1, -1, -1)
    found = proposer.sample(feature_map)
    assert all(len(set(row)) == 6 for row in found.index.tolist())
    torch.testing.assert_close(found.boxes, nts_anchors(448).boxes[found.index])
    scores = proposer.score(feature_map[:1])[0]
    torch.testing.assert_close(found.scores, scores[found.index])
    sides, counts = proposer.scales[found.index].unique(return_counts=True)
    assert len(sides) == 7
    share = counts / counts.sum()  # a standard deviation is about half a point
    np.testing.assert_allclose(share, 1 / 7, atol=0.025)
    assert not found.index.equal(proposer.sample(feature_map).index)


def test_it_keeps_the_best_boxes_of_the_queries(stage, images):
    made = stage()
    run = training.fit(made, progress=False)
    module = begun(made)
    run.load_weights(module)
    module.eval()
    found = run.predictions
    assert found["query_ids"].tolist() == images.ids[made.query_index].tolist()
    with torch.no_grad():
        (batch,) = made.zoomed.batches(made.query_index)
        expected = module.propose(batch)
    np.testing.assert_allclose(found["query_boxes"], expected.boxes, atol=1e-4)
    np.testing.assert_allclose(found["query_box_scores"], expected.scores, atol=1e-5)
    scales = torch.from_numpy(found["query_box_scales"])
    torch.testing.assert_close(scales, module.proposer.scales[expected.index])


def test_it_goes_on_after_a_stop_to_the_same_bits(stage, tmp_path, monkeypatch):
    made = stage(replace(SCALE, max_steps=4, warm_up_epochs=2))
    whole = training.fit(made, root=tmp_path / "whole", progress=False).weights()
    stopped, steps = stage(replace(SCALE, max_steps=4, warm_up_epochs=2)), []
    make = stopped.module

    def interrupted():
        module = make()
        loss = module.loss

        def counted(batch):
            steps.append(batch)
            if len(steps) == 3:
                raise MemoryError("made up")
            return loss(batch)

        module.loss = counted
        return module

    stopped.module = interrupted
    with pytest.raises(MemoryError):
        training.fit(stopped, root=tmp_path / "two", progress=False, checkpoint_every=1)
    again = training.fit(made, root=tmp_path / "two", progress=False)
    assert again.environment["started_at_step"] == 2
    assert all(value.equal(whole[name]) for name, value in again.weights().items())


def test_it_begins_from_the_start_of_its_nts_and_has_an_identity_of_its_own(images, stage):
    plain = ccfr.global_stage(SCALE, images, fold="held-out")
    nts = stages.nts_stage(SCALE, images, fold="held-out", start=plain)
    made = nts.warm_up
    assert made.start is plain
    assert made.spec.start == nts.spec.start
    kept = training.fit(plain, progress=False).weights()
    assert begun(made).head.weight.equal(kept["head.weight"])
    assert nts.spec.warm_up["spec"] == asdict(made.spec)
    keys = {training.identity(one).key for one in (made, stage(), stage(lr=0.1), nts)}
    assert len(keys) == 4
    store.canonical_json(asdict(nts.spec))
    others = focus.global_stage(SCALE, images, fold="held-out")
    same = stages.nts_stage(SCALE, images, fold="held-out", start=others)
    assert training.identity(same).key == training.identity(nts).key  # both papers' row is one run


def test_the_public_codes_recipe_has_none_unless_it_is_asked_for(images):
    paper = presets.get("paper", image_size=64, source_size=64, crop_size=32)
    assert stages.nts_stage(paper, images).warm_up is None
    asked = stages.nts_stage(paper, images, warm_up=True).warm_up
    assert asked.spec.epochs == paper.warm_up_epochs
    assert asked.spec.cut == 1
    assert stages.nts_stage(SCALE, images, warm_up=False).spec.warm_up is None


@pytest.mark.parametrize("preset", ["smoke", "demo", "paper"])
def test_its_recipe_names_every_value_of_its_spec(preset):
    scale = presets.get(preset)
    joint = stages.nts_spec(scale, "resnet18", "random", fold="all", seed=0, iou=0.5)
    spec = stages.warm_up_spec(scale, joint)
    fields_of_both = {f.name for f in fields(NTSWarmUpSpec)} - set(stages.WARM_UP)
    shared = fields_of_both - {"epochs", "max_steps"}
    assert all(getattr(spec, name) == getattr(joint, name) for name in shared)
    assert spec.epochs == scale.warm_up_epochs
    own = known(stages.warm_up_values(scale)) | {"iou": 0.5}
    assert {name: getattr(spec, name) for name in own} == own


def test_bad_input_is_named(stage, images):
    with pytest.raises(ValueError, match="candidates is 'all'; it is one of sampled, best"):
        stage(candidates="all")
    with pytest.raises(TypeError, match="dropout"):
        stage(dropout=0.5)
    with pytest.raises(ValueError, match=r"start and spec\.start should both be None, or neither"):
        NTSWarmUpStage(images, replace(stage().spec, start={}), "imagenet", "baselines/x")
    with pytest.raises(ValueError, match="proposals is 40, but there are 39 anchors"):
        begun(stage(proposals=40))
