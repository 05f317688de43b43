"""The command line: what it passes on, and how it fails."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import fgnb
from fgnb import claims
from fgnb.cli import app
from fgnb.cli.words import joined, pairs


class GateError(RuntimeError):
    """As the book's own error would be: of a class of fgnb."""


GateError.__module__ = "fgnb.book.gate"


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_BUILD", str(tmp_path / "_build"))
    monkeypatch.setenv("FGNB_RECORDED", str(tmp_path / "recorded"))
    monkeypatch.setenv("FGNB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("FGNB_DEBUG", raising=False)
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.fixture
def book(monkeypatch, tmp_path):
    """A book that notes what it is asked."""
    asked = []
    done = SimpleNamespace(
        path=tmp_path / "x.ipynb", results=tmp_path / "x.results", name="ccfr/3-3-re-ranking"
    )
    stub = SimpleNamespace(
        asked=asked,
        run_notebook=lambda *a, **k: asked.append((a, k)) or done,
        reproduce=lambda *a, **k: asked.append((a, k)),
        make=lambda *a, **k: asked.append((a, k)) or tmp_path / "index.html",
    )
    monkeypatch.setitem(sys.modules, "fgnb.book", stub)
    monkeypatch.setattr(fgnb, "book", stub, raising=False)
    return stub


def test_help_imports_nothing_heavy():
    heavy = ("torch", "numpy", "pandas", "matplotlib", "papermill", "snakemake", "sklearn")
    code = (
        "import sys\nfrom fgnb.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "reproduce" in done.stdout
    assert done.stdout.rstrip().endswith("[]")


def test_score_prints_every_entry_once_with_its_state(invoke):
    done = invoke("score")
    assert done.exit_code == 0
    first_words = [line.split(" ")[0] for line in done.stdout.splitlines()]
    assert [word for word in first_words if word in claims.load()] == [e.id for e in claims.load()]
    assert done.stdout.splitlines()[0].startswith(f"{len(claims.load())} entries: ")
    only = invoke("score", "--paper", "ccfr").stdout
    assert "ccfr.fig5" in only
    assert "pose." not in only


def test_score_of_an_unknown_paper_is_one_message(invoke):
    done = invoke("score", "--paper", "cffr")
    assert done.exit_code == 1
    assert done.stderr.startswith("fgnb: paper was 'cffr'")
    assert "Traceback" not in done.stderr


def test_run_takes_two_words_a_parameter(invoke, book, tmp_path):
    done = invoke("run", "ccfr/3-3-re-ranking", "-p", "topn", "3", "-p", "t_sf", "-0.5")
    assert done.exit_code == 0, done.stderr
    assert book.asked == [(("ccfr/3-3-re-ranking", {"topn": "3", "t_sf": "-0.5"}, None), {})]
    assert done.stdout.strip() == str(tmp_path / "x.ipynb")


def test_run_of_no_notebook_is_one_message(invoke):
    done = invoke("run", "ccfr/3-4-nothing")
    assert done.exit_code == 1
    assert "ccfr/3-4-nothing" in done.stderr
    assert "Traceback" not in done.stderr


def test_keep_without_results_is_one_message(invoke, book):
    done = invoke("run", "ccfr/3-3-re-ranking", "--keep")
    assert done.exit_code == 1
    assert "nothing to keep" in done.stderr


def test_keep_copies_what_the_run_saved(invoke, book, tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(
        "fgnb.pages.recording.keep_page", lambda *asked: kept.append(asked) or [tmp_path / "a.json"]
    )
    assert invoke("run", "ccfr/3-3-re-ranking").exit_code == 0
    assert not kept
    done = invoke("run", "ccfr/3-3-re-ranking", "--keep")
    assert kept == [(tmp_path / "x.results",)]
    assert f"kept {tmp_path / 'a.json'}" in done.stdout


def test_book_ends_with_the_path_of_its_first_page(invoke, book, tmp_path):
    done = invoke("book", "--preset", "smoke", "--cores", "1")
    assert done.stdout.splitlines()[-1] == str(tmp_path / "index.html")
    assert book.asked == [(("smoke",), {"cores": 1})]


def test_reproduce_passes_names_and_force(invoke, book):
    assert invoke("reproduce", "ccfr/4-1-datasets", "--force", "--preset", "smoke").exit_code == 0
    (given, keywords), *_ = book.asked
    assert given == ("smoke",)
    assert keywords["only"] == ["ccfr/4-1-datasets"]
    assert keywords["force"] is True
    assert keywords["cores"] == 2


def test_known_faults_are_messages_and_bugs_are_tracebacks(invoke, book, monkeypatch):
    def raising(error):
        def make(preset, cores):
            raise error

        monkeypatch.setattr(book, "make", make)
        return invoke("book")

    gate = raising(GateError("cell 3 of a.ipynb failed"))
    assert gate.exit_code == 1
    assert gate.stderr == "fgnb: cell 3 of a.ipynb failed\n"
    assert raising(OSError(28, "no space")).exit_code == 1
    assert isinstance(raising(KeyError("bug")).exception, KeyError)
    assert isinstance(raising(ValueError("bug outside fgnb")).exception, ValueError)
    assert raising(KeyboardInterrupt()).exit_code == 130
    monkeypatch.setenv("FGNB_DEBUG", "1")
    assert isinstance(raising(GateError("x")).exception, GateError)


def test_two_words_become_one_pair():
    assert joined(["-p", "a", "b=c", "-p", "d=e", "x"]) == ["-p", "a=b=c", "-p", "d=e", "x"]
    assert pairs(["a=b=c", "d="]) == {"a": "b=c", "d": ""}
    with pytest.raises(ValueError, match="two words"):
        pairs(["topn"])
    with pytest.raises(ValueError, match="given twice"):
        pairs(["a=1", "a=2"])


def test_verify_says_what_is_missing(invoke, tmp_path):
    done = invoke("data", "verify", str(tmp_path))
    assert done.exit_code == 1
    assert "CUB_200_2011" in done.stderr
    assert "Traceback" not in done.stderr


def test_verify_tells_the_layout_and_fails_where_a_set_fails(invoke, write_cub, tmp_path):
    root = write_cub()
    done = invoke("data", "verify", str(tmp_path))
    assert (done.exit_code, done.stdout.count("protocol")) == (0, 1)
    (tmp_path / "VOC2007" / "JPEGImages").mkdir(parents=True)
    (tmp_path / "VOC2007" / "Annotations").mkdir(parents=True)
    assert "not verified" in invoke("data", "verify", str(tmp_path)).stdout
    (tmp_path / "stanford_cars" / "devkit").mkdir(parents=True)
    (tmp_path / "stanford_cars" / "devkit" / "cars_meta.mat").write_bytes(b"")
    done = invoke("data", "verify", str(tmp_path))
    assert done.exit_code == 1
    assert f"folder       {root}" in done.stdout
    assert "stanford_cars lacks" in done.stderr
    assert "1 of 2 sets" in done.stderr
    assert "Traceback" not in done.stderr
    done = invoke("data", "verify", str(tmp_path), "--layout", "cub")
    assert (done.exit_code, done.stderr) == (0, "")
    assert invoke("data", "verify", str(tmp_path), "--layout", "cars").exit_code == 1


def test_photographs_are_not_made(invoke):
    done = invoke("data", "make", "cub")
    assert done.exit_code == 1
    assert "by hand" in done.stderr


def test_train_names_its_stages(invoke):
    done = invoke("train", "ccfr/globl")
    assert done.exit_code == 1
    assert "ccfr/global" in done.stderr


def test_a_dry_run_says_the_key_and_trains_nothing(invoke, tmp_path):
    words = ("train", "ccfr/global", "-p", "preset", "smoke", "--dry-run")
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    assert "absent" in done.stdout
    other = invoke(*words, "-p", "lr", "0.5")
    assert "0.5" in other.stdout
    key = next(line for line in done.stdout.splitlines() if line.startswith("key"))
    assert key not in other.stdout
    assert key in invoke(*words, "--keep").stdout
    assert not (tmp_path / "runs").exists()
    wrong = invoke(*words, "-p", "leaning_rate", "1")
    assert wrong.exit_code == 1
    assert "leaning_rate" in wrong.stderr


def test_train_takes_some_classes_of_a_set(invoke):
    words = ("train", "ccfr/global", "-p", "preset", "smoke", "--dry-run")
    some = invoke(*words, "-p", "classes", "2-4")
    assert some.exit_code == 0, some.output
    assert "drawn birds (classes 2 to 4 of 6), 24 pictures" in some.stdout
    kept = [line for line in some.stdout.splitlines() if line.startswith(("key", "data"))]
    assert not set(kept) & set(invoke(*words).stdout.splitlines())
    wrong = invoke(*words, "-p", "classes", "2-9")
    assert wrong.exit_code == 1
    assert wrong.stderr.splitlines() == [
        "fgnb: classes is '2-9': drawn birds (6 classes) has no class 7; its ids are 1-6"
    ]
