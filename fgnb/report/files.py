"""Results on the disk: `<name>.json` beside `<name>.npz`, written whole, read with suspicion.

`save` writes the results of a notebook into `paths.results_dir()`; `keep`, called by
`fgnb run --keep` alone, copies them into results/recorded/. Whatever is incomplete or damaged is
refused with a reason when read, and never shown.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fgnb import paths
from fgnb.report.provenance import ProvenanceError
from fgnb.report.results import Result, ResultError, from_dict
from fgnb.store import digest, write_atomic

FORMAT = 1
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


@dataclass(frozen=True)
class Refused:
    """A result, or a whole file of them, that no page shows.

    Attributes:
        name: the file below its root, without suffix.
        claim: the result's claim; empty where the whole file is refused.
        reason: what it lacks, or what is damaged.
        notebook: the notebook that recorded it, as far as it can be read.
    """

    name: str
    claim: str
    reason: str
    notebook: str = ""

    def __str__(self) -> str:
        return f"{self.name}{f': {self.claim}' if self.claim else ''}: {self.reason}"


def save(name: str, results: Sequence[Result], arrays: Mapping[str, Any]) -> Path:
    """Write `<name>.json` and `<name>.npz` into `paths.results_dir()`, each whole or not at all.

    Args:
        name: lower-case letters, digits, dots and hyphens, e.g. "3-3-re-ranking".
        results: at least one; no two of one claim and label.
        arrays: what the numbers are derived from: ids, labels, probabilities, neighbours; numbers,
            booleans and texts alone (no objects, no pictures).

    Returns:
        The JSON file.

    Raises:
        ResultError: a faulty name, result or array; the message names it.
    """
    if not _NAME.fullmatch(name):
        raise ResultError(f"name is {name!r}, needs lower-case letters, digits, dots and hyphens")
    if not results:
        raise ResultError(f"{name}: results is empty, needs at least one")
    seen: set[tuple[str, str]] = set()
    for result in results:
        if not isinstance(result, Result):
            raise ResultError(f"{name}: results holds {result!r}, needs what record returned")
        if (result.claim, result.label) in seen:
            raise ResultError(f"{name}: claim {result.claim!r} stands twice as {result.label!r}")
        seen.add((result.claim, result.label))
    packed = _pack(name, arrays)
    folder = paths.results_dir()
    write_atomic(folder / f"{name}.npz", packed)
    content = {
        "format": FORMAT,
        "name": name,
        "npz": {
            "file": f"{name}.npz",
            "sha256": hashlib.sha256(packed).hexdigest(),
            "arrays": {key: _shape(value) for key, value in sorted(arrays.items())},
        },
        "results": [result.to_dict() for result in results],
    }
    file = folder / f"{name}.json"
    write_atomic(file, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return file


def read_folder(folder: Path, *, recorded: bool = False) -> tuple[list[Result], list[Refused]]:
    """Every result below `folder`, and what is refused with its reason."""
    results: list[Result] = []
    refused: list[Refused] = []
    for file in sorted(folder.rglob("*.json")) if folder.is_dir() else []:
        name = file.relative_to(folder).with_suffix("").as_posix()
        found, not_shown = read_file(file, name, recorded=recorded)
        results += found
        refused += not_shown
    return results, refused


def read_file(
    file: Path, name: str, *, recorded: bool = False
) -> tuple[list[Result], list[Refused]]:
    """The results of one JSON file, and what of it is refused with its reason."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        return [], [Refused(name, "", f"{file.name} can't be read as JSON ({_first_line(error)})")]
    listed = content.get("results") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not listed:
        return [], [Refused(name, "", f"{file.name} holds no list of results")]
    notebook = _notebook(listed)
    damage = _damage(file, content.get("npz"))
    if damage:
        return [], [Refused(name, "", damage, notebook)]
    try:
        reads_before = sum(int(item["test_reads"]) for item in content.get("earlier", []))
    except (KeyError, TypeError, ValueError):
        reason = "its list of earlier recordings (earlier) lacks the number of test reads"
        return [], [Refused(name, "", reason, notebook)]
    results: list[Result] = []
    refused: list[Refused] = []
    for given in listed:
        try:
            result = from_dict(given)
        except (ResultError, ProvenanceError, TypeError) as error:
            claim = str(given.get("claim", "")) if isinstance(given, dict) else ""
            refused.append(Refused(name, claim, _first_line(error), notebook))
            continue
        total = reads_before + result.provenance.test_reads
        results.append(replace(result, source=name, recorded=recorded, total_reads=total))
    return results, refused


def read_arrays(file: Path) -> dict[str, np.ndarray]:
    """The arrays beside a JSON file, all in memory; nothing is unpickled."""
    with np.load(file.with_suffix(".npz"), allow_pickle=False) as npz:
        return {key: npz[key] for key in npz.files}


def load_recorded() -> tuple[list[Result], list[Refused]]:
    """Every recorded result below `paths.recorded_root()`, and the refused with their reasons."""
    return read_folder(paths.recorded_root(), recorded=True)


def results_beside(executed: Iterable[Path]) -> tuple[list[Result], list[Refused]]:
    """The results that executed notebooks saved in the `<notebook>.results` folder beside them."""
    results: list[Result] = []
    refused: list[Refused] = []
    for notebook in executed:
        found, not_shown = read_folder(notebook.with_suffix(".results"))
        results += found
        refused += not_shown
    return results, refused


