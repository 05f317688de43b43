"""Fig. 3 of ccfr: pictures by the super classes found, beside a tree of another method."""

from __future__ import annotations

from textwrap import fill, shorten
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from scipy.cluster.hierarchy import dendrogram, linkage

from fgnb.data import ImageSet
from fgnb.pages.ccfr.hard_instances import plain_name
from fgnb.pages.ccfr.hard_instances_figures import show
from fgnb.report.figures import BLUE, GREEN, GREY, ORANGE, RED, Picture, described, literal

COLOURS = (BLUE, RED, GREEN, ORANGE, "#CC79A7", "#56B4E9", "#000000")


def super_classes(
    images: ImageSet, parents: Any, means: Any, *, per_row: int = 6, most_rows: int = 10
) -> Picture:
    """A training picture a class, a row a super class, beside a Ward tree (Fig. 3).

    Args:
        images: the set.
        parents: super class of each class, int[C].
        means: class means at unit length, ``[C, F]``, of `fgnb.ccfr.class_means`.
        per_row: classes shown of a super class.
        most_rows: super classes shown.

    Raises:
        ValueError: parents or means that are not one a class, or fewer than two classes.
    """
    groups, vectors, count = np.asarray(parents), np.asarray(means), len(images.classes)
    if count < 2:
        raise ValueError(f"{images.title} has {count} class, a tree needs two")
    if groups.shape != (count,) or vectors.shape[:1] != (count,):
        raise ValueError(
            f"parents has shape {groups.shape} and means {vectors.shape}, need ({count},) and "
            f"({count}, F)"
        )
    names = [literal(shorten(plain_name(name), 24, placeholder="…")) for name in images.classes]
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    shown = members[:most_rows]
    height = min(max(1.15 * len(shown), 0.18 * count, 2.2), 11.0)
    figure = Picture(figsize=(10.4, height), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.45, 1], squeeze=False).ravel()
    left.suptitle("super class (its number of classes), one picture a class", fontsize=9)
    grid = left.subplots(len(shown), per_row, squeeze=False)
    for group, (cells, classes) in enumerate(zip(grid, shown, strict=True)):
        for axes in cells:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        box = {"facecolor": "white", "edgecolor": _colour(group), "boxstyle": "round,pad=0.15"}
        cells[0].set_ylabel(f"{group + 1}\n({len(classes)})", rotation=0, ha="right", va="center",
                            fontsize=10, labelpad=8, bbox=box)  # fmt: skip
        for axes, label in zip(cells, classes, strict=False):
            show(axes, images, np.flatnonzero(images.train & (images.labels == label))[0])
            axes.set_title(fill(names[label], 14), fontsize=6.5, pad=2)
    branches = _tree(right.subplots(), vectors, groups, names)
    listed = "; ".join(
        f"super class {group + 1}: {', '.join(names[label] for label in classes)}"
        for group, classes in enumerate(shown)
    )
    return described(
        figure,
        f"{len(members)} super classes of {count} classes of {images.title}, a training picture "
        f"a class. {listed}. Beside them a Ward tree of the class means, in which {branches} of "
        f"the {len(members)} super classes are a branch of their own.",
    )


def _tree(axes: Axes, means: np.ndarray, groups: np.ndarray, names: list[str]) -> int:
    """Draws the Ward tree of class means; returns how many super classes are a branch of it."""
    links = linkage(means, "ward")
    leaves = [{leaf} for leaf in range(len(groups))]
    for first, second, *_ in links:
        leaves.append(leaves[int(first)] | leaves[int(second)])

    def colour(node: int) -> str:
        inside = {int(groups[leaf]) for leaf in leaves[node]}
        return _colour(min(inside)) if len(inside) == 1 else GREY

    labels = [f"{name}  {group + 1}" for name, group in zip(names, groups, strict=True)]
    size = 8 if len(names) <= 50 else 4
    dendrogram(links, orientation="left", labels=labels, ax=axes, link_color_func=colour,
               leaf_font_size=size)  # fmt: skip
    axes.set_xlabel("Ward distance of class means at unit length")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title("Ward tree; number and colour are the super class", fontsize=9)
    return sum(set(np.flatnonzero(groups == g).tolist()) in leaves for g in np.unique(groups))


def _colour(group: int) -> str:
    return COLOURS[group % len(COLOURS)]
