"""Figures with pictures of a set in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from fgnb.data import ImageSet
from fgnb.report.figures import Picture, described, literal


def contact_sheet(*sets: ImageSet, classes: int = 6, per_class: int = 8) -> Picture:
    """A sheet a set: a row a class, its first training pictures side by side.

    Args:
        *sets: the sets, from the top.
        classes: classes of each, the first ones.
        per_class: pictures a row, at most.
    """
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
            show(line, images, np.flatnonzero(images.train & (images.labels == label))[:per_class])
    shown = ", ".join(
        f"{height} classes of {s.title}" for height, s in zip(heights, sets, strict=True)
    )
    return described(figure, f"Up to {per_class} training pictures each of {shown}.")


def show(line: Sequence[Axes], images: ImageSet, rows: np.ndarray) -> list[tuple[Axes, int]]:
    """Put pictures of a set into axes, and give each with its row; axes left over stay empty."""
    for axes in line:
        _bare(axes)
        axes.spines[:].set_visible(False)
    shown = [(axes, int(row)) for axes, row in zip(line, rows, strict=False)]
    for axes, row in shown:
        axes.imshow(_read(images.path(row)))
    return shown


def _read(picture: Any) -> np.ndarray:
    """RGB values of a path, a PIL picture or an array."""
    if hasattr(picture, "__fspath__") or isinstance(picture, str):
        from fgnb.data import load_rgb

        picture = load_rgb(picture)
    return np.asarray(picture)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
