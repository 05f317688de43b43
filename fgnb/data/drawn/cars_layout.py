"""Drawn cars on the disk, in the official layout of Stanford Cars.

As in the official set each folder numbers its pictures from 1, with the classes in no order.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.recfunctions import repack_fields
from scipy.io import savemat

from fgnb.data.drawn.cars_models import car_names
from fgnb.data.drawn.cars_scene import Box, render_car
from fgnb.data.drawn.files import each_class, store_note, store_picture
from fgnb.data.drawn.spec import DrawnSpec

HEADER = b"MATLAB 5.0 MAT-file, drawn by fgnb.data.drawn".ljust(116)
SIDES = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")

README = """Drawn cars in the layout of Stanford Cars.

These pictures were drawn by a program (fgnb.data.drawn); no photograph went into them, and makes
and models are invented. The layout is that of the Stanford Cars data set:

  cars_train/, cars_test/          00001.jpg and on, numbered from 1 in each folder
  devkit/cars_meta.mat             class_names, in the order of the class ids
  devkit/cars_train_annos.mat      annotations: bbox_x1 ... bbox_y2, class, fname
  devkit/cars_test_annos.mat       the same for the test pictures, without class
  cars_test_annos_withlabels.mat   the same for the test pictures, with class

Boxes are counted in pixels from 1, both corners inside; classes from 1. drawn.json holds the spec
that the pictures were drawn from; the same spec gives the same bytes. They check that a method's
mechanism works. They are no evidence of how it fares on photographs.
"""


def write_cars(spec: DrawnSpec, root: Path, workers: int | None) -> None:
    """Draw a set of cars into `root`, which is to be `stanford_cars`."""
    (root / "devkit").mkdir(parents=True)
    train, test = _numbers(spec)
    for folder in ("cars_train", "cars_test"):
        (root / folder).mkdir()
    paths = [
        [str(root / "cars_train" / f"{number:05d}.jpg") for number in train[label]]
        + [str(root / "cars_test" / f"{number:05d}.jpg") for number in test[label]]
        for label in range(spec.species)
    ]
    boxes = each_class(draw_class, spec, paths, workers)
    names = np.array([car_names(spec)], dtype=object)
    _save(root / "devkit" / "cars_meta.mat", {"class_names": names})
    train_boxes = [group[: spec.train_per_class] for group in boxes]
    test_boxes = [group[spec.train_per_class :] for group in boxes]
    labelled = _annotations(test, test_boxes)
    unlabelled = repack_fields(labelled[[*SIDES, "fname"]])
    _save(
        root / "devkit" / "cars_train_annos.mat", {"annotations": _annotations(train, train_boxes)}
    )
    _save(root / "devkit" / "cars_test_annos.mat", {"annotations": unlabelled})
    _save(root / "cars_test_annos_withlabels.mat", {"annotations": labelled})
    store_note(spec, root, README)


def draw_class(spec: DrawnSpec, class_index: int, paths: list[str]) -> list[Box]:
    """Draw and store all images of one class; the box of each. Runs in a worker."""
    boxes = []
    for index, path in enumerate(paths):
        image, box = render_car(spec, class_index, index)
        store_picture(image, path)
        boxes.append(box)
    return boxes


def _numbers(spec: DrawnSpec) -> tuple[Any, Any]:
    """File numbers from 1, `[classes, images]`, of training and test, shuffled by the seed."""
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence((spec.seed, 196))))
    counts = (spec.train_per_class, spec.test_per_class)
    train, test = (1 + rng.permutation(spec.species * n).reshape(-1, n) for n in counts)
    return train, test


def _annotations(numbers: Any, boxes: list[list[Box]]) -> Any:
    """The struct array `[1, N]` of one folder, in the order of the file numbers."""
    rows: list[tuple[Any, ...]] = [()] * numbers.size
    for label, group in enumerate(numbers.tolist()):
        for number, (x1, y1, x2, y2) in zip(group, boxes[label], strict=True):
            corners = (np.array([[round(v)]], np.uint16) for v in (x1 + 1, y1 + 1, x2, y2))
            label_id = np.array([[label + 1]], np.uint16)
            rows[number - 1] = (*corners, label_id, f"{number:05d}.jpg")
    return np.array([rows], dtype=[(name, object) for name in (*SIDES, "class", "fname")])


def _save(path: Path, variables: dict[str, Any]) -> None:
    """Write a .mat file whose header, unlike scipy's own, names no date."""
    buffer = io.BytesIO()
    savemat(buffer, variables)
    path.write_bytes(HEADER + buffer.getvalue()[len(HEADER) :])
