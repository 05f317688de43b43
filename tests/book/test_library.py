"""What makes a notebook run again: a copy of the whole house, edited in one place at a time."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import notebook

import fgnb
from fgnb import paths
from fgnb.book import library, sources

ROOT = Path(fgnb.__file__).parents[1]
PAGES = sorted(
    file.relative_to(ROOT).as_posix()
    for file in (ROOT / "fgnb" / "pages").rglob("*.py")
    # No notebook records a row by itself.
    if file.name not in ("__init__.py", "recording.py", "frozen_rows.py")
)
# A made-up paper beside the real ones: a room, pages, and a page with a script of its own.
MADE_UP = {
    "fgnb/pages/__init__.py": "",
    "fgnb/pages/toy/__init__.py": "",
    "fgnb/pages/toy/one.py": "from fgnb.toy.model import size\n",
    "fgnb/pages/toy/two.py": "def show():\n    from fgnb.pages.toy.dial import html\n",
    "fgnb/pages/toy/dial/__init__.py": "",
    "fgnb/pages/toy/dial/html.py": "from fgnb import paths\n",
    "fgnb/pages/toy/dial/dial.js": "// Turns.\n",
    "fgnb/toy/__init__.py": "from fgnb.toy.model import size\n",
    "fgnb/toy/model.py": "size = 3\n",
    "fgnb/toy/other.py": "size = 4\n",
    "fgnb/claims/toy.yaml": "paper: toy\n",
}
CELLS = {
    "toy/one": "from fgnb.pages.toy import one",
    "toy/two": "%matplotlib inline\nfrom fgnb.pages.toy import two",
    "toy/three": "from fgnb import claims, toy",
    "toy/four": "from fgnb.toy import other",
}
# Digests as they are, then after each edit, which is taken back.
SCRIPT = """
import json, sys
from pathlib import Path
from fgnb.book import manifest

def digests():
    return {e.name: [e.source_digest, e.library_digest] for e in manifest.read("smoke")}

before, changed = digests(), {}
for name, text in json.load(sys.stdin).items():
    file = Path(name)
    former = file.read_bytes() if file.exists() else None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    changed[name] = [n for n, now in digests().items() if now != before[n]]
    if former is None:
        file.unlink()
    else:
        file.write_bytes(former)
assert digests() == before
print(json.dumps([list(before), changed]))
"""
EDITED = [
    *("fgnb/focus/model.py", "fgnb/ccfr/model.py", "fgnb/nn/backbones.py", "fgnb/notebook.py"),
    *("fgnb/book/gate.py", "fgnb/cli/train.py", "fgnb/paths.py", "fgnb/store/keys.py"),
    *("fgnb/toy/model.py", "fgnb/pages/toy/one.py", "fgnb/pages/toy/two.py"),
    *("fgnb/pages/toy/dial/html.py", "fgnb/pages/toy/dial/dial.js"),
    *("fgnb/claims/ccfr.yaml", "fgnb/claims/toy.yaml", "results/recorded/ccfr/new.json"),
    "book/intro.md",
    *PAGES,
]
PROSE, TAGS, CODE = ("ccfr/1-hard-instances", "ccfr/3-3-re-ranking", "ccfr/4-1-datasets")


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of the library and the notebooks, with the made-up paper."""
    root = tmp_path_factory.mktemp("house")
    for name in ("fgnb", "notebooks", "book"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", root)
    for name, text in MADE_UP.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_text(text)
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    made_up = [{"file": f"notebooks/{name}"} for name in CELLS]
    toc["parts"].append({"caption": "Made up", "chapters": made_up})
    (root / "_toc.yml").write_text(yaml.safe_dump(toc))
    for name, cell in CELLS.items():
        place = root / f"notebooks/{name}.ipynb"
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps(notebook(cell)))
    return root


@pytest.fixture(scope="module")
def edits(house):
    """All names, and for each edited file the notebooks that would run again."""
    texts = {}
    for name in EDITED:
        text = (house / name).read_text() if (house / name).exists() else ""
        texts[name] = text + {".py": "\nadded = 1\n", ".js": "// more\n"}.get(
            name[-3:], "\n# more\n"
        )

    def edited(name, edit):
        file = house / f"notebooks/{name}.ipynb"
        content = json.loads(file.read_text())
        edit(content["cells"])
        texts[f"notebooks/{name}.ipynb"] = json.dumps(content)

    def prose(cells):
        text = next(cell for cell in cells if cell["cell_type"] == "markdown")
        text["source"] = ["# Other words\n", "and more"]
        text["metadata"] = {"tags": ["other"]}
        cells.append({"cell_type": "markdown", "id": "new", "metadata": {}, "source": ["More."]})

    def tags(cells):
        for cell in cells:
            cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), "hide-input"]

    def code(cells):
        next(c for c in reversed(cells) if c["cell_type"] == "code")["source"] += ["\nadded = 1"]

    for name, edit in ((PROSE, prose), (TAGS, tags), (CODE, code)):
        edited(name, edit)
    names, changed = json.loads(run(house, SCRIPT, json.dumps(texts)))
    return names, changed


def run(house, script, given=""):
    environment = {**os.environ, "PYTHONPATH": str(house), "FGNB_ROOT": str(house)}
    for name in ("FGNB_RECORDED", "FGNB_BUILD"):
        environment.pop(name, None)
    options = {"cwd": house, "env": environment, "input": given, "text": True, "check": True}
    return subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, **options).stdout


