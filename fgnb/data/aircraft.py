"""The layout of FGVC-Aircraft, read by torchvision's own `FGVCAircraft` where it can.

    data/variants.txt                 the class names, one a line
    data/images_variant_trainval.txt  <image id> <variant> of each training image
    data/images_variant_test.txt      the same for the test images
    data/images_box.txt               <image id> <xmin> <ymin> <xmax> <ymax>
    data/images/                      <image id>.jpg, seven digits

The 100 classes of the papers are the variants; their training images are those of `trainval`. A
class id is the variant's line in `variants.txt`. Boxes, which torchvision leaves out, are counted
from 1, both corners inside the box; they become the (x1, y1, x2, y2) of `ImageSet` by x1 - 1,
y1 - 1. The lowest 20 rows of a published photograph are a banner that names its photographer. The
papers do not say whether they cut it off; here it stays.

torchvision stumbles over a byte-order mark, over blank lines at the end, and in some locales over
letters beyond ASCII: such lists are read here, to the same rows.
"""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

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
from fgnb.data.protocol import AIRCRAFT
from fgnb.data.tables import bad_line, finite, plain_name, ranged_box, read_table, whole
from fgnb.data.texts import read_text

FOLDER = "fgvc-aircraft-2013b"
VARIANTS = "data/variants.txt"
SPLITS = {"trainval": "data/images_variant_trainval.txt", "test": "data/images_variant_test.txt"}
BOXES = "data/images_box.txt"
LEVELS = {
    "variant": VARIANTS,
    "family": "data/families.txt",
    "manufacturer": "data/manufacturers.txt",
}
FILES = (VARIANTS, *SPLITS.values(), BOXES)
IMAGES = "data/images"


def find(folder: str | Path) -> Path:
    """The set's own folder: `folder/fgvc-aircraft-2013b`, or `folder` itself when it is that.

    Raises:
        DataError: if neither holds any of the set's files.
    """
    return find_set(folder, FOLDER, FILES, AIRCRAFT)


def load(root: str | Path, name: str = "aircraft") -> ImageSet:
    """Read, check and fingerprint a set in the layout of FGVC-Aircraft.

    Args:
        root: the folder `fgvc-aircraft-2013b` itself, which holds `data/`.
        name: the set's short name.

    Returns:
        The images of trainval, then those of test, in the order of their files; labels in the
        order of `variants.txt`; no parts.

    Raises:
        DataError: if a text file or an image is missing, a line is malformed, the files disagree,
            or the set is neither official, declared nor drawn.
    """
    root = Path(root)
    notes = read(root)
    return image_set(notes, name=name, layout="aircraft", root=root, folder=IMAGES, of=AIRCRAFT)


def read(root: Path) -> Annotations:
    """Read the text files alone; the images are not touched. Errors as in `load`."""
    require(root, (*FILES, f"{IMAGES}/"), AIRCRAFT)
    place = require_name(root, FOLDER, AIRCRAFT)
    variants = _variants(root / VARIANTS)
    listed: dict[int, str] = {}
    rows = {split: _split(root / path, variants, listed) for split, path in SPLITS.items()}
    if all(_is_plain(root / path) for path in (VARIANTS, *SPLITS.values())):
        rows = {split: _by_torchvision(place, split) for split in SPLITS}
    files, labels = zip(*(row for split in SPLITS for row in rows[split]), strict=True)
    ids = [int(Path(file).stem) for file in files]
    parts, visible = no_parts(len(ids))
    return Annotations(
        files=files,
        ids=np.array(ids, dtype=np.int64),
        class_ids=np.array(labels, dtype=np.int64) + 1,
        class_names=dict(enumerate(variants, start=1)),
        train=np.array([split == "trainval" for split in SPLITS for _ in rows[split]], dtype=bool),
        boxes=_boxes(root / BOXES, ids),
        parts=parts,
        visible=visible,
    )


def levels(root: Path) -> tuple[str, ...]:
    """The levels of the hierarchy whose classes the files name, from finer to coarser.

    The data set's finest level, the model, has no file: many models look alike.
    """
    return tuple(level for level, name in LEVELS.items() if (root / name).is_file())


Row = tuple[str, int]
"""File below the folder of the images, label."""


def _by_torchvision(place: Path, split: str) -> list[Row]:
    from torchvision.datasets import FGVCAircraft

    data = FGVCAircraft(place, split=split, annotation_level="variant")
    pairs = zip(data._image_files, data._labels, strict=True)
    return [(Path(file).name, label) for file, label in pairs]


def _is_plain(path: Path) -> bool:
    """Whether torchvision reads a file rightly: ASCII, no mark before it, no blank lines behind."""
    text = read_text(path)
    return path.read_bytes().isascii() and text.removesuffix("\n") == text.rstrip()


def _variants(path: Path) -> list[str]:
    names: dict[str, str] = {}
    for number, line in _every_line(path):
        try:
            name = plain_name(line.strip())
            if normalize("NFC", name) in names:
                raise ValueError("the variant stands twice")
        except ValueError as error:
            raise bad_line(path, number, line, "<variant>", str(error)) from error
        names[normalize("NFC", name)] = name
    return list(names.values())


def _split(path: Path, variants: list[str], listed: dict[int, str]) -> list[Row]:
    """Files and labels of a part; refuse what torchvision would not see; note ids in `listed`."""
    known = {normalize("NFC", name): label for label, name in enumerate(variants)}
    rows: list[Row] = []
    for number, line in _every_line(path):
        image, _, variant = line.strip().partition(" ")
        try:
            if not (image.isascii() and image.isdigit()):
                raise ValueError("the image id is not a number")
            label = known.get(normalize("NFC", variant))
            if label is None:
                raise ValueError("variants.txt has no such variant")
            image_id = whole(image)
            if image_id in listed:
                raise ValueError(f"image {image} stands in {listed[image_id]} already")
        except ValueError as error:
            raise bad_line(path, number, line, "<image id> <variant>", str(error)) from error
        listed[image_id] = path.name
        rows.append((f"{image}.jpg", label))
    return rows


def _every_line(path: Path) -> list[tuple[int, str]]:
    """All lines up to the last that is not blank, with their numbers."""
    text = read_text(path).rstrip()
    if not text:
        raise DataError(f"{path} is empty. {AIRCRAFT.hint}")
    return list(enumerate(text.split("\n"), start=1))


def _boxes(path: Path, ids: list[int]) -> np.ndarray:
    table = read_table(
        path, lambda text: ranged_box(finite(text)), "<image id> <xmin> <ymin> <xmax> <ymax>"
    )
    absent = [image_id for image_id in ids if image_id not in table]
    if absent:
        raise DataError(
            f"{path} has no line for {len(absent)} of the {len(ids)} images, the first of them "
            f"image {absent[0]}: expected one line an image. Put back the original file."
        )
    return np.array([table[image_id] for image_id in ids], dtype=np.float32)
