"""The parameters of a notebook, checked by what its source declares.

papermill only warns of an unknown name and guesses types; here both are refused in one line,
before a kernel starts (`given`) or, under plain papermill, in the first cell (`check`).
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fgnb.book import sources
from fgnb.book.declaration import DeclarationError, Parameter, ParameterError, parse_cell

__all__ = ["Parameter", "ParameterError", "check", "declared", "given", "split"]

# What papermill writes on top of the cell that it injects.
_INJECTED = re.compile(r"#\s*Parameters\s*\n")
_PLAIN = (str, int, float, bool, list, tuple, dict, type(None))
_IPYTHON = frozenset({"In", "Out"})


def declared(source: str | Path) -> tuple[Parameter, ...]:
    """The parameters in the cell tagged ``parameters``; none without such a cell.

    Raises:
        NotebookError: no such notebook, two such cells, or a line that can't be read.
    """
    file = sources.locate(source)
    return declared_in(sources.read(file), sources.name_of(file))


def declared_in(notebook: sources.Notebook, name: str) -> tuple[Parameter, ...]:
    """The same for a notebook already read; ``name`` is for messages."""
    cells = sources.tagged(notebook, "parameters")
    if len(cells) > 1:
        raise sources.NotebookError(f"{name}: {len(cells)} cells are tagged parameters, needs one")
    try:
        return parse_cell(cells[0]["source"]) if cells else ()
    except DeclarationError as error:
        raise sources.NotebookError(f"{name}: parameters cell, {error}") from None


def split(pairs: Sequence[str]) -> dict[str, str]:
    """``name=value`` texts as a mapping; a name given twice or without a value is refused."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise ParameterError(f"parameter {pair!r} should have the form name=value")
        if name.strip() in found:
            raise ParameterError(f"parameter {name.strip()} is given twice")
        found[name.strip()] = value
    return found


def given(parameters: Sequence[Parameter], values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The overrides ``values`` in their declared types.

    Text is parsed by the declared type; paths are made absolute.

    Raises:
        ParameterError: an unknown name (with the nearest), a wrong type, a value out of range.
    """
    known = {parameter.name: parameter for parameter in parameters}
    _refuse_unknown(values, known, name)
    out: dict[str, Any] = {}
    for key, value in values.items():
        try:
            out[key] = (
                known[key].parse(value) if isinstance(value, str) else known[key].check(value)
            )
        except ParameterError as error:
            raise ParameterError(f"{name}: {error}") from None
    return out


def check(source: str, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of ``source`` as they stand in a notebook's ``namespace``.

    For a notebook's first cell, which under plain papermill is the only place that can refuse. An
    unknown name is found in the cell that papermill injected; outside IPython, where nothing else
    is defined yet, every other plain value counts as one.

    Raises:
        ParameterError: as :func:`given`; also a declared name that is not there.
    """
    parameters = declared(source)
    known = {parameter.name: parameter for parameter in parameters}
    _refuse_unknown(_injected(namespace, known), known, source)
    out: dict[str, Any] = {}
    for key, parameter in known.items():
        if key not in namespace:
            raise ParameterError(f"{source}: {key} is not set; run the parameters cell first")
        try:
            out[key] = parameter.check(namespace[key])
        except ParameterError as error:
            raise ParameterError(f"{source}: {error}") from None
    return out


def _refuse_unknown(names: Mapping[str, Any], known: Mapping[str, Parameter], source: str) -> None:
    for name in names:
        if name in known:
            continue
        near = difflib.get_close_matches(name, known, 1, 0.5)
        advice = f"did you mean {near[0]}? " if near else ""
        has = f"it takes {', '.join(known)}" if known else "it takes none"
        raise ParameterError(f"{source}: unknown parameter {name!r}; {advice}{has}")


def _injected(namespace: Mapping[str, Any], known: Mapping[str, Parameter]) -> dict[str, Any]:
    """What was set from outside, by name."""
    history = namespace.get("In")
    if isinstance(history, list):
        cells = [text for text in history if isinstance(text, str) and _INJECTED.match(text)]
        names = _assigned(cells[-1]) if cells else []
        return {name: namespace.get(name) for name in names}
    return {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_")
        and name not in _IPYTHON
        and name not in known
        and type(value) in _PLAIN
    }


def _assigned(cell: str) -> list[str]:
    targets = [
        target
        for node in ast.parse(cell).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    return [target.id for target in targets if isinstance(target, ast.Name)]
