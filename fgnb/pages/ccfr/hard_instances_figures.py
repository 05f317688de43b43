"""The panels of ccfr's Fig. 1, chosen by the errors of a classifier instead of by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import seaborn as sns

from fgnb.data import ImageSet, load_rgb
from fgnb.metrics import wilson
from fgnb.pages.ccfr.hard_instances import HeldOutAnswers, genera, plain_name, quarters
from fgnb.report.figures import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    Picture,
    bare,
    described,
    literal,
    subplots,
)


def confusion_matrix(answers: HeldOutAnswers) -> Picture:
    """Held-out answers by true class, classes of one kind side by side and framed."""
    genus = np.array(genera(answers.images))
    order = np.argsort(genus, kind="stable")
    names, starts, sizes = np.unique(genus[order], return_index=True, return_counts=True)
    figure, axes = subplots(6.2, 5.4)
    table = answers.confusion()[np.ix_(order, order)]
    sns.heatmap(table, ax=axes, cmap="cividis", square=True, cbar_kws={"label": "images"})
    ticks = (starts + sizes / 2, list(map(literal, names))) if len(names) <= 30 else ([], [])
    axes.set_xticks(*ticks, rotation=90, fontsize=8)
    axes.set_yticks(*ticks, rotation=0, fontsize=8)
    for a, b in zip(starts, starts + sizes, strict=True):
        axes.plot([a, b, b, a, a], [a, a, b, b, a], color="white", lw=1.0)
    axes.set(xlabel="answered", ylabel="true class")
    wrong = answers.classes != answers.labels
    inside = (genus[answers.classes] == genus[answers.labels])[wrong]
    return described(
        figure,
        f"Confusion matrix of {len(wrong)} held-out images over {len(genus)} classes, {len(names)} "
        f"kinds framed: {wrong.sum()} wrong answers, {inside.sum()} of them inside one kind.",
    )


def confused_pairs(answers: HeldOutAnswers, *, count: int = 2, per_class: int = 3) -> Picture:
    """Panels (a) and (b): the most confused classes, a row a pair.

    Held-out images that were taken for the other class come first, framed in red.
    """
    pairs, images = answers.pairs(count), answers.images
    names = list(map(plain_name, images.classes))
    size = 2.9 * per_class, 1.75 * len(pairs)
    figure, grid = subplots(*size, len(pairs), 2 * per_class, squeeze=False)
    halves = [half for a, b, _ in pairs for half in ((a, b), (b, a))]
    for cells, (own, other) in zip(grid.reshape(-1, per_class), halves, strict=True):
        mine, taken = answers.labels == own, answers.classes == other
        kept = answers.database[images.labels[answers.database] == own]
        shown = [*answers.rows[mine & taken], *answers.rows[mine & ~taken], *kept]
        for axes in cells[len(shown) :]:
            axes.set_axis_off()
        for i, (axes, position) in enumerate(zip(cells, shown, strict=False)):
            show(axes, images, position, RED if i < (mine & taken).sum() else "")
        cells[0].set_title(literal(names[own]), fontsize=9, loc="left")
    words = [f"{names[a]} and {names[b]}, answers exchanged: {errors}" for a, b, errors in pairs]
    return described(figure, f"The most confused pairs of classes: {'; '.join(words)}.")


def size_against_accuracy(answers: HeldOutAnswers) -> Picture:
    """Accuracy in quarters of the held-out images by the object's share of the frame."""
    parts, right = quarters(answers.shares), answers.classes == answers.labels
    percent = np.array([100 * right[part].mean() for part in parts])
    ends = 100 * np.array([wilson(int(right[part].sum()), len(part)) for part in parts])
    shares = [100 * answers.shares[part] for part in parts]
    names = [f"{share.min():.0f} to {share.max():.0f} %" for share in shares]
    figure, axes = subplots(6.0, 3.4)
    place = np.arange(len(parts))
    axes.errorbar(place, percent, yerr=np.abs(ends.T - percent), fmt="o", color=BLUE, capsize=4)
    axes.set_xticks(place, [f"{n}\nn = {len(part)}" for n, part in zip(names, parts, strict=True)])
    axes.set(xlabel="share of the frame inside the object's box", ylabel="accuracy, %")
    axes.set(ylim=(0, 100), xlim=(-0.5, len(parts) - 0.5))
    axes.grid(color="#e6e6e6")
    words = "; ".join(f"{name}: {value:.1f} %" for name, value in zip(names, percent, strict=True))
    return described(figure, f"Accuracy with 95 % intervals by the object's size. {words}.")


def poses(answers: HeldOutAnswers, *, per_side: int = 3) -> Picture:
    """Panel (c): the image whose own class lies furthest behind its nearest of another class."""
    own = np.where(answers.same_class, answers.sims, -np.inf)
    other = np.where(answers.same_class, -np.inf, answers.sims)
    query = int((own.max(axis=1) - other.max(axis=1)).argmin())
    figure, (first, *cells) = subplots(1.6 * (2 * per_side + 1), 2.1, 1, 2 * per_side + 1)
    show(first, answers.images, answers.rows[query])
    first.set_title("held out", fontsize=9)
    sides = (own[query], GREEN, "own class"), (other[query], ORANGE, "another class")
    for sims, colour, words in sides:
        for column in np.argsort(-sims, kind="stable")[:per_side]:
            axes = cells.pop(0)
            if not np.isfinite(sims[column]):
                axes.set_axis_off()
                continue
            show(axes, answers.images, answers.database[column], colour)
            axes.set_title(f"{sims[column]:.3f}", fontsize=9)
            axes.set_xlabel(words, fontsize=8)
    return described(
        figure,
        f"A held-out picture of {plain_name(answers.images.classes[answers.labels[query]])}, "
        f"similarity {own[query].max():.3f} to the nearest picture of its class and "
        f"{other[query].max():.3f} to the nearest of another.",
    )


def show(axes: Any, images: ImageSet, position: int, frame: str = "") -> None:
    """An image of the set, in a frame of a colour or none."""
    axes.imshow(np.asarray(load_rgb(images.path(int(position)))))
    bare(axes)
    axes.spines[:].set(visible=bool(frame), edgecolor=frame or "none", linewidth=2.5)
