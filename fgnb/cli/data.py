"""`fgnb data make` and `fgnb data verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fgnb.cli.errors import plainly

app = typer.Typer(no_args_is_help=True, help="Draw a data set, or check one on the disk.")


@app.command("make")
@plainly
def make(
    dataset: Annotated[
        str, typer.Argument(help="drawn, drawn-control, drawn-cars or drawn-aircraft.")
    ] = "drawn",
    preset: Annotated[str, typer.Option(help="smoke, demo or paper.")] = "demo",
    seed: Annotated[int, typer.Option(help="Seed of the renderer.")] = 0,
    data_root: Annotated[
        Path | None, typer.Option(help="Where data are kept; FGNB_DATA or data/ by default.")
    ] = None,
) -> None:
    """Draw a data set in the official layout, unless it is there already."""
    if not dataset.startswith("drawn"):
        raise ValueError(
            f"dataset is {dataset!r}; only drawn, drawn-control, drawn-cars and drawn-aircraft "
            "can be made. Photographs must be put below FGNB_DATA by hand; then: fgnb data verify"
        )
    from fgnb import presets
    from fgnb.data import open_images

    images = open_images(dataset, data_root=data_root, preset=presets.get(preset), seed=seed)
    typer.echo(f"{images.root}\n{images!r}")


@app.command("verify")
@plainly
def verify(
    root: Annotated[
        Path | None,
        typer.Argument(help="The set's folder, or the one that holds it; FGNB_DATA by default."),
    ] = None,
    layout: Annotated[str, typer.Option(help="cub, cars or aircraft.")] = "cub",
    decode: Annotated[bool, typer.Option("--decode", help="Also decode every image.")] = False,
) -> None:
    """Check a data set; say its protocol and what was done to its pictures."""
    from fgnb import data, paths

    typer.echo(str(data.verify(paths.data_root(root), layout, decode=decode)))
