"""Arrays that are computed once and kept in the run store: maps of a frozen trunk, pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fgnb import paths, progress, store

_NAMES = {
    "maps": "the frozen trunk's maps",
    "pictures": "larger pictures",
    "regularisation": "the strength of the first classifier's regularisation",
    "heads": "the start of a head",
    "databases": "embeddings of the database",
}
"""What is made, as progress names it."""

_verified: set[tuple[object, ...]] = set()


def stored_folder(
    kind: str, described: object, build: Callable[[Path], None], root: Path | None
) -> Path:
    """The folder of what ``described`` names: found sound in the store, or built now.

    A folder's hashes are compared once a process, and again when a file in it has changed: the
    arrays are hundreds of megabytes, and several stages open the same ones.

    Args:
        kind: the folder below the run store.
        described: what the arrays depend on, code digest included; plain values.
        build: fills an empty folder.
        root: the store; by default `paths.runs_root`.
    """
    folder = (root or paths.runs_root()) / kind / store.digest(described)[:24]
    with progress.task(_NAMES.get(kind, kind)), store.lock(folder):
        if _file_stats(folder) not in _verified:
            if store.check(folder):
                with store.building(folder) as work:
                    store.write_atomic(work / "spec.json", store.canonical_json(described))
                    build(work)
            _verified.add(_file_stats(folder))
    return folder


def _file_stats(folder: Path) -> tuple[object, ...]:
    """The folder with the name, size and time of every file in it."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    stats = ((file.name, file.stat()) for file in files)
    return folder, *((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
