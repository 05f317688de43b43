"""Figures with pictures in them: a contact sheet, and a rectified image as in ccfr's Fig. 5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from fgnb.report.figures import BLUE, GREEN, GREY, RED, Picture, described, literal


def contact_sheet(
    images: Any,
    *,
    per_class: int = 4,
    classes: Sequence[int] | None = None,
    families: Sequence[str] | None = None,
    side: float = 1.05,
) -> Picture:
    """A row a class, its first training pictures side by side, families together.

    Args:
        images: an `ImageSet`.
        per_class: pictures a row.
        classes: which classes, in the order given; the first 12 where None.
        families: name of each class's family, C long; rows are grouped and labelled by it.
        side: inches a picture.
    """
    chosen = list(range(min(12, len(images.classes)))) if classes is None else list(classes)
    if families is not None:
        if len(families) != len(images.classes):
            raise ValueError(f"families has {len(families)} names, needs {len(images.classes)}")
        order = {name: i for i, name in enumerate(dict.fromkeys(families))}
        chosen.sort(key=lambda label: order[families[label]])
    figure = Picture(
        figsize=(2.4 + side * per_class, side * len(chosen) + 0.1), layout="constrained"
    )
    grid = figure.subplots(len(chosen), per_class, squeeze=False)
    for row, label in enumerate(chosen):
        found = np.flatnonzero(images.train & (images.labels == label))[:per_class]
        for column in range(per_class):
            _bare(grid[row][column])
            if column < len(found):
                grid[row][column].imshow(_read(images.path(int(found[column]))))
            else:
                grid[row][column].spines[:].set_visible(False)
        name = images.classes[label]
        if families is not None:
            name = f"{families[label]}\n{name}"
        grid[row][0].set_ylabel(
            literal(name), rotation=0, ha="right", va="center", fontsize=8, labelpad=6
        )
        for side_line in grid[row][0].spines.values():
            side_line.set_visible(False)
    return described(
        figure,
        f"{len(chosen)} of {len(images.classes)} classes of {images.title}, up to {per_class} "
        "training pictures each.",
    )


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
