"""Files whose name on the disk is spelt otherwise than in the annotations.

The same letters have several Unicode forms, and disks and archives change one for another; tools
change a suffix from .jpg to .JPG. Where exactly one file is meant it is found, under its own name;
fingerprints are made of the annotations' names, so that the same set has the same one everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from unicodedata import normalize

from fgnb.data.imageset import DataError


def respelt(folder: Path, files: Iterable[str]) -> dict[str, str]:
    """Names on the disk, by the listed name, of files that are there only in another spelling.

    A file that lies there as listed, or not at all, has no entry. Unicode forms are looked through
    before upper and lower case.

    Args:
        folder: the folder that the names are relative to.
        files: the listed names, with forward slashes.

    Raises:
        DataError: if two files fit a name equally well, or one file two names.
    """
    listed = tuple(files)
    entries = cache(_entries)
    found: dict[str, str] = {}
    for name in listed:
        if (folder / name).is_file():
            continue
        own = _walk(folder, name, entries)
        if own and (folder / own).is_file():
            found[name] = own
    meant = set(listed) - set(found)
    for name, own in found.items():
        if own in meant:
            raise DataError(
                f"{folder / own} is meant twice: {name!r} is listed, and lies there in no other "
                "spelling. Put the second file in its place."
            )
        meant.add(own)
    return found


def _walk(folder: Path, name: str, entries: Callable[[Path], tuple[str, ...]]) -> str:
    """The path on the disk that `name` means; empty where there is none."""
    own: list[str] = []
    for part in name.split("/"):
        there = entries(folder.joinpath(*own))
        for spelt in (str, _composed, _lower):
            fitting = [entry for entry in there if spelt(entry) == spelt(part)]
            if fitting:
                break
        if not fitting:
            return ""
        if len(fitting) > 1:
            raise DataError(
                f"{folder.joinpath(*own)} holds {len(fitting)} files that {part!r} may mean: "
                f"{', '.join(ascii(entry) for entry in sorted(fitting)[:3])}. Keep one of them, "
                "named as it is listed."
            )
        own += fitting
    return "/".join(own)


def _entries(folder: Path) -> tuple[str, ...]:
    return tuple(entry.name for entry in folder.iterdir()) if folder.is_dir() else ()


def _composed(name: str) -> str:
    return normalize("NFC", name)


def _lower(name: str) -> str:
    return normalize("NFC", normalize("NFC", name).lower())
