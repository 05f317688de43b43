"""Drawn birds on the disk, in the official layout of CUB-200-2011."""

from __future__ import annotations

from pathlib import Path

from fgnb.data.drawn.files import each_class, store_note, store_picture
from fgnb.data.drawn.scene import render
from fgnb.data.drawn.spec import DrawnSpec
from fgnb.data.drawn.species import class_names
from fgnb.data.parts import PART_NAMES

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


Note = tuple[tuple[float, ...], list[tuple[float, float, bool]]]


def write_birds(spec: DrawnSpec, root: Path, workers: int | None) -> None:
    """Draw a set of birds into `root`, which is to be `CUB_200_2011`."""
    names = class_names(spec)
    images = [
        [
            f"{name}/{name[4:]}_{number:04d}_{index:06d}.jpg"
            for index in range(1, spec.per_class + 1)
        ]
        for number, name in enumerate(names, start=1)
    ]
    (root / "parts").mkdir(parents=True)
    for name in names:
        (root / "images" / name).mkdir(parents=True)
    paths = [[str(root / "images" / image) for image in group] for group in images]
    notes = [note for group in each_class(draw_class, spec, paths, workers) for note in group]
    labels = [label for label in range(1, len(names) + 1) for _ in range(spec.per_class)]
    split = [int(i % spec.per_class < spec.train_per_class) for i in range(len(labels))]
    boxes = [f"{x1:.1f} {y1:.1f} {x2 - x1:.1f} {y2 - y1:.1f}" for (x1, y1, x2, y2), _ in notes]
    _table(root / "images.txt", [image for group in images for image in group])
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
    store_note(spec, root, README)


def draw_class(spec: DrawnSpec, class_index: int, paths: list[str]) -> list[Note]:
    """Draw and store all images of one class; box and parts of each. Runs in a worker."""
    notes: list[Note] = []
    for index, path in enumerate(paths):
        image, box, parts, visible = render(spec, class_index, index)
        store_picture(image, path)
        rows = zip(parts.tolist(), visible.tolist(), strict=True)
        notes.append((box, [(x, y, seen) for (x, y), seen in rows]))
    return notes


def _table(path: Path, values: list[str] | list[int] | tuple[str, ...]) -> None:
    text = "".join(f"{number} {value}\n" for number, value in enumerate(values, start=1))
    path.write_text(text, encoding="utf-8")
