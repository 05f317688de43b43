"""What the page on the multi-level loss (ccfr, section 3.1, Fig. 3) records and draws.

The super classes that clustering found, held against the kinds that the classes' own names tell
and against the classifier's errors; how often equation 3 fires; and the accuracy beside that of
cross-entropy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from scipy.cluster.hierarchy import dendrogram, fcluster, linkage

from fgnb import ccfr, claims
from fgnb.ccfr.multilevel import CHILDREN
from fgnb.data import ImageSet, load_rgb
from fgnb.report.confusions import kin_of
from fgnb.report.derive import measure
from fgnb.report.figures import BLUE, GREEN, GREY, ORANGE, RED, Picture, described, literal
from fgnb.report.provenance import Provenance
from fgnb.report.results import Result
from fgnb.report.setting import setting_result

OWN = "own.ccfr.multi-level"
PLAIN_ROW = "Cross-entropy alone (Table 3, first row)"
MULTI_ROW = "Multi-level loss (Table 3, second row)"
COLOURS = (BLUE, RED, GREEN, ORANGE, "#CC79A7", "#56B4E9", "#000000")
TALLEST = 14.0
LETTERS = 14  # of a name in a line above a picture
RECIPE = ("n_parents", "parent_weight", "children", "label_smoothing", "epochs", "lr", "average")
Arrays = Mapping[str, np.ndarray]


def arrays_of(
    images: ImageSet,
    *,
    held_out: tuple[Arrays, Arrays],
    test: tuple[Arrays, Arrays],
    parent_weight: float,
) -> dict[str, np.ndarray]:
    """The arrays that the page's numbers follow from.

    Args:
        images: the set.
        held_out: predictions of the fold ``held-out``: cross-entropy alone, multi-level loss.
        test: those of the fold ``all``.
        parent_weight: lambda of equation 4, in use.

    Raises:
        ValueError: a pair whose two runs answer different images.
    """
    found: dict[str, np.ndarray] = {"class_names": np.array(images.classes)}
    for prefix, (plain, multi) in (("held_out", held_out), ("test", test)):
        if not np.array_equal(plain["query_ids"], multi["query_ids"]):
            raise ValueError(f"{prefix} holds two runs that answer different images")
        found[f"{prefix}_ids"] = plain["query_ids"]
        found[f"{prefix}_labels"] = plain["query_labels"]
        found[f"{prefix}_plain_probs"] = plain["query_probs"]
        found[f"{prefix}_multi_level_probs"] = multi["query_probs"]
        found[f"{prefix}_parent_probs"] = multi["query_parent_probs"]
        found[f"{prefix}_parents"] = multi["parents"]
    plain, multi = test
    means = ccfr.class_means(plain["database_embedding"], plain["database_labels"])
    tree = fcluster(linkage(means, "ward"), int(multi["parents"].max()) + 1, "maxclust")
    own = multi["parents"][found["test_labels"]]
    return {
        **found,
        **_errors(*held_out),
        **{f"held_out_fires_{reading}": fires(held_out[1], reading) for reading in CHILDREN},
        "kin": np.array(kin_of(images)),
        "ward_parents": tree,
        "test_parent_labels": own,
        "setting_lambda": np.array([parent_weight], dtype=float),
    }


def fires(predictions: Arrays, children: str) -> np.ndarray:
    """bool[Q]: where equation 3 is over 0 for the picture's own super class."""
    parents = torch.from_numpy(predictions["parents"])
    probs = torch.from_numpy(predictions["query_probs"])
    parent_probs = torch.from_numpy(predictions["query_parent_probs"])
    over = ccfr.hinge(probs, parent_probs, parents, children).numpy()
    own = predictions["parents"][predictions["query_labels"]]
    return np.asarray(over[np.arange(len(own)), own] > 0)


