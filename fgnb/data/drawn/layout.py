"""A drawn set on the disk, in the official layout of CUB-200-2011.

The folder is built beside its place, by one process or many with the same bytes, sealed with the
hash of every file, and renamed in when complete.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

from joblib import Parallel, delayed

from fgnb import store
from fgnb.data.drawn.scene import render
from fgnb.data.drawn.spec import DrawnSpec
from fgnb.data.drawn.species import class_names
from fgnb.data.parts import PART_NAMES

FOLDER = "CUB_200_2011"
QUALITY = 92
FEW = 60
"""Below this many pictures the start of further processes costs more than it saves."""

README = """Drawn birds in the layout of CUB-200-2011.

These pictures were drawn by a program (fgnb.data.drawn); no photograph went into them, and the
species are invented. The layout is that of the Caltech-UCSD Birds-200-2011 data set:

  images.txt              <image id> <path below images/>
  image_class_labels.txt  <image id> <class id>
  train_test_split.txt    <image id> <1 for training, 0 for test>
  classes.txt             <class id> <class name>
  bounding_boxes.txt      <image id> <x> <y> <width> <height>
  parts/parts.txt         <part id> <part name>
  parts/part_locs.txt     <image id> <part id> <x> <y> <visible>

drawn.json holds the spec that they were drawn from; the same spec gives the same bytes. They check
that a method's mechanism works. They are no evidence of how it fares on photographs.
"""


def make(spec: DrawnSpec, root: Path, workers: int | None = None) -> Path:
    """Draw a set below `root` unless it stands there already, whole.

    Args:
        spec: what to draw.
        root: the folder that keeps drawn sets; the set goes to `<kind>-<key>/CUB_200_2011`.
        workers: processes that draw; the machine's cores when None. The bytes do not depend on it.

    Returns:
        The folder `CUB_200_2011` with `images/`, the text files of the official layout, a README
        and `drawn.json`.

    Raises:
        ValueError: if `workers` is below 1.
        OSError: if the disk is full or the folder can't be written.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers is {workers}; it should be at least 1, or None for all cores")
    place = Path(root) / f"{spec.kind}-{spec.key}"
    with store.lock(place):
        if store.check(place):
            with store.building(place) as work:
                _write(spec, work / FOLDER, workers)
    return place / FOLDER


Note = tuple[tuple[float, ...], list[tuple[float, float, bool]]]


def draw_class(spec: DrawnSpec, class_index: int, folder: str, name: str) -> list[Note]:
    """Draw and store all images of one class; box and parts of each. Runs in a worker."""
    notes: list[Note] = []
    Path(folder).mkdir()
    for index in range(spec.per_class):
        image, box, parts, visible = render(spec, class_index, index)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
        (Path(folder) / name.format(index + 1)).write_bytes(buffer.getvalue())
        rows = zip(parts.tolist(), visible.tolist(), strict=True)
        notes.append((box, [(x, y, seen) for (x, y), seen in rows]))
    return notes


def _write(spec: DrawnSpec, root: Path, workers: int | None) -> None:
    names = class_names(spec)
    files = [
        [f"{name[4:]}_{number:04d}_{index:06d}.jpg" for index in range(1, spec.per_class + 1)]
        for number, name in enumerate(names, start=1)
    ]
    (root / "images").mkdir(parents=True)
    (root / "parts").mkdir()
    patterns = [f"{name[4:]}_{number:04d}_{{:06d}}.jpg" for number, name in enumerate(names, 1)]
    folders = [str(root / "images" / name) for name in names]
    jobs = ([spec] * len(names), range(len(names)), folders, patterns)
    count = min(workers or os.cpu_count() or 1, len(names))
    if workers is None and spec.species * spec.per_class < FEW:
        count = 1
    # joblib's processes don't run the caller's script again, so none needs a main guard.
    groups = Parallel(n_jobs=count)(delayed(draw_class)(*job) for job in zip(*jobs, strict=True))
    notes = [note for group in groups for note in group]
    images = [f"{name}/{file}" for name, group in zip(names, files, strict=True) for file in group]
    labels = [label for label in range(1, len(names) + 1) for _ in range(spec.per_class)]
    split = [int(i % spec.per_class < spec.train_per_class) for i in range(len(images))]
    boxes = [f"{x1:.1f} {y1:.1f} {x2 - x1:.1f} {y2 - y1:.1f}" for (x1, y1, x2, y2), _ in notes]
    _table(root / "images.txt", images)
    _table(root / "image_class_labels.txt", labels)
    _table(root / "train_test_split.txt", split)
    _table(root / "classes.txt", names)
    _table(root / "bounding_boxes.txt", boxes)
    _table(root / "parts" / "parts.txt", PART_NAMES)
    locations = [
        f"{number} {part} {x:.1f} {y:.1f} {int(seen)}\n"
        for number, (_, parts) in enumerate(notes, start=1)
        for part, (x, y, seen) in enumerate(parts, start=1)
    ]
    (root / "parts" / "part_locs.txt").write_text("".join(locations), encoding="utf-8")
    (root / "README").write_text(README, encoding="utf-8")
    note = json.dumps(spec.note(), indent=1, sort_keys=True) + "\n"
    (root / "drawn.json").write_text(note, encoding="utf-8")


def _table(path: Path, values: list[str] | list[int] | tuple[str, ...]) -> None:
    text = "".join(f"{number} {value}\n" for number, value in enumerate(values, start=1))
    path.write_text(text, encoding="utf-8")
