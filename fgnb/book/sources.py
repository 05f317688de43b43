"""Notebook sources: where they lie, what they are called, what they hold.

Notebooks are read as plain JSON: importing nbformat takes longer than reading them all.
"""

from __future__ import annotations

import copy
import difflib
import json
from pathlib import Path
from typing import Any

from fgnb import paths
from fgnb.store import digest

# The tag of the cell that papermill writes the given parameters into.
INJECTED = "injected-parameters"
# Tags that change what papermill executes; others say how a cell is shown.
_COUNTING = frozenset({"parameters", "raises-exception", "skip-execution"})


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


def source_digest(notebook: Notebook) -> str:
    """SHA-256 of what is executed: the texts of the code cells in order, and the tags that count.

    Text cells, outputs, cell ids, how a cell is shown and papermill's injected cell play no part.
    """
    return digest(
        [
            [cell["source"], sorted(_COUNTING.intersection(tags(cell)))]
            for cell in code_cells(notebook)
            if INJECTED not in tags(cell)
        ]
    )


def with_current_text(executed: Notebook, source: Notebook) -> Notebook:
    """An executed copy with the text cells, and how cells are shown, as its source has them now.

    The code cells keep their outputs and counts; papermill's injected cell stays after the cell
    that it followed. Neither notebook is changed.

    Raises:
        NotebookError: the code cells differ.
    """
    before: list[list[Cell]] = [[]]  # the injected cells ahead of each code cell, then at the end
    ran: list[Cell] = []
    for cell in code_cells(executed):
        if INJECTED in tags(cell):
            before[-1].append(cell)
        else:
            ran.append(cell)
            before.append([])
    if [cell["source"] for cell in ran] != [cell["source"] for cell in code_cells(source)]:
        raise NotebookError("its code cells are not those of its source")
    cells, number = [*before[0]], 0
    for cell in source["cells"]:
        if cell["cell_type"] == "code" and cell["source"].strip():
            done = {key: ran[number][key] for key in ("outputs", "execution_count")}
            number += 1
            cells += [{**cell, **done}, *before[number]]
        else:
            cells.append(cell)
    return copy.deepcopy({**executed, "cells": cells})
