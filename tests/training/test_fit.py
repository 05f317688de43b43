"""fit: the weights of a plain loop, bit for bit; what it keeps, says and leaves untouched."""

import contextlib
import json
import random
import re
import warnings

import numpy as np
import pytest
import torch
from tiny_stages import TinyStage
from torch.utils.data import default_collate

from fgnb.training import fit
from fgnb.training.positions import seed_at


def weights(run):
    return (run.path / "weights.safetensors").read_bytes()


def state(run, stage):
    module = stage.module()
    run.load_weights(module)
    return module.state_dict()


@contextlib.contextmanager
def settings(threads):
    former = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(former)


def shorten(optimizer):
    """The gradient of a group that names a ``clip_norm``, cut down to that length."""
    for group in optimizer.param_groups:
        for parameter in group["params"] if "clip_norm" in group else ():
            length = float(parameter.grad.square().sum().sqrt())
            if length > group["clip_norm"]:
                parameter.grad *= group["clip_norm"] / length


def plain_loop(stage):
    """The slow oracle: what fit should do, without Lightning, store or checkpoints."""
    with settings(stage.spec.threads):
        data = stage.data()
        seed_at(stage.spec.seed, "module")
        module = stage.module()
        module.train()
        made = module.configure_optimizers()
        optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
        step = 0
        for epoch in range(data.epochs):
            for batch in data.batches(epoch):
                seed_at(stage.spec.seed, step)
                samples = default_collate([data.dataset[epoch, i] for i in batch])
                optimizer.zero_grad()
                module.loss(samples)["loss"].backward()
                shorten(optimizer)
                optimizer.step()
                schedule.step()
                step += 1
                if step == data.max_steps:
                    return module.state_dict()
    return module.state_dict()


@pytest.mark.parametrize(
    "spec", [{}, {"kind": "conv"}, {"kind": "conv", "max_steps": 8}, {"threads": 2}]
)
def test_the_weights_are_those_of_a_plain_loop(spec, tmp_path):
    stage = TinyStage(**spec)
    expected = plain_loop(stage)
    found = state(fit(stage, root=tmp_path, progress=False), stage)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_gradient_of_a_group_is_cut_to_its_length(tmp_path):
    stage, free = TinyStage(kind="clipped"), TinyStage()
    expected, other = plain_loop(stage), plain_loop(free)
    found = state(fit(stage, root=tmp_path, progress=False), stage)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6)
        assert not torch.allclose(value, other[name], rtol=1e-2)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path):
    first = fit(TinyStage(kind="conv"), root=tmp_path / "a", progress=False)
    torch.manual_seed(99)
    second = fit(TinyStage(kind="conv"), root=tmp_path / "b", progress=False, checkpoint_every=1)
    other = fit(TinyStage(kind="conv", seed=1), root=tmp_path / "a", progress=False)
    assert weights(first) == weights(second)
    assert first.metrics == second.metrics
    assert np.array_equal(first.predictions["logits"], second.predictions["logits"])
    assert weights(first) != weights(other)
    assert first.key == second.key != other.key


def test_workers_make_the_same_samples(tmp_path):
    here = fit(TinyStage(), root=tmp_path, progress=False)
    beside = fit(TinyStage(workers=2), root=tmp_path, progress=False)
    assert weights(here) == weights(beside)


def test_a_stored_run_is_reused(tmp_path, monkeypatch):
    first = fit(TinyStage(), root=tmp_path, progress=False)
    monkeypatch.setattr(TinyStage, "module", lambda self: pytest.fail("trained again"))
    again = fit(TinyStage(), root=tmp_path, progress=False)
    assert (first.reused, again.reused) == (False, True)
    assert first.path == again.path == tmp_path / "tests" / "tiny" / first.key
    assert [p.name for p in first.path.parent.iterdir() if not p.name.startswith(".")] == [
        first.key
    ]


def test_stages_that_are_stored_as_one_share_a_run(tmp_path):
    first, second = TinyStage(), TinyStage()
    first.stored_as = second.stored_as = "tests/shared"
    second.name = "tests/other"
    run = fit(first, root=tmp_path, progress=False)
    assert run.path == tmp_path / "tests" / "shared" / run.key
    assert fit(second, root=tmp_path, progress=False).reused
    second.stored_as = None
    assert fit(second, root=tmp_path, progress=False).path.parent == tmp_path / "tests" / "other"


def test_what_a_run_holds(tmp_path):
    run = fit(TinyStage(max_steps=8), root=tmp_path, progress=False)
    assert run.stage == "tests/tiny"
    assert run.spec["max_steps"] == 8
    assert run.data == "made up"
    assert run.predictions["logits"].shape == (22, 3)
    first, last = run.metrics["epochs"]
    assert (first["epoch"], first["step"]) == (1, 6)
    assert (last["epoch"], last["step"]) == (2, 8)
    assert run.metrics["final"] == last
    assert first["loss"] == pytest.approx(sum(first["parts"].values()), rel=1e-5)
    assert first["parts"].keys() == {"fit", "size"}
    assert 0 <= first["validation"]["held_out_accuracy"] <= 1
    assert {"torch", "torchvision", "timm", "device", "cpu", "threads", "commit", "seconds"} <= (
        run.environment.keys()
    )
    described = json.loads((run.path / "spec.json").read_text())
    assert described["code"] == run.code
    logged = re.findall(r" step \d+: loss ([\d.]+), fit ", (run.path / "log.txt").read_text())
    assert len(logged) == 8
    assert last["loss"] == pytest.approx((float(logged[6]) + float(logged[7])) / 2, rel=1e-4)


