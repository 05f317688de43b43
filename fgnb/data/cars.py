"""The layout of Stanford Cars, read by torchvision's own `StanfordCars`.

    devkit/cars_meta.mat             the class names, in the order of the class ids
    devkit/cars_train_annos.mat      file, class and box of each training image
    cars_test_annos_withlabels.mat   the same for the test images
    cars_train/, cars_test/          00001.jpg and on, numbered from 1 in each folder

torchvision takes files and classes from there, but for a .mat file of one image, which it can't
read; the boxes, which it leaves out, are read beside it. They are counted from 1, both corners
inside the box, and become the (x1, y1, x2, y2) of `ImageSet` by x1 - 1, y1 - 1. The two folders
number their images anew, so an image's id is its number in `cars_train/`, and 100,000 more in
`cars_test/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fgnb.data.annotations import (
    Annotations,
    find_set,
    image_set,
    no_parts,
    require,
    require_name,
)
from fgnb.data.imageset import DataError, ImageSet
from fgnb.data.matlab import damaged, variable
from fgnb.data.protocol import CARS
from fgnb.data.tables import plain_name, ranged_box

FOLDER = "stanford_cars"
META = "devkit/cars_meta.mat"
ANNOTATIONS = {"train": "devkit/cars_train_annos.mat", "test": "cars_test_annos_withlabels.mat"}
IMAGES = {"train": "cars_train/", "test": "cars_test/"}
FILES = (META, *ANNOTATIONS.values())
FIRST_TEST_ID = 100_000
SIDES = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")

_NUMBERED = re.compile(r"(\d{5})\.jpg")


def find(folder: str | Path) -> Path:
    """The set's own folder: `folder/stanford_cars`, or `folder` itself when it holds the set.

    Raises:
        DataError: if neither holds any of the set's files.
    """
    return find_set(folder, FOLDER, FILES, CARS)


def load(root: str | Path, name: str = "cars") -> ImageSet:
    """Read, check and fingerprint a set in the layout of Stanford Cars.

    Args:
        root: the folder `stanford_cars` itself.
        name: the set's short name.

    Returns:
        The training images in the order of their .mat file, then the test images in theirs; labels
        in the order of the class ids; no parts.

    Raises:
        DataError: if a file or an image is missing, a .mat file is damaged or names an image or a
            class that can't be, or the set is neither official, declared nor drawn.
    """
    root = Path(root)
    return image_set(read(root), name=name, layout="cars", root=root, folder="", of=CARS)


def read(root: Path) -> Annotations:
    """Read the .mat files alone; the images are not touched. Errors as in `load`."""
    require(root, (*FILES, *IMAGES.values()), CARS)
    require_name(root, FOLDER, CARS)
    names = _class_names(root / META)
    rows = [row for split in IMAGES for row in _read_split(root, split, names)]
    ids = [row[1] for row in rows]
    if len(set(ids)) < len(ids):
        twice = next(row[0] for i, row in enumerate(rows) if row[1] in ids[:i])
        raise DataError(f"{root} lists {twice!r} twice in a .mat file: expected each image once")
    parts, visible = no_parts(len(rows))
    return Annotations(
        files=tuple(row[0] for row in rows),
        ids=np.array(ids, dtype=np.int64),
        class_ids=np.array([row[2] for row in rows], dtype=np.int64),
        class_names=dict(enumerate(names, start=1)),
        train=np.array([row[1] < FIRST_TEST_ID for row in rows], dtype=bool),
        boxes=np.array([row[3] for row in rows], dtype=np.float32),
        parts=parts,
        visible=visible,
    )


Row = tuple[str, int, int, tuple[float, ...]]
"""File below the set's folder, image id, class id, box."""


def _read_split(root: Path, split: str, names: list[str]) -> Iterable[Row]:
    from torchvision.datasets import StanfordCars

    path = root / ANNOTATIONS[split]
    annotations = variable(path, "annotations", CARS.hint)
    folder = root.absolute() / IMAGES[split]
    try:
        if len(annotations) == 1:  # which torchvision can't read
            samples = [(str(folder / row["fname"]), row["class"] - 1) for row in annotations]
        else:
            samples = StanfordCars(require_name(root, FOLDER, CARS), split=split)._samples
        corners = [[row[side] for side in SIDES] for row in annotations]
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise damaged(path, f"annotations of bbox_x1 ... fname ({error})", CARS.hint) from error
    for number, ((file, label), corner) in enumerate(zip(samples, corners, strict=True), start=1):
        where = f"{path}, annotation {number}"
        numbered = _NUMBERED.fullmatch(file.removeprefix(f"{folder}/"))
        if numbered is None:
            raise DataError(
                f"{where} names the image {file[:80]!r}: expected a number of five digits and .jpg "
                f"in {folder}. Put back the original file."
            )
        if label not in range(len(names)):
            raise DataError(
                f"{where} gives {numbered[0]} the class {int(label) + 1}; {root / META} names the "
                f"classes 1 to {len(names)}. Put back the original files."
            )
        try:
            box = ranged_box(corner)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{where} gives {numbered[0]} the box {corner}: {error}. "
                "Put back the original file."
            ) from error
        image_id = int(numbered[1]) + (FIRST_TEST_ID if split == "test" else 0)
        yield f"{IMAGES[split]}{numbered[0]}", image_id, int(label) + 1, box


def _class_names(path: Path) -> list[str]:
    names = variable(path, "class_names", CARS.hint)
    try:
        return [plain_name(str(name).strip()) for name in names]
    except (ValueError, TypeError) as error:
        raise damaged(path, f"a list of class_names ({error})", CARS.hint) from error
