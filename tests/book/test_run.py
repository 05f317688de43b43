"""One notebook executed: strict before, whole or absent after, no kernel left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import nbformat
import psutil
import pytest
from conftest import BEGIN

from fgnb.book import NotebookError, ParameterError, run_notebook
from fgnb.training.fit import WAITING

RECORD = (
    "import os, pathlib\n"
    "folder = pathlib.Path(os.environ['FGNB_RESULTS_DIR'])\n"
    "(folder / 'kept.json').write_text(str(p.topn))"
)


def test_a_run_gives_the_copy_the_results_and_the_stamp(project, monkeypatch):
    file = project.add("a/page", BEGIN, RECORD, "print(p.topn, os.getcwd())")
    monkeypatch.chdir(file.parent)
    done = run_notebook("page.ipynb", {"topn": "7"}, results_dir=project.root / "kept")
    assert done.path == project.root / "_build/runs/a/page.ipynb"
    assert done.results == project.root / "kept"
    assert (done.results / "kept.json").read_text() == "7"
    executed = nbformat.read(done.path, 4)
    assert executed.cells[-1].outputs[0].text.startswith("7 ")
    assert str(file.parent) not in executed.cells[-1].outputs[0].text
    stamp = executed.metadata["fgnb"]
    assert stamp["parameters"]["topn"] == 7
    assert stamp["parameters"]["gate"] == "sample"
    assert len(stamp["source_digest"]) == 64
    assert str(project.root) not in json.dumps(executed.metadata)
    assert not list((project.root / "_build").rglob("*running*"))


def test_what_a_page_waited_for_is_not_on_it(project):
    project.add("a/page", BEGIN, f"print('x/y: {WAITING}')", f"print('x/y: {WAITING}\\nkept')")
    executed = nbformat.read(run_notebook("a/page").path, 4)
    waited, other = executed.cells[-2:]
    assert waited.outputs == []
    assert other.outputs[0].text == "kept\n"


def test_a_refused_parameter_starts_no_kernel(project, monkeypatch):
    project.add("a/page", BEGIN)
    monkeypatch.setattr("papermill.execute_notebook", lambda *a, **k: pytest.fail("it ran"))
    with pytest.raises(ParameterError, match="did you mean topn"):
        run_notebook("a/page", {"top": 3})
    assert not (project.root / "_build").exists()


def test_a_raising_cell_is_named_and_what_stood_there_stays(project):
    project.add("a/page", BEGIN, RECORD, "raise ValueError('no\\nsecond line')", "print(1)")
    target = project.root / "_build/runs/a/page.ipynb"
    target.parent.mkdir(parents=True)
    target.write_text("former")
    with pytest.raises(NotebookError) as caught:
        run_notebook("a/page")
    message = str(caught.value)
    assert message.startswith("a/page: code cell 4 of 5 (raise ValueError(")
    assert "raised ValueError: no; the half-executed copy is" in message
    assert "\n" not in message
    assert target.read_text() == "former"
    half = nbformat.read(project.root / "_build/logs/a/page.ipynb", 4)
    assert any(o.output_type == "error" for c in half.cells for o in c.get("outputs", []))
    assert not target.with_suffix(".results").exists()


def test_a_lost_kernel_and_a_slow_cell_are_told_apart(project):
    project.add("a/page", "import os\nos._exit(1)")
    with pytest.raises(NotebookError, match="a/page: the kernel died"):
        run_notebook("a/page")
    project.add("a/page", "import time\ntime.sleep(30)")
    with pytest.raises(NotebookError, match="a cell took longer than 1 s"):
        run_notebook("a/page", timeout=1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_kernel_outlives_its_run(project, sign):
    project.add(
        "a/page",
        "import os, pathlib, time\n"
        f"pathlib.Path({str(project.root / 'pid')!r}).write_text(str(os.getpid()))\n"
        "sum(range(10**12))",
    )
    script = "from fgnb.book import run_notebook; run_notebook('a/page')"
    # A shell's background jobs ignore interrupts, and so would what they start.
    heard = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    run = subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.DEVNULL, preexec_fn=heard
    )
    pid = project.root / "pid"
    try:
        _until(lambda: pid.exists() and pid.read_text())
        kernel = psutil.Process(int(pid.read_text()))
        run.send_signal(sign)
        assert run.wait(30) != 0
        _until(lambda: not _alive(kernel))
    finally:
        run.kill()  # and its kernel with it
    runs = project.root / "_build/runs/a"
    assert not (runs / "page.ipynb").exists()
    if sign != signal.SIGKILL:
        assert not list(runs.glob(".*.running"))


def _alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _until(holds, seconds=40):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def test_plain_papermill_from_elsewhere_refuses_too(project, tmp_path):
    file = project.add("a/page", BEGIN, "print(p.topn)")
    command = [sys.executable, "-m", "papermill", "--log-level", "ERROR", "--no-progress-bar"]
    environment = {**os.environ, "FGNB_ROOT": str(project.root)}
    options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}
    good = subprocess.run([*command, file, "out.ipynb", "-p", "topn", "7"], **options)
    assert good.returncode == 0, good.stderr
    bad = subprocess.run([*command, file, "bad.ipynb", "-p", "tpon", "7"], **options)
    assert bad.returncode != 0
    assert "ParameterError: a/page: unknown parameter 'tpon'; did you mean topn?" in bad.stderr
