"""Notebook sources: where they lie, what they are called, what they hold."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import nbformat

from fgnb import paths
from fgnb.store import digest

# What an editor or a run leaves in a cell's metadata: no part of the source.
_PASSING = frozenset(
    {"execution", "papermill", "collapsed", "scrolled", "trusted", "ExecuteTime", "vscode"}
)


class NotebookError(RuntimeError):
    """A notebook that can't be found, read or run to its end; the message names it."""


def locate(source: str | Path) -> Path:
    """The notebook file behind a path, or behind a name such as "ccfr/3-3-re-ranking".

    Raises:
        NotebookError: there is none; the message names the nearest that is.
    """
    given = Path(source).expanduser()
    with_suffix = given if given.suffix == ".ipynb" else given.with_name(f"{given.name}.ipynb")
    for base in (Path.cwd(), paths.project_root(), paths.notebooks_root()):
        file = base / with_suffix
        if file.is_file():
            return file.resolve()
    names = [name_of(file) for file in sorted(paths.notebooks_root().rglob("*.ipynb"))]
    wanted = with_suffix.with_suffix("").as_posix().removeprefix("notebooks/")
    near = difflib.get_close_matches(wanted, names, 1, 0.4)
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(names) or 'none'}"
    raise NotebookError(f"no notebook {source}; {advice}")


def name_of(file: Path) -> str:
    """Path below notebooks/ without suffix; the stem alone of a notebook from elsewhere."""
    root = paths.notebooks_root().resolve()
    file = file.resolve()
    if file.is_relative_to(root):
        return file.relative_to(root).with_suffix("").as_posix()
    return file.stem


def read(file: Path) -> Any:
    """The notebook in a file, in the current format.

    Raises:
        NotebookError: it is missing or no notebook.
    """
    try:
        return nbformat.read(file, as_version=4)
    except FileNotFoundError:
        raise NotebookError(f"{file} is missing") from None
    except Exception as error:
        # nbformat lets JSON, schema and version errors of many classes through.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NotebookError(f"{file} can't be read as a notebook: {reason}") from error


def tagged(notebook: Any, tag: str) -> list[Any]:
    """The cells that carry a tag."""
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def code_cells(notebook: Any) -> list[Any]:
    """The code cells that hold code."""
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def content(notebook: Any) -> list[list[Any]]:
    """What counts of a notebook: kind, text and lasting metadata of each cell.

    Outputs, cell ids and papermill's injected cell do not.
    """
    injected = tagged(notebook, "injected-parameters")
    return [
        [
            cell.cell_type,
            cell.source,
            {key: value for key, value in cell.metadata.items() if key not in _PASSING},
        ]
        for cell in notebook.cells
        if cell not in injected
    ]


def source_digest(notebook: Any) -> str:
    """SHA-256 of :func:`content`: touching a file changes nothing, a changed cell does."""
    return digest([[kind, text, _texts(metadata)] for kind, text, metadata in content(notebook)])


def _texts(value: Any) -> Any:
    """Metadata as plain dicts and lists."""
    if isinstance(value, dict):
        return {str(key): _texts(item) for key, item in value.items() if item != []}
    if isinstance(value, list | tuple):
        return [_texts(item) for item in value]
    return value
