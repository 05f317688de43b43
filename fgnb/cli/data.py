"""`fgnb data`: draw a set, check one, pack one into pieces that travel and unpack them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fgnb.cli.errors import message, plainly

app = typer.Typer(no_args_is_help=True, help="Draw a data set, check or pack one.")


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
    layout: Annotated[
        str | None, typer.Option(help="cub, cars or aircraft; all that lie there by default.")
    ] = None,
    decode: Annotated[bool, typer.Option("--decode", help="Also decode every image.")] = False,
    frame: Annotated[
        str, typer.Option(help="set, crop, square or resize-600-crop: warn of what it cuts away.")
    ] = "set",
) -> None:
    """Check the data sets of a folder: protocol, pixels, pictures; warn of what looks wrong."""
    from fgnb import data, paths
    from fgnb.data import layouts

    place = paths.data_root(root)
    found = data.sets_in(place) if layout is None else {}
    if len(found) < 2:
        typer.echo(str(data.verify(place, layout, decode=decode, frame=frame)))
    else:
        _verify_each(found, decode=decode, frame=frame)
    if layout is None and (voc := layouts.voc_in(place)):
        typer.echo(voc)


@app.command("pack")
@plainly
def pack(
    root: Annotated[Path, typer.Argument(help="The set's folder, e.g. DIR/CUB_200_2011.")],
    out: Annotated[Path, typer.Argument(help="Where the pieces are written.")],
    mib: Annotated[float, typer.Option(help="Size of the largest piece, MiB.", min=0.0)] = 55.0,
) -> None:
    """Put a set into tar files of a bounded size, to bring it to another machine."""
    from fgnb.data import pieces

    for piece in pieces.pack(root.expanduser().absolute(), out, mib=mib):
        typer.echo(str(piece))


@app.command("unpack")
@plainly
def unpack(
    piece: Annotated[list[Path], typer.Argument(help="One piece or several, in any order.")],
    data_root: Annotated[
        Path | None, typer.Option(help="Where data are kept; FGNB_DATA or data/ by default.")
    ] = None,
) -> None:
    """Unpack pieces of a set; then: fgnb data verify."""
    from fgnb import paths
    from fgnb.data import pieces

    for one in piece:
        count = pieces.unpack(one, paths.data_root(data_root))
        typer.echo(f"{one.name}: {count:,} files")


def _verify_each(found: dict[str, Path], *, decode: bool, frame: str) -> None:
    """One report a set; a set that fails does not keep the others from being checked."""
    from fgnb import data

    failed = []
    for name, place in found.items():
        try:
            typer.echo(f"{data.verify(place, name, decode=decode, frame=frame)}\n")
        except data.DataError as error:
            if os.environ.get("FGNB_DEBUG") == "1":
                raise
            typer.echo(f"fgnb: {message(error)}\n", err=True)
            failed.append(name)
    if failed:
        raise data.DataError(f"{len(failed)} of {len(found)} sets failed: {', '.join(failed)}")
