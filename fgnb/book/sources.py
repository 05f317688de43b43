"""Notebook sources: where they lie, what they are called, what they hold.

Notebooks are read as plain JSON: importing nbformat takes longer than reading them all.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

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


Notebook = dict[str, Any]
Cell = dict[str, Any]


def read(file: Path) -> Notebook:
    """The notebook in a file; the lists of lines that JSON holds are joined to texts.

    Raises:
        NotebookError: it is missing or no notebook of format 4.
    """
    try:
        notebook = json.loads(file.read_bytes())
        if notebook["nbformat"] != 4:
            raise NotebookError(
                f"{file} has notebook format {notebook['nbformat']}; it should be 4"
            )
        for cell in notebook["cells"]:
            cell["source"] = _text(cell["source"])
            cell.setdefault("metadata", {})
            if cell["cell_type"] == "code":
                _join_outputs(cell.setdefault("outputs", []))
        notebook.setdefault("metadata", {})
    except FileNotFoundError:
        raise NotebookError(f"{file} is missing") from None
    except (OSError, ValueError) as error:
        raise NotebookError(f"{file} can't be read as a notebook: {error}") from None
    except (KeyError, TypeError) as error:
        raise NotebookError(f"{file} is no notebook: it lacks {error}") from None
    return dict(notebook)


def write_text(notebook: Notebook) -> str:
    """The JSON of a notebook as editors write it: one space, keys sorted."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def tags(cell: Cell) -> list[str]:
    """The tags of a cell."""
    return list(cell["metadata"].get("tags", []))


def tagged(notebook: Notebook, tag: str) -> list[Cell]:
    """The cells that carry a tag."""
    return [cell for cell in notebook["cells"] if tag in tags(cell)]


def code_cells(notebook: Notebook) -> list[Cell]:
    """The code cells that hold code."""
    return [c for c in notebook["cells"] if c["cell_type"] == "code" and c["source"].strip()]


def _join_outputs(outputs: list[dict[str, Any]]) -> None:
    for output in outputs:
        if "text" in output:
            output["text"] = _text(output["text"])
        for kind, value in output.get("data", {}).items():
            if not kind.endswith("json"):
                output["data"][kind] = _text(value)


def _text(value: Any) -> Any:
    return "".join(value) if isinstance(value, list) else value


def content(notebook: Notebook) -> list[list[Any]]:
    """What counts of a notebook: kind, text and lasting metadata of each cell.

    Outputs, cell ids and papermill's injected cell do not.
    """
    return [
        [
            cell["cell_type"],
            cell["source"],
            {key: value for key, value in cell["metadata"].items() if key not in _PASSING},
        ]
        for cell in notebook["cells"]
        if "injected-parameters" not in tags(cell)
    ]


def source_digest(notebook: Notebook) -> str:
    """SHA-256 of :func:`content`: touching a file changes nothing, a changed cell does."""
    return digest([[kind, text, _texts(metadata)] for kind, text, metadata in content(notebook)])


def _texts(value: Any) -> Any:
    """Metadata as plain dicts and lists."""
    if isinstance(value, dict):
        return {str(key): _texts(item) for key, item in value.items() if item != []}
    if isinstance(value, list | tuple):
        return [_texts(item) for item in value]
    return value
