"""A stop anywhere in a command: one line within seconds, its status, then the same result."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tiny_stages import TinyStage

from fgnb.training import fit

# A command that trains, and halts where it is told to: in Python, or in a call that hears nothing.
COMMAND = """
import sys, time, hashlib, contextlib, signal
from pathlib import Path
import tiny_stages
from fgnb.cli.errors import plainly
from fgnb.training import fit

root, where, how, count = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
calls = 0
if how == "ignoring":
    signal.signal(signal.SIGINT, signal.SIG_IGN)

def halting(function):
    def wrapped(*arguments):
        global calls
        calls += 1
        if calls == count and not (root / "go on").exists():
            (root / "halted").touch()
            if how == "deaf":
                hashlib.pbkdf2_hmac("sha256", b"x", b"y", 10**9)
            while how == "swallowing":
                with contextlib.suppress(BaseException):
                    time.sleep(60)
            while not (root / "go on").exists():
                time.sleep(0.05)
        return function(*arguments)
    return wrapped

if where == "step":
    tiny_stages.TinyModule.loss = halting(tiny_stages.TinyModule.loss)
elif where == "answers":
    tiny_stages.TinyStage.predict = halting(tiny_stages.TinyStage.predict)
elif where == "start":
    tiny_stages.TinyStage.module = halting(tiny_stages.TinyStage.module)

@plainly
def command():
    stage = tiny_stages.TinyStage(kind="conv", workers=int(sys.argv[5]))
    run = fit(stage, root=root, checkpoint_every=3)
    print("weights", run.path)

def script():
    fit(tiny_stages.TinyStage(kind="conv"), root=root, checkpoint_every=3)

import typer
try:
    script() if how == "script" else command()
except typer.Exit as exit:
    sys.exit(exit.exit_code)
"""
AGAIN = "run the same command again to go on"
KEPT = "tests/tiny; what is trained is kept"
STEP_10 = f"stopped at step 9 of 18 of {KEPT} up to step 9 of 18, {AGAIN}"
TERM, INT = signal.SIGTERM, signal.SIGINT
CASES = [
    ("step", "heard", 10, TERM, STEP_10),
    ("step", "deaf", 10, INT, STEP_10),
    ("step", "swallowing", 10, TERM, STEP_10),
    ("start", "heard", 1, INT, f"stopped at {KEPT}, {AGAIN}"),
    ("answers", "heard", 1, TERM, f"stopped at {KEPT} up to step 18 of 18, {AGAIN}"),
]


def begin(root: Path, *words: object, workers: int = 0, **variables: str) -> subprocess.Popen:
    found = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]

    def heard():  # a shell's background jobs ignore interrupts, and so would what they start
        signal.signal(signal.SIGINT, signal.default_int_handler)

    return subprocess.Popen(
        [sys.executable, "-u", "-c", COMMAND, str(root), *map(str, words), str(workers)],
        cwd=Path(__file__).parent,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(found)} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heard,
    )


def wait_for(file: Path, process: subprocess.Popen) -> None:
    end = time.monotonic() + 120
    while not file.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it did not get there"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = fit(TinyStage(kind="conv"), root=tmp_path_factory.mktemp("calm"), progress=False)
    return (run.path / "weights.safetensors").read_bytes()


@pytest.mark.parametrize(("where", "how", "count", "number", "line"), CASES)
def test_a_stopped_command_says_one_line(
    where, how, count, number, line, undisturbed, tmp_path, capsys
):
    stopped = begin(tmp_path, where, how, count)
    wait_for(tmp_path / "halted", stopped)
    begun = time.monotonic()
    stopped.send_signal(number)
    out, err = stopped.communicate(timeout=60)
    assert time.monotonic() - begun < 5
    assert stopped.returncode == 128 + number, (out, err)
    assert err.splitlines() == [line]
    assert "failed" not in out
    run = fit(TinyStage(kind="conv"), root=tmp_path)
    goes_on = "tests/tiny: going on from step 9 of 18" in capsys.readouterr().out.splitlines()
    assert goes_on == (where == "step")
    assert (run.path / "weights.safetensors").read_bytes() == undisturbed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_nobody_is_left_behind(number, tmp_path):
    """The whole group is told, as a terminal does; the processes that read samples are, too."""
    stopped = begin(tmp_path, "step", "heard", 5, workers=2)
    wait_for(tmp_path / "halted", stopped)
    below = psutil.Process(stopped.pid).children(recursive=True)
    assert len(below) >= 2
    os.killpg(stopped.pid, number)
    _, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 128 + number
    assert re.fullmatch(r"stopped at step \d+ of 18 of tests/tiny; [^\n]+\n", err)
    assert psutil.wait_procs(below, 1)[1] == []


def test_a_job_of_a_scheduler_ends_as_any_other(tmp_path):
    """Lightning would pass SIGTERM by in a SLURM job, and wait for a signal of its own."""
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "1", "SLURM_PROCID": "0"}
    stopped = begin(tmp_path, "step", "heard", 10, SLURM_LOCALID="0", SLURM_NODEID="0", **job)
    wait_for(tmp_path / "halted", stopped)
    stopped.send_signal(signal.SIGTERM)
    _, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 143
    assert err.splitlines() == [STEP_10]


def test_a_second_interrupt_stops_at_once(tmp_path):
    stopped = begin(tmp_path, "step", "deaf", 5)
    wait_for(tmp_path / "halted", stopped)
    stopped.send_signal(signal.SIGINT)
    time.sleep(0.3)
    begun = time.monotonic()
    stopped.send_signal(signal.SIGINT)
    _, err = stopped.communicate(timeout=60)
    assert time.monotonic() - begun < 1.5
    assert stopped.returncode == 130
    assert len(err.splitlines()) == 1


def test_a_script_is_not_taken_for_finished(tmp_path):
    stopped = begin(tmp_path, "step", "script", 10)
    wait_for(tmp_path / "halted", stopped)
    stopped.send_signal(signal.SIGTERM)
    _, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 143
    assert err.splitlines() == [STEP_10]


def test_what_a_parent_ignores_is_not_heard(tmp_path):
    """``nohup`` and a shell's background jobs: an interrupt is none of theirs."""
    run = begin(tmp_path, "step", "ignoring", 5)
    wait_for(tmp_path / "halted", run)
    run.send_signal(signal.SIGINT)
    time.sleep(0.2)
    (tmp_path / "go on").touch()
    assert "weights" in run.communicate(timeout=120)[0]
    assert run.returncode == 0