def results_of(
    arrays: Arrays, *, spec: Mapping[str, Any], provenance: Provenance
) -> dict[str, list[Result]]:
    """The page's results, by the table that shows them.

    Of the two ``rows``, of the ``groups``, of equation 3 (``hinge``), and the ``settings``.

    Args:
        arrays: of `arrays_of`.
        spec: of the run with the multi-level loss; its recipe stands in the row's settings.
        provenance: of `fgnb.report.collect`.
    """

    def one(claim: str, label: str, rule: Mapping[str, Any], **more: Any) -> Result:
        return measure(claim, rule, arrays, provenance=provenance, label=label, **more)

    def accuracy(of: str, labels: str = "test_labels") -> dict[str, str]:
        return {"kind": "accuracy", "of": of, "labels": labels}

    def agreement(against: str) -> dict[str, str]:
        return {"kind": "agreement", "of": "test_parents", "against": against}

    plain, multi = "test_plain_probs", "test_multi_level_probs"
    step = {"kind": "difference", "of": multi, "against": plain, "labels": "test_labels"}
    rows = [
        one(f"{OWN}.cross-entropy", PLAIN_ROW, accuracy(plain)),
        one(
            f"{OWN}.multi-level",
            MULTI_ROW,
            accuracy(multi),
            settings={name: spec[name] for name in RECIPE},
            selected_on="not chosen: the paper's values, and the recipe of cross-entropy",
            against={f"{OWN}.cross-entropy": plain},
        ),
        one(f"{OWN}.step", "Multi-level loss minus cross-entropy", step),
        one(
            f"{OWN}.super-class",
            "Super class, answered by its own head",
            accuracy("test_parent_probs", "test_parent_labels"),
        ),
    ]
    groups = [
        one("ccfr.fig3", "Super classes found", {"kind": "distinct", "of": "test_parents"}),
        one(
            "ccfr.claim.clusters-group-look-alikes",
            "Agreement with the kinds that the names tell, adjusted Rand index",
            agreement("kin"),
        ),
        one(
            f"{OWN}.ward",
            "Agreement with a Ward tree cut into as many, adjusted Rand index",
            agreement("ward_parents"),
        ),
    ]
    if len(arrays["errors_inside"]):
        inside = {"of": "errors_inside"}
        groups += [
            one(
                f"{OWN}.errors-inside",
                "Held-out errors that stay inside a super class",
                {"kind": "share", **inside},
            ),
            one(
                f"{OWN}.errors-inside-excess",
                "The same, over that of random wrong answers",
                {"kind": "excess", **inside, "against": "errors_inside_by_chance"},
            ),
        ]
    hinge = [
        one(
            f"{OWN}.fires-{reading}",
            f"Equation 3 fires, {reading} of the children, held-out images",
            {"kind": "share", "of": f"held_out_fires_{reading}"},
        )
        for reading in CHILDREN
    ]
    weight = "ccfr.setting.lambda", "setting_lambda"
    settings = [setting_result(*weight, arrays, provenance=provenance)]
    return {"rows": rows, "groups": groups, "hinge": hinge, "settings": settings}


def published() -> dict[str, float]:
    """Table 3's accuracies of the two rows, by the labels of `results_of`."""
    ledger = claims.load("ccfr")
    cells = {PLAIN_ROW: "ccfr.table3.plain", MULTI_ROW: "ccfr.table3.multi-level"}
    values = {label: ledger[claim].value for label, claim in cells.items()}
    return {label: value for label, value in values.items() if value is not None}


