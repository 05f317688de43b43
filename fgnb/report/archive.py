"""Records on the disk: `<row>-<set>-<key>.json` beside `.npz`, written whole, read with suspicion.

A page keeps this run's records beside its executed copy; `--keep` puts a row's into
results/recorded/<paper>/. Whatever is incomplete or damaged is refused with a reason when read, and
never shown. A row recorded again does not replace what was: the newest stands, former ones fold
under it, and all count towards the reads of their test set.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from fgnb import paths
from fgnb.claims import PAPERS
from fgnb.report.records import Provenance, Record
from fgnb.store import digest, write_atomic

MAX_BYTES = 5_000_000
ROOMS = (*PAPERS, "evidence")  # whose records results/recorded holds
NUMBERS = ".numbers.json"  # what a page derived, beside the records that it derived it from
_WITNESS = "witness"


class RecordError(ValueError):
    """A record that can't be kept; the message names row and reason."""


class Refused(NamedTuple):
    """A file that no page shows, and why."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class Read(NamedTuple):
    """How often a record read the test images of those ids."""

    dataset: str
    ids: frozenset[int]
    times: int


class _File(BaseModel):
    """The JSON beside the arrays."""

    model_config = ConfigDict(extra="forbid")

    format: Literal[2]
    paper: str
    row: str
    sha256: str
    arrays: dict[str, str]
    verified: tuple[str, ...] = ()
    provenance: Provenance


def name_of(record: Record) -> str:
    """The file's name: row, set, and a key over everything that was chosen.

    Code and machine are not chosen; the same configuration measured again by other code is another
    recording, told apart by its day.
    """
    origin = record.origin
    fields = ("preset", "manifest", "backbone", "weights_sha256", "seeds", "spec", "recorded")
    key = digest({field: getattr(origin, field) for field in fields} | {"code": origin.code})
    return f"{record.row}-{origin.dataset}-{key[:8]}"


def write(record: Record, folder: Path) -> Path:
    """Write a record into a folder, each of its two files whole or not at all; the JSON file.

    Raises:
        RecordError: no arrays, objects or pictures among them, or over 5 MB.
    """
    packed = _pack(record)
    content = _File(
        format=2,
        paper=record.paper,
        row=record.row,
        sha256=hashlib.sha256(packed).hexdigest(),
        arrays={k: f"{a.dtype}{list(a.shape)}" for k, a in sorted(record.arrays.items())},
        verified=record.verified,
        provenance=record.origin,
    )
    file = folder / f"{record.name or name_of(record)}.json"
    write_atomic(file.with_suffix(".npz"), packed)
    text = json.dumps(content.model_dump(mode="json"), indent=1, ensure_ascii=False)
    write_atomic(file, f"{text}\n")
    return file


def read(file: Path) -> Record:
    """The record in a JSON file and the arrays beside it; nothing is unpickled.

    Raises:
        RecordError: it is incomplete or damaged; the first reason.
    """
    beside = file.with_suffix(".npz")
    try:
        content = _File.model_validate_json(file.read_bytes())
        packed = beside.read_bytes()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise RecordError(f"{place}: {first['msg'].removeprefix('Value error, ')}") from None
    except FileNotFoundError:
        raise RecordError(f"its arrays are missing: no {beside.name}") from None
    if hashlib.sha256(packed).hexdigest() != content.sha256:
        raise RecordError(f"its arrays are damaged: {beside.name} has not the recorded hash")
    arrays = dict(np.load(io.BytesIO(packed), allow_pickle=False))
    witness, about = arrays.pop(_WITNESS, None), (content.verified, file.stem)
    return Record(content.paper, content.row, arrays, content.provenance, witness, *about)


def read_folder(folder: Path) -> tuple[list[Record], list[Refused]]:
    """Every record in a folder in the order of its day, and what is refused with its reason."""
    records: list[Record] = []
    refused: list[Refused] = []
    for file in sorted(folder.glob("*.json")):
        try:
            if not file.name.endswith(NUMBERS):
                records.append(read(file))
        except RecordError as error:
            refused.append(Refused(file.stem, str(error)))
    return sorted(records, key=lambda record: record.origin.recorded), refused


def recorded(paper: str) -> tuple[list[Record], list[Refused]]:
    """What results/recorded holds of a paper."""
    return read_folder(paths.recorded_root() / paper)


def keep(record: Record, day: str) -> Path:
    """Put a record into results/recorded; its JSON file.

    Raises:
        RecordError: it is of drawn pictures, or can't be written.
    """
    if record.origin.protocol == "drawn":
        raise RecordError(f"row {record.row!r} is of drawn pictures; they are no evidence")
    origin = record.origin.model_copy(update={"recorded": day})
    folder = paths.recorded_root() / record.paper
    kept = replace(record, origin=origin, verified=(), name="")
    former = folder / f"{name_of(kept)}.json"
    if former.is_file():  # the same answers once more, but the test set was read again
        reads = origin.test_reads + read(former).origin.test_reads
        kept = replace(kept, origin=origin.model_copy(update={"test_reads": reads}))
    return write(kept, folder)


def test_reads(papers: Iterable[str]) -> list[Read]:
    """How often each set of test images was read, a line a record of those papers.

    Only what a record says of itself and its ids are looked at; what can't be read is left out, as
    `read_folder` names it.
    """
    found = []
    for file in (f for paper in papers for f in (paths.recorded_root() / paper).glob("*.json")):
        try:
            origin = _File.model_validate_json(file.read_bytes()).provenance
            with np.load(file.with_suffix(".npz"), allow_pickle=False) as arrays:
                ids = arrays["ids"] if "ids" in arrays else np.zeros(0, np.int64)
        except (ValueError, OSError):
            continue
        found.append(Read(origin.dataset, frozenset(ids.tolist()), origin.test_reads))
    return found


def _pack(record: Record) -> bytes:
    if not record.arrays:
        raise RecordError(f"row {record.row!r} has no arrays")
    for key, value in record.arrays.items():
        name = f"row {record.row!r}: array {key!r}"
        if value.dtype.kind not in "biufU":
            raise RecordError(f"{name} is of {value.dtype}, no numbers")
        if value.dtype == np.uint8 and value.ndim >= 3:
            raise RecordError(f"{name} looks like pictures; none is kept")
    arrays: dict[str, Any] = dict(sorted(record.arrays.items()))
    if record.witness is not None:
        arrays[_WITNESS] = record.witness
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    if (size := buffer.tell()) > MAX_BYTES:
        limit = f"over {MAX_BYTES:,}; keep fewer arrays, or float16"
        raise RecordError(f"row {record.row!r} takes {size:,} bytes, {limit}")
    return buffer.getvalue()
