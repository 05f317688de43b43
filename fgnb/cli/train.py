"""`fgnb train ccfr/global`: fill the run store ahead of the notebooks."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import typer

from fgnb.cli.words import literal

_ROOMS = ("baselines", "joint", "pose", "focus", "ccfr")
_SCALE = {"preset": "demo", "dataset": "drawn", "data_root": "", "classes": "", "seed": "0"}


def train(
    name: str,
    given: Mapping[str, str],
    scale: Mapping[str, str] | None = None,
    *,
    keep: bool = False,
    dry_run: bool = False,
) -> None:
    """Train the stage `name` unless its run is in the store, or say what would be done.

    Args:
        name: room/stage or room/row, e.g. "ccfr/global" or "ccfr/scale-nms".
        given: preset, dataset, data_root, classes, seed, and options or spec fields of the stage.
        scale: values of the preset to replace, for the stage and all that it starts from.
        keep: put the row's answers into results/recorded/.
        dry_run: train nothing. A drawn set that is not there yet is drawn all the same, since
            the number of its pictures and its fingerprint are part of the plan.

    Raises:
        ValueError: an unknown stage, row or option.
    """
    if keep and not dry_run:
        _keep(name, given, scale or {})
        return
    stage = build_stage(name, given, scale)
    from fgnb import training

    if dry_run:
        from fgnb.cli import plan

        preset = _preset(given, scale or {})
        images = stage.images
        typer.echo(
            f"plan of {name} at the preset {preset.name}, nothing is trained: {images.title}, "
            f"{len(images):,} pictures"
        )
        for line in plan.lines(stage, preset):
            typer.echo(line)
        return
    run = training.fit(stage)
    typer.echo(f"{name}: {'found in the store' if run.reused else 'trained'}: {run.path}")


def build_stage(name: str, given: Mapping[str, str], scale: Mapping[str, str] | None = None) -> Any:
    """The stage of that name on the data set that `given` names; see `train`."""
    room, _, stage = name.partition("/")
    make = stages(room).get(stage)
    if make is None and stage in rows(room):
        make = partial(importlib.import_module(f"fgnb.{room}.rows").row_stage, stage)
    if make is None:
        known = [
            f"{room}/{n}" for room in _ROOMS for n in dict.fromkeys([*stages(room), *rows(room)])
        ]
        raise ValueError(f"no stage {name!r}; there are {', '.join(known)}")
    preset, images, seed, options = asked(given, scale or {})
    try:
        return make(preset, images, seed=seed, **options)
    except TypeError as error:
        raise ValueError(f"{name} does not take {', '.join(options)}: {error}") from error


def _keep(name: str, given: Mapping[str, str], scale: Mapping[str, str]) -> None:
    paper, _, row = name.partition("/")
    if row not in rows(paper):
        known = [f"{room}/{n}" for room in _ROOMS for n in rows(room)]
        raise ValueError(f"no row {name!r} can be kept; there are {', '.join(known)}")
    preset, images, seed, options = asked(given, scale)
    dataset = photographs(images, given)
    typer.echo(f"kept {keep_row(paper, row, preset, images, dataset, seed, options)}")


def photographs(images: Any, given: Mapping[str, str]) -> str:
    """The short name of a set that records can be made of.

    Raises:
        ValueError: a drawn one.
    """
    if images.protocol == "drawn":
        raise ValueError(
            f"{images.title} are drawn; a record is of photographs: -p dataset cub, say"
        )
    return given["dataset"]


def keep_row(
    paper: str,
    row: str,
    preset: Any,
    images: Any,
    dataset: str,
    seed: int,
    options: Mapping[str, Any],
) -> Path:
    """Train a row unless the store holds it, and keep its record; the JSON file."""
    from fgnb import presets
    from fgnb.pages import recording
    from fgnb.report.records import published_network

    name, backbone, _ = published_network(paper)  # the weights are the default's
    as_published = preset == presets.get(name) and options == {"backbone": backbone}
    record = recording.make(
        paper,
        row,
        preset,
        images,
        dataset=dataset,
        published=as_published,
        options={"seed": seed, **options},
    )
    return recording.keep(record)


def _preset(given: Mapping[str, str], scale: Mapping[str, str]) -> Any:
    from fgnb import presets

    own = {name: literal(value) for name, value in scale.items()}
    return presets.get(given.get("preset", _SCALE["preset"]), **own)


def asked(
    given: Mapping[str, str], scale: Mapping[str, str]
) -> tuple[Any, Any, int, dict[str, Any]]:
    """Preset, image set, seed and the options of the stage."""
    from fgnb.data import open_images

    preset = _preset(given, scale)
    place = {**_SCALE, **{key: given[key] for key in _SCALE if key in given}}
    options = {key: literal(value) for key, value in given.items() if key not in _SCALE}
    seed = literal(place["seed"])
    if not isinstance(seed, int):
        raise ValueError(f"seed is {place['seed']!r}, needs a whole number")
    images = open_images(
        place["dataset"],
        data_root=place["data_root"] or None,
        preset=preset,
        classes=place["classes"],
    )
    return preset, images, seed, options


def rows(room: str) -> dict[str, Any]:
    """The rows of a room's tables; empty where there is no such room yet."""
    return listed(room, "rows", "ROWS")


def stages(room: str) -> dict[str, Any]:
    """The stages of a room; empty where there is no such room yet."""
    return listed(room, "stages", "STAGES")


def listed(room: str, module: str, name: str) -> dict[str, Any]:
    """What a room's module holds under a name; empty where there is no such room or module yet."""
    if room not in _ROOMS or importlib.util.find_spec(f"fgnb.{room}") is None:
        return {}
    if importlib.util.find_spec(f"fgnb.{room}.{module}") is None:
        return {}
    return dict(getattr(importlib.import_module(f"fgnb.{room}.{module}"), name))
