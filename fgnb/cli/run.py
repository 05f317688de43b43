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
        keep: put the page's rows into results/recorded/; of a paper, `fgnb record` does it, since a
            page is executed again once its paper's records have changed.
        minutes: when to stop; None: at the end.

    Raises:
        ValueError: an output, or to keep, for all of a paper's notebooks.
    """
    from fgnb import book
    from fgnb.claims import PAPERS

    if notebook in PAPERS and output is not None:
        raise ValueError(f"--output is of one notebook; those of {notebook} have their places")
    if notebook in PAPERS and keep:
        raise ValueError(f"--keep is of one notebook; fgnb record {notebook} keeps rows")
    with limited(minutes):
        if notebook not in PAPERS:
            executed = book.run_notebook(notebook, values, output)
            typer.echo(str(executed.path))
            if keep:
                _keep(executed.results)
            return
        for _ in book.run_chapter(notebook, values, echo=typer.echo):
            pass


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


def _keep(results: Path) -> None:
    from fgnb.pages import recording

    for file in recording.keep_page(results):
        typer.echo(f"kept {file}")
