"""A throw-away project with its own notebooks, toc and build folder."""

from pathlib import Path

import nbformat
import pytest

from fgnb.book import library

PARAMETERS = """preset: str = "demo"  # how large {smoke, demo, paper}
dataset: str = "drawn"  # which data set
data_root: str = ""  # the folder that holds the set
topn: int = 5  # candidate classes [1, 10]
alpha: float = 0.5  # weight of the vote [0, 1]
gate: str = "sample"  # who is re-ranked {sample, all}
plain: bool = False  # without the vote"""

# A first cell: the page module of a test's notebook is made up there.
BEGIN = """from types import SimpleNamespace
from fgnb.notebook import begin
p = begin(SimpleNamespace(NOTEBOOK="a/page", TABLES=()), globals()).p"""


def notebook(*code, parameters=PARAMETERS, **metadata):
    """A notebook: title, parameters, begin, then one cell a text of ``code``."""
    cells = [nbformat.v4.new_markdown_cell("# A page")]
    if parameters is not None:
        cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    cells += [nbformat.v4.new_code_cell(text) for text in code]
    for i, cell in enumerate(cells):
        cell["id"] = f"cell-{i}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, **metadata})


class Project:
    """A project below a temporary folder; FGNB_ROOT points at it."""

    def __init__(self, root: Path):
        self.root = root
        (root / "notebooks").mkdir(parents=True)
        (root / "book").mkdir()
        (root / "pyproject.toml").write_text('[project]\nname = "fgnb"\n')
        (root / "book" / "intro.md").write_text("# A book\n\nIts first page.\n")
        self.listed = []
        self.toc()

    def toc(self):
        lines = ["format: jb-book", "root: book/intro", "chapters:"]
        lines += [f"  - file: notebooks/{name}" for name in self.listed] or ["  - file: book/more"]
        if not self.listed:
            (self.root / "book" / "more.md").write_text("# More\n")
        (self.root / "_toc.yml").write_text("\n".join(lines) + "\n")

    def add(self, name, *code, **options):
        file = self.root / "notebooks" / f"{name}.ipynb"
        file.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook(*code, **options), file)
        if name not in self.listed:
            self.listed.append(name)
            self.toc()
        return file


@pytest.fixture(scope="session")
def make_project():
    """The class itself, for fixtures that live longer than a test."""
    return Project


@pytest.fixture
def project(tmp_path, monkeypatch):
    for variable in ("FGNB_DATA", "FGNB_RUNS", "FGNB_BUILD", "FGNB_RECORDED", "FGNB_RESULTS_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("FGNB_ROOT", str(tmp_path / "project"))
    monkeypatch.setattr(library, "versions", lambda: {"torch": "0"})
    return Project(tmp_path / "project")
