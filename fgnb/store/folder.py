"""Folders that are complete and sealed, or absent.

A folder is built beside its place under a working name, sealed with the hash of every file in it,
and renamed in. ``check`` finds what was damaged since.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from fgnb.store.keys import file_sha256
from fgnb.store.write import full_disk_named, sync_folder, write_atomic

SEAL = "seal.json"


@contextlib.contextmanager
def building(path: str | Path) -> Iterator[Path]:
    """Yield an empty folder; when the block ends well, seal it and rename it to ``path``.

    What stood at ``path`` before is replaced. A block that raises leaves ``path`` as it was and
    nothing beside it. Hold :func:`lock` meanwhile: the working name is one for all processes, so
    that what a killed one left is cleared away.

    Raises:
        OSError: the disk is full.
    """
    path = Path(path)
    work = path.with_name(f".{path.name}.building")
    former = path.with_name(f".{path.name}.former")
    with full_disk_named(path):
        _clear(work)
        work.mkdir(parents=True)
        try:
            yield work
            seal(work)
            _clear(former)
            if path.exists():
                path.rename(former)
            work.rename(path)
        except BaseException:
            _clear(work)
            raise
    sync_folder(path.parent)
    _clear(former)


def seal(folder: Path) -> None:
    """Write ``seal.json``: the SHA-256 of every other file below ``folder``."""
    hashes = {
        file.relative_to(folder).as_posix(): file_sha256(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != SEAL
    }
    write_atomic(folder / SEAL, json.dumps(hashes, indent=1))


def check(path: str | Path) -> list[str]:
    """Names of damaged or missing files below ``path``; empty if the folder is sound.

    A folder that is not there, or whose seal can't be read, gives ``["seal.json"]``. Files that
    came later are no damage.
    """
    path = Path(path)
    try:
        hashes = json.loads((path / SEAL).read_bytes())
    except (OSError, ValueError):
        return [SEAL]
    if not isinstance(hashes, dict):
        return [SEAL]
    return [name for name, sha in hashes.items() if not _sound(path / name, sha)]


@contextlib.contextmanager
def lock(path: str | Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the one right to build ``path``; a second process waits, a killed one lets go.

    Args:
        path: the folder (or file) to be built.
        waiting: called once if another process holds the right.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        held.acquire(timeout=0)
    except Timeout:
        if waiting is not None:
            waiting()
        held.acquire()
    try:
        yield
    finally:
        held.release()


def _sound(file: Path, sha: str) -> bool:
    return file.is_file() and file_sha256(file) == sha


def _clear(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
