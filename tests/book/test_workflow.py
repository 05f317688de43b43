"""The workflow over a small book: what runs again, what is kept, what goes on after a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import fgnb
from fgnb.book import NotebookError, reproduce
from fgnb.book.workflow import ReproduceError

SNAKEFILE = Path(__file__).parents[2] / "Snakefile"
PACKAGE = Path(fgnb.__file__).parent


@pytest.fixture
def book(project):
    """Two notebooks that append to a file of their own each time they run."""
    shutil.copy(SNAKEFILE, project.root)
    for name in ("a/one", "a/two"):
        project.add(name, counted(project, name))
    return project


def counted(project, name, *more):
    file = str(project.root / name.replace("/", "-"))
    return "\n".join([f"with open({file!r}, 'a') as file:\n    file.write('x')", *more])


def runs(project, *names):
    files = [project.root / name.replace("/", "-") for name in names]
    return [len(file.read_text()) if file.exists() else 0 for file in files]


def test_only_what_changed_runs_again(book):
    cwd, lines = Path.cwd(), []
    reproduce("smoke", echo=lines.append)
    assert runs(book, "a/one", "a/two") == [1, 1]
    assert lines[-1] == "2 notebooks (smoke): 2 executed, 0 unchanged"

    start = time.monotonic()
    reproduce("smoke", echo=lines.append)
    assert time.monotonic() - start < 10
    assert runs(book, "a/one", "a/two") == [1, 1]

    # A touched file, and one whose cells got other ids, are the same notebook.
    file = book.root / "notebooks/a/one.ipynb"
    content = json.loads(file.read_text())
    content["cells"][0]["id"] = "other"
    file.write_text(json.dumps(content))
    # A changed cell counts even under a time that lies before the last run.
    book.add("a/two", counted(book, "a/two"), "print(2)")
    os.utime(book.root / "notebooks/a/two.ipynb", (1, 1))
    reproduce("smoke", echo=lines.append)
    assert runs(book, "a/one", "a/two") == [1, 2]
    assert lines[-1] == "2 notebooks (smoke): 1 executed, 1 unchanged"

    reproduce("smoke", only=["a/one"], force=True, echo=lines.append)
    assert runs(book, "a/one", "a/two") == [2, 2]
    assert Path.cwd() == cwd


def test_an_edit_of_the_library_runs_what_imports_it(book):
    """Through the processes that `make book` starts, with a copy of the library and two pages."""
    shutil.copytree(PACKAGE, book.root / "fgnb", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("one", "two"):
        room = book.root / "fgnb/pages/toy"
        room.mkdir(parents=True, exist_ok=True)
        for package in (room, room.parent):
            (package / "__init__.py").write_text("")
        (room / f"{name}.py").write_text("size = 3\n")
        book.add(f"a/{name}", counted(book, f"a/{name}"), f"from fgnb.pages.toy import {name}")
    assert reproduced(book) == "2 notebooks (smoke): 2 executed, 0 unchanged"

    (book.root / "fgnb/pages/toy/one.py").write_text("size = 4\n")
    (book.root / "fgnb/focus/model.py").write_text("broken = 1\n")
    file = book.root / "notebooks/a/two.ipynb"
    file.write_text(file.read_text().replace("# A page", "# Other words"))
    assert reproduced(book) == "2 notebooks (smoke): 1 executed, 1 unchanged"
    assert runs(book, "a/one", "a/two") == [2, 1]


def reproduced(book):
    script = "from fgnb.book import gate, reproduce; gate.check(reproduce('smoke'))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=book.root,
        env={**os.environ, "PYTHONPATH": str(book.root)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


def test_chapters_run_one_at_a_time_in_the_order_of_the_book(book):
    log = book.root / "log"
    names = ["z/first", "b/second", "y/third"]
    for name in names:
        turn = "\n".join(
            ["import time", *(line(str(log), name, word) for word in ("begins", "ends"))]
        )
        book.add(name, turn)
    reproduce("smoke", only=names[::-1], cores=2, echo=lambda line: None)
    assert log.read_text().split() == [n + w for n in names for w in (":begins", ":ends")]


def line(file, name, word):
    return f"with open({file!r}, 'a') as log:\n    log.write('{name}:{word} ')\ntime.sleep(0.2)"


def test_a_failed_notebook_is_named_and_the_others_are_kept(book):
    book.add("a/three", "x = 1", "raise ValueError('no such thing')")
    with pytest.raises(ReproduceError) as caught:
        reproduce("smoke", echo=lambda line: None)
    message = str(caught.value)
    assert message.startswith("1 of 3 notebooks failed; the other 2 are kept\n  a/three: ")
    assert "raised ValueError: no such thing" in message
    assert (book.root / "_build/smoke/logs/a/three.ipynb").is_file()
    assert not (book.root / "_build/smoke/notebooks/a/three.ipynb").exists()

    book.add("a/three", "x = 1")
    reproduce("smoke", echo=lambda line: None)
    assert runs(book, "a/one", "a/two") == [1, 1]


def test_an_error_behind_raises_exception_is_a_failure(book):
    file = book.add("a/three", "raise ValueError('hidden')")
    content = json.loads(file.read_text())
    content["cells"][-1]["metadata"]["tags"] = ["raises-exception"]
    file.write_text(json.dumps(content))
    with pytest.raises(ReproduceError, match=r"a/three: code cell 2 .* ValueError: hidden"):
        reproduce("smoke", only=["a/three"], echo=lambda line: None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs parent-death signals")
def test_after_a_kill_it_goes_on(book):
    flag = str(book.root / "go-on")
    started = book.root / "kernel"
    wait = (
        "import os, pathlib, time\n"
        f"pathlib.Path({str(started)!r}).write_text(str(os.getpid()))\n"
        f"while not os.path.exists({flag!r}):\n    time.sleep(0.1)"
    )
    book.add("a/two", counted(book, "a/two", wait))
    reproduce("smoke", only=["a/one"], echo=lambda line: None)
    script = "from fgnb.book import reproduce; reproduce('smoke', cores=1)"
    first = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL)
    until(lambda: started.exists() and started.read_text())
    kernel = psutil.Process(int(started.read_text()))
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    until(lambda: not alive(kernel))

    Path(flag).touch()
    lines = []
    reproduce("smoke", echo=lines.append)
    # The finished one is kept, the interrupted one starts again.
    assert runs(book, "a/one", "a/two") == [1, 2]
    assert lines[-1].startswith("2 notebooks (smoke): ")


def alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def test_a_notebook_that_is_listed_but_missing(book):
    (book.root / "notebooks/a/two.ipynb").unlink()
    with pytest.raises(NotebookError, match=r"two\.ipynb is missing"):
        reproduce("smoke")


def test_a_notebook_that_the_book_does_not_list(book):
    book.add("b/other", "x = 1")
    book.listed.remove("b/other")
    book.toc()
    with pytest.raises(NotebookError, match=r"b/other is not in _toc\.yml"):
        reproduce("smoke", only=["b/other"])


def test_an_unknown_preset_names_the_known(book):
    with pytest.raises(ValueError, match="smoke, demo, paper"):
        reproduce("tiny")
