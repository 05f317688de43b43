"""Figures with pictures of a set in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from fgnb.data import ImageSet
from fgnb.report.figures import BLUE, GREEN, GREY, RED, Picture, described, literal


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


def rectified_image(
    query: Any,
    neighbours: Sequence[Any],
    *,
    classes: Sequence[str],
    truth: int,
    probs: Any,
    scores: Any,
    neighbour_labels: Any,
    neighbour_sims: Any,
    topn: int = 5,
) -> Picture:
    """One query from softmax to retrieval to re-ranked order (ccfr, Fig. 5).

    Args:
        query: path or picture of the query.
        neighbours: paths or pictures of its nearest database images, best first.
        classes: class names, C long.
        truth: the true class.
        probs: float[C], softmax probabilities.
        scores: float[C], re-ranked scores.
        neighbour_labels: int[K], classes of `neighbours`.
        neighbour_sims: float[K], cosine similarities of `neighbours`.
        topn: classes shown.
    """
    probs, scores = np.asarray(probs, dtype=float), np.asarray(scores, dtype=float)
    if probs.shape != (len(classes),) or scores.shape != (len(classes),):
        raise ValueError(
            f"probs has shape {probs.shape} and scores {scores.shape}, need ({len(classes)},)"
        )
    labels, sims = np.asarray(neighbour_labels), np.asarray(neighbour_sims)
    shown = min(len(neighbours), len(labels))
    before = np.argsort(-probs, kind="stable")[:topn]
    after = before[np.argsort(-scores[before], kind="stable")]
    figure = Picture(figsize=(9.2, 4.6), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[1.25, 1], squeeze=False).ravel()
    left, middle, right = top.subplots(1, 3, width_ratios=[1, 1.3, 1.3])
    left.imshow(_read(query))
    _bare(left)
    left.set_title(literal(f"query:\n{_short(classes[truth])}"), fontsize=9, color=GREEN)
    _bars(middle, before, probs, classes, truth, "softmax probability")
    _bars(right, after, scores, classes, truth, "re-ranked score")
    panels = bottom.subplots(1, max(shown, 1), squeeze=False)[0]
    for i in range(shown):
        panels[i].imshow(_read(neighbours[i]))
        _bare(panels[i])
        right_class = int(labels[i]) == truth
        panels[i].set_title(
            literal(f"{sims[i]:.3f}\n{_short(classes[int(labels[i])])}"),
            fontsize=8,
            color=GREEN if right_class else GREY,
        )
    bottom.suptitle("nearest images of the database, by cosine similarity", fontsize=9)
    agreeing = int((labels[:shown] == truth).sum())
    first, then = classes[int(before[0])], classes[int(after[0])]
    return described(
        figure,
        f"A test picture of {classes[truth]}: softmax answers {first}, the re-ranked order {then}; "
        f"{agreeing} of the {shown} nearest database pictures are of the true class.",
    )


def _bars(
    axes: Axes, order: np.ndarray, values: np.ndarray, classes: Sequence[str], truth: int, name: str
) -> None:
    colours = [GREEN if int(label) == truth else BLUE for label in order]
    if int(order[0]) != truth:
        colours[0] = RED
    rows = np.arange(len(order))
    axes.barh(rows, values[order], color=colours)
    axes.set_yticks(rows, [literal(_short(classes[int(label)])) for label in order], fontsize=8)
    axes.set_xlabel(name)
    for row, label in zip(rows, order, strict=True):
        axes.annotate(
            f"{values[label]:.3f}", (values[label], row), (2, 0), textcoords="offset points",
            va="center", fontsize=8,
        )  # fmt: skip
    axes.margins(x=0.22)
    axes.invert_yaxis()


def _short(name: str, most: int = 24) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _read(picture: Any) -> np.ndarray:
    """RGB values of a path, a PIL picture or an array."""
    if hasattr(picture, "__fspath__") or isinstance(picture, str):
        from fgnb.data import load_rgb

        picture = load_rgb(picture)
    return np.asarray(picture)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