IMPORTED = """
import ast, os, sys
import matplotlib.pyplot, timm, torch, pytorch_lightning
from fgnb.book import manifest, sources

for entry in manifest.read("smoke"):
    if os.fork() == 0:
        for cell in sources.code_cells(sources.read(entry.source)):
            lines = [line for line in cell["source"].splitlines() if line[:1] != "%"]
            for node in ast.parse("\\n".join(lines)).body:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    exec(ast.unparse(node), {})
        if "fgnb.focus.model" in sys.modules:
            print(entry.name, flush=True)
        os._exit(0)
    os.wait()
"""


def test_an_edit_of_a_papers_model_runs_the_notebooks_that_import_it(house, edits):
    names, changed = edits
    imported = set(run(house, IMPORTED).split())
    # Across papers single modules are used, of whose packages the rest is loaded as well.
    imported = {name for name in imported if not name.startswith("evidence/")}
    again = set(changed["fgnb/focus/model.py"])
    assert imported
    assert imported <= again
    # More than what importing loads is only what functions import later, in its own paper.
    assert of_paper("focus", again)
    assert any(name.startswith("ccfr/") for name in names)


def test_an_edit_in_one_paper_leaves_the_other_alone(edits):
    _, changed = edits
    assert "ccfr/3-2-local-regions" in changed["fgnb/ccfr/model.py"]
    assert of_paper("ccfr", changed["fgnb/ccfr/model.py"])


def of_paper(paper, names):
    return all(name.startswith((f"{paper}/", "evidence/")) for name in names)


@pytest.mark.parametrize("page", PAGES)
def test_an_edit_of_a_page_module_runs_one_notebook(edits, page):
    _, changed = edits
    home = re.search(r'^NOTEBOOK = "(.*)"', (ROOT / page).read_text(), re.M)
    paper = page.split("/")[2]
    if home:
        assert changed[page] == [home[1]]
    else:  # what several pages of a paper share
        assert changed[page]
        assert of_paper(paper, changed[page])


def test_an_edit_of_text_runs_none(edits):
    _, changed = edits
    assert changed[f"notebooks/{PROSE}.ipynb"] == []
    assert changed[f"notebooks/{TAGS}.ipynb"] == []
    assert changed["book/intro.md"] == []
    assert changed[f"notebooks/{CODE}.ipynb"] == [CODE]


def test_an_edit_of_what_neither_makes_nor_shows_a_number_runs_none(edits):
    _, changed = edits
    for name in ("fgnb/book/gate.py", "fgnb/cli/train.py", "fgnb/paths.py", "fgnb/store/keys.py"):
        assert changed[name] == []


def test_what_every_page_stands_on_runs_every_page(edits):
    names, changed = edits
    real = [name for name in names if name not in CELLS]
    assert changed["fgnb/notebook.py"] == real


def test_a_made_up_paper(edits):
    _, changed = edits
    assert changed["fgnb/toy/model.py"] == ["toy/one", "toy/three"]
    assert changed["fgnb/pages/toy/one.py"] == ["toy/one"]
    for name in ("two.py", "dial/html.py", "dial/dial.js"):
        assert changed[f"fgnb/pages/toy/{name}"] == ["toy/two"]


def test_a_ledger_and_records_count_for_their_own_paper(edits):
    _, changed = edits
    for name in ("fgnb/claims/ccfr.yaml", "results/recorded/ccfr/new.json"):
        assert "ccfr/4-4-ablation" in changed[name]
        assert of_paper("ccfr", changed[name])
    across = [name for name in changed["fgnb/claims/toy.yaml"] if name.startswith("evidence/")]
    assert changed["fgnb/claims/toy.yaml"] == [*across, "toy/three"], "those have no ledger of own"


def test_a_notebook_without_the_library(monkeypatch):
    assert library.library_digest(cells("import math"), "a/b") == library.library_digest(
        cells("from fgnb import paths"), "a/b"
    )
    other = library.library_digest(cells("from fgnb import presets"), "a/b")
    monkeypatch.setattr(library, "versions", lambda: {"torch": "0"})
    assert library.library_digest(cells("from fgnb import presets"), "a/b") != other


def test_what_a_notebook_can_not_import(monkeypatch):
    with pytest.raises(sources.NotebookError, match=r"a/b: there is no module fgnb\.nothing"):
        library.library_digest(cells("from fgnb.nothing import x"), "a/b")
    with pytest.raises(sources.NotebookError, match=r"a/b: .* in a cell: from fgnb import"):
        library.library_digest(cells("from fgnb import"), "a/b")


def test_a_paper_without_a_ledger_reads_every_papers_records(tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RECORDED", str(tmp_path))
    (tmp_path / "focus").mkdir()
    before = [library.library_digest(cells("from fgnb import report"), n) for n in NAMES]
    (tmp_path / "focus" / "row.json").write_text("{}")
    after = [library.library_digest(cells("from fgnb import report"), n) for n in NAMES]
    assert [a == b for a, b in zip(after, before, strict=True)] == [True, False, False]
    assert paths.recorded_root() == tmp_path


NAMES = ("ccfr/page", "focus/page", "evidence/page")


def cells(text):
    return {"cells": [{"cell_type": "code", "source": text, "metadata": {}}]}
