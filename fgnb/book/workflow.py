"""Execute what changed: Snakemake over papermill, quiet, one line a notebook."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fgnb import paths, progress
from fgnb.book import manifest
from fgnb.book.run import running_place
from fgnb.book.sources import NotebookError
from fgnb.progress import stopping
from fgnb.store import lock


class ReproduceError(RuntimeError):
    """Notebooks that failed, each with its reason; the others are done and kept."""


def reproduce(
    preset: str = "demo",
    *,
    cores: int = 2,
    only: Sequence[str] = (),
    force: bool = False,
    echo: Callable[[str], None] = print,
) -> list[manifest.Entry]:
    """Bring the executed notebooks of a preset up to date.

    A notebook runs again when its code cells, what they reach of the library or its parameters
    changed, never for a text cell; a killed run goes on where it was.

    Args:
        preset: "smoke", "demo" or "paper".
        cores: notebooks at a time; those that train run one by one.
        only: names of notebooks; empty means all.
        force: run them even if nothing changed.
        echo: where our own lines go.

    Returns:
        The notebooks, all executed.

    Raises:
        ReproduceError: some failed; all of them are named with their reasons.
        NotebookError: a notebook is missing, not listed, or its parameters can't be read.
        ValueError: an unknown preset, or fewer than one core.
    """
    if cores < 1:
        raise ValueError(f"cores is {cores}; it should be at least 1")
    entries = manifest.read(preset, only)
    build = paths.build_root()
    build.mkdir(parents=True, exist_ok=True)
    waits = "another fgnb is at work in the same build folder; waiting for it"
    with lock(build / "reproduce", lambda: echo(waits)):
        for entry in entries:
            entry.message.unlink(missing_ok=True)
        before = {entry.name: _state(entry) for entry in entries}
        begun = time.time()
        with progress.task("the book"), stopping.at_once(lambda: _stands(entries, begun)):
            reason = _snakemake(preset, cores, [entry.name for entry in entries], force)
        _raise_failures(entries, reason)
    ran = sum(before[entry.name] != _state(entry) for entry in entries)
    echo(f"{len(entries)} notebooks ({preset}): {ran} executed, {len(entries) - ran} unchanged")
    return entries


def _stands(entries: Sequence[manifest.Entry], begun: float) -> progress.State:
    """Which notebooks run; ``begun`` is when the first of them could."""
    where = []
    for number, entry in enumerate(entries, 1):
        place = running_place(entry.results)
        if place.exists() and place.stat().st_mtime >= begun - 1:
            where.append(f"notebook {number} of {len(entries)} ({entry.name})")
    return progress.State(where=" and ".join(where) or "the book", kept="what is done is kept")


def _snakemake(preset: str, cores: int, names: Sequence[str], force: bool) -> str:
    """Run the workflow; the reason if it did not succeed, else nothing."""
    # Snakemake is a second of imports, and the command line's help should not pay for it.
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import WorkflowError
    from snakemake.settings.enums import Quietness
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        ExecutionSettings,
        OutputSettings,
        ResourceSettings,
    )

    snakefile = paths.project_root() / "Snakefile"
    if not snakefile.is_file():
        raise NotebookError(f"{snakefile} is missing")
    with _own_surroundings(), SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        try:
            workflow = api.workflow(
                resource_settings=ResourceSettings(
                    cores=cores, resources={"gpu": 1, "training": 1}
                ),
                config_settings=ConfigSettings(config={"preset": preset, "only": " ".join(names)}),
                snakefile=snakefile,
                workdir=paths.build_root(),
            )
            workflow.dag(DAGSettings(force_incomplete=True, forceall=force)).execute_workflow(
                executor="local",
                execution_settings=ExecutionSettings(keep_going=True, lock=False),
            )
        except WorkflowError as error:
            return " ".join(str(error).split()) or "the workflow did not end well"
    return ""


def _raise_failures(entries: Sequence[manifest.Entry], reason: str) -> None:
    failed = [entry for entry in entries if entry.message.exists() or not entry.output.exists()]
    if not failed and not reason:
        return
    lines = []
    for entry in failed:
        reason_kept = (
            entry.message.read_text(encoding="utf-8").strip() if entry.message.exists() else ""
        )
        lines.append(f"  {reason_kept or f'{entry.name}: it was not executed; {reason}'}")
    done = len(entries) - len(failed)
    head = f"{len(failed)} of {len(entries)} notebooks failed; the other {done} are kept"
    raise ReproduceError("\n".join([head, *(lines or [f"  {reason}"])]))


def _state(entry: manifest.Entry) -> tuple[int, int] | None:
    if not entry.output.exists():
        return None
    found = entry.output.stat()
    return found.st_mtime_ns, found.st_ino


@contextlib.contextmanager
def _own_surroundings() -> Iterator[None]:
    """Snakemake changes the working directory and the loggers; give them back."""
    cwd = Path.cwd()
    root = logging.getLogger()
    handlers = list(root.handlers)
    try:
        yield
    finally:
        os.chdir(cwd)
        root.handlers[:] = handlers