def test_weights_fit_their_own_module_only(tmp_path):
    run = fit(TinyStage(), root=tmp_path, progress=False)
    with pytest.raises(ValueError, match=r"weights of tests/tiny .* do not fit this TinyModule"):
        run.load_weights(TinyStage(kind="conv").module())


def test_the_callers_settings_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    expected = torch.rand(2).tolist(), np.random.rand(), random.random()
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        fit(TinyStage(threads=threads + 1), root=tmp_path / "runs", progress=False)
    assert [str(w.message) for w in heard] == []
    assert (torch.rand(2).tolist(), np.random.rand(), random.random()) == expected
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert [p.name for p in tmp_path.iterdir()] == ["runs"]


def test_threads_of_the_spec_are_set(tmp_path, monkeypatch):
    seen = []
    usual = TinyStage.predict

    def predict(self, module):
        seen.append((torch.get_num_threads(), module.training, torch.is_grad_enabled()))
        return usual(self, module)

    monkeypatch.setattr(TinyStage, "predict", predict)
    fit(TinyStage(threads=3), root=tmp_path, progress=False)
    assert seen == [(3, False, False)]


def test_validation_leaves_the_weights_alone(tmp_path, monkeypatch):
    first = fit(TinyStage(kind="conv"), root=tmp_path / "a", progress=False)

    def validate(self, module):
        torch.manual_seed(0)
        assert not module.training
        return {"noise": float(torch.rand(1))}

    monkeypatch.setattr(TinyStage, "validate", validate)
    second = fit(TinyStage(kind="conv"), root=tmp_path / "b", progress=False)
    assert weights(first) == weights(second)


def test_a_log_shows_a_line_an_epoch(tmp_path, capfd):
    fit(TinyStage(epochs=2), root=tmp_path)
    out, err = capfd.readouterr()
    first, second, last = out.splitlines()
    assert err == ""
    assert first.startswith("tests/tiny: epoch 1 of 2: loss ")
    assert "held-out accuracy" in first
    assert first.endswith(" s left")
    assert "left" not in second
    assert last == "tests/tiny: trained"
    fit(TinyStage(epochs=2), root=tmp_path)
    assert capfd.readouterr() == ("tests/tiny: found in the store\n", "")


def test_nobody_hears_of_what_is_asked_to_be_silent(tmp_path, capfd):
    fit(TinyStage(epochs=2), root=tmp_path, progress=False)
    assert capfd.readouterr() == ("", "")


def test_a_terminal_shows_a_bar(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    fit(TinyStage(epochs=2), root=tmp_path)
    out, err = capfd.readouterr()
    assert out == ""
    assert "[" in err
    assert "tests/tiny" in err
    assert " of 12" in err


def test_another_device_is_named_on_reading(tmp_path, capfd, monkeypatch):
    fit(TinyStage(), root=tmp_path, progress=False)
    monkeypatch.setattr("fgnb.training.environment.cpu_model", lambda: "Z80")
    run = fit(TinyStage(), root=tmp_path)
    assert run.reused
    line, _ = capfd.readouterr().out.splitlines()
    assert line.startswith(f"tests/tiny: this run comes from {run.environment['device']}; cpu (Z80")


def test_a_loss_that_is_not_finite_stops_with_its_parts(tmp_path):
    message = (
        r"tests/tiny: the loss is not finite at step 1 of 18 \(epoch 1 of 3\): "
        r"loss inf, fit inf, size 0\.00\d+"
    )
    with pytest.raises(FloatingPointError, match=message):
        fit(TinyStage(kind="diverging"), root=tmp_path, progress=False)
    assert not list(tmp_path.glob("tests/tiny/*/weights.safetensors"))


class OtherLosses(TinyStage):
    def module(self):
        module = super().module()
        module.loss = lambda batch: {"total": torch.tensor(1.0)}
        return module


class EpochSchedule(TinyStage):
    def module(self):
        module = super().module()
        made = module.configure_optimizers()
        made["lr_scheduler"]["interval"] = "epoch"
        module.configure_optimizers = lambda: made
        return module


class Objects(TinyStage):
    def predict(self, module):
        return {"ids": np.array([None])}


class NoBatches(TinyStage):
    def data(self):
        data = super().data()
        return type(data)(data.dataset, lambda epoch: [], 2)


@pytest.mark.parametrize(
    ("stage", "error", "message"),
    [
        (OtherLosses, ValueError, r"gives the losses \['total'\].*called \"loss\""),
        (EpochSchedule, ValueError, 'steps by epoch.*"interval": "step"'),
        (Objects, TypeError, "predict gives ids"),
        (NoBatches, ValueError, "epoch 1 has no batches"),
    ],
)
def test_a_stage_that_breaks_the_protocol_is_told(stage, error, message, tmp_path):
    with pytest.raises(error, match=message):
        fit(stage(), root=tmp_path, progress=False)


def test_checkpoints_are_at_least_a_step_apart(tmp_path):
    with pytest.raises(ValueError, match="checkpoint_every is 0"):
        fit(TinyStage(), root=tmp_path, checkpoint_every=0)
