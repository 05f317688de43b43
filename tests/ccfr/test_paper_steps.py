"""The published recipe takes two steps with ResNet-50, in reduced form; its plan fits its steps."""

from dataclasses import replace

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from fgnb import ccfr, data, presets, training
from fgnb.baselines.start import StartingPoint
from fgnb.ccfr import plan

SMALL = presets.get(
    "paper",
    image_size=128,
    source_size=128,
    crop_size=64,
    batch_size=4,
    max_steps=2,
    loader_workers=0,
    seeds=(0,),
)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    scale = presets.get("smoke", species=3, families=1, train_per_class=3, test_per_class=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGNB_RUNS", str(folder / "runs"))
        yield data.open_images("drawn", data_root=folder / "data", preset=scale)


def test_the_region_stage_takes_two_steps(images):
    options = {"backbone": "resnet50", "weights": "random", "multi_level": False}
    stage = ccfr.region_stage(SMALL, images, **options)
    spec = stage.spec
    assert (spec.lr, spec.decay, spec.decay_every, spec.weight_decay) == (0.001, "step", 30, 1e-4)
    assert (spec.cut, spec.iou, spec.mu, spec.batch_norm) == (1, 0.25, 1.0, "trained")
    before = {name: value.clone() for name, value in stage.module().state_dict().items()}
    run = training.fit(stage, progress=False)
    assert run.metrics["final"]["step"] == 2
    weights = run.weights()
    for name in ("model.backbone.tail.0.0.weight", "model.fusion.mix.1.weight", "model.head.bias"):
        assert not torch.equal(weights[name], before[name]), name
    assert run.predictions["query_boxes"].shape == (3, 4, 4)
    assert run.predictions["query_boxes"].max() <= 128


@pytest.mark.parametrize("micro_batch", [None, 2])
def test_the_planned_memory_is_near_what_a_step_keeps(images, monkeypatch, micro_batch):
    scale = replace(SMALL, micro_batch=micro_batch)
    options = {"backbone": "resnet18", "weights": "random", "batch_norm": "stored"}
    stage = ccfr.region_stage(scale, images, **options)
    backbone = plan.meta_backbone("resnet18", cut=1).to_empty(device="cpu")
    for parameter in backbone.state_dict().values():
        parameter.zero_()
    head = torch.nn.Linear(backbone.num_features, len(images.classes))
    start = StartingPoint(backbone, head, 1.0)
    monkeypatch.setattr("fgnb.ccfr.region_stages.trained_start", lambda _: start)
    monkeypatch.setattr(stage, "warm_up", None)
    module = stage.module().train()
    batch = next(stage.zoomed.batches(stage.train_index, 4))
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        module.loss(batch)
    weights = {t.untyped_storage().data_ptr() for t in module.state_dict().values()}
    total = sum(storage.nbytes() for place, storage in kept.items() if place not in weights)
    cost = plan.cost(stage)
    assert cost.weights == sum(t.numel() for t in module.state_dict().values())
    assert cost.trained == sum(p.numel() for p in module.parameters() if p.requires_grad)
    assert 0.5 < cost.activations / total < 2


def test_a_frozen_trunk_is_cheaper_and_the_cheaper_stages_come_first(images):
    smoke = presets.get("smoke")
    costs = {}
    for preset in (smoke, replace(smoke, freeze_stride=None)):
        stage = ccfr.region_stage(preset, images, weights="random")
        whole, levels = plan.earlier(stage.start)[0], stage.start
        for name, one in (("whole", whole), ("levels", levels), ("regions", stage)):
            costs[name, preset.freeze_stride] = plan.cost(one)
        warm_up = plan.cost(stage.warm_up)
        assert warm_up.trained < costs["regions", preset.freeze_stride].trained / 2
    for name in ("whole", "levels", "regions"):
        frozen, free = costs[name, 8], costs[name, None]
        assert frozen.operations < free.operations
        assert 0.99 < frozen.weights / free.weights < 1  # normalisation is folded in
        assert frozen.trained < free.trained
    assert costs["whole", 8].operations < costs["regions", 8].operations
