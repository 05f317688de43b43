"""Batch normalisation: stored above a frozen trunk, trained where everything is, in every stage."""

from dataclasses import fields, replace
from importlib import import_module

import numpy as np
import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from fgnb import ccfr, focus, presets, training
from fgnb.baselines.averaging import STATISTICS
from fgnb.baselines.stages import nts_stage
from fgnb.ccfr.rows import ROWS as CCFR
from fgnb.data import cub
from fgnb.focus.rows import ROWS as FOCUS
from fgnb.nn.backbones import create_backbone, statistics_kept
from fgnb.training import plan
from fgnb.training.chain import room_plan
from fgnb.training.settings import deterministic

TINY = presets.get(
    "paper",
    image_size=64,
    source_size=64,
    crop_size=32,
    batch_size=4,
    max_steps=2,
    threads=1,
    loader_workers=0,
    seeds=(0,),
)
SMOKE = presets.get("smoke", threads=1, batch_size=4)
OPTIONS = {"backbone": "resnet18", "weights": "random"}
STAGES = {
    "plain": lambda *given, **more: ccfr.global_stage(*given, **OPTIONS, **more),
    "multi-level": lambda *given, **more: ccfr.multi_level_stage(
        *given, **OPTIONS, parents=(0, 1), **more
    ),
    "regions": lambda *given, **more: ccfr.region_stage(
        *given, **OPTIONS, multi_level=False, **more
    ),
    "focus": lambda *given, **more: focus.region_stage(*given, **OPTIONS, **more),
    "nts": lambda *given, **more: nts_stage(*given, **OPTIONS, **more),
}
CASES = [("ccfr", row) for row in CCFR] + [("focus", row) for row in FOCUS]


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=2, train=5, test=2, size=80), name="drawn")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One store for all tests: the start of a stage is trained once."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(autouse=True)
def store(runs, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(runs))


def statistics(state):
    return {name: value.clone() for name, value in state.items() if name.endswith(STATISTICS)}


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize(("preset", "batch_norm"), [(TINY, "trained"), (SMOKE, "stored")])
def test_two_steps_move_the_statistics_where_everything_is_trained(
    name, preset, batch_norm, images
):
    stage = STAGES[name](preset, images)
    assert stage.spec.batch_norm == batch_norm
    before = statistics(stage.module().state_dict())
    run = training.fit(stage, progress=False)
    after = statistics(run.weights())
    moved = {key for key, value in after.items() if not value.equal(before[key])}
    assert moved == (set(before) if batch_norm == "trained" else set())
    assert before


@pytest.mark.parametrize("name", STAGES)
def test_answers_use_the_stored_statistics_and_leave_them(name, images):
    stage = STAGES[name](TINY, images)
    run = training.fit(stage, progress=False)
    module = stage.module()
    run.load_weights(module)
    before = statistics(module.state_dict())
    with deterministic(stage.spec.threads):
        again = stage.predict(module.train())
    for key, value in run.predictions.items():
        np.testing.assert_allclose(again[key], value, rtol=1e-4, atol=1e-5, err_msg=key)
    assert all(value.equal(before[key]) for key, value in statistics(module.state_dict()).items())
    assert any(m.training for m in module.modules() if isinstance(m, _BatchNorm))


def test_the_warm_ups_extractor_keeps_what_its_start_has_learnt(images):
    stage = STAGES["regions"](TINY, images)
    start = training.fit(stage.start, progress=False).weights()
    warm_up = training.fit(stage.warm_up, progress=False).weights()
    for key, value in statistics(start).items():
        assert warm_up[f"scorer.{key}"].equal(value), key
    assert stage.warm_up.spec.batch_norm == "stored"
    with pytest.raises(ValueError, match="frozen in the warm-up"):
        replace(stage.warm_up.spec, batch_norm="trained")


def test_rivals_of_the_ranking_leave_the_statistics(images):
    """They are looked at to rank, and not trained on."""
    found = []
    for signal in ("none", "margin-rank"):
        stage = STAGES["regions"](TINY, images, scorer_signal=signal)
        module = stage.module().train()
        torch.manual_seed(0)
        module.loss(next(stage.zoomed.batches(stage.train_index, 4)))
        found.append(statistics(module.state_dict()))
    assert all(value.equal(found[1][key]) for key, value in found[0].items())


def test_an_average_with_the_start_takes_the_statistics_along(images):
    stage = STAGES["plain"](TINY, images, average=0.5)
    module = stage.module()
    before = statistics(module.state_dict())
    module.train().loss(next(iter([(torch.rand(4, 3, 64, 64), torch.tensor([0, 1, 0, 1]))])))
    trained = statistics(module.state_dict())
    stage.finish(module)
    for key, value in statistics(module.state_dict()).items():
        torch.testing.assert_close(value, (before[key] + trained[key]) / 2)
        assert not value.equal(before[key])


@pytest.mark.parametrize("name", [name for name in STAGES if name not in ("plain", "multi-level")])
def test_regions_in_parts_have_no_batch_statistics(name, images):
    scale = replace(TINY, micro_batch=3)
    with pytest.raises(ValueError, match="micro_batch is 3 and batch_norm 'trained'"):
        STAGES[name](scale, images)
    assert STAGES[name](scale, images, batch_norm="stored").spec.micro_batch == 3
    with pytest.raises(ValueError, match="batch_norm is 'frozen'; it is one of stored, trained"):
        STAGES[name](scale, images, batch_norm="frozen")


def test_a_frozen_trunk_keeps_its_statistics_under_a_trained_tail():
    backbone = create_backbone("resnet18", "random", cut=16).normalise_by("trained").train()
    pictures = torch.rand(2, 3, 64, 64)
    before = statistics(backbone.state_dict())
    with statistics_kept(backbone):
        backbone(pictures)
    assert all(value.equal(before[key]) for key, value in statistics(backbone.state_dict()).items())
    backbone(pictures)
    after = statistics(backbone.state_dict())
    moved = {key.partition(".")[0] for key in after if not after[key].equal(before[key])}
    assert moved == {"tail"}
    assert not any(isinstance(m, _BatchNorm) and m.training for m in backbone.trunk.modules())


@pytest.mark.parametrize("preset", [presets.get("paper"), presets.get("demo")])
@pytest.mark.parametrize(("room", "row"), CASES)
def test_every_value_of_every_row_is_stated_or_chosen(room, row, preset, images):
    stage = import_module(f"fgnb.{room}").row_stage(row, preset, images, weights="random")
    plans = room_plan(stage.name.partition("/")[0])
    for one in plan.chain(stage, plans.earlier):
        found = room_plan(one.name.partition("/")[0]).origins(one, preset)
        for field in fields(one.spec):
            assert found[field.name].origin in ("stated", "chosen", "given"), field.name
            assert found[field.name].reason, field.name
    everything = preset.freeze_stride is None
    assert found["batch_norm"].value == one.spec.batch_norm
    if row != "warm-up":
        assert one.spec.batch_norm == ("trained" if everything else "stored")
    assert found["frame"].value == one.spec.frame
