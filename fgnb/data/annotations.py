"""What the annotation files of a layout say, checked and made into an `ImageSet`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgnb.data.fingerprint import images_sha256, set_sha256
from fgnb.data.imageset import DataError, ImageSet
from fgnb.data.protocol import Publication, settle
from fgnb.data.spellings import respelt
from fgnb.data.usable import check_usable


@dataclass(frozen=True, eq=False)
class Annotations:
    """What the files say, aligned to the official order of the images; see `ImageSet`.

    `class_ids` are official, from 1; `class_names` may name classes without images.
    """

    files: tuple[str, ...]
    ids: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    class_names: dict[int, str]
    train: NDArray[np.bool_]
    boxes: NDArray[np.float32]
    parts: NDArray[np.float32]
    visible: NDArray[np.bool_]


def find_set(folder: str | Path, own: str, files: Sequence[str], of: Publication) -> Path:
    """The set's own folder: `folder/own`, or `folder` itself when it holds one of `files`.

    Raises:
        DataError: if neither holds any of the set's files.
    """
    folder = Path(folder).expanduser()
    candidates = (folder / own, folder)
    for candidate in candidates:
        if any((candidate / name).is_file() for name in files):
            return candidate
    raise DataError(
        f"no {of.title} found: neither {candidates[0]} nor {candidates[1]} holds {files[0]}. "
        f"Name the folder that holds {own}/ (data_root, or FGNB_DATA). {of.hint}"
    )


def require(root: Path, names: Iterable[str], of: Publication) -> None:
    """Raise `DataError` if a file or folder below `root` is missing; names with / are folders."""
    missing = [
        name
        for name in names
        if not ((root / name).is_dir() if name.endswith("/") else (root / name).is_file())
    ]
    if missing:
        raise DataError(
            f"{root} lacks {', '.join(missing)}: expected the layout of {of.title}. {of.hint}"
        )


def require_name(root: Path, own: str, of: Publication) -> Path:
    """The folder that holds `root`; torchvision finds a set in it by the name `own` alone."""
    if root.absolute().name != own:
        raise DataError(
            f"{root} holds {of.title} but is not named {own}, the name by which torchvision reads "
            "it. Rename the folder."
        )
    return root.absolute().parent


def no_parts(n: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """`parts` and `visible` of a layout that has none."""
    return np.zeros((n, 0, 2), dtype=np.float32), np.zeros((n, 0), dtype=bool)


def image_set(
    notes: Annotations, *, name: str, layout: str, root: Path, folder: str, of: Publication
) -> ImageSet:
    """Check the images on the disk, settle the protocol, hash everything.

    Args:
        notes: what the annotation files say.
        name: the set's short name.
        layout: "cub", "cars" or "aircraft".
        root: the set's folder.
        folder: the folder below `root` that `notes.files` are relative to.
        of: the published set that this one is, is a part of, or is drawn in the layout of.

    Returns:
        The images in their official order; labels in the order of the class ids.

    Raises:
        DataError: if an image is missing, there are too few (`usable.check_usable`), the set is
            neither the official one, nor a declared subset, nor a drawn one, or what declares it
            or its pictures is damaged.
    """
    renamed = check_images(root / folder, notes.files, of)
    used, labels = np.unique(notes.class_ids, return_inverse=True)
    labels = labels.astype(np.int64)
    classes = tuple(notes.class_names[int(c)] for c in used)
    check_usable(root, classes, labels, notes.train)
    images = images_sha256(root / folder, notes.files, renamed)
    counts = {
        "classes": len(used),
        "train": int(notes.train.sum()),
        "test": int((~notes.train).sum()),
    }
    standing = settle(root, counts, [int(c) for c in used], images, of)
    return ImageSet(
        name=name,
        title=standing.title,
        layout=layout,
        root=root,
        folder=folder,
        files=notes.files,
        ids=notes.ids,
        labels=labels,
        classes=classes,
        class_ids=used.astype(np.int64),
        train=notes.train,
        boxes=notes.boxes,
        parts=notes.parts,
        visible=notes.visible,
        protocol=standing.protocol,
        fingerprint=set_sha256(
            images,
            notes.files,
            classes,
            notes.ids,
            labels,
            notes.train,
            notes.boxes,
            notes.parts,
            notes.visible,
        ),
        published=None if standing.protocol == "drawn" else dict(of.counts),
        pixels=standing.pixels,
        whole=standing.whole,
        renamed=renamed,
    )


def check_images(folder: Path, files: Sequence[str], of: Publication) -> dict[str, str]:
    """Names on the disk of the images that are there in another spelling only, see `respelt`.

    Raises:
        DataError: if images are not on the disk, with the count and the first names; if it is
            not clear which file is meant.
    """
    absent = [name for name in files if not (folder / name).is_file()]
    renamed = respelt(folder, files) if absent else {}
    missing = [name for name in absent if name not in renamed]
    if missing:
        first = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise DataError(
            f"{len(missing)} of the {len(files)} images that the annotations list are missing "
            f"below {folder}: {first}. {of.hint}"
        )
    return renamed
