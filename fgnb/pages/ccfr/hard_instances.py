"""Section 1 and Fig. 1 of ccfr: which held-out images a classifier on global features fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import seaborn as sns

from fgnb.metrics import wilson
from fgnb.pages.ccfr.held_out import ROW, HeldOutAnswers, genera, plain_name
from fgnb.report import kinds
from fgnb.report.figures import BLUE, GREEN, ORANGE, RED, Picture, described, literal, subplots
from fgnb.report.layout import numbers_table
from fgnb.report.pictures import show
from fgnb.report.sheet import Number, Sheet

NOTEBOOK = "ccfr/1-hard-instances"
CODE = ("fgnb.ccfr.stages", "fgnb.data.frame")
ROWS = (ROW,)

CLAIM, _OWN = "ccfr.claim.similar-classes-fool-global-features", "own.ccfr.hard"
_KIND, _SIZE = ("errors/within_genus", "errors/by_chance"), ("sizes/smallest", "sizes/largest")
# fmt: off
NUMBERS = numbers_table("Where global features fail, held-out images", [
    Number(f"{_OWN}.accuracy", "Accuracy, global features", kinds.accuracy(ROW)),
    Number("ccfr.fig1", "Errors between classes of one kind", kinds.share(_KIND[0])),
    Number(CLAIM, "Errors inside one kind, over chance", kinds.excess(*_KIND),
           "Errors stay among classes that look alike"),
    Number(f"{_OWN}.smallest", "Accuracy, quarter of smallest objects", kinds.share(_SIZE[0])),
    Number(f"{_OWN}.largest", "Accuracy, quarter of largest objects", kinds.share(_SIZE[1])),
    Number(CLAIM, "Smallest objects minus largest", kinds.unpaired(*_SIZE),
           "Small objects are harder", -1),
    Number(f"{_OWN}.nearer", "Nearest picture is of another class",
           kinds.share(f"{ROW}/nearer_to_another_class")),
])
# fmt: on
TABLES = (NUMBERS,)


def derive(sheet: Sheet, p: Any) -> None:
    """Add the rows ``errors`` (an entry a wrong answer) and ``sizes`` (quarters by size)."""
    of = sheet.rows[ROW].arrays if ROW in sheet.rows else {}
    if "genera" not in of:
        return
    right, genera = of["classes"] == of["labels"], of["genera"]
    true, answered = (genera[of[name][~right]] for name in ("labels", "classes"))
    chance = ((genera == true[:, None]).sum(axis=1) - 1) / (len(genera) - 1)
    sheet.derive("errors", ROW, within_genus=true == answered, by_chance=chance)
    parts = quarters(of["object_shares"])
    few = len(parts) < 4  # then no part is a quarter
    smallest, largest = (right[:0] if few else right[parts[place]] for place in (0, -1))
    sheet.derive("sizes", ROW, smallest=smallest, largest=largest)


def quarters(shares: np.ndarray) -> list[np.ndarray]:
    """Positions ``0..Q-1`` in four parts of nearly equal size by the object's share; Q if fewer."""
    return np.array_split(np.argsort(shares, kind="stable"), min(4, len(shares)))


def confusion_matrix(answers: HeldOutAnswers) -> Picture:
    """Held-out answers by true class, classes of one kind side by side and framed."""
    genus = np.array(genera(answers.images))
    order = np.argsort(genus, kind="stable")
    names, starts, sizes = np.unique(genus[order], return_index=True, return_counts=True)
    figure, axes = subplots(6.2, 5.4)
    table, bar = answers.confusion()[np.ix_(order, order)], {"label": "images"}
    sns.heatmap(table, ax=axes, cmap="cividis", square=True, cbar_kws=bar)
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
    """Panels (a) and (b): a row a pair of classes; what was confused comes first, framed in red."""
    pairs, images = answers.pairs(count), answers.images
    names = list(map(plain_name, images.classes))
    size = 2.9 * per_class, 1.75 * len(pairs)
    figure, grid = subplots(*size, len(pairs), 2 * per_class, squeeze=False)
    halves = [half for a, b, _ in pairs for half in ((a, b), (b, a))]
    for cells, (own, other) in zip(grid.reshape(-1, per_class), halves, strict=True):
        mine, taken = answers.labels == own, answers.classes == other
        wrong, right = answers.rows[mine & taken], answers.rows[mine & ~taken]
        kept = answers.database[images.labels[answers.database] == own]
        shown = show(cells, images, np.concatenate([wrong, right, kept]))
        for axes, _ in shown[: len(wrong)]:
            _frame(axes, RED)
        cells[0].set_title(literal(names[own]), fontsize=9, loc="left")
    words = [f"{names[a]} and {names[b]}, answers exchanged: {errors}" for a, b, errors in pairs]
    return described(figure, f"The most confused pairs of classes: {'; '.join(words)}.")


def size_against_accuracy(answers: HeldOutAnswers) -> Picture:
    """Accuracy in `quarters` of the held-out images by the object's share of the frame."""
    parts = quarters(answers.shares)
    right = [(answers.classes == answers.labels)[part] for part in parts]
    percent = np.array([100 * hits.mean() for hits in right])
    ends = 100 * np.array([wilson(int(hits.sum()), len(hits)) for hits in right]).T
    shares = [100 * answers.shares[part] for part in parts]
    names = [f"{share.min():.0f} to {share.max():.0f} %" for share in shares]
    ticks = [f"{name}\nn = {len(part)}" for name, part in zip(names, parts, strict=True)]
    figure, axes = subplots(6.0, 3.4)
    places = range(len(parts))
    axes.errorbar(places, percent, np.abs(ends - percent), fmt="o", color=BLUE, capsize=4)
    axes.set_xticks(places, ticks)
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
    show([first], answers.images, answers.rows[[query]])
    first.set_title("held out", fontsize=9)
    sides = (own[query], GREEN, "own class"), (other[query], ORANGE, "another class")
    for row, (sims, colour, words) in zip((cells[:per_side], cells[per_side:]), sides, strict=True):
        columns = [k for k in np.argsort(-sims, kind="stable") if np.isfinite(sims[k])]
        shown = show(row, answers.images, answers.database[columns])
        for (axes, _), column in zip(shown, columns, strict=False):
            _frame(axes, colour)
            axes.set_title(f"{sims[column]:.3f}", fontsize=9)
            axes.set_xlabel(words, fontsize=8)
    name = plain_name(answers.images.classes[answers.labels[query]])
    what = f"similarity {own[query].max():.3f} to the nearest picture of its class and"
    last = f"{other[query].max():.3f} to the nearest of another."
    return described(figure, f"A held-out picture of {name}, {what} {last}")


def _frame(axes: Any, colour: str) -> None:
    axes.spines[:].set(visible=True, edgecolor=colour, linewidth=2.5)
