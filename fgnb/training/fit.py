"""From a stage to a `Run`: found in the store, gone on with, or trained now."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fgnb import paths, store
from fgnb.training import environment
from fgnb.training.progress import Progress, Watched, watched
from fgnb.training.run import PREDICTIONS, WEIGHTS, Run, open_run
from fgnb.training.stage import Stage

if TYPE_CHECKING:
    from fgnb.training.loop import Trained

WAITING = "another process trains this run; waiting for it"
# Decides bits as much as the stage does, though no stage imports it.
_ALWAYS = "fgnb.training.loop"


@dataclass(frozen=True)
class Identity:
    """What makes a run this run; ``key`` is its hash and ``path`` its folder."""

    described: dict[str, Any]
    code_of: tuple[str, ...]
    key: str
    path: Path

    @property
    def partial(self) -> Path:
        """Where a training that is under way keeps its checkpoints."""
        return self.path.with_name(f"{self.key}.partial")


def identity(stage: Stage, root: Path | None = None) -> Identity:
    """The key of ``stage`` and its place below ``root`` (`paths.runs_root`).

    Raises:
        TypeError: a spec that is no dataclass with ``seed`` and ``threads``, or holds a value that
            has no place in a key.
    """
    for name in ("seed", "threads"):
        if not hasattr(stage.spec, name):
            raise TypeError(f"the spec of {stage.name} has no {name}; every spec needs it")
    modules = tuple(getattr(stage, "modules", ()) or (type(stage).__module__,))
    stored_as = getattr(stage, "stored_as", None) or stage.name
    described = {
        "stage": stored_as,
        "spec": asdict(stage.spec),
        "data": stage.data_fingerprint,
        "code": store.code_digest(code_of := (*modules, _ALWAYS)),
        "versions": environment.versions(),
    }
    key = store.digest(described)
    return Identity(described, code_of, key, (root or paths.runs_root()) / stored_as / key)


def describe_plan(stage: Stage, root: Path | None = None) -> dict[str, Any]:
    """What `fit` would do, without doing it: the run's identity, its path and its state.

    ``state`` is ``stored``, ``damaged``, ``unfinished`` or ``absent``.
    """
    known = identity(stage, root)
    state = "absent"
    if known.path.exists():
        state = "damaged" if store.check(known.path) else "stored"
    elif known.partial.exists():
        state = "unfinished"
    return {**known.described, "key": known.key, "path": known.path, "state": state}


def fit(
    stage: Stage,
    *,
    root: Path | None = None,
    progress: bool | None = None,
    checkpoint_every: int = 20,
) -> Run:
    """The run of ``stage``: from the store, or trained now, through Lightning's Trainer.

    A second process that asks for the same run waits for the first and takes its result. A killed
    training goes on from its last checkpoint to the same weights, bit for bit. A stored run that
    was damaged is trained again.

    Args:
        stage: what to train.
        root: the store; by default `paths.runs_root`.
        progress: False puts no line on a page, and shows nothing where nobody has asked to see
            progress (a command has, and so has JupyterLab). Else a bar in a terminal; elsewhere a
            line an epoch, and off a page one at least every half minute.
        checkpoint_every: optimiser steps between checkpoints.

    Raises:
        FloatingPointError: a loss that is not finite, naming step, epoch and every part.
        OSError: the disk is full.
        Stopped: an interrupt; a `KeyboardInterrupt` that says in one line how far it was. The
            same call goes on from the last checkpoint.
    """
    if checkpoint_every < 1:
        raise ValueError(f"checkpoint_every is {checkpoint_every}; it should be at least 1")
    known = identity(stage, root)
    with watched(
        stage, known.key, stored=known.path.exists(), asked=progress, every=checkpoint_every
    ) as show:
        return _found_or_trained(stage, known, show, checkpoint_every)


def _found_or_trained(stage: Stage, known: Identity, show: Watched, checkpoint_every: int) -> Run:
    def waiting() -> None:
        show.say(f"{stage.name}: {WAITING}")

    with store.lock(known.path, waiting):
        damaged = store.check(known.path) if known.path.exists() else None
        if damaged == []:
            # Left by a kill between the run's arrival and the end of its training.
            shutil.rmtree(known.partial, ignore_errors=True)
            run = open_run(known.path, reused=True)
            _say_device(run, show)
            show.aside("found in the store")
            return run
        if damaged:
            show.say(
                f"{stage.name}: the stored run {known.key[:12]} is damaged "
                f"({', '.join(damaged)}); training it again"
            )
        from fgnb.training import loop

        trained = loop.train(stage, known.partial, show, checkpoint_every)
        _keep(stage, known, trained)
        shutil.rmtree(known.partial)
        show.aside("trained")
        return open_run(known.path, reused=False)


def _keep(stage: Stage, known: Identity, trained: Trained) -> None:
    from safetensors.torch import save

    final = trained.epochs[-1] if trained.epochs else {}
    metrics = {"epochs": trained.epochs, "final": final}
    around = environment.describe(stage.spec.threads, trained.seconds)
    around |= {"started_at_step": trained.started_at, "code_of": known.code_of}
    with store.building(known.path) as work:
        store.write_atomic(work / WEIGHTS, save(trained.weights))
        store.write_atomic(work / PREDICTIONS, _packed(trained.predictions))
        for name, content in (
            ("spec.json", known.described),
            ("metrics.json", metrics),
            ("environment.json", around),
        ):
            store.write_atomic(work / name, json.dumps(content, indent=1, ensure_ascii=False))
        shutil.copyfile(known.partial / "log.txt", work / "log.txt")


def _packed(arrays: dict[str, np.ndarray]) -> bytes:
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype == object:
            raise TypeError(
                f"predict gives {name} as {type(array).__name__}; it should be an array of "
                "numbers or strings"
            )
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _say_device(run: Run, show: Progress) -> None:
    stored, here = run.environment["device"], environment.device_name()
    if stored != here:
        show.say(f"{run.stage}: this run comes from {stored}; {here} may give other last digits")
