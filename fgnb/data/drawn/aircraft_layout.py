"""Drawn aircraft on the disk, in the official layout of FGVC-Aircraft."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fgnb.data.drawn.aircraft_scene import Box, render_aircraft
from fgnb.data.drawn.aircraft_variants import aircraft_names
from fgnb.data.drawn.files import each_class, store_note, store_picture
from fgnb.data.drawn.spec import DrawnSpec

LEVELS = {"variant": "variants", "family": "families", "manufacturer": "manufacturers"}

README = """Drawn aircraft in the layout of FGVC-Aircraft (fgvc-aircraft-2013b).

These pictures were drawn by a program (fgnb.data.drawn); no photograph went into them, and the
aircraft are invented. The layout is that of the Fine-Grained Visual Classification of Aircraft
data set, below data/:

  images/<image id>.jpg              the pictures, without the published ones' banner
  variants.txt                       the variants, one a line; families.txt, manufacturers.txt
  images_<split>.txt                 <image id>, for the splits train, val, trainval and test
  images_variant_<split>.txt         <image id> <variant>; so for family and manufacturer
  images_box.txt                     <image id> <xmin> <ymin> <xmax> <ymax>, counted from 1

train and val divide the training images of each variant in halves; trainval has them all.
drawn.json holds the spec that they were drawn from; the same spec gives the same bytes. They check
that a method's mechanism works. They are no evidence of how it fares on photographs.
"""


def write_aircraft(spec: DrawnSpec, root: Path, workers: int | None) -> None:
    """Draw a set of aircraft into `root`, which is to be `fgvc-aircraft-2013b`.

    Variants stand in `variants.txt` in the order of the classes; picture i of class c (from 0) has
    the image id c * per_class + i + 1, seven digits.
    """
    data = root / "data"
    (data / "images").mkdir(parents=True)
    ids = [
        [f"{number * spec.per_class + i + 1:07d}" for i in range(spec.per_class)]
        for number in range(spec.species)
    ]
    paths = [[str(data / "images" / f"{image}.jpg") for image in group] for group in ids]
    boxes = each_class(draw_class, spec, paths, workers)
    names = aircraft_names(spec)
    for level, file in LEVELS.items():
        _lines(data / f"{file}.txt", dict.fromkeys(getattr(name, level) for name in names))
    for split, (first, last) in splits(spec).items():
        members = [(name, group[first:last]) for name, group in zip(names, ids, strict=True)]
        _lines(data / f"images_{split}.txt", (image for _, group in members for image in group))
        for level in LEVELS:
            rows = (f"{i} {getattr(name, level)}" for name, group in members for i in group)
            _lines(data / f"images_{level}_{split}.txt", rows)
    _lines(
        data / "images_box.txt",
        (
            f"{image} {x1 + 1:.0f} {y1 + 1:.0f} {x2:.0f} {y2:.0f}"
            for group, found in zip(ids, boxes, strict=True)
            for image, (x1, y1, x2, y2) in zip(group, found, strict=True)
        ),
    )
    store_note(spec, root, README)


def splits(spec: DrawnSpec) -> dict[str, tuple[int, int]]:
    """The pictures of each class, `[first, last)`, in the four splits; train has the odd one."""
    half = (spec.train_per_class + 1) // 2
    return {
        "train": (0, half),
        "val": (half, spec.train_per_class),
        "trainval": (0, spec.train_per_class),
        "test": (spec.train_per_class, spec.per_class),
    }


def draw_class(spec: DrawnSpec, class_index: int, paths: list[str]) -> list[Box]:
    """Draw and store all images of one class; the box of each. Runs in a worker."""
    boxes: list[Box] = []
    for index, path in enumerate(paths):
        image, box = render_aircraft(spec, class_index, index)
        store_picture(image, path)
        boxes.append(box)
    return boxes


def _lines(path: Path, values: Iterable[str]) -> None:
    path.write_text("".join(f"{value}\n" for value in values), encoding="utf-8")
