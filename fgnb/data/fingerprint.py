"""The hash of a data set: what was trained on, down to the last byte of every image.

The files' hashes are kept for the process and made again when a file's size or modification time
has changed (the 2,290 files of 40 birds take about a tenth of a second once the system has them in
memory).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fgnb import progress


def images_sha256(
    folder: Path, files: Sequence[str], renamed: Mapping[str, str] | None = None
) -> str:
    """Hash the images below `folder`, whatever order `files` come in.

    The rule of a `subset.json`'s `images_sha256`: the images in order of their path below
    `folder`; for each the file name without its folder, a zero byte, and the 32 bytes of the
    file's SHA-256. Names are those of `files`; `renamed` says which of them are spelt otherwise on
    the disk.

    Raises:
        OSError: if a file can't be read.
    """
    ordered = sorted(files)
    total = hashlib.sha256()
    for name, digest in zip(ordered, file_digests(folder, ordered, renamed), strict=True):
        total.update(PurePosixPath(name).name.encode() + b"\0" + digest)
    return total.hexdigest()


def file_digests(
    folder: Path, files: Sequence[str], renamed: Mapping[str, str] | None = None
) -> tuple[bytes, ...]:
    """The SHA-256 of each file below `folder`, 32 bytes each, in the order of `files`.

    `renamed` is as in `images_sha256`.

    Raises:
        OSError: if a file can't be read.
    """
    digests = []
    names = ((renamed or {}).get(listed, listed) for listed in files)
    for name in progress.track(names, "file", len(files), f"the hash of {folder.name}"):
        status = (folder / name).stat()
        digests.append(_file_sha256(folder, name, status.st_size, status.st_mtime_ns))
    return tuple(digests)


@lru_cache(maxsize=1 << 16)
def _file_sha256(folder: Path, name: str, size: int, changed: int) -> bytes:
    """A file's hash, kept by itself: a part of a set is hashed without reading it again."""
    with (folder / name).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def set_sha256(
    images: str,
    files: Sequence[str],
    classes: Sequence[str],
    ids: NDArray[np.int64],
    labels: NDArray[np.int64],
    train: NDArray[np.bool_],
    boxes: NDArray[np.float32],
    parts: NDArray[np.float32],
    visible: NDArray[np.bool_],
) -> str:
    """The fingerprint of a set, from the images' digest and what `ImageSet` holds of them."""
    return manifest_sha256(images, (files, classes), (ids, labels, train, boxes, parts, visible))


def manifest_sha256(
    images: str, texts: Iterable[Sequence[str]], arrays: Iterable[NDArray[np.generic]]
) -> str:
    """Hash the images' digest together with names and annotation arrays, in the order given.

    Each text and each array is preceded by its length or by its dtype and shape, so that no two
    different sets of annotations run together into the same bytes.
    """
    total = hashlib.sha256(images.encode())
    for group in texts:
        total.update(f"|{len(group)}".encode())
        for text in group:
            encoded = text.encode()
            total.update(f"|{len(encoded)}|".encode() + encoded)
    for array in arrays:
        fixed = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        total.update(f"|{fixed.dtype.str}{fixed.shape}|".encode() + fixed.tobytes())
    return total.hexdigest()