def super_classes(
    images: ImageSet, parents: Any, means: Any, *, per_row: int = 6, most_rows: int = 10
) -> Picture:
    """Training pictures by the super classes found, beside a Ward tree (ccfr, Fig. 3).

    Args:
        images: the set.
        parents: super class of each class, int[C].
        means: class means at unit length, ``[C, F]``, of `fgnb.ccfr.class_means`.
        per_row: classes shown of a super class, a picture each.
        most_rows: super classes shown.

    Raises:
        ValueError: parents or means that are not one a class, or fewer than two classes.
    """
    groups, vectors = np.asarray(parents), np.asarray(means)
    n_classes = len(images.classes)
    if n_classes < 2:
        raise ValueError(f"{images.title} has {n_classes} class, a tree needs two")
    if groups.shape != (n_classes,) or vectors.shape[:1] != (n_classes,):
        raise ValueError(
            f"parents has shape {groups.shape} and means {vectors.shape}, need ({n_classes},) and "
            f"({n_classes}, F)"
        )
    sizes = np.bincount(groups)
    shown = min(len(sizes), most_rows)
    height = min(max(1.25 * shown, 0.2 * n_classes, 2.2), TALLEST)
    figure = Picture(figsize=(10.4, height), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.45, 1], squeeze=False).ravel()
    _pictures(left, images, groups, shown, per_row)
    axes = right.subplots()
    branches = _tree(axes, vectors, groups, [_short(name) for name in images.classes])
    listed = "; ".join(
        f"super class {group + 1}: {', '.join(_short(images.classes[c]) for c in members)}"
        for group, members in ((g, np.flatnonzero(groups == g)) for g in range(shown))
    )
    return described(
        figure,
        f"{len(sizes)} super classes of {n_classes} classes of {images.title}, a training picture "
        f"a class. {listed}. Beside them a Ward tree of the class means, in which {branches} of "
        f"the {len(sizes)} super classes are a branch of their own.",
    )


def _pictures(
    figure: SubFigure, images: ImageSet, groups: np.ndarray, shown: int, per_row: int
) -> None:
    """A row a super class, the first training picture of each of its classes."""
    grid = figure.subplots(shown, per_row, squeeze=False)
    for axes in grid.ravel():
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
    for group in range(shown):
        members = np.flatnonzero(groups == group)
        name = f"{group + 1}\n({len(members)})"
        frame = {"facecolor": "white", "edgecolor": _colour(group), "boxstyle": "round"}
        grid[group][0].set_ylabel(
            name, rotation=0, ha="right", va="center", fontsize=10, labelpad=8, bbox=frame
        )
        for axes, label in zip(grid[group], members, strict=False):
            row = int(np.flatnonzero(images.train & (images.labels == label))[0])
            axes.imshow(np.asarray(load_rgb(images.path(row))))
            name = fill(_short(images.classes[label]), LETTERS)
            axes.set_title(literal(name), fontsize=6.5, pad=2)
    figure.suptitle("super class (its number of classes), one picture a class", fontsize=9)


def _tree(axes: Axes, means: np.ndarray, groups: np.ndarray, names: list[str]) -> int:
    """Draws the Ward tree of class means; returns how many super classes are a branch of it."""
    links = linkage(means, "ward")
    leaves = [{leaf} for leaf in range(len(groups))]
    for first, second, *_ in links:
        leaves.append(leaves[int(first)] | leaves[int(second)])

    def colour(node: int) -> str:
        inside = {int(groups[leaf]) for leaf in leaves[node]}
        return _colour(min(inside)) if len(inside) == 1 else GREY

    dendrogram(
        links,
        orientation="left",
        labels=[literal(f"{n}  {group + 1}") for n, group in zip(names, groups, strict=True)],
        ax=axes,
        link_color_func=colour,
        leaf_font_size=8 if len(names) <= 50 else 4,
    )
    axes.set_xlabel("Ward distance of class means at unit length")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title("Ward tree; number and colour are the super class", fontsize=9)
    return sum(set(np.flatnonzero(groups == g).tolist()) in leaves for g in np.unique(groups))


def _errors(plain: Arrays, multi: Arrays) -> dict[str, np.ndarray]:
    """Of each held-out error of cross-entropy: is the answer in the true class's super class?

    ``errors_inside`` says so, ``errors_inside_by_chance`` how likely a random wrong class is.
    """
    parents, labels = multi["parents"], plain["query_labels"]
    answers = plain["query_probs"].argmax(axis=1)
    wrong = answers != labels
    own = parents[labels[wrong]]
    size = np.bincount(parents)[own]
    return {
        "errors_inside": parents[answers[wrong]] == own,
        "errors_inside_by_chance": (size - 1) / max(len(parents) - 1, 1),
    }


def _colour(group: int) -> str:
    return COLOURS[group % len(COLOURS)]


def _short(name: str, most: int = 22) -> str:
    """A class's name without its number, of at most ``most`` letters."""
    plain = name.split(".", 1)[-1].replace("_", " ")
    return plain if len(plain) <= most else plain[: most - 1] + "…"
