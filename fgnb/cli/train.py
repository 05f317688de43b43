"""`fgnb train ccfr/global`: fill the run store ahead of the notebooks."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import typer

from fgnb.cli.words import literal

_ROOMS = ("baselines", "joint", "pose", "focus", "ccfr")
_SCALE = {"preset": "demo", "dataset": "drawn", "data_root": "", "seed": "0"}


def train(name: str, given: dict[str, str], *, dry_run: bool) -> None:
    """Train the stage `name` unless its run is in the store, or say what would be done.

    Args:
        name: room/stage, e.g. "ccfr/global".
        given: preset, dataset, data_root, seed, and options or spec fields of the stage.
        dry_run: train nothing. A drawn set that is not there yet is drawn all the same, since
            the number of its pictures and its fingerprint are part of the plan.

    Raises:
        ValueError: an unknown stage or option.
    """
    stage = build_stage(name, given)
    from fgnb import training

    if dry_run:
        from fgnb import presets
        from fgnb.cli import plan

        preset = presets.get(given.get("preset", _SCALE["preset"]))
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


def build_stage(name: str, given: dict[str, str]) -> Any:
    """The stage of that name on the data set that `given` names."""
    make = stages(name.partition("/")[0]).get(name.partition("/")[2])
    if make is None:
        known = [f"{room}/{stage}" for room in _ROOMS for stage in stages(room)]
        raise ValueError(f"no stage {name!r}; there are {', '.join(known)}")
    from fgnb import presets
    from fgnb.data import open_images

    scale = {**_SCALE, **{key: given[key] for key in _SCALE if key in given}}
    options = {key: literal(value) for key, value in given.items() if key not in _SCALE}
    seed = literal(scale["seed"])
    if not isinstance(seed, int):
        raise ValueError(f"seed is {scale['seed']!r}, needs a whole number")
    preset = presets.get(scale["preset"])
    images = open_images(scale["dataset"], data_root=scale["data_root"] or None, preset=preset)
    try:
        return make(preset, images, seed=seed, **options)
    except TypeError as error:
        raise ValueError(f"{name} does not take {', '.join(options)}: {error}") from error


def stages(room: str) -> dict[str, Any]:
    """The stages of a room; empty where there is no such room yet."""
    module = f"fgnb.{room}.stages"
    if room not in _ROOMS or importlib.util.find_spec(f"fgnb.{room}") is None:
        return {}
    if importlib.util.find_spec(module) is None:
        return {}
    return dict(importlib.import_module(module).STAGES)
