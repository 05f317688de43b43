"""Table 1 of ccfr and the counts of section 4.1, what the sets hold, and how they are divided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from fgnb.data import PART_NAMES, ImageSet, aircraft
from fgnb.metrics import wilson
from fgnb.report import kinds, render
from fgnb.report.figures import BLUE, ORANGE, Picture, described, literal, subplots
from fgnb.report.layout import numbers_table
from fgnb.report.pictures import contact_sheet, show
from fgnb.report.records import NONE
from fgnb.report.render import Html
from fgnb.report.sheet import Number, Sheet

__all__ = ["NOTEBOOK", "TABLES", "annotated", "arrays", "contact_sheet", "derive", "division"]
NOTEBOOK = "ccfr/4-1-datasets"
CODE = ("fgnb.data",)
SET, RECORDED = "set", "fusion"
ROWS = (RECORDED,)

_TABLE, _TEXT = "ccfr.table1.{set}", "ccfr.text.{set}"
TRAIN, TEST, CLASSES, IMAGES = (f"{SET}/{n}" for n in ("train_ids", "test_ids", "classes", "ids"))
# fmt: off
TABLE1 = numbers_table("Table 1 and section 4.1", [
    Number(f"{_TABLE}.train", "Training images", kinds.count(TRAIN), "Training images"),
    Number(f"{_TABLE}.test", "Test images", kinds.count(TEST), "Test images"),
    Number(f"{_TABLE}.classes", "Classes", kinds.distinct(f"{SET}/class_of"), "Classes"),
    Number(f"{_TEXT}.images", "Images, both parts", kinds.count(IMAGES)),
    Number(f"{_TEXT}.train-test-ratio", "Training to test images", kinds.quotient(TRAIN, TEST)),
    Number(f"{_TEXT}.train-per-class", "Training images a class", kinds.quotient(TRAIN, CLASSES),
           unit="count"),
    Number(f"{_TEXT}.train-share", "Share of training images", kinds.part(TRAIN, IMAGES)),
    Number(f"{_TEXT}.levels", "Levels with files", kinds.count(f"{SET}/levels")),
])
# fmt: on
TABLES = (TABLE1,)


def arrays(images: ImageSet) -> dict[str, np.ndarray]:
    """What Table 1 counts of a set; the aircraft's hierarchy adds its levels."""
    ids, train = images.ids, images.train
    counted = {"ids": ids, "train_ids": ids[train], "test_ids": ids[~train]}
    counted["class_of"] = images.labels.astype(np.int16)
    counted["classes"] = np.arange(len(images.classes))
    if images.layout == "aircraft":
        counted["levels"] = np.arange(len(aircraft.levels(images.root)))
    return counted


def derive(sheet: Sheet, p: Any) -> None:
    """On recorded photographs, the sizes that every record carries, as a row of no network."""
    record = sheet.rows.pop(RECORDED, None)
    if record is None:
        return
    of = record.origin
    sizes = {"ids": of.n_train + of.n_test, "train_ids": of.n_train, "test_ids": of.n_test}
    counted = {name: np.arange(n) for name, n in {**sizes, "classes": of.classes}.items()}
    without = dict.fromkeys(("backbone", "weights_tag", "weights_sha256"), NONE)
    origin = of.model_copy(update={**without, "seeds": (), "spec": {}})
    own = {"class_of": record.arrays["labels"], **counted}
    sheet.rows[SET] = replace(record, row=SET, arrays=own, origin=origin)


def division(sets: Sequence[ImageSet], *, seed: int) -> Html:
    """The three parts of each set, with the sizes of their smallest and largest class."""
    rows = []
    for images in sets:
        held_out = images.held_out(seed)
        parts = {"training, kept": images.train & ~held_out, "training, held out": held_out}
        for name, mask in (parts | {"test": ~images.train}).items():
            sizes = np.bincount(images.labels[mask], minlength=len(images.classes))
            counts = (mask.sum(), (sizes > 0).sum(), sizes.min(), sizes.max())
            rows.append((images.title, name, *map(str, counts)))
    columns = ("Set", "Part", "Images", "Classes", "Smallest class", "Largest class")
    return Html(render.grid(columns, rows))


def annotated(sets: Sequence[ImageSet], *, per_row: int = 6) -> Picture:
    """A row a set: training pictures of different classes with their box and visible parts."""
    figure, grid = subplots(1.55 * per_row, 1.85 * len(sets), len(sets), per_row, squeeze=False)
    count = 0
    for line, images in zip(grid, sets, strict=True):
        train = np.flatnonzero(images.train)
        _, first = np.unique(images.labels[train], return_index=True)
        spread = np.linspace(0, len(first) - 1, min(per_row, len(first))).astype(int)
        count += len(spread)
        line[0].set_title(literal(images.title), fontsize=9, loc="left")
        for axes, row in show(line, images, train[first[spread]]):
            (x, y), size = images.boxes[row][:2], images.boxes[row][2:] - images.boxes[row][:2]
            axes.add_patch(Rectangle((x, y), *size, fill=False, ec=ORANGE, lw=1.4))
            seen = images.parts[row][images.visible[row]]
            axes.scatter(seen[:, 0], seen[:, 1], s=9, c=BLUE, edgecolors="white", linewidths=0.6)
    return described(
        figure,
        f"{count} training pictures of {', '.join(images.title for images in sets)}, each with its "
        "box and, where the layout gives parts, the locations of the visible ones.",
    )


def visibility(images: ImageSet) -> Picture:
    """Share of training images in which each part is visible, with 95 % Wilson intervals."""
    seen = images.visible[images.train]
    n = len(seen)
    if seen.shape[1] != len(PART_NAMES):
        raise ValueError(f"images is {images!r}, whose layout gives no parts; needs one with parts")
    order = np.argsort(seen.sum(axis=0), kind="stable")
    names, counts = [str(PART_NAMES[i]) for i in order], seen.sum(axis=0)[order]
    share, ends = 100 * counts / n, 100 * np.array([wilson(int(k), n) for k in counts])
    figure, axes = subplots(6.4, 3.8)
    spread = np.abs(ends.T - share)
    axes.errorbar(share, np.arange(len(order)), xerr=spread, fmt="o", color=BLUE, capsize=2)
    axes.set_yticks(np.arange(len(order)), names)
    axes.set(xlim=(0, 100), xlabel=f"visible in training images, % (n = {n})")
    axes.grid(color="#e6e6e6")
    return described(
        figure,
        f"Share of {n} training images in which each part is visible: least the {names[0]} with "
        f"{share[0]:.1f} %, most the {names[-1]} with {share[-1]:.1f} %.",
    )
