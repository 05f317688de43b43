"""`fgnb run`: one notebook by papermill, or all of a paper's, within so many minutes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import typer

from fgnb.progress import timed

UNFINISHED = 3
"""Exit status where the time was up before all was there."""


def run(
    notebook: str,
    values: Mapping[str, str],
    output: Path | None,
    *,
    keep: bool = False,
    minutes: float | None = None,
) -> None:
    """Execute what is named; of a paper those of its notebooks that are not there yet.

    Args:
        notebook: a path, a name, or a paper.
        values: parameters.
        output: the executed copy of one notebook.
        keep: put the rows of each page into results/recorded/.
        minutes: when to stop; None: at the end.

    Raises:
        ValueError: an output for all of a paper's notebooks.
    """
    from fgnb import book
    from fgnb.claims import PAPERS

    with limited(minutes):
        if notebook not in PAPERS:
            executed = book.run_notebook(notebook, values, output)
            typer.echo(str(executed.path))
            _keep(executed.results, keep)
            return
        if output is not None:
            raise ValueError(f"--output is of one notebook; those of {notebook} have their places")
        for executed in book.run_chapter(notebook, values, echo=typer.echo):
            _keep(executed.results, keep)


@contextlib.contextmanager
def limited(minutes: float | None) -> Iterator[timed.Alarm]:
    """Stop the block when the time is up, say where it stood, and leave with `UNFINISHED`."""
    if minutes is None:
        yield timed.Alarm()
        return
    with timed.within(60 * minutes) as alarm:
        yield alarm
    if alarm.over:
        typer.echo(f"{minutes:g} minutes are over: {alarm.line}")
        raise typer.Exit(UNFINISHED)


def _keep(results: Path, keep: bool) -> None:
    if keep:
        from fgnb.pages import recording

        for file in recording.keep_page(results):
            typer.echo(f"kept {file}")
