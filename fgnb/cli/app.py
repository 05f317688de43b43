"""The commands and their options; the work is done elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fgnb.cli import data
from fgnb.cli.errors import plainly
from fgnb.cli.words import PairsCommand, Parameters, Scale, pairs

app = typer.Typer(
    name="fgnb",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Four papers on fine-grained recognition, every table and figure regenerated.",
)
app.add_typer(data.app, name="data")

PresetOption = Annotated[str, typer.Option(help="smoke, demo or paper.")]
Cores = Annotated[int, typer.Option(help="CPU cores to use.", min=1)]
Minutes = Annotated[
    float | None,
    typer.Option(help="Stop then; the same command goes on. Exit status 3 if anything is left."),
]
Paper = Annotated[str | None, typer.Option(help="joint, pose, focus or ccfr; all by default.")]


@app.command("run", cls=PairsCommand)
@plainly
def run(
    notebook: Annotated[
        str,
        typer.Argument(help="A path, a name as ccfr/3-3-re-ranking, or ccfr: all of the paper's."),
    ],
    parameter: Parameters = None,
    output: Annotated[
        Path | None, typer.Option(help="The executed copy; below _build/runs/ by default.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the page's rows in results/recorded/.")
    ] = False,
    minutes: Minutes = None,
) -> None:
    """Execute one notebook strictly: unknown names and wrong types stop before the kernel.

    Of a paper all are executed that are not there yet, and held to the gate.
    """
    from fgnb.cli.run import run as do

    do(notebook, pairs(parameter), output, keep=keep, minutes=minutes)


@app.command("reproduce")
@plainly
def reproduce(
    only: Annotated[
        list[str] | None, typer.Argument(help="Names of notebooks; all by default.")
    ] = None,
    preset: PresetOption = "demo",
    cores: Cores = 2,
    force: Annotated[bool, typer.Option("--force", help="Run them even if unchanged.")] = False,
) -> None:
    """Execute what changed of all notebooks, through Snakemake."""
    from fgnb import book

    book.reproduce(preset, cores=cores, only=only or (), force=force, echo=typer.echo)


@app.command("train", cls=PairsCommand)
@plainly
def train(
    stage: Annotated[
        str, typer.Argument(help="paper/stage or paper/row, e.g. ccfr/global or ccfr/scale-nms.")
    ],
    parameter: Parameters = None,
    preset: Annotated[
        str | None, typer.Option(help="smoke, demo or paper; the same as -p preset NAME.")
    ] = None,
    scale: Scale = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Keep the row's answers on photographs in results/recorded/, with a witness.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what would be trained: steps, memory, time, values. An absent drawn set is "
            "drawn.",
        ),
    ] = False,
) -> None:
    """Train one stage, or one row of a table, into the run store, where the notebooks find it."""
    from fgnb.cli.train import train as do

    chosen = [f"preset={preset}"] if preset is not None else []
    given = pairs([*(parameter or []), *chosen])
    do(stage, given, pairs(scale, "-s"), keep=keep, dry_run=dry_run)


@app.command("record", cls=PairsCommand)
@plainly
def record(
    paper: Annotated[str, typer.Argument(help="ccfr or focus.")],
    rows: Annotated[
        str,
        typer.Option(help="Rows and lists of rows, by commas: table-3,random-boxes. All lists."),
    ] = "",
    parameter: Parameters = None,
    scale: Scale = None,
    minutes: Minutes = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which rows are there.")] = False,
) -> None:
    """Train rows one after another, keep each as it comes, skip those that are there."""
    from fgnb.cli import record as do

    given = pairs(parameter)
    do.record(paper, rows, given, pairs(scale, "-s"), minutes=minutes, dry_run=dry_run)


@app.command("verify")
@plainly
def verify(
    paper: Annotated[
        str | None, typer.Argument(help="joint, pose, focus, ccfr or evidence; all by default.")
    ] = None,
) -> None:
    """Hold records whose code has changed against their witness: the row again, at smoke."""
    from fgnb.pages import recording
    from fgnb.report.archive import ROOMS

    for name in [paper] if paper else ROOMS:
        for record, state, deviation in recording.verify(name):
            apart = "" if deviation != deviation else f", the witness is {deviation:.2g} away"
            typer.echo(f"{name}/{record}: {state}{apart}")


@app.command("book")
@plainly
def make_book(preset: PresetOption = "demo", cores: Cores = 2) -> None:
    """Reproduce, assemble and build the book; ends with the path of its first page."""
    from fgnb import book

    typer.echo(str(book.make(preset, cores=cores)))


@app.command("score")
@plainly
def score(paper: Paper = None, preset: PresetOption = "demo") -> None:
    """Print the scorecard: claims and their readings, then every published entry."""
    from fgnb import paths
    from fgnb.cli.score import to_text
    from fgnb.report import scorecard

    executed = sorted((paths.build_root() / preset / "notebooks").rglob("*.ipynb"))
    typer.echo(to_text(scorecard.read(executed), paper))
