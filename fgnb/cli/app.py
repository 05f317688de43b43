"""The commands and their options; the work is done elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from fgnb.cli import data
from fgnb.cli.errors import plainly
from fgnb.cli.words import PairsCommand, Parameters, pairs

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
Paper = Annotated[str | None, typer.Option(help="joint, pose, focus or ccfr; all by default.")]


@app.command("run", cls=PairsCommand)
@plainly
def run(
    notebook: Annotated[str, typer.Argument(help="A path, or a name as ccfr/3-3-re-ranking.")],
    parameter: Parameters = None,
    output: Annotated[
        Path | None, typer.Option(help="The executed copy; below _build/runs/ by default.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Copy the results into results/recorded/.")
    ] = False,
) -> None:
    """Execute one notebook strictly: unknown names and wrong types stop before the kernel."""
    from fgnb import book, paths, report

    source = find_notebook(notebook)
    home = source.relative_to(paths.notebooks_root()).with_suffix("")
    target = output or paths.build_root() / "runs" / home.with_suffix(".ipynb")
    results_dir = target.with_suffix(".results")
    shutil.rmtree(results_dir, ignore_errors=True)
    book.run_notebook(source, pairs(parameter), target, results_dir=results_dir)
    typer.echo(str(target))
    if keep:
        for file in report.keep(results_dir, home.parts[0]):
            typer.echo(f"kept {file}")


@app.command("reproduce")
@plainly
def reproduce(preset: PresetOption = "demo", cores: Cores = 2) -> None:
    """Execute what changed of all notebooks, through Snakemake."""
    from fgnb import book

    book.reproduce(preset, cores=cores)


@app.command("train", cls=PairsCommand)
@plainly
def train(
    stage: Annotated[str, typer.Argument(help="paper/stage, e.g. ccfr/global.")],
    parameter: Parameters = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
) -> None:
    """Train one stage into the run store, where the notebooks find it."""
    from fgnb.cli.train import train as do

    do(stage, pairs(parameter), dry_run=dry_run)


@app.command("book")
@plainly
def make_book(preset: PresetOption = "demo", cores: Cores = 2) -> None:
    """Reproduce, assemble and build the book; ends with the path of its first page."""
    from fgnb import book

    book.reproduce(preset, cores=cores)
    typer.echo(str(book.build(preset)))


@app.command("score")
@plainly
def score(paper: Paper = None, preset: PresetOption = "demo") -> None:
    """Print the scorecard: every published entry, measured, cited or planned."""
    from fgnb import paths
    from fgnb.report import scorecard
    from fgnb.report.files import gather

    executed = sorted((paths.build_root() / preset / "notebooks").rglob("*.ipynb"))
    results, refused = gather(executed)
    lines = scorecard.score(results, paper)
    own = scorecard.own_rows(results, paper)
    typer.echo(scorecard.to_text(lines, own, refused))


def find_notebook(name: str) -> Path:
    """The source that a path or a name like ccfr/3-3-re-ranking stands for.

    Raises:
        FileNotFoundError: there is none; the message lists those that exist.
        ValueError: a file outside the notebooks' folder.
    """
    from fgnb import paths

    root = paths.notebooks_root()
    plain = name.removesuffix(".ipynb").removeprefix("notebooks/")
    candidates = (Path(name).expanduser().absolute(), root / f"{plain}.ipynb")
    found = next((file for file in candidates if file.is_file()), None)
    if found is None:
        known = sorted(
            f.relative_to(root).with_suffix("").as_posix() for f in root.rglob("*.ipynb")
        )
        raise FileNotFoundError(f"no notebook {name!r}; there are {', '.join(known) or 'none'}")
    found = found.resolve()
    if not found.is_relative_to(root.resolve()):
        raise ValueError(f"{found} lies outside {root}; fgnb run executes the book's notebooks")
    return root / found.relative_to(root.resolve())
