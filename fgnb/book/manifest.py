"""What the book executes: each notebook that `_toc.yml` lists, with a preset's parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fgnb import paths, presets
from fgnb.book import parameters, sources
from fgnb.book.library import library_digest

_FOLDER = "notebooks/"


@dataclass(frozen=True)
class Entry:
    """One notebook of the book.

    Attributes:
        name: path below notebooks/ without suffix.
        preset: name of the preset.
        source: the notebook's file.
        overrides: the parameters that the manifest sets.
        parameters: all of them, with the defaults.
        source_digest: of its code cells.
        library_digest: of what they reach of the library.
    """

    name: str
    preset: str
    source: Path
    overrides: dict[str, Any]
    parameters: dict[str, Any]
    source_digest: str
    library_digest: str

    @property
    def place(self) -> str:
        """The executed copy, relative to the build folder."""
        return f"{self.preset}/{_FOLDER}{self.name}.ipynb"

    @property
    def output(self) -> Path:
        """The executed copy."""
        return paths.build_root() / self.place

    @property
    def results(self) -> Path:
        """What the notebook recorded."""
        return self.output.with_suffix(".results")

    @property
    def logs(self) -> Path:
        """The folder of what went wrong."""
        return paths.build_root() / self.preset / "logs"

    @property
    def message(self) -> Path:
        """Why the last execution failed; absent if it did not."""
        return self.logs / f"{self.name}.txt"

    @property
    def rule(self) -> str:
        """Its name in the workflow."""
        return re.sub(r"\W", "_", self.name)


def read(preset: str, only: Sequence[str] = ()) -> list[Entry]:
    """The notebooks of the book in the order of its table of contents.

    Args:
        preset: "smoke", "demo" or "paper".
        only: names of notebooks; empty means all.

    Raises:
        ValueError: an unknown preset.
        NotebookError: a notebook that is listed but missing, or one in ``only`` that is not
            listed.
    """
    presets.get(preset)
    listed = [name.removeprefix(_FOLDER) for name in pages() if name.startswith(_FOLDER)]
    wanted = [sources.name_of(sources.locate(name)) for name in only]
    for name in wanted:
        if name not in listed:
            raise sources.NotebookError(f"{name} is not in _toc.yml, so the book does not run it")
    chosen = [name for name in listed if name in wanted or not only]
    return [entry_of(name, {"preset": preset}) for name in chosen]


def pages() -> list[str]:
    """Every page of `_toc.yml`, without suffix, in order.

    Raises:
        NotebookError: there is no `_toc.yml`, or it is no YAML.
    """
    file = paths.project_root() / "_toc.yml"
    try:
        toc = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise sources.NotebookError(f"{file} is missing") from None
    except yaml.YAMLError as error:
        raise sources.NotebookError(
            f"{file} can't be read: {' '.join(str(error).split())}"
        ) from None
    return [re.sub(r"\.(md|ipynb)$", "", page) for page in _files(toc)]


def _files(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("root", "file"):
                yield str(value)
            else:
                yield from _files(value)
    elif isinstance(node, list):
        for item in node:
            yield from _files(item)


def entry_of(name: str, values: Mapping[str, Any]) -> Entry:
    """A notebook as it is to run with ``values``, whether or not the book lists it.

    Raises:
        ParameterError: an unknown name, a wrong type, a value out of range.
    """
    source = paths.notebooks_root() / f"{name}.ipynb"
    notebook = sources.read(source)
    declared = parameters.declared_in(notebook, name)
    overrides = parameters.given(declared, values, name)
    settled = {p.name: overrides.get(p.name, p.default) for p in declared}
    return Entry(
        name=name,
        preset=str(settled.get("preset", "")),
        source=source,
        overrides=overrides,
        parameters=settled,
        source_digest=sources.source_digest(notebook),
        library_digest=library_digest(notebook, name),
    )
