"""What the page on hard instances (ccfr, section 1, Fig. 1) counts and draws.

The paper shows two pairs of look-alike species and one species in two poses, picked by hand. Here
the classifier's own held-out answers pick them: the classes that it confuses most, the size of the
object, and pictures that lie nearer to another class than to their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import seaborn as sns
from numpy.typing import NDArray

from fgnb.data import ImageSet, load_rgb
from fgnb.data.frame import frames_of
from fgnb.metrics import wilson
from fgnb.report.derive import measure
from fgnb.report.figures import BLUE, GREEN, ORANGE, RED, Picture, described, literal
from fgnb.report.provenance import Provenance
from fgnb.report.results import Result
from fgnb.report.rows import rows_of

CLAIM = "ccfr.claim.similar-classes-fool-global-features"
QUARTERS = 4


class Pair(NamedTuple):
    """Two classes and how many held-out images of either were taken for the other."""

    first: int
    second: int
    errors: int


@dataclass(frozen=True)
class Hard:
    """Held-out answers of a classifier on global features, seen from their errors.

    Attributes:
        images: the set.
        kin: C names; classes of one name are look-alikes by their own names.
        rows: int64[Q], positions of the held-out images.
        labels: int64[Q].
        probs: float[Q, C].
        sims: float32[Q, N], cosine similarity to the other training images.
        database: int64[N], their positions.
        shares: float64[Q], share of the frame that the object's box fills.
    """

    images: ImageSet
    kin: tuple[str, ...]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    probs: NDArray[np.float32]
    sims: NDArray[np.float32]
    database: NDArray[np.int64]
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, images: ImageSet, run: Any) -> Hard:
        """The answers kept in a run of ``ccfr/global`` on the held-out fold."""
        kept, spec = run.predictions, run.spec
        rows = rows_of(images, kept["query_ids"])
        return cls(
            images=images,
            kin=kin_of(images),
            rows=rows,
            labels=kept["query_labels"],
            probs=kept["query_probs"],
            sims=_unit(kept["query_embedding"]) @ _unit(kept["database_embedding"]).T,
            database=rows_of(images, kept["database_ids"]),
            shares=object_shares(images, rows, spec["image_size"], spec["crop_ratio"]),
        )

    @property
    def answers(self) -> NDArray[np.int64]:
        """The predicted classes ``[Q]``."""
        return self.probs.argmax(axis=1)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Where the answer is the true class ``[Q]``."""
        return np.asarray(self.answers == self.labels)

    def confusion(self) -> NDArray[np.int64]:
        """Images of class i answered with class j: ``[C, C]``."""
        count = len(self.images.classes)
        table = np.zeros((count, count), dtype=np.int64)
        np.add.at(table, (self.labels, self.answers), 1)
        return table

    def pairs(self, count: int) -> list[Pair]:
        """The most confused pairs: by errors, then by the probability that each gives the other."""
        mass = np.zeros(2 * (len(self.images.classes),))
        np.add.at(mass, self.labels, self.probs)
        errors = self.confusion()
        errors, mass = errors + errors.T, mass + mass.T
        first, second = np.triu_indices(len(errors), 1)
        order = np.lexsort((-mass[first, second], -errors[first, second]))[:count]
        return [
            Pair(int(first[i]), int(second[i]), int(errors[first[i], second[i]])) for i in order
        ]

    def quarters(self) -> list[NDArray[np.int64]]:
        """Positions ``0..Q-1`` in four parts of (nearly) equal size, by the object's share."""
        return np.array_split(np.argsort(self.shares, kind="stable"), QUARTERS)


def kin_of(images: ImageSet) -> tuple[str, ...]:
    """What look-alikes share in their names: birds the last word, cars and aircraft the first.

    "001.Amber_Sedgefinch" and "112.Great_Sedgefinch" are both a Sedgefinch.
    """
    last = images.layout == "cub"
    words = [name.split(".", 1)[-1].replace("_", " ").split() for name in images.classes]
    return tuple(name[-1 if last else 0] for name in words)


def object_shares(
    images: ImageSet, rows: NDArray[np.int64], image_size: int, crop_ratio: float
) -> NDArray[np.float64]:
    """Share of the frame inside each object's box, in [0, 1]."""
    frames = frames_of(images, rows, image_size=image_size, crop_ratio=crop_ratio)
    boxes = frames.boxes(images.boxes[rows][:, None])[:, 0].clip(0, image_size)
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.asarray(sides.prod(axis=1) / image_size**2)


