"""What section 3.3 of ccfr shows: its premise, its threshold, and one image put right (Fig. 5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from fgnb.ccfr import Answers, Settings, mean_top1
from fgnb.data import load_rgb
from fgnb.metrics import reliability, topn_curve, wilson
from fgnb.report.figures import BLUE, GREEN, GREY, RED, Picture, bare, described, literal, subplots

_NEIGHBORS, _LETTERS = 6, 24


def topn(answers: Answers, images: str = "held-out images", n_max: int = 10) -> Picture:
    """How often the true class is among the best N, with its Wilson band (ccfr, Fig. 1)."""
    (figure, axes), (n, classes) = subplots(6.4, 2.3), answers.probs.shape
    curve = 100 * topn_curve(answers.probs, answers.labels, min(n_max, classes))
    ranks = np.arange(1, len(curve) + 1)
    low, high = 100 * np.array([wilson(round(share * n / 100), n) for share in curve]).T
    axes.fill_between(ranks, low, high, color=BLUE, alpha=0.18)
    axes.plot(ranks, curve, color=BLUE, marker="o")
    axes.set(xlabel="N, classes considered", ylabel="true class among the best N, %", xticks=ranks)
    axes.grid(color="#e6e6e6")
    few = min(5, len(curve))
    return described(
        figure,
        f"Top-N accuracy of {n} {images} with 95 % intervals: {curve[0]:.1f} % at top 1, "
        f"{curve[few - 1]:.1f} % at top {few}.",
    )


def reliability_diagram(answers: Answers, images: str = "held-out images") -> Picture:
    """Confidence against accuracy, with the threshold without labels (ccfr, section 4.2)."""
    bins, t_sf = reliability(answers.probs, answers.labels), mean_top1(answers.probs)
    figure, (axes, below) = subplots(6.4, 3.9, 2, 1, sharex=True, height_ratios=[3, 1])
    full = bins.count > 0
    right, count = bins.accuracy[full], bins.count[full]
    ends = np.array([wilson(round(a * n), int(n)) for a, n in zip(right, count, strict=True)]).T
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="perfectly calibrated")
    axes.errorbar(
        bins.confidence[full], right, yerr=np.abs(ends - right), fmt="o", color=BLUE, label=images
    )
    axes.axvline(t_sf, color=RED, label=f"mean top-1 probability {t_sf:.3f}")
    axes.set(ylabel="share of right answers", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(f"expected calibration error {bins.ece:.3f}", fontsize=10)
    axes.legend(loc="lower right", fontsize=9)
    below.bar((bins.edges[:-1] + bins.edges[1:]) / 2, bins.count, 0.9 * np.diff(bins.edges))
    below.axvline(t_sf, color=RED)
    below.set(xlabel="top-1 probability", ylabel="images")
    return described(
        figure,
        f"Reliability diagram of {count.sum()} {images}: expected calibration error "
        f"{bins.ece:.3f}; the vertical line marks the mean top-1 probability, {t_sf:.3f}.",
    )


def rectified_image(images: Any, answers: Answers, settings: Settings) -> Picture:
    """One query from softmax to retrieval to the re-ranked order (Fig. 5).

    The surest of those put right; where there is none, the one of the lowest top-1 probability.
    """
    scores, truth = settings.scores(answers.probs, answers.neighbors), answers.labels
    right = (answers.probs.argmax(axis=1) != truth) & (scores.argmax(axis=1) == truth)
    sureness = np.where(right, scores.max(axis=1), -answers.probs.max(axis=1))
    query = int(sureness.argmax())
    true, near, sims = truth[query], answers.neighbors.labels[query], answers.neighbors.sims[query]
    nearest = answers.database_ids[answers.neighbors.index[query, :_NEIGHBORS]]
    before = np.argsort(-answers.probs[query], kind="stable")[: settings.topn]
    after = before[np.argsort(-scores[query, before], kind="stable")]
    names = [literal(name[:_LETTERS]) for name in images.classes]
    row_of = {int(identity): row for row, identity in enumerate(images.ids)}

    figure = Picture(figsize=(9.2, 4.0), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[1.25, 1], squeeze=False).ravel()
    left, *bars = top.subplots(1, 3, width_ratios=[1, 1.3, 1.3])
    panels = bottom.subplots(1, len(nearest), squeeze=False)[0]
    for axes, identity in zip((left, *panels), (answers.ids[query], *nearest), strict=True):
        axes.imshow(load_rgb(images.path(row_of[int(identity)])))
        bare(axes)
    left.set_title(f"query:\n{names[true]}", fontsize=9, color=GREEN)
    for axes, label, sim in zip(panels, near, sims, strict=False):
        colour = GREEN if label == true else GREY
        axes.set_title(f"{sim:.3f}\n{names[label]}", fontsize=8, color=colour)
    bottom.suptitle("nearest images of the database, by cosine similarity", fontsize=9)
    shown = (before, answers.probs[query], "softmax"), (after, scores[query], "re-ranked score")
    for axes, (order, values, title) in zip(bars, shown, strict=True):
        colours = [GREEN if c == true else BLUE if place else RED for place, c in enumerate(order)]
        drawn = axes.barh(np.arange(len(order)), values[order], color=colours)
        axes.bar_label(drawn, fmt="%.3f", padding=2, fontsize=8)
        axes.set_yticks(np.arange(len(order)), [names[c] for c in order], fontsize=8)
        axes.set(xlabel=title)
        axes.margins(x=0.22)
        axes.invert_yaxis()
    agreeing = int((near[: len(nearest)] == true).sum())
    return described(
        figure,
        f"A test picture of {images.classes[true]}: softmax answers {images.classes[before[0]]}, "
        f"the re-ranked order {images.classes[after[0]]}; {agreeing} of the {len(nearest)} nearest "
        "database pictures are of the true class.",
    )
