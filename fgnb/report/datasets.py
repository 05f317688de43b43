"""What the page on data sets (ccfr, section 4.1) counts and draws."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import seaborn as sns
from matplotlib.patches import Rectangle

from fgnb.data import PART_NAMES, ImageSet, load_rgb
from fgnb.metrics import wilson
from fgnb.report.derive import measure
from fgnb.report.figures import BLUE, ORANGE, Picture, described
from fgnb.report.markup import Cell, Table
from fgnb.report.provenance import Provenance
from fgnb.report.results import Result


def table1(
    images: ImageSet, *, dataset: str, provenance: Provenance
) -> tuple[dict[str, np.ndarray], list[Result]]:
    """The counts of Table 1 for the set at hand, with the arrays that they follow from.

    ``dataset`` is the ledger's slug of the published set that it stands beside.
    """
    arrays = {
        "ids": images.ids,
        "train_ids": images.ids[images.train],
        "test_ids": images.ids[~images.train],
        "labels": images.labels,
    }
    wanted: Mapping[str, tuple[str, str, str]] = {
        f"ccfr.table1.{dataset}.train": ("rows", "train_ids", "Training images"),
        f"ccfr.table1.{dataset}.test": ("rows", "test_ids", "Test images"),
        f"ccfr.table1.{dataset}.classes": ("distinct", "labels", "Classes"),
        f"ccfr.text.{dataset}.images": ("rows", "ids", "Images, both parts"),
    }
    results = [
        measure(claim, {"kind": kind, "of": of}, arrays, provenance=provenance, label=label)
        for claim, (kind, of, label) in wanted.items()
    ]
    return arrays, results


def division(images: ImageSet, held_out: np.ndarray) -> Table:
    """The three parts of a set, with the sizes of their smallest and largest class."""
    parts = {
        "training, kept": images.train & ~held_out,
        "training, held out": held_out,
        "test": ~images.train,
    }
    rows = []
    for name, mask in parts.items():
        sizes = np.bincount(images.labels[mask], minlength=len(images.classes))
        numbers = (int(mask.sum()), int((sizes > 0).sum()), int(sizes.min()), int(sizes.max()))
        rows.append((Cell(name), *(Cell(str(number)) for number in numbers)))
    columns = ("Part", "Images", "Classes", "Smallest class", "Largest class")
    return Table(columns, tuple(rows), numeric=frozenset(columns[1:]))


def annotated(images: ImageSet, *, per_row: int = 6, rows: int = 2) -> Picture:
    """Training pictures of different classes with their box and their visible parts."""
    train = np.flatnonzero(images.train)
    _, first = np.unique(images.labels[train], return_index=True)
    chosen = train[first]
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(per_row * rows, len(chosen))).astype(int)]
    count = -(-len(chosen) // per_row)
    figure = Picture(figsize=(1.55 * per_row, 1.6 * count), layout="constrained")
    grid = figure.subplots(count, per_row, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, row in zip(grid, chosen, strict=False):
        axes.imshow(np.asarray(load_rgb(images.path(int(row)))))
        x1, y1, x2, y2 = images.boxes[row]
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, ec=ORANGE, lw=1.4))
        seen = images.parts[row][images.visible[row]]
        axes.scatter(seen[:, 0], seen[:, 1], s=9, c=BLUE, edgecolors="white", linewidths=0.6)
    return described(
        figure,
        f"{len(chosen)} training pictures of {images.title}, each with its box and the locations "
        "of its visible parts.",
    )


def visibility(images: ImageSet) -> Picture:
    """Share of training images in which each part is visible, with 95 % Wilson intervals."""
    seen = images.visible[images.train]
    n = len(seen)
    names = list(PART_NAMES) if seen.shape[1] == len(PART_NAMES) else list(range(seen.shape[1]))
    counts = seen.sum(axis=0)
    order = np.argsort(counts, kind="stable")
    ends = np.array([wilson(int(counts[i]), n) for i in order])
    share = counts[order] / n
    figure = Picture(figsize=(6.4, 4.2), layout="constrained")
    with sns.axes_style("white", rc={"axes.grid": True, "grid.color": "#e6e6e6"}):
        axes = figure.subplots()
    axes.errorbar(
        100 * share,
        np.arange(len(order)),
        xerr=100 * np.abs(ends.T - share),
        fmt="o",
        color=BLUE,
        capsize=2,
    )
    axes.set_yticks(np.arange(len(order)), [str(names[i]) for i in order])
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"visible in training images, % (n = {n})")
    least, most = names[order[0]], names[order[-1]]
    return described(
        figure,
        f"Share of {n} training images in which each part is visible: least the {least} with "
        f"{100 * share[0]:.1f} %, most the {most} with {100 * share[-1]:.1f} %.",
    )
