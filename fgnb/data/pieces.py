"""A set in pieces that travel: tar files of at most so many bytes, unpacked one by one.

A piece holds whole files below the set's folder, nothing else: what would leave that folder, and
what is no plain file, is refused before anything is written. A second unpacking changes nothing.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from fgnb import progress
from fgnb.data.imageset import DataError

_BLOCK = 512  # of a tar file: a header a member, contents in whole blocks
_END = 20 * _BLOCK  # and what closes it
_LONG_NAME = 4 * _BLOCK  # at most, of a name that the header does not hold


def pack(root: Path, out: Path, *, mib: float = 55.0) -> list[Path]:
    """Put every file of a set into pieces ``<set>-1-of-6.tar``, text files first.

    Args:
        root: the set's folder, which the pieces name.
        out: the folder that the pieces are written to.
        mib: size of the largest piece, MiB.

    Returns:
        The pieces, in their order.

    Raises:
        DataError: no such folder, no files in it, or one that is larger than a piece.
    """
    limit = int(mib * 2**20)
    if not root.is_dir():
        raise DataError(f"{root} is no folder; give the set's own, e.g. DIR/CUB_200_2011")
    files = sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink())
    if not files:
        raise DataError(f"{root} holds no files")
    files.sort(key=lambda file: file.suffix.lower() in (".jpg", ".jpeg", ".png"))
    groups = list(_groups(files, limit))
    out.mkdir(parents=True, exist_ok=True)
    pieces: list[Path] = []
    for number, group in enumerate(progress.track(groups, "piece", len(groups)), 1):
        piece = out / f"{root.name}-{number}-of-{len(groups)}.tar"
        part = piece.with_name(f".{piece.name}.part")
        with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as archive:
            for file in group:
                name = PurePosixPath(root.name, *file.relative_to(root).parts)
                archive.add(file, str(name), filter=_plain)
        part.replace(piece)
        pieces.append(piece)
    return pieces


def unpack(piece: Path, into: Path) -> int:
    """Write the files of a piece below ``into``; how many there are.

    Each file is whole or absent, whenever the call is broken off.

    Raises:
        DataError: it is no tar file, is cut off, or holds what a set does not: links, devices,
            names that lead elsewhere.
    """
    try:
        with tarfile.open(piece, "r:") as archive:
            members = [m for m in archive.getmembers() if not m.isdir()]
            for member in members:
                _check(member, piece)
            for member in progress.track(members, "file", len(members)):
                source = archive.extractfile(member)
                assert source is not None  # a plain file
                target = into / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_name(f".{target.name}.part")
                part.write_bytes(source.read())
                part.replace(target)
    except (tarfile.TarError, EOFError) as error:
        raise DataError(f"{piece} is no whole tar file ({error}); copy it again") from None
    return len(members)


def _groups(files: Iterable[Path], limit: int) -> Iterator[list[Path]]:
    """Runs of files that fit into a piece together."""
    group: list[Path] = []
    taken = _END
    for file in files:
        size = file.stat().st_size
        needed = _BLOCK + _LONG_NAME + -(-size // _BLOCK) * _BLOCK
        if needed + _END > limit:
            raise DataError(f"{file} has {size:,} bytes, too many for a piece of {limit:,}")
        if taken + needed > limit:
            yield group
            group, taken = [], _END
        group.append(file)
        taken += needed
    yield group


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without whose it was and when: equal files make equal pieces."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime, member.mode = 0, 0o644
    return member


def _check(member: tarfile.TarInfo, piece: Path) -> None:
    name = PurePosixPath(member.name)
    strange = name.is_absolute() or ".." in name.parts or "\\" in member.name or "\0" in member.name
    if not member.isreg() or strange or len(name.parts) < 2:
        kind = "a file elsewhere" if member.isreg() else "no plain file"
        raise DataError(
            f"{piece} holds {member.name!r}, {kind}; a piece holds files below the set's folder"
        )