def gather(executed: Iterable[Path]) -> tuple[list[Result], list[Refused]]:
    """What the book shows: results of executed notebooks, then recorded ones; and the refused."""
    here, refused_here = results_beside(executed)
    recorded, refused = load_recorded()
    return [*here, *recorded], [*refused_here, *refused]


def keep(results_dir: Path, paper: str) -> list[Path]:
    """Copy the results of a run into results/recorded/<paper>/; for `fgnb run --keep` alone.

    A file is named `<name>-<dataset>-<key>`, the key standing for everything that was chosen: data
    manifest, preset, backbone, weights, seeds, parameters and settings. Another configuration is
    another file, so losing ones stay. The same configuration measured again replaces its numbers;
    what it had before moves into the file's "earlier", with the number of test reads.

    Returns:
        The JSON files written.

    Raises:
        ResultError: there is nothing to keep, or a result is incomplete or damaged; then nothing
            is copied.
    """
    from fgnb.claims import PAPERS

    if paper not in PAPERS:
        raise ResultError(f"paper is {paper!r}, needs one of {', '.join(PAPERS)}")
    results, refused = read_folder(results_dir)
    if refused:
        reasons = "; ".join(str(item) for item in refused)
        raise ResultError(f"nothing was kept, since a result is incomplete: {reasons}")
    if not results:
        raise ResultError(
            f"nothing to keep: the notebook saved no results in {results_dir.name}; "
            "it must call fgnb.report.save"
        )
    kept = []
    for file in sorted(results_dir.rglob("*.json")):
        content = json.loads(file.read_bytes())
        packed = file.with_suffix(".npz").read_bytes()
        _refuse_pictures(file)
        name = _kept_name(content)
        target = paths.recorded_root() / paper / f"{name}.json"
        content["earlier"] = _earlier(target)
        content["name"] = name
        content["npz"]["file"] = f"{name}.npz"
        write_atomic(target.with_suffix(".npz"), packed)
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        write_atomic(target, text + "\n")
        kept.append(target)
    return kept


def _kept_name(content: Mapping[str, Any]) -> str:
    provenance = content["results"][0]["provenance"]
    chosen = ("dataset", "manifest", "preset", "backbone", "weights_sha256", "seeds", "parameters")
    key = digest(
        {
            "name": content["name"],
            "provenance": {field: provenance[field] for field in chosen},
            "results": [
                {field: item.get(field) for field in ("claim", "label", "settings", "derivation")}
                for item in content["results"]
            ],
        }
    )
    return f"{content['name']}-{provenance['dataset']}-{key[:8]}"


def _earlier(target: Path) -> list[dict[str, Any]]:
    """What a recorded file held, shortened, so that no reading of the test set is forgotten."""
    if not target.exists():
        return []
    try:
        former = json.loads(target.read_bytes())
        first = former["results"][0]["provenance"]
        held = {
            "commit": first["commit"],
            "code": first["code"],
            "test_reads": max(item["provenance"]["test_reads"] for item in former["results"]),
            "values": {item["claim"]: item["value"] for item in former["results"]},
        }
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ResultError(
            f"{target.name} stands in results/recorded and can't be read ({_first_line(error)}); "
            "mend or move it first, so that its test reads are not lost"
        ) from error
    return [*former.get("earlier", []), held]


def _pack(name: str, arrays: Mapping[str, Any]) -> bytes:
    for key, value in arrays.items():
        kind = np.asarray(value).dtype.kind
        if kind not in "biufU":
            raise ResultError(
                f"{name}: array {key!r} has dtype {np.asarray(value).dtype}; "
                "needs numbers, booleans or texts"
            )
    buffer = io.BytesIO()
    packed: dict[str, Any] = {key: np.asarray(arrays[key]) for key in sorted(arrays)}
    np.savez_compressed(buffer, **packed)
    return buffer.getvalue()


def _refuse_pictures(file: Path) -> None:
    for key, value in read_arrays(file).items():
        if value.dtype == np.uint8 and value.ndim >= 3:
            raise ResultError(f"{file.stem}: array {key!r} looks like pictures; none is recorded")


def _damage(file: Path, npz: Any) -> str:
    """What is wrong with the arrays beside `file`; empty if they are sound."""
    if not isinstance(npz, dict) or not {"file", "sha256"} <= set(npz):
        return f"{file.name} does not say which arrays belong to it (npz: file, sha256)"
    beside = file.parent / Path(str(npz["file"])).name
    if not beside.is_file():
        return f"its arrays are missing: no {beside.name} beside {file.name}"
    packed = beside.read_bytes()
    if hashlib.sha256(packed).hexdigest() != npz["sha256"]:
        return f"its arrays are damaged: {beside.name} has not the recorded hash"
    if not zipfile.is_zipfile(io.BytesIO(packed)):
        return f"its arrays are damaged: {beside.name} is no npz file"
    return ""


def _notebook(listed: Sequence[Any]) -> str:
    for item in listed:
        provenance = item.get("provenance") if isinstance(item, dict) else None
        if isinstance(provenance, dict) and isinstance(provenance.get("notebook"), str):
            return str(provenance["notebook"])
    return ""


def _shape(value: Any) -> str:
    array = np.asarray(value)
    return f"{array.dtype}[{', '.join(str(side) for side in array.shape)}]"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
