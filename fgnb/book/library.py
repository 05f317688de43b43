"""The digest of what an executed notebook stands on: the code that it reaches, and what that reads.

`fgnb.store.code_digest` leaves out what only names or shows a number; a page shows them, so here
`report`, the page's own module, the ledger and the records count as well, where its code cells
reach them. An edit elsewhere leaves the notebook alone.
"""

from __future__ import annotations

import ast
import importlib.metadata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import fgnb
from fgnb import paths
from fgnb.book import sources
from fgnb.store import Reached, digest, file_sha256, reached_from

_ROOT = Path(fgnb.__file__).parent
# What neither makes nor shows a number: where things lie, how they are kept, who runs a notebook.
NO_PART = frozenset({"fgnb.paths", "fgnb.progress", "fgnb.store", "fgnb.book", "fgnb.cli"})
_PACKAGES = (
    *("torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn"),
    *("matplotlib", "seaborn", "plotly"),
)


def library_digest(notebook: sources.Notebook, name: str) -> str:
    """SHA-256 over what the code cells of a notebook reach.

    Modules of fgnb with their scripts, styles and tables; the ledger and the records of its paper
    where it reaches what reads them; versions of the packages. Text cells play no part.

    Args:
        notebook: the source, read.
        name: its path below notebooks/; the first part names the paper.

    Raises:
        NotebookError: it imports a module that fgnb does not have, or a cell is no Python.
    """
    reached = reached_by(notebook, name)
    if not reached.modules:
        return digest([])
    paper = name.partition("/")[0]
    files = [*_resources(reached.modules), *_read_at_run(reached.modules, paper)]
    return digest([reached.digest, {label: _sha256(file) for label, file in files}, versions()])


def reached_by(notebook: sources.Notebook, name: str) -> Reached:
    """The modules of fgnb that a notebook's code cells import, transitively.

    Raises:
        NotebookError: it imports a module that fgnb does not have, or a cell is no Python.
    """
    try:
        return reached_from(_python(notebook, name), NO_PART)
    except ValueError as error:
        raise sources.NotebookError(f"{name}: {error}") from None


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of the packages that a page's numbers and figures depend on."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "none"
    return found


def _python(notebook: sources.Notebook, name: str) -> str:
    """The code cells as one text, without what is IPython's alone."""
    texts = []
    for cell in sources.code_cells(notebook):
        lines = [
            "pass" if line.startswith(("%", "!")) else line for line in cell["source"].splitlines()
        ]
        texts.append("\n".join(lines))
        try:
            ast.parse(texts[-1])
        except SyntaxError as error:
            raise sources.NotebookError(f"{name}: {error.msg} in a cell: {error.text}") from None
    return "\n".join(texts)


def _resources(modules: Iterable[str]) -> list[tuple[str, Path]]:
    """What lies in packages that are reached and is no module: scripts, styles, subsets.

    The ledger's files lie in a package too, but count for their own paper alone.
    """
    found = []
    for module in sorted(modules):
        folder = _ROOT.joinpath(*module.split(".")[1:])
        if module != "fgnb.claims" and (folder / "__init__.py").is_file():
            found += [(file.relative_to(_ROOT).as_posix(), file) for file in _data_below(folder)]
    return found


def _data_below(folder: Path) -> list[Path]:
    """Files of a package that are no code, down to where another package begins."""
    files = []
    for place in sorted(folder.iterdir()):
        if place.is_dir() and place.name != "__pycache__":
            files += [] if (place / "__init__.py").is_file() else _data_below(place)
        elif place.is_file() and place.suffix not in (".py", ".pyc", ".typed"):
            files.append(place)
    return files


def _read_at_run(modules: Iterable[str], paper: str) -> list[tuple[str, Path]]:
    """The ledger and the records that a page shows: its own paper's, or all where it has none."""
    ledger, records = _ROOT / "claims", paths.recorded_root()
    own = (ledger / f"{paper}.yaml").is_file()
    files = []
    if "fgnb.claims" in modules:
        files += [(f"claims/{f.name}", f) for f in sorted(ledger.glob("*.yaml"))]
        files = [pair for pair in files if not own or pair[1].stem == paper]
    if "fgnb.report" in modules:
        folder = records / paper if own else records
        files += [
            (f"records/{file.relative_to(records).as_posix()}", file)
            for file in sorted(folder.rglob("*"))
            if file.is_file() and file.suffix in (".json", ".npz")
        ]
    return files


def _sha256(file: Path) -> str:
    status = file.stat()
    return _sha256_of_state(file, status.st_mtime_ns, status.st_size, status.st_ino)


@lru_cache(maxsize=4096)
def _sha256_of_state(file: Path, *_state: int) -> str:
    """Of a file that several pages read, once."""
    return file_sha256(file)
