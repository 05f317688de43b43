"""The gate: which executed notebooks may become pages.

The book is built without executing anything, and its builder takes what it gets: a notebook that
failed half-way would give a page like any other. So each is held against its source first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from fgnb.book import sources
from fgnb.book.manifest import Entry

_NONE = object()


class GateError(RuntimeError):
    """Executed notebooks that may not become pages; the message names each with its faults."""


def check(entries: Sequence[Entry]) -> None:
    """Admit all or raise.

    Raises:
        GateError: at least one notebook has a fault; all are named.
    """
    refused = [(entry, faults) for entry in entries if (faults := list(faults_of(entry)))]
    if refused:
        lines = [f"{entry.name}: {'; '.join(faults)}" for entry, faults in refused]
        raise GateError(
            "the book was not built, since these executed notebooks are not admitted:\n"
            + "\n".join(f"  {line}" for line in lines)
            + f"\nDelete such a file below {refused[0][0].output.parents[1]} to have it run again."
        )


def faults_of(entry: Entry) -> Iterator[str]:
    """What keeps an executed notebook out; nothing if it is sound."""
    if not entry.output.is_file():
        yield "it was not executed"
        return
    try:
        executed = sources.read(entry.output)
    except sources.NotebookError as error:
        yield str(error)
        return
    yield from faults_in(executed, entry)
    yield from _pictures(executed, entry)


def faults_in(executed: sources.Notebook, entry: Entry) -> Iterator[str]:
    """What is wrong with an execution, whatever its pictures: half run, failed, of other code."""
    yield from _execution(executed)
    yield from _origin(executed, entry)


def _execution(executed: sources.Notebook) -> Iterator[str]:
    about = executed["metadata"].get("papermill")
    if not isinstance(about, dict):
        yield "it was not executed by fgnb"
        return
    if about.get("exception") not in (None, False):
        yield "its execution ended in an exception"
    former = number = 0
    for cell in sources.code_cells(executed):
        number += sources.INJECTED not in sources.tags(cell)
        where = f"code cell {number} ({cell['source'].strip().splitlines()[0][:40]})"
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                yield f"{where} shows an error, {output['ename']}: {_first(output['evalue'])}"
        count = cell.get("execution_count")
        if not isinstance(count, int):
            yield f"{where} was not executed"
        elif count <= former:
            yield f"{where} was executed out of order"
        elif cell["metadata"].get("papermill", {}).get("status") not in (None, "completed"):
            yield f"{where} was not executed to its end"
        former = count if isinstance(count, int) else former


def _origin(executed: sources.Notebook, entry: Entry) -> Iterator[str]:
    stamp = executed["metadata"].get("fgnb", {})
    digest = sources.source_digest(executed)
    if entry.source_digest not in (stamp.get("source_digest"),) or digest != entry.source_digest:
        yield "it was executed by another version of its source"
    if stamp.get("library_digest") != entry.library_digest:
        yield "it was executed with another version of the library or its packages"
    injected = executed["metadata"].get("papermill", {}).get("parameters", {})
    ran_with = stamp.get("parameters", {})
    names = sorted({*entry.parameters, *ran_with, *injected})
    for name in names:
        due = entry.parameters.get(name, _NONE)
        for value in (ran_with.get(name, _NONE), injected.get(name, due)):
            if value != due:
                yield f"it ran with {name} = {_shown(value)}, not {_shown(due)}"
                break


def _pictures(executed: sources.Notebook, entry: Entry) -> Iterator[str]:
    """What the book computes, it computes on drawn pictures alone.

    Numbers that stand beside a page may come from recorded sets as well, and are not looked into.
    """
    given = (entry.parameters, executed["metadata"].get("fgnb", {}).get("parameters", {}))
    named = [str(values["dataset"]) for values in given if "dataset" in values]
    for file in sorted(entry.results.rglob("*.json")) if entry.results.is_dir() else []:
        try:
            if not file.name.endswith(".numbers.json"):
                named.append(str(json.loads(file.read_bytes())["provenance"]["dataset"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            yield f"its results {file.name} can't be read"
    for name in sorted(set(named)):
        if not name.startswith("drawn"):
            yield f"its data set is {name}; only drawn pictures may enter the book"


def _shown(value: object) -> str:
    return "nothing" if value is _NONE else repr(value)


def _first(text: str) -> str:
    return (text.strip().splitlines() or [""])[0]