def arrays_of(hard: Hard) -> dict[str, np.ndarray]:
    """Per-image arrays that the page's numbers follow from."""
    quarters, right = hard.quarters(), hard.right
    kin = np.array(hard.kin)
    wrong = ~right
    size = np.array([(kin == name).sum() for name in kin])
    own = hard.images.labels[hard.database][hard.sims.argmax(axis=1)] == hard.labels
    return {
        "held_out_ids": hard.images.ids[hard.rows],
        "held_out_labels": hard.labels,
        "held_out_probs": hard.probs,
        "kin": kin,
        "errors_within_kin": kin[hard.answers[wrong]] == kin[hard.labels[wrong]],
        "chance_within_kin": (size[hard.labels[wrong]] - 1) / (len(kin) - 1),
        "object_shares": hard.shares,
        "right_smallest": right[quarters[0]],
        "right_largest": right[quarters[-1]],
        "nearer_to_another_class": ~own,
    }


def results_of(arrays: Mapping[str, np.ndarray], *, provenance: Provenance) -> list[Result]:
    """The page's results; those about errors are left out where no answer is wrong."""
    results = [
        measure(
            "own.ccfr.hard.accuracy",
            {"kind": "accuracy", "of": "held_out_probs", "labels": "held_out_labels"},
            arrays,
            provenance=provenance,
            label="Accuracy on held-out images, global features",
        )
    ]
    rules: list[tuple[str, str, dict[str, Any]]] = [
        (
            "own.ccfr.hard.smallest",
            "Accuracy, quarter with the smallest objects",
            {"kind": "share", "of": "right_smallest"},
        ),
        (
            "own.ccfr.hard.largest",
            "Accuracy, quarter with the largest objects",
            {"kind": "share", "of": "right_largest"},
        ),
        (
            CLAIM,
            "Smallest objects minus largest",
            {"kind": "unpaired", "of": "right_smallest", "against": "right_largest"},
        ),
        (
            "own.ccfr.hard.nearer",
            "Nearest picture is of another class",
            {"kind": "share", "of": "nearer_to_another_class"},
        ),
    ]
    if len(arrays["errors_within_kin"]):
        rules += [
            (
                "ccfr.fig1",
                "Errors between classes of one kind",
                {"kind": "share", "of": "errors_within_kin"},
            ),
            (
                CLAIM,
                "Errors inside one kind, over chance",
                {"kind": "excess", "of": "errors_within_kin", "against": "chance_within_kin"},
            ),
        ]
    return results + [
        measure(claim, rule, arrays, provenance=provenance, label=label)
        for claim, label, rule in rules
    ]


