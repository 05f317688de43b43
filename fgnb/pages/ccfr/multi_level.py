"""Section 3.1 of ccfr: the multi-level loss, its super classes (Fig. 3), and what either adds."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill, shorten
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from scipy.cluster.hierarchy import dendrogram, fcluster, linkage

from fgnb import ccfr
from fgnb.ccfr.multilevel import CHILDREN
from fgnb.data import ImageSet
from fgnb.pages.ccfr.held_out import ROW, HeldOutAnswers, genera, plain_name
from fgnb.report import kinds
from fgnb.report.figures import BLUE, GREEN, GREY, ORANGE, RED, Picture, described, literal
from fgnb.report.layout import Line, Table, numbers_table
from fgnb.report.pictures import show
from fgnb.report.sheet import Number, Sheet

NOTEBOOK = "ccfr/3-1-multi-level-loss"
CODE = ("fgnb.ccfr.multilevel_stage",)
PLAIN, MULTI, PLAIN_HELD, MULTI_HELD = "plain", "multi-level", ROW, "multi-level-held-out"
ROWS = (PLAIN, MULTI, PLAIN_HELD, MULTI_HELD)
COLOURS = 30 * (BLUE, RED, GREEN, ORANGE, "#CC79A7", "#56B4E9", "#000000")  # again in turn
PER_ROW, MOST_ROWS = 6, 10  # pictures a super class, and super classes, that Fig. 3 shows
LEVELS = ("n_parents", "parent_weight", "children", "clustering")

OWN, FOUND = "own.ccfr.multi-level", f"{MULTI}/parents"
CELLS = "ccfr.table3.multi-level", "ccfr.table3.plain"
INSIDE = "errors/inside", "errors/by_chance"
# fmt: off
TABLE = Table("Table 3, its first two rows", (
    Line(Number(f"{OWN}.cross-entropy", "Cross-entropy alone", kinds.accuracy(PLAIN),
                published=CELLS[1:])),
    Line(Number(f"{OWN}.multi-level", "Multi-level loss", kinds.accuracy(MULTI),
                published=CELLS[:1]),
         Number(f"{OWN}.step", "Multi-level loss, minus: Cross-entropy alone",
                kinds.difference(MULTI, PLAIN), "The multi-level loss helps", published=CELLS)),
))
GROUPS = numbers_table("Do super classes hold look-alikes?", [
    Number("ccfr.fig3", "Super classes found", kinds.distinct(FOUND)),
    Number("ccfr.claim.clusters-group-look-alikes",
           "Agreement with the kinds that names tell (adjusted Rand index)",
           kinds.agreement(FOUND, f"{MULTI}/genera"),
           "Super classes are the kinds that names tell (adjusted Rand index)"),
    Number(f"{OWN}.ward", "Agreement with a Ward tree cut into as many (adjusted Rand index)",
           kinds.agreement(FOUND, f"{MULTI}/ward")),
    Number(f"{OWN}.super-class", "Super class, answered by its own head, test images",
           kinds.accuracy("super-class")),
    Number(f"{OWN}.errors-inside", "Held-out errors inside a super class", kinds.share(INSIDE[0])),
    Number(f"{OWN}.errors-inside-excess", "The same, over random wrong answers",
           kinds.excess(*INSIDE), "Errors stay inside a super class"),
])
HINGE = numbers_table("How often equation 3 is over zero, held-out images", [
    Number(f"{OWN}.fires-mean", "Equation 3 fires, mean of the children",
           kinds.share(f"{MULTI_HELD}/fires_mean"), "Equation 3 fires after training"),
    Number(f"{OWN}.fires-sum", "Equation 3 fires, sum of the children",
           kinds.share(f"{MULTI_HELD}/fires_sum")),
    Number("ccfr.setting.lambda", "λ of equation 4", kinds.exact(f"{MULTI}/@parent_weight")),
])
# fmt: on
TABLES = (TABLE, GROUPS, HINGE)


def arrays(images: ImageSet, runs: Mapping[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """What runs of `ROWS` keep besides their answers; `MULTI` needs `PLAIN` beside it.

    ValueError where two runs of one fold answer different images.
    """
    kept = {row: run.predictions for row, run in runs.items()}
    for pair in ((PLAIN, MULTI), (PLAIN_HELD, MULTI_HELD)):
        ids = [kept[row]["query_ids"] for row in pair if row in kept]
        if not all(np.array_equal(ids[0], others) for others in ids):
            raise ValueError(f"{' and '.join(pair)} answer different images")
    found = {
        row: {
            "parents": kept[row]["parents"].astype(np.int16),
            "parent_classes": kept[row]["query_parent_probs"].argmax(axis=1).astype(np.int16),
            **{f"fires_{reading}": fires(kept[row], reading) for reading in CHILDREN},
        }
        for row in (MULTI, MULTI_HELD)
        if row in kept
    }
    if MULTI in kept:
        of = kept[PLAIN]
        links = linkage(ccfr.class_means(of["database_embedding"], of["database_labels"]), "ward")
        tree = fcluster(links, int(kept[MULTI]["parents"].max()) + 1, "maxclust")
        found[MULTI] |= {"genera": np.array(genera(images)), "ward": tree}
    if PLAIN_HELD in kept:
        found[PLAIN_HELD] = HeldOutAnswers.of(images, runs[PLAIN_HELD]).arrays()
    return found


def fires(predictions: Mapping[str, np.ndarray], children: str) -> np.ndarray:
    """``bool[Q]``: where equation 3 is over 0 for the picture's own super class."""
    of = {name: torch.from_numpy(values) for name, values in predictions.items()}
    own = of["parents"][of["query_labels"]]
    over = ccfr.hinge(of["query_probs"], of["query_parent_probs"], of["parents"], children)
    return np.asarray(over.gather(1, own[:, None])[:, 0].numpy() > 0)


