"""The digest of the library code behind a notebook: what it imports, and how its page is drawn.

`fgnb.store.code` leaves the rooms out that only name or show a number; an executed notebook shows
them too, so here `report` and the ledger of its paper count as well, with the versions of what
computes and draws.
"""

from __future__ import annotations

import ast
import importlib.metadata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import fgnb
from fgnb.book import sources
from fgnb.store import code_digest, digest, file_sha256

_ROOT = Path(fgnb.__file__).parent
_SHOWN = ("report", "claims")
_PACKAGES = (
    *("torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn"),
    *("matplotlib", "seaborn", "plotly"),
)


def library_digest(notebook: sources.Notebook, name: str) -> str:
    """SHA-256 over the code of fgnb that a notebook stands on.

    Args:
        notebook: the source, read.
        name: its path below notebooks/; the first part names the paper.

    Raises:
        NotebookError: it imports a module that fgnb does not have, or a cell is no Python.
    """
    modules = set(_imported(notebook, name))
    if not modules:
        return digest([])
    try:
        code = code_digest(sorted(modules | set(_shown_modules())))
    except ValueError as error:
        raise sources.NotebookError(f"{name}: {error}") from None
    return digest([code, _shown_files(name.partition("/")[0]), versions()])


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


def _imported(notebook: sources.Notebook, name: str) -> Iterator[str]:
    for cell in sources.code_cells(notebook):
        lines = [
            "pass" if line.startswith(("%", "!")) else line for line in cell["source"].splitlines()
        ]
        try:
            tree = ast.parse("\n".join(lines))
        except SyntaxError as error:
            raise sources.NotebookError(f"{name}: {error.msg} in a cell: {error.text}") from None
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (a.name for a in node.names if a.name.partition(".")[0] == "fgnb")
            elif (
                isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "fgnb"
            ):
                assert node.module is not None
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield inner if _is_module(inner) else node.module


def _is_module(name: str) -> bool:
    base = _ROOT.joinpath(*name.split(".")[1:])
    return base.with_name(f"{base.name}.py").is_file() or (base / "__init__.py").is_file()


@lru_cache(maxsize=1)
def _shown_modules() -> tuple[str, ...]:
    files = [file for room in _SHOWN for file in sorted((_ROOT / room).rglob("*.py"))]
    names = [".".join(("fgnb", *file.relative_to(_ROOT).with_suffix("").parts)) for file in files]
    return tuple(name.removesuffix(".__init__") for name in names)


def _shown_files(paper: str) -> dict[str, str]:
    """Scripts and styles of the pages, and the paper's ledger."""
    files = [
        file
        for file in sorted((_ROOT / "report").rglob("*"))
        if file.is_file() and file.suffix in (".js", ".css", ".html")
    ]
    ledger = _ROOT / "claims" / f"{paper}.yaml"
    files += [ledger] if ledger.is_file() else []
    return {file.relative_to(_ROOT).as_posix(): file_sha256(file) for file in files}
