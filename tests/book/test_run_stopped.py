"""A stop while notebooks run: one line, its status, no process left, no failure claimed."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client import AsyncKernelManager

from fgnb.book import NotebookError, run_notebook

SNAKEFILE = Path(__file__).parents[2] / "Snakefile"
TINY = Path(__file__).parents[1] / "training"
TERM, INT = signal.SIGTERM, signal.SIGINT
AGAIN = "run the same command again to go on"
# A training that halts at its tenth step, as a long one would be met.
TRAIN = f"""
import pathlib, sys, time
sys.path.insert(0, {str(TINY)!r})
import tiny_stages
from fgnb.training import fit
usual, calls = tiny_stages.TinyModule.loss, []
def loss(self, batch):
    calls.append(1)
    if len(calls) == 10:
        time.sleep(2.5)  # for the last word to be passed on
        pathlib.Path("HALTED").touch()
        time.sleep(60)
    return usual(self, batch)
tiny_stages.TinyModule.loss = loss
"""
FIT = 'fit(tiny_stages.TinyStage(kind="conv"), root=pathlib.Path("ROOT"), checkpoint_every=3)'


@pytest.fixture
def halting(project):
    """A book whose second notebook trains and halts."""
    shutil.copy(SNAKEFILE, project.root)
    project.add("a/one", "x = 1")
    halted, root = project.root / "halted", project.root / "runs"
    train = TRAIN.replace("HALTED", str(halted)).strip()
    project.add("a/two", train, FIT.replace("ROOT", str(root)), "print('end')")
    project.halted = halted
    return project


def begin(*words):
    def heard():  # a shell's background jobs ignore interrupts, and so would what they start
        signal.signal(signal.SIGINT, signal.default_int_handler)

    command = [sys.executable, "-c", "from fgnb.cli import app; app()", *words]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heard,
    )


def stop(process, halted, number):
    """Status, what was said, and seconds until then; nobody is left."""
    end = time.monotonic() + 180
    while not halted.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it did not get there"
        time.sleep(0.05)
    below = psutil.Process(process.pid).children(recursive=True)
    assert below
    begun = time.monotonic()
    os.killpg(process.pid, number)  # as a terminal does
    out, err = process.communicate(timeout=60)
    took = time.monotonic() - begun
    assert psutil.wait_procs(below, 2)[1] == []
    return process.returncode, out, err, took


@pytest.mark.parametrize("number", [TERM, INT], ids=["SIGTERM", "Ctrl-C"])
def test_a_stopped_run_says_where_its_kernel_was(halting, number):
    status, out, err, took = stop(begin("run", "a/two"), halting.halted, number)
    line = "stopped at cell 3 of 4 of a/two, step 9 of 18 of tests/tiny; "
    assert err == f"{line}what is trained is kept up to step 9 of 18, {AGAIN}\n"
    assert status == 128 + number
    assert took < 5
    assert out.startswith("tests/tiny: epoch 1 of 3: loss ")
    runs = halting.root / "_build/runs/a"
    assert list(runs.glob("*.ipynb")) == list(runs.glob(".*.running")) == []


@pytest.mark.parametrize("number", [TERM, INT], ids=["SIGTERM", "Ctrl-C"])
def test_a_stopped_book_claims_no_failure(halting, number):
    halting.add("a/three", "x = 3")
    command = ("reproduce", "--preset", "smoke", "--cores", "1")
    status, out, err, took = stop(begin(*command), halting.halted, number)
    assert err == f"stopped at notebook 2 of 3 (a/two); what is done is kept, {AGAIN}\n"
    assert status == 128 + number
    assert took < 5
    assert "failed" not in out
    assert "a/one" in out
    assert "tests/tiny: epoch 1 of 3: loss " in out  # a log of the book shows its trainings
    again = subprocess.run(
        [sys.executable, "-c", "from fgnb.cli import app; app()", *command, "a/one"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "0 executed, 1 unchanged" in again.stdout


async def interrupted(cells, halted):
    """What a kernel, as JupyterLab starts it, says of cells; the last is interrupted."""
    manager = AsyncKernelManager()
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(timeout=60)
    said = []

    async def listen(asked):
        while True:
            message = await client.get_iopub_msg(timeout=120)
            if message["parent_header"].get("msg_id") != asked:
                continue
            said.append((message["msg_type"], message["content"]))
            if message["content"].get("execution_state") == "idle":
                return

    for cell in cells[:-1]:
        await listen(client.execute(cell))
    said.clear()
    last = asyncio.create_task(listen(client.execute(cells[-1])))
    while not halted.exists():
        await asyncio.sleep(0.05)
    await manager.interrupt_kernel()
    await last
    client.stop_channels()
    await manager.shutdown_kernel(now=True)
    return said


def test_the_stop_button_shows_one_line(halting):
    cells = [c.source for c in nbformat.read(halting.root / "notebooks/a/two.ipynb", 4).cells[2:4]]
    said = asyncio.run(interrupted(cells, halting.halted))
    (error,) = [content for kind, content in said if kind == "error"]
    line = "stopped at step 9 of 18 of tests/tiny; what is trained is kept up to step 9 of 18, "
    assert error["traceback"] == [f"{line}run the cell again to go on"]
    assert error["ename"] == "Stopped"
    shown = [content for kind, content in said if kind.endswith("display_data")]
    assert any("<progress" in content["data"]["text/html"] for content in shown)
    assert shown[-1]["data"] == {"text/plain": "", "text/html": ""}
    assert not any("widget" in kind for content in shown for kind in content["data"])


def test_an_interrupted_cell_is_no_success(project):
    cell = "from fgnb.progress import task\nwith task('work'):\n    raise KeyboardInterrupt"
    project.add("a/page", cell, "print('on')")
    with pytest.raises(NotebookError, match="raised Stopped: stopped at work; run the cell again"):
        run_notebook("a/page")
    half = nbformat.read(project.root / "_build/logs/a/page.ipynb", 4)
    errors = [o for c in half.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert [len(error.traceback) for error in errors] == [1]
    assert not (project.root / "_build/runs/a/page.ipynb").exists()
