"""The roots: variables first, then the checkout."""

from pathlib import Path

import pytest

from fgnb import paths

VARIABLES = ("FGNB_ROOT", "FGNB_DATA", "FGNB_RUNS", "FGNB_BUILD", "FGNB_RECORDED")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for variable in (*VARIABLES, "FGNB_RESULTS_DIR"):
        monkeypatch.delenv(variable, raising=False)


def checkout(folder: Path, name: str = "fgnb") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')
    return folder


def test_the_checkout_holds_this_package():
    assert (paths.project_root() / "fgnb" / "paths.py").samefile(paths.__file__)


def test_roots_lie_in_the_checkout(monkeypatch, tmp_path):
    root = checkout(tmp_path / "elsewhere")
    monkeypatch.setenv("FGNB_ROOT", str(root))
    assert paths.data_root() == root / "data"
    assert paths.runs_root() == root / "runs"
    assert paths.build_root() == root / "_build"
    assert paths.recorded_root() == root / "results" / "recorded"
    assert paths.notebooks_root() == root / "notebooks"
    assert paths.results_dir() == root / "_build" / "runs" / "by-hand"


@pytest.mark.parametrize(
    ("variable", "root"),
    [
        ("FGNB_DATA", paths.data_root),
        ("FGNB_RUNS", paths.runs_root),
        ("FGNB_BUILD", paths.build_root),
        ("FGNB_RECORDED", paths.recorded_root),
        ("FGNB_RESULTS_DIR", paths.results_dir),
    ],
)
def test_a_variable_moves_its_root_and_empty_is_unset(variable, root, monkeypatch, tmp_path):
    usual = root()
    monkeypatch.setenv(variable, str(tmp_path))
    assert root() == tmp_path
    monkeypatch.setenv(variable, "")
    assert root() == usual


def test_relative_variables_become_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FGNB_RUNS", "kept")
    assert paths.runs_root() == tmp_path / "kept"


def test_an_override_beats_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("FGNB_DATA", "/nowhere")
    assert paths.data_root(tmp_path) == tmp_path
    assert paths.data_root("") == Path("/nowhere")


def test_from_an_installed_package_the_checkout_is_looked_for_upward(monkeypatch, tmp_path):
    installed = tmp_path / "site-packages" / "fgnb" / "paths.py"
    monkeypatch.setattr(paths, "__file__", str(installed))
    root = checkout(tmp_path / "work")
    (root / "notebooks" / "ccfr").mkdir(parents=True)
    monkeypatch.chdir(root / "notebooks" / "ccfr")
    assert paths.project_root() == root


def test_no_checkout_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "a" / "fgnb" / "paths.py"))
    checkout(tmp_path, name="another")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="set FGNB_ROOT"):
        paths.project_root()


def test_a_wrong_root_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("FGNB_ROOT", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="holds no pyproject"):
        paths.project_root()
