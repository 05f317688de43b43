"""All notebooks of a paper with the same parameters, photographs among them, held to the gate.

What `fgnb run` executes by hand never enters the book; it is held to all that the gate asks of a
page, but for the drawn pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fgnb import paths
from fgnb.book import gate, manifest, parameters, sources
from fgnb.book.run import Executed, run_notebook


def names_of(paper: str) -> list[str]:
    """The paper's notebooks that `_toc.yml` lists, in order; none for another name."""
    folder = f"notebooks/{paper}/"
    return [p.removeprefix("notebooks/") for p in manifest.pages() if p.startswith(folder)]


def run_chapter(
    paper: str, values: Mapping[str, Any], *, echo: Callable[[str], None]
) -> Iterator[Executed]:
    """Execute those that are not there yet, by this source, this library and these parameters.

    Args:
        paper: its short name.
        values: parameters; each notebook is given those that it declares.
        echo: is told of each notebook, in a line.

    Yields:
        Those that are executed now, each as it ends.

    Raises:
        ParameterError: a name that none of them declares, or a value that one refuses; before the
            first of them runs.
        GateError: an executed notebook is not sound; the message names it with its faults.
    """
    names = names_of(paper)
    declared = {name: {p.name for p in parameters.declared(name)} for name in names}
    for value in values:
        if not any(value in known for known in declared.values()):
            raise parameters.ParameterError(f"no notebook of {paper} has the parameter {value!r}")
    own = {name: {k: v for k, v in values.items() if k in declared[name]} for name in names}
    for name in names:
        manifest.entry_of(name, own[name])  # refuses a value before the first of them runs
    for name in names:
        entry = manifest.entry_of(name, own[name])  # records may have come meanwhile
        if not _faults(entry):
            echo(f"{name}: is there")
            continue
        executed = run_notebook(name, own[name])
        if faults := _faults(entry):
            raise gate.GateError(f"{name}: {'; '.join(faults)}")
        echo(f"{name}: executed in {executed.seconds:.0f} s, admitted: {executed.path}")
        yield executed


def _faults(entry: manifest.Entry) -> list[str]:
    """What the gate says of the copy below ``_build/runs``."""
    file = paths.build_root() / "runs" / f"{entry.name}.ipynb"
    if not file.is_file():
        return ["it was not executed"]
    try:
        executed = sources.read(file)
    except sources.NotebookError as error:
        return [str(error)]
    return list(gate.faults_in(executed, entry))
