"""The house itself: one list of versions, imports only downward, notebooks kept as sources."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from fgnb import store

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
import page_sizes  # noqa: E402 (it lies beside the package, not in it)

FLOORS = [
    {"paths", "presets", "store", "progress", "claims"},
    {"data", "metrics"},
    {"nn"},
    {"training"},
    {"baselines"},
    {"joint", "pose", "focus", "ccfr"},
    {"evidence"},
    {"report"},
    {"pages"},
    {"book", "notebook"},
    {"cli", "__main__"},
]
PAPERS = FLOORS[5]


def lock():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def floor(room):
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def imported_rooms(path):
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            base = node.module or ""
            names = [f"{base}.{a.name}" for a in node.names] if base == "fgnb" else [base]
        else:
            names = []
        rooms |= {name.split(".")[1] for name in names if name.startswith("fgnb.")}
    return rooms - {"__version__"}


def test_the_lock_pins_every_package_once():
    names = [requirement.name.lower() for requirement in lock()]
    assert len(names) == len(set(names))
    assert all(str(requirement.specifier).startswith("==") for requirement in lock())


def test_the_lock_meets_what_the_package_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = project["dependencies"] + project["optional-dependencies"]["dev"]
    pinned = {r.name.lower().replace("_", "-"): r for r in lock()}
    for requirement in map(Requirement, asked):
        found = pinned[requirement.name.lower().replace("_", "-")]
        version = next(iter(found.specifier)).version
        assert requirement.specifier.contains(version, prereleases=True), (requirement, version)


def test_accelerator_packages_are_for_linux_alone():
    heavy = [r for r in lock() if r.name.startswith(("nvidia-", "cuda-", "triton"))]
    assert len(heavy) > 10
    assert all(str(r.marker) == 'sys_platform == "linux"' for r in heavy)


def test_conda_users_get_the_same_versions():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    python = Version(next(e for e in plain if e.startswith("python=")).split("=")[1])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert python in Requirement(f"python{project['requires-python']}").specifier
    (from_pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert from_pip == ["-r requirements.lock"]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "fgnb").rglob("*.py")), ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_imports_go_downward(path):
    parts = path.relative_to(ROOT / "fgnb").with_suffix("").parts
    room = parts[0]
    if room == "__init__":
        return
    for other in imported_rooms(path) - {room}:
        assert floor(other) <= floor(room), f"{room} imports {other}, from above"
        assert not (room in PAPERS and other in PAPERS), f"{room} imports {other}: papers don't"
        assert not (room == "report" and other in {*PAPERS, "evidence"}), f"it imports {other}"


@pytest.mark.parametrize("paper", sorted(PAPERS))
def test_a_papers_room_and_pages_reach_no_other_paper(paper):
    """Not through a third module either; `pages/evidence` alone may read several."""
    modules = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for folder in (paper, f"pages/{paper}")
        for file in sorted((ROOT / "fgnb" / folder).rglob("*.py"))
    ]
    others = tuple(f"fgnb.{room}{other}" for other in PAPERS - {paper} for room in ("", "pages."))
    imports = "\n".join(f"import {module}" for module in modules)
    reached = store.reached_from(imports, frozenset({"fgnb.cli", "fgnb.book"})).modules
    assert set(modules) <= reached
    strangers = [m for m in reached if m.startswith(tuple(f"{o}." for o in others)) or m in others]
    assert not strangers


def test_the_pages_are_thin():
    lines = page_sizes.python_lines("report", "pages")
    across = sum(n for file, n in lines.items() if file.startswith("fgnb/pages/evidence/"))
    assert sum(lines.values()) - across <= 9_600
    assert across <= 320, "a chapter of ours costs about as much as one of a paper"
    assert max(lines.values()) <= 260


@pytest.mark.parametrize("notebook", page_sizes.notebooks(), ids=lambda n: n.name)
def test_a_notebook_asks_little_of_its_reader(notebook):
    assert notebook.bookkeeping >= 2, "it begins and it ends"
    assert notebook.share <= 0.25
    assert notebook.imports <= 3
    assert len(notebook.names) <= 15, notebook.names
    assert max(map(len, notebook.code)) <= 88


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "notebooks").rglob("*.ipynb")),
    ids=lambda p: p.relative_to(ROOT / "notebooks").as_posix(),
)
def test_notebooks_are_sources(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    lines = [len(cell.source.splitlines()) for cell in code]
    words = sum(len(c.source.split()) for c in notebook.cells if c.cell_type == "markdown")
    assert notebook.metadata.kernelspec.name == "python3"
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert len(code) <= 25
    assert max(lines) <= 20
    assert sorted(lines)[len(lines) // 2] <= 6
    assert words >= 10 * sum(lines), f"{words} words of prose to {sum(lines)} lines of code"


def test_no_committed_text_names_a_place_on_one_machine():
    places = tuple(f"/{name}/" for name in ("work", "root", "farm"))
    for folder in ("fgnb", "tests", "book", "notebooks", "benchmarks", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in {".py", ".md", ".ipynb", ".yml", ".yaml", ".json"}:
                text = path.read_text(encoding="utf-8")
                found = [place for place in places if f" {place}" in text or f'"{place}' in text]
                assert not found, f"{path.relative_to(ROOT)} names {found}"


def test_the_linters_look_at_every_file():
    """A folder that is left out by its name, data/ say, would take rooms of that name with it."""
    found = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--show-files", str(ROOT)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    rooms = ("fgnb", "tests", "benchmarks", "notebooks")
    files = {str(file) for room in rooms for file in (ROOT / room).rglob("*.py")}
    files |= {str(file) for file in (ROOT / "notebooks").rglob("*.ipynb")}
    assert len(files) > 400
    assert files <= set(found.stdout.split("\n"))
