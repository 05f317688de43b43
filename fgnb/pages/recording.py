"""Records of rows: made on photographs a row at a time, with a witness, held against later code.

The witness is the same row at the preset `smoke`, on drawn pictures: two steps of training and what
it then answers. It is made again in seconds; where today's code still gives it, a record stands
though its code has changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fgnb import paths, presets, training
from fgnb.baselines.averaging import start_and_mean
from fgnb.data import ImageSet, open_images
from fgnb.nn.device import on_cpu
from fgnb.nn.weights import weights_info
from fgnb.presets import Preset
from fgnb.report import archive, records
from fgnb.report.records import Record
from fgnb.store import code_digest

TOLERANCE = 1e-3
_ANSWERS = ("query_probs", "query_box_scores")


class Checked(NamedTuple):
    """A record held against today's code: "same", "verified", "changed" or "no witness"."""

    name: str
    state: str
    deviation: float


def make(
    paper: str,
    row: str,
    preset: Preset,
    images: ImageSet,
    *,
    dataset: str,
    published: bool = False,
    options: Mapping[str, Any],
) -> Record:
    """Train a row of a paper's `ROWS` unless the store holds it, and make its record.

    ``dataset`` is the set's short name, ``published`` whether network, input size and recipe are
    the paper's, ``options`` those of the stage.
    """
    room = import_module(f"fgnb.pages.{paper}.recording")
    given = {"backbone": "efficientnet_lite0", "weights": "imagenet", **options}
    weights = weights_info(given["backbone"], given["weights"])
    context = records.Context(paper, preset.name, images, weights, dataset, published)
    run, arrays = room.answers(row, preset, images, given)
    reads = int(run.spec.get("fold", "all") == "all")
    return records.of_run(context, row, run, arrays, reads=reads, code_of=room.CODE)


def keep(record: Record) -> Path:
    """Put a record into results/recorded with its witness; its JSON file."""
    day = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    witnessed = replace(record, witness=witness(record.paper, record.row))
    return archive.keep(witnessed, day)


def course(stage: Any, run: Any) -> dict[str, np.ndarray]:
    """Classes of a stage's queries before its training, and by the mean of start and end."""
    start, mean = start_and_mean(stage, run)
    return {
        "start": start.argmax(axis=1).astype(np.int16),
        "mean": mean.argmax(axis=1).astype(np.int16),
    }


def witness(paper: str, row: str) -> np.ndarray:
    """What a row answers at `smoke`, with today's code; on the CPU, whose last digits are kept.

    Where a room's rows are no stages, its `recording` has a function of the same name.
    """
    room = import_module(f"fgnb.pages.{paper}.recording")
    if hasattr(room, "witness"):
        with on_cpu():
            return np.asarray(room.witness(row), np.float32)
    smoke = presets.get("smoke")
    make_stage = import_module(f"fgnb.{paper}.rows").row_stage
    with on_cpu():
        run = training.fit(make_stage(row, smoke, open_images("drawn", preset=smoke)))
    answers = next(run.predictions[name] for name in _ANSWERS if name in run.predictions)
    return np.asarray(answers, np.float32)


def verify(paper: str) -> Iterator[Checked]:
    """Hold each record of a paper whose code has changed against its witness.

    Where today's code gives the witness to 1e-3, its digest is noted beside the record. A record
    of a row that is no more has none.
    """
    made: dict[str, np.ndarray] = {}
    for record in archive.recorded(paper)[0]:
        state, deviation, was = record.code_state(), math.nan, record.witness
        if state == "changed" and (was is None or not _is_row(paper, record.row)):
            state = "no witness"
        elif state == "changed" and was is not None:
            if record.row not in made:
                made[record.row] = witness(paper, record.row)
            now = made[record.row]
            deviation = float(np.abs(now - was).max()) if now.shape == was.shape else math.inf
            if deviation <= TOLERANCE:
                state = "verified"
                verified = (*record.verified, code_digest(record.origin.code_of))
                archive.write(replace(record, verified=verified), paths.recorded_root() / paper)
        yield Checked(record.name, state, deviation)


def _is_row(paper: str, row: str) -> bool:
    """Whether a paper still has a row of that name; that of a former recording may be gone."""
    room = f"fgnb.{paper}.rows"
    counted = getattr(import_module(f"fgnb.pages.{paper}.recording"), "COUNTED", ())
    return find_spec(room) is None or row in (*import_module(room).ROWS, *counted)


def keep_page(folder: Path) -> list[Path]:
    """Keep every row that a notebook measured on photographs; the JSON files.

    Raises:
        archive.RecordError: there is none, or one that can't be kept; then none is.
    """
    found, refused = archive.read_folder(folder)
    if refused:
        raise archive.RecordError(f"nothing was kept: {refused[0]}")
    if kept := [keep(record) for record in found if record.origin.protocol != "drawn"]:
        return kept
    raise archive.RecordError(f"nothing to keep in {folder.name}: no row is of photographs")
