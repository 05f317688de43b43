"""The layout of CUB-200-2011: nine text files beside `images/`, one fact a line.

    images.txt              <image id> <path below images/>
    image_class_labels.txt  <image id> <class id>
    train_test_split.txt    <image id> <1 for training, 0 for test>
    classes.txt             <class id> <class name>
    bounding_boxes.txt      <image id> <x> <y> <width> <height>
    parts/parts.txt         <part id> <part name>
    parts/part_locs.txt     <image id> <part id> <x> <y> <1 for visible, 0 for not>

The drawn birds are written in the same layout and come through the same loader. Whatever the
files say is untrusted: ids must agree between files, paths must stay below `images/`. Backslashes
in `images.txt` are read as forward slashes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgnb.data.annotations import Annotations, find_set, image_set, require
from fgnb.data.imageset import DataError, ImageSet
from fgnb.data.parts import PART_NAMES
from fgnb.data.protocol import CUB
from fgnb.data.tables import (
    bad_line,
    corner_box,
    finite,
    flag,
    image_path,
    lines,
    plain_name,
    read_table,
    whole,
)

FOLDER = "CUB_200_2011"
FILES = (
    "images.txt",
    "image_class_labels.txt",
    "train_test_split.txt",
    "classes.txt",
    "bounding_boxes.txt",
    "parts/parts.txt",
    "parts/part_locs.txt",
)


def find(folder: str | Path) -> Path:
    """The set's own folder: `folder/CUB_200_2011`, or `folder` itself when it holds the set.

    Raises:
        DataError: if neither holds any of the set's files.
    """
    return find_set(folder, FOLDER, FILES, CUB)


def load(root: str | Path, name: str = "cub") -> ImageSet:
    """Read, check and fingerprint a set in the CUB layout.

    Args:
        root: the folder that holds `images.txt` and `images/`.
        name: the set's short name.

    Returns:
        The images in the order of `images.txt`; labels in the order of the class ids.

    Raises:
        DataError: if a text file or an image is missing, a line is malformed, the files disagree,
            or the set is neither the official one, nor a declared subset, nor a drawn one.
    """
    root = Path(root)
    return image_set(read(root), name=name, layout="cub", root=root, folder="images", of=CUB)


def read(root: Path) -> Annotations:
    """Read the text files alone; the images are not touched. Errors as in `load`."""
    require(root, FILES, CUB)
    names = read_table(root / "images.txt", image_path, "<image id> <path>")
    if not names:
        raise DataError(f"{root / 'images.txt'} is empty: expected one line an image")
    if len(set(names.values())) < len(names):
        twice = sorted({n for n in names.values() if list(names.values()).count(n) > 1})[0]
        raise DataError(f"{root / 'images.txt'} lists {twice!r} twice: expected each image once")
    class_names = read_table(root / "classes.txt", plain_name, "<class id> <class name>")
    class_of = read_table(root / "image_class_labels.txt", whole, "<image id> <class id>", names)
    train = read_table(root / "train_test_split.txt", flag, "<image id> <1 or 0>", names)
    boxes = read_table(
        root / "bounding_boxes.txt", corner_box, "<image id> <x> <y> <width> <height>", names
    )
    for image_id, class_id in class_of.items():
        if class_id not in class_names:
            raise DataError(
                f"{root / 'image_class_labels.txt'} gives image {image_id} the class {class_id}, "
                f"which {root / 'classes.txt'} does not list"
            )
    _check_parts(root / "parts" / "parts.txt")
    parts, visible = _read_parts(root / "parts" / "part_locs.txt", list(names))
    return Annotations(
        files=tuple(names.values()),
        ids=np.array(list(names), dtype=np.int64),
        class_ids=np.array([class_of[i] for i in names], dtype=np.int64),
        class_names=class_names,
        train=np.array([train[i] for i in names], dtype=bool),
        boxes=np.array([boxes[i] for i in names], dtype=np.float32),
        parts=parts,
        visible=visible,
    )


def _check_parts(path: Path) -> None:
    found = read_table(path, plain_name, "<part id> <part name>")
    if found != dict(enumerate(PART_NAMES, start=1)):
        raise DataError(
            f"{path} names {len(found)} parts, {list(found.values())}: expected CUB's 15 parts in "
            f"their order, {list(PART_NAMES)}. Put back the original file."
        )


def _read_parts(path: Path, ids: list[int]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    expected = "<image id> <part id> <x> <y> <1 or 0>"
    row_of = {image_id: row for row, image_id in enumerate(ids)}
    points = np.zeros((len(ids), len(PART_NAMES), 2), dtype=np.float32)
    visible = np.zeros((len(ids), len(PART_NAMES)), dtype=bool)
    seen = np.zeros((len(ids), len(PART_NAMES)), dtype=bool)
    for number, line in lines(path):
        try:
            image_id, part_id, x, y, seen_flag = line.split()
            row, part = row_of[int(image_id)], int(part_id) - 1
            if not 0 <= part < len(PART_NAMES):
                raise ValueError(f"there is no part {part_id}")
            if seen[row, part]:
                raise ValueError("this image and part stand twice")
            seen[row, part] = True
            visible[row, part] = flag(seen_flag)
            points[row, part] = finite(f"{x} {y}")
        except KeyError as error:
            raise bad_line(path, number, line, expected, f"no image {error}") from error
        except ValueError as error:
            raise bad_line(path, number, line, expected, str(error)) from error
    if not seen.all():
        row, part = np.argwhere(~seen)[0]
        raise DataError(
            f"{path} has no line for image {ids[row]}, part {part + 1} ({PART_NAMES[part]}); "
            f"{int((~seen).sum())} lines are missing: expected 15 an image. "
            "Put back the original file."
        )
    points[~visible] = 0.0
    return points, visible