def confusion_matrix(hard: Hard) -> Picture:
    """Held-out answers by true class, classes of one kind side by side and framed."""
    order = np.argsort(np.array(hard.kin), kind="stable")
    table = hard.confusion()[np.ix_(order, order)]
    names = [hard.kin[i] for i in order]
    figure = Picture(figsize=(6.2, 5.4), layout="constrained")
    axes = figure.subplots()
    sns.heatmap(table, ax=axes, cmap="cividis", square=True, cbar_kws={"label": "images"})
    starts = [i for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
    ends = [*starts[1:], len(names)]
    middles = [(a + b) / 2 for a, b in zip(starts, ends, strict=True)]
    few = len(starts) <= 30
    axes.set_xticks(middles if few else [], [literal(names[i]) for i in starts] if few else [])
    axes.set_yticks(middles if few else [], [literal(names[i]) for i in starts] if few else [])
    axes.tick_params(axis="x", rotation=60)
    axes.tick_params(axis="y", rotation=0)
    for start, end in zip(starts, ends, strict=True):
        corners = [start, end, end, start, start], [start, start, end, end, start]
        axes.plot(*corners, color="white", lw=1.0)
    axes.set(xlabel="answered", ylabel="true class")
    wrong = int((~hard.right).sum())
    kin = np.array(hard.kin)
    inside = int((kin[hard.answers] == kin[hard.labels])[~hard.right].sum())
    return described(
        figure,
        f"Confusion matrix of {len(hard.rows)} held-out images over {len(names)} classes, "
        f"{len(starts)} kinds framed: {wrong} wrong answers, {inside} of them inside one kind.",
    )


def confused_pairs(hard: Hard, *, count: int = 2, per_class: int = 3) -> Picture:
    """Fig. 1 (a) and (b): pictures of the most confused classes side by side, a row a pair.

    Held-out pictures that were taken for the other class come first, framed in red.
    """
    pairs = hard.pairs(count)
    figure = Picture(figsize=(2.9 * per_class, 1.75 * len(pairs)), layout="constrained")
    grid = figure.subplots(len(pairs), 2 * per_class, squeeze=False)
    for row, pair in zip(grid, pairs, strict=True):
        for half, (label, other) in enumerate(((pair[0], pair[1]), (pair[1], pair[0]))):
            shown, taken = _pictures_of(hard, label, other, per_class)
            cells = row[half * per_class : (half + 1) * per_class]
            for axes, position, wrong in zip(cells, shown, taken, strict=False):
                _show(axes, hard.images, position, RED if wrong else None)
            for axes in cells[len(shown) :]:
                axes.set_axis_off()
            cells[0].set_title(literal(_name(hard.images, label)), fontsize=9, loc="left")
    words = "; ".join(
        f"{_name(hard.images, p.first)} and {_name(hard.images, p.second)}, answers exchanged: "
        f"{p.errors}"
        for p in pairs
    )
    return described(figure, f"The most confused pairs of classes: {words}.")


def size_against_accuracy(hard: Hard) -> Picture:
    """Accuracy in quarters of the held-out images by the object's share of the frame."""
    quarters = hard.quarters()
    hits = [(int(hard.right[part].sum()), len(part)) for part in quarters]
    shares = np.array([100 * k / n for k, n in hits])
    ends = 100 * np.array([wilson(k, n) for k, n in hits])
    names = [
        f"{100 * hard.shares[part].min():.0f} to {100 * hard.shares[part].max():.0f} %"
        for part in quarters
    ]
    figure = Picture(figsize=(6.0, 3.4), layout="constrained")
    with sns.axes_style("white", rc={"axes.grid": True, "grid.color": "#e6e6e6"}):
        axes = figure.subplots()
    place = np.arange(len(shares))
    axes.errorbar(place, shares, yerr=np.abs(ends.T - shares), fmt="o", color=BLUE, capsize=4)
    axes.set_xticks(place, [f"{name}\nn = {n}" for name, (_, n) in zip(names, hits, strict=True)])
    axes.set(xlabel="share of the frame inside the object's box", ylabel="accuracy, %")
    axes.set(ylim=(0, 100), xlim=(-0.5, len(shares) - 0.5))
    words = "; ".join(f"{name}: {share:.1f} %" for name, share in zip(names, shares, strict=True))
    return described(figure, f"Accuracy with 95 % intervals by the object's size. {words}.")


def poses(hard: Hard, *, per_side: int = 3) -> Picture:
    """Fig. 1 (c): a picture that lies far from its own class, beside its nearest on either side.

    The held-out picture whose nearest picture of its own class lies furthest behind its nearest
    picture of another.
    """
    labels = hard.images.labels[hard.database]
    same = labels[None] == hard.labels[:, None]
    own = np.where(same, hard.sims, -np.inf)
    other = np.where(same, -np.inf, hard.sims)
    query = int((own.max(axis=1) - other.max(axis=1)).argmin())
    figure = Picture(figsize=(1.6 * (2 * per_side + 1), 2.1), layout="constrained")
    grid = figure.subplots(1, 2 * per_side + 1)
    _show(grid[0], hard.images, int(hard.rows[query]), None)
    grid[0].set_title("held out", fontsize=9)
    for side, (sims, colour) in enumerate(((own, GREEN), (other, ORANGE))):
        nearest = np.argsort(-sims[query], kind="stable")[:per_side]
        for place, column in enumerate(nearest):
            axes = grid[1 + side * per_side + place]
            if not np.isfinite(sims[query, column]):
                axes.set_axis_off()
                continue
            _show(axes, hard.images, int(hard.database[column]), colour)
            axes.set_title(f"{sims[query, column]:.3f}", fontsize=9)
            axes.set_xlabel("own class" if side == 0 else "another class", fontsize=8)
    name = _name(hard.images, int(hard.labels[query]))
    return described(
        figure,
        f"A held-out picture of {name}, similarity {own[query].max():.3f} to the nearest picture "
        f"of its class and {other[query].max():.3f} to the nearest of another.",
    )


def _pictures_of(hard: Hard, label: int, other: int, count: int) -> tuple[list[int], list[bool]]:
    """Positions of a class's pictures, those taken for `other` first, and which those are."""
    mine = hard.labels == label
    taken = hard.rows[mine & (hard.answers == other)].tolist()
    rest = hard.rows[mine & (hard.answers != other)].tolist()
    kept = hard.database[hard.images.labels[hard.database] == label].tolist()
    shown = [*taken, *rest, *kept][:count]
    return shown, [position in taken for position in shown]


def _show(axes: Any, images: ImageSet, position: int, frame: str | None) -> None:
    axes.imshow(np.asarray(load_rgb(images.path(position))))
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set(visible=frame is not None, edgecolor=frame or "none", linewidth=2.5)


def _name(images: ImageSet, label: int) -> str:
    return images.classes[label].split(".", 1)[-1].replace("_", " ")


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1), dtype=np.float32)
