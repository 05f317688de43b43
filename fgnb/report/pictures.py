"""Figures with pictures of a set in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from fgnb.data import ImageSet, load_rgb
from fgnb.report.figures import ROW_LABEL, Picture, bare, described, literal


def contact_sheet(*sets: ImageSet, classes: int = 6, per_class: int = 8) -> Picture:
    """A sheet a set: a row for each of its first classes, training pictures side by side."""
    heights = [min(classes, len(images.classes)) for images in sets]
    most = max(int(np.bincount(images.labels[images.train]).max()) for images in sets)
    per_class = min(per_class, most)
    size = (2.4 + 0.9 * per_class, 0.9 * sum(heights) + 0.45 * len(sets))
    figure = Picture(figsize=size, layout="constrained")
    sheets = figure.subfigures(len(sets), 1, height_ratios=heights, squeeze=False).ravel()
    for sheet, images, height in zip(sheets, sets, heights, strict=True):
        sheet.suptitle(literal(images.title), fontsize=10)
        for label, line in enumerate(sheet.subplots(height, per_class, squeeze=False)):
            line[0].set_ylabel(literal(images.classes[label]), **ROW_LABEL)
            show(line, images, np.flatnonzero(images.train & (images.labels == label))[:per_class])
    shown = (f"{n} classes of {images.title}" for n, images in zip(heights, sets, strict=True))
    what = f"Up to {per_class} training pictures each of {', '.join(shown)}."
    return described(figure, what)


def show(line: Sequence[Axes], images: ImageSet, rows: np.ndarray) -> list[tuple[Axes, int]]:
    """Put pictures of a set into axes, and give each with its row; axes left over stay empty."""
    for axes in line:
        bare(axes)
        axes.spines[:].set_visible(False)
    shown = [(axes, int(row)) for axes, row in zip(line, rows, strict=False)]
    for axes, row in shown:
        axes.imshow(load_rgb(images.path(row)))
    return shown