def derive(sheet: Sheet, p: Any) -> None:
    """Add ``super-class``, the second head's answers, and ``errors``, an entry a wrong answer.

    ``inside``: cross-entropy stays in the super class; ``by_chance``: a random wrong class does.
    """
    own = {name: sheet.rows[name].arrays for name in ROWS if name in sheet.rows}
    if "parents" in own.get(MULTI, {}):
        labels = own[MULTI]["parents"][own[MULTI]["labels"]]
        sheet.derive("super-class", MULTI, labels=labels, classes=own[MULTI]["parent_classes"])
    if PLAIN_HELD in own and "parents" in own.get(MULTI_HELD, {}):
        of, parents = own[PLAIN_HELD], own[MULTI_HELD]["parents"]
        wrong = of["classes"] != of["labels"]
        true, answered = (parents[of[name][wrong]] for name in ("labels", "classes"))
        chance = (np.bincount(parents)[true] - 1) / max(len(parents) - 1, 1)
        sheet.derive("errors", PLAIN_HELD, inside=answered == true, by_chance=chance)


def super_classes(images: ImageSet, parents: Any, means: Any) -> Picture:
    """A training picture a class, a row a super class, beside a Ward tree (Fig. 3).

    ``parents`` int[C] holds each class's super class, ``means`` [C, F] class means at unit length;
    ValueError where either is not one a class, or with fewer than two classes.
    """
    groups, vectors, count = np.asarray(parents), np.asarray(means), len(images.classes)
    if count < 2:
        raise ValueError(f"{images.title} has {count} class, a tree needs two")
    if groups.shape != (count,) or vectors.shape[:1] != (count,):
        shapes = f"parents has shape {groups.shape} and means {vectors.shape}"
        raise ValueError(f"{shapes}, need ({count},) and ({count}, F)")
    names = [literal(shorten(plain_name(name), 24, placeholder="…")) for name in images.classes]
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    shown = members[:MOST_ROWS]
    height = min(max(1.15 * len(shown), 0.18 * count, 2.2), 11.0)
    figure = Picture(figsize=(10.4, height), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.45, 1], squeeze=False).ravel()
    left.suptitle("super class (its number of classes), one picture a class", fontsize=9)
    grid = left.subplots(len(shown), PER_ROW, squeeze=False)
    for group, (cells, classes) in enumerate(zip(grid, shown, strict=True)):
        box = {"facecolor": "white", "edgecolor": COLOURS[group], "boxstyle": "round,pad=0.15"}
        cells[0].set_ylabel(f"{group + 1}\n({len(classes)})", rotation=0, ha="right", va="center",
                            fontsize=10, labelpad=8, bbox=box)  # fmt: skip
        first = [np.flatnonzero(images.train & (images.labels == label))[0] for label in classes]
        for axes, place in show(cells, images, np.array(first)):
            axes.set_title(fill(names[images.labels[place]], 14), fontsize=6.5, pad=2)
    branches = _tree(right.subplots(), vectors, groups, names)
    listed = "; ".join(
        f"super class {group}: {', '.join(names[label] for label in classes)}"
        for group, classes in enumerate(shown, 1)
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
        return COLOURS[min(inside)] if len(inside) == 1 else GREY

    labels = [f"{name}  {group + 1}" for name, group in zip(names, groups, strict=True)]
    size = 8 if len(names) <= 50 else 4
    dendrogram(links, orientation="left", labels=labels, ax=axes, link_color_func=colour,
               leaf_font_size=size)  # fmt: skip
    axes.set_xlabel("Ward distance of class means at unit length")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title("Ward tree; number and colour are the super class", fontsize=9)
    return sum(set(np.flatnonzero(groups == g).tolist()) in leaves for g in np.unique(groups))
