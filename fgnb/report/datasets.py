"""What the page on data sets (ccfr, section 4.1) counts and draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from fgnb.data import PART_NAMES, ImageSet, aircraft, load_rgb
from fgnb.data.protocol import AIRCRAFT, CARS, CUB
from fgnb.metrics import wilson
from fgnb.report.derive import measure
from fgnb.report.figures import BLUE, ORANGE, Picture, described, literal
from fgnb.report.markup import Cell, Table
from fgnb.report.provenance import Provenance
from fgnb.report.results import Result

PUBLISHED = {"cub": CUB, "cars": CARS, "aircraft": AIRCRAFT}
"""What a layout's sets stand beside; the keys are the ledger's words, too."""

_TOGETHER = {"drawn": ("drawn", "drawn-aircraft", "drawn-cars")}


def names(dataset: str) -> tuple[str, ...]:
    """The sets that one page shows: drawn birds with drawn aircraft and cars, or one alone."""
    return _TOGETHER.get(dataset, (dataset,))


def table1(
    sets: Sequence[ImageSet], provenances: Sequence[Provenance]
) -> tuple[dict[str, np.ndarray], list[Result]]:
    """The counts of Table 1 and section 4.1, with the arrays that they follow from.

    Args:
        sets: at most one of each layout.
        provenances: one for each set.

    Raises:
        ValueError: if two sets are of one layout, or the lengths differ.
    """
    if len({images.layout for images in sets}) < len(sets):
        raise ValueError(f"sets has {len(sets)} sets, two of one layout; needs one of each at most")
    arrays: dict[str, np.ndarray] = {}
    results = []
    for images, provenance in zip(sets, provenances, strict=True):
        layout = images.layout
        arrays |= {f"{layout}_{name}": values for name, values in _arrays(images).items()}
        for claim, (kind, of, by, unit, label) in _counts(layout).items():
            derivation = {"kind": kind, "of": f"{layout}_{of}"}
            results.append(
                measure(
                    claim,
                    derivation | ({"by": f"{layout}_{by}"} if by else {}),
                    arrays,
                    provenance=provenance,
                    label=f"{PUBLISHED[layout].title}: {label}",
                    unit=unit,
                )
            )
    return arrays, results


def _arrays(images: ImageSet) -> dict[str, np.ndarray]:
    arrays = {
        "ids": images.ids,
        "train_ids": images.ids[images.train],
        "test_ids": images.ids[~images.train],
        "labels": images.labels,
        "classes": np.array(images.classes),
    }
    if images.layout == "aircraft":
        arrays["levels"] = np.array(aircraft.levels(images.root))
    return arrays


def _counts(layout: str) -> Mapping[str, tuple[str, str, str, str, str]]:
    """Claim -> kind, array, second array, unit, name."""
    table, text = f"ccfr.table1.{layout}", f"ccfr.text.{layout}"
    ratio = ("quotient", "train_ids", "test_ids", "ratio", "training to test images")
    per_class = ("quotient", "train_ids", "classes", "count", "training images a class")
    share = ("part", "train_ids", "ids", "percent", "share of training images")
    levels = ("rows", "levels", "", "count", "levels of the hierarchy with files")
    own: dict[str, dict[str, tuple[str, str, str, str, str]]] = {
        "cub": {f"{text}.train-test-ratio": ratio, f"{text}.train-per-class": per_class},
        "aircraft": {f"{text}.train-test-ratio": ratio, f"{text}.levels": levels},
        "cars": {f"{text}.train-share": share},
    }
    return {
        f"{table}.train": ("rows", "train_ids", "", "count", "training images"),
        f"{table}.test": ("rows", "test_ids", "", "count", "test images"),
        f"{table}.classes": ("distinct", "labels", "", "count", "classes"),
        f"{text}.images": ("rows", "ids", "", "count", "images, both parts"),
        **own[layout],
    }


def division(sets: Sequence[ImageSet], *, seed: int) -> Table:
    """The three parts of each set, with the sizes of their smallest and largest class."""
    rows = []
    for images in sets:
        held_out = images.held_out(seed)
        parts = {
            "training, kept": images.train & ~held_out,
            "training, held out": held_out,
            "test": ~images.train,
        }
        for name, mask in parts.items():
            sizes = np.bincount(images.labels[mask], minlength=len(images.classes))
            numbers = (int(mask.sum()), int((sizes > 0).sum()), int(sizes.min()), int(sizes.max()))
            cells = (Cell(str(number)) for number in numbers)
            rows.append((Cell(images.title), Cell(name), *cells))
    columns = ("Set", "Part", "Images", "Classes", "Smallest class", "Largest class")
    return Table(columns, tuple(rows), numeric=frozenset(columns[2:]))


def contact_sheets(sets: Sequence[ImageSet], *, classes: int = 6, per_class: int = 8) -> Picture:
    """A sheet a set: a row a class, its first training pictures side by side."""
    heights = [min(classes, len(images.classes)) for images in sets]
    most = max(int(np.bincount(images.labels[images.train]).max()) for images in sets)
    per_class = min(per_class, most)
    figure = Picture(
        figsize=(2.4 + 0.9 * per_class, 0.9 * sum(heights) + 0.45 * len(sets)),
        layout="constrained",
    )
    sheets = figure.subfigures(len(sets), 1, height_ratios=heights, squeeze=False).ravel()
    for sheet, images, height in zip(sheets, sets, heights, strict=True):
        sheet.suptitle(literal(images.title), fontsize=10)
        for label, line in enumerate(sheet.subplots(height, per_class, squeeze=False)):
            line[0].set_ylabel(
                literal(images.classes[label]), rotation=0, ha="right", va="center", fontsize=8
            )
            _show(line, images, np.flatnonzero(images.train & (images.labels == label))[:per_class])
    shown = ", ".join(
        f"{height} classes of {s.title}" for height, s in zip(heights, sets, strict=True)
    )
    return described(figure, f"Up to {per_class} training pictures each of {shown}.")


def annotated(sets: Sequence[ImageSet], *, per_row: int = 6) -> Picture:
    """A row a set: training pictures of different classes with their box and visible parts."""
    figure = Picture(figsize=(1.55 * per_row, 1.85 * len(sets)), layout="constrained")
    lines = figure.subplots(len(sets), per_row, squeeze=False)
    count = 0
    for line, images in zip(lines, sets, strict=True):
        chosen = _spread(images, per_row)
        count += len(chosen)
        line[0].set_title(literal(images.title), fontsize=9, loc="left")
        for axes, row in _show(line, images, chosen):
            x1, y1, x2, y2 = images.boxes[row]
            axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, ec=ORANGE, lw=1.4))
            seen = images.parts[row][images.visible[row]]
            axes.scatter(seen[:, 0], seen[:, 1], s=9, c=BLUE, edgecolors="white", linewidths=0.6)
    return described(
        figure,
        f"{count} training pictures of {', '.join(images.title for images in sets)}, each with its "
        "box and, where the layout gives parts, the locations of the visible ones.",
    )


def visibility(images: ImageSet) -> Picture:
    """Share of training images in which each part is visible, with 95 % Wilson intervals.

    Raises:
        ValueError: if the set's layout gives no parts.
    """
    seen = images.visible[images.train]
    n = len(seen)
    if not seen.shape[1]:
        raise ValueError(f"images is {images!r}, whose layout gives no parts; needs one with parts")
    part_names = list(PART_NAMES) if seen.shape[1] == len(PART_NAMES) else range(seen.shape[1])
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
    axes.set_yticks(np.arange(len(order)), [str(part_names[i]) for i in order])
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"visible in training images, % (n = {n})")
    least, most = part_names[order[0]], part_names[order[-1]]
    return described(
        figure,
        f"Share of {n} training images in which each part is visible: least the {least} with "
        f"{100 * share[0]:.1f} %, most the {most} with {100 * share[-1]:.1f} %.",
    )


def _spread(images: ImageSet, count: int) -> np.ndarray:
    """Rows of the first training pictures of up to `count` classes, spread over all classes."""
    train = np.flatnonzero(images.train)
    _, first = np.unique(images.labels[train], return_index=True)
    return train[first[np.linspace(0, len(first) - 1, min(count, len(first))).astype(int)]]


def _show(line: Sequence[Axes], images: ImageSet, rows: np.ndarray) -> Iterator[tuple[Axes, int]]:
    """Put pictures into axes, and give each with its row; the axes left over stay empty."""
    shown = []
    for axes, row in zip(line, rows, strict=False):
        axes.imshow(np.asarray(load_rgb(images.path(int(row)))))
        shown.append((axes, int(row)))
    for axes in line:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
    return iter(shown)
