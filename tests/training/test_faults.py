"""Kills, damage, a full disk, two processes: the undisturbed run's weights, or a clear message."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_stages import TinyModule, TinyStage

from fgnb import store
from fgnb.training import checkpoint, describe_plan, fit, identity, loop

CHILD = """
import os, signal, sys
from pathlib import Path
import tiny_stages
from fgnb.training import fit

root, how, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
calls = 0

def deadly(function):
    def wrapped(*arguments):
        global calls
        calls += 1
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return wrapped

if how == "loss":
    tiny_stages.TinyModule.loss = deadly(tiny_stages.TinyModule.loss)
if how == "checkpoint":
    os.fsync = deadly(os.fsync)
if how == "predict":
    tiny_stages.TinyStage.predict = deadly(tiny_stages.TinyStage.predict)
if how == "slow":
    import time
    usual = tiny_stages.TinyModule.loss

    def loss(*arguments):
        while not (root / "go on").exists():
            time.sleep(0.02)
        return usual(*arguments)

    print("begun")
    tiny_stages.TinyModule.loss = loss
run = fit(tiny_stages.TinyStage(kind="conv"), root=root, checkpoint_every=3)
print("reused" if run.reused else "trained")
"""


def child(root: Path, how: str, count: int = 0) -> subprocess.Popen:
    found = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-u", "-c", CHILD, str(root), how, str(count)],
        cwd=Path(__file__).parent,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(found)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def weights(run):
    return (run.path / "weights.safetensors").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return fit(TinyStage(kind="conv"), root=tmp_path_factory.mktemp("calm"), progress=False)


def test_three_kills_one_inside_a_checkpoint(undisturbed, tmp_path):
    known = identity(TinyStage(kind="conv"), tmp_path)
    files = []
    for how, count in (("loss", 8), ("checkpoint", 3), ("predict", 1)):
        killed = child(tmp_path, how, count)
        out, _ = killed.communicate(timeout=120)
        assert killed.returncode == -signal.SIGKILL, out
        files.append(sorted(file.name.split(".")[0] for file in known.partial.iterdir()))
    # The second kill hit between the renaming of the last checkpoint and the next one's arrival.
    assert files == [
        ["former", "last", "log"],
        ["", "former", "log"],
        ["", "former", "last", "log"],
    ]
    log = (known.partial / "log.txt").read_text()
    assert [f"step {n} of 18" in log for n in (0, 6, 9, 18)] == [True, True, True, False]
    run = fit(TinyStage(kind="conv"), root=tmp_path, progress=False)
    assert run.environment["started_at_step"] == 18
    assert weights(run) == weights(undisturbed)
    assert run.metrics == undisturbed.metrics
    assert (run.predictions["logits"] == undisturbed.predictions["logits"]).all()
    assert not known.partial.exists()


def test_a_second_process_waits_and_reuses(tmp_path):
    first = child(tmp_path, "slow")
    begun = identity(TinyStage(kind="conv"), tmp_path).partial / "log.txt"
    assert first.stdout is not None
    assert first.stdout.readline() == "begun\n"
    while not begun.exists():
        assert first.poll() is None
        time.sleep(0.02)
    second = child(tmp_path, "none")
    assert second.stdout is not None
    told = second.stdout.readline()
    assert told == "tests/tiny: another process trains this run; waiting for it\n"
    (tmp_path / "go on").touch()
    assert first.communicate(timeout=120)[0].splitlines()[-1] == "trained"
    assert second.communicate(timeout=120)[0] == "tests/tiny: found in the store\nreused\n"


class Stop(BaseException):
    pass


def stopping_at(monkeypatch, count, error):
    """The next training raises ``error`` at its ``count``-th step."""
    usual, calls = TinyModule.loss, []

    def loss(self, batch):
        calls.append(1)
        if len(calls) == count:
            raise error
        return usual(self, batch)

    monkeypatch.setattr(TinyModule, "loss", loss)


@pytest.mark.parametrize("step", [1, 4, 6, 7, 12, 18])
def test_an_interrupt_goes_on_from_any_step(step, undisturbed, tmp_path, monkeypatch, capfd):
    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        stopping_at(patch, step, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            fit(TinyStage(kind="conv"), root=tmp_path, progress=False, checkpoint_every=1)
    assert signal.getsignal(signal.SIGINT) is handler
    assert describe_plan(TinyStage(kind="conv"), tmp_path)["state"] == "unfinished"
    capfd.readouterr()
    run = fit(TinyStage(kind="conv"), root=tmp_path)
    told = f"tests/tiny: going on from step {step - 1} of 18"
    assert (told in capfd.readouterr().out.splitlines()) == (step > 1)
    assert run.environment["started_at_step"] == step - 1
    assert weights(run) == weights(undisturbed)
    assert run.metrics == undisturbed.metrics


def test_the_time_before_a_kill_counts(tmp_path, monkeypatch):
    now, usual = [0.0], TinyModule.loss

    def loss(self, batch):
        now[0] += 1
        return usual(self, batch)

    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(TinyModule, "loss", loss)
    with monkeypatch.context() as patch:
        stopping_at(patch, 13, Stop())
        with pytest.raises(Stop):
            fit(TinyStage(kind="conv"), root=tmp_path, progress=False, checkpoint_every=4)
    run = fit(TinyStage(kind="conv"), root=tmp_path, progress=False)
    assert run.environment["seconds"] == 18


@pytest.mark.parametrize(
    ("names", "goes_on", "start"),
    [
        (["last.ckpt"], "going on from step 3", 3),
        (["last.ckpt", "former.ckpt"], "starting again", 0),
    ],
)
def test_a_truncated_checkpoint(names, goes_on, start, undisturbed, tmp_path, monkeypatch, capfd):
    with monkeypatch.context() as patch:
        stopping_at(patch, 9, Stop())
        with pytest.raises(Stop):
            fit(TinyStage(kind="conv"), root=tmp_path, progress=False, checkpoint_every=3)
    partial = identity(TinyStage(kind="conv"), tmp_path).partial
    for name in names:
        whole = (partial / name).read_bytes()
        (partial / name).write_bytes(whole[: len(whole) // 2])
    capfd.readouterr()
    run = fit(TinyStage(kind="conv"), root=tmp_path)
    told = capfd.readouterr().out.splitlines()[: len(names)]
    assert told == [f"tests/tiny: the checkpoint {n} is damaged; {goes_on}" for n in names]
    assert run.environment["started_at_step"] == start
    assert weights(run) == weights(undisturbed)


def test_a_damaged_run_is_rebuilt_and_said_so(undisturbed, tmp_path, capfd):
    stage = TinyStage(kind="conv")
    run = fit(stage, root=tmp_path, progress=False)
    whole = weights(run)
    (run.path / "weights.safetensors").write_bytes(whole[:100])
    assert describe_plan(stage, tmp_path)["state"] == "damaged"
    again = fit(stage, root=tmp_path)
    told = capfd.readouterr().out.splitlines()
    assert told[0] == (
        f"tests/tiny: the stored run {run.key[:12]} is damaged (weights.safetensors); "
        "training it again"
    )
    assert not again.reused
    assert weights(again) == whole
    assert store.check(again.path) == []
    assert describe_plan(stage, tmp_path)["state"] == "stored"


def test_a_full_disk_is_named_and_the_training_goes_on_later(undisturbed, tmp_path, monkeypatch):
    usual, calls = os.fsync, []

    def full(handle):
        calls.append(1)
        if len(calls) > 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        usual(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"the disk is full: .*last\.ckpt"):
            fit(TinyStage(kind="conv"), root=tmp_path, progress=False, checkpoint_every=3)
    known = identity(TinyStage(kind="conv"), tmp_path)
    assert not known.path.exists()
    assert sorted(p.name for p in known.partial.iterdir()) == ["former.ckpt", "log.txt"]
    run = fit(TinyStage(kind="conv"), root=tmp_path, progress=False)
    assert weights(run) == weights(undisturbed)


def test_a_checkpoint_never_unpickles_code(tmp_path):
    checkpoint.write(tmp_path, {"value": Path("x")})
    with pytest.raises(Exception, match="Weights only load failed"):
        checkpoint.read(tmp_path / checkpoint.LAST)
