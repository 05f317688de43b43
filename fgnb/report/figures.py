"""Figures for the page: each takes data and returns a Figure, and changes no global style.

A figure carries its alternative text, `alt`, and puts it into the output's metadata, from where
`fgnb.report.pages.with_alt` hands it to the page.
Colours are the Okabe-Ito palette, which stays apart in every common colour blindness.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fgnb.metrics import Reliability, topn_curve, wilson
from fgnb.report.results import Result

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"
_STYLE = {
    **{"axes.grid": True, "grid.color": "#e6e6e6", "axes.axisbelow": True},
    **{"axes.edgecolor": "#888888", "axes.facecolor": "white", "figure.facecolor": "white"},
}


class Picture(Figure):
    """A matplotlib Figure that Jupyter shows without pyplot, with its text for screen readers.

    Attributes:
        alt: what the figure shows, in a sentence with its numbers.
    """

    alt: str = ""

    def png(self, dpi: int = 110) -> bytes:
        """The picture as the bytes of a PNG file."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
        return buffer.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        data = {"image/png": base64.b64encode(self.png()).decode(), "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt}}


def topn(curves: Mapping[str, tuple[Any, Any]], n_max: int = 10) -> Picture:
    """The top-N curve that re-ranking stands on (ccfr, Fig. 1), with its Wilson band.

    Args:
        curves: name -> (scores[Q, C], labels[Q]).
        n_max: the last N.
    """
    figure, axes = _figure(6.4, 3.8)
    words = []
    for (name, (scores, labels)), colour in zip(curves.items(), _colours(len(curves)), strict=True):
        n = len(np.asarray(labels))
        curve = topn_curve(scores, labels, n_max)
        bands = np.array([wilson(round(float(share) * n), n) for share in curve])
        ranks = np.arange(1, n_max + 1)
        axes.fill_between(ranks, 100 * bands[:, 0], 100 * bands[:, 1], color=colour, alpha=0.18)
        sns.lineplot(x=ranks, y=100 * curve, ax=axes, color=colour, marker="o", label=name)
        words.append(
            f"{name}: {100 * curve[0]:.1f} % at top 1, {100 * curve[min(4, n_max - 1)]:.1f} % at "
            f"top {min(5, n_max)} of {n} images"
        )
    axes.set(xlabel="N, classes considered", ylabel="true class among the best N, %")
    axes.set_xticks(range(1, n_max + 1))
    _legend(axes, "lower right")
    return described(figure, "Top-N accuracy with 95 % intervals. " + "; ".join(words) + ".")


def reliability_diagram(
    reliability: Reliability, mean_top1: float, *, name: str = "held-out images"
) -> Picture:
    """Confidence against accuracy, with the label-free threshold (ccfr, section 4.2).

    Args:
        reliability: of `fgnb.metrics.reliability`.
        mean_top1: the mean top-1 probability, the paper's rule for T_sf.
        name: which images.
    """
    figure = Picture(figsize=(6.4, 4.6), layout="constrained")
    with sns.axes_style("white", rc=_STYLE):
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    edges, filled = reliability.edges, reliability.count > 0
    centres, width = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    ends = np.array(
        [
            wilson(round(float(a) * int(n)), int(n)) if n else (0.0, 0.0)
            for a, n in zip(np.nan_to_num(reliability.accuracy), reliability.count, strict=True)
        ]
    )
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="perfectly calibrated")
    below_above = np.abs(ends[filled].T - reliability.accuracy[filled])
    axes.errorbar(
        reliability.confidence[filled],
        reliability.accuracy[filled],
        yerr=below_above,
        **{"fmt": "o", "color": BLUE, "ecolor": BLUE, "capsize": 3, "label": name},
    )
    axes.axvline(mean_top1, color=RED, label=f"mean top-1 probability {mean_top1:.3f} = T_sf")
    axes.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
    below.bar(centres, reliability.count, width=0.94 * width, color=BLUE, alpha=0.6)
    below.axvline(mean_top1, color=RED)
    below.set(xlabel="top-1 probability", ylabel="images")
    _legend(axes, "lower right")
    axes.set_title(f"expected calibration error {reliability.ece:.3f}", fontsize=10)
    return described(
        figure,
        f"Reliability diagram of {int(reliability.count.sum())} {name}: expected calibration error "
        f"{reliability.ece:.3f}; the vertical line marks the mean top-1 probability, "
        f"{mean_top1:.3f}.",
    )


def method_comparison(
    results: Sequence[Result], published: Mapping[str, float] | None = None
) -> Picture:
    """Accuracies with their intervals, and the published ones on an axis of their own.

    The two panels share a scale, not an origin: what may be compared is the step between rows.

    Args:
        results: accuracies in percent, in the order of the page.
        published: row label -> published value in percent.
    """
    shown = dict(published or {})
    figure = Picture(
        figsize=(8.6 if shown else 6.8, 1.1 + 0.5 * len(results)), layout="constrained"
    )
    with sns.axes_style("white", rc=_STYLE):
        panels = figure.subplots(1, 2 if shown else 1, sharey=True, squeeze=False)[0]
    ours = panels[0]
    labels = [result.label for result in results]
    values = np.array([result.value for result in results])
    ends = np.array([result.interval for result in results])
    rows = np.arange(len(results))
    ours.errorbar(
        values, rows, xerr=np.abs(ends.T - values), **{"fmt": "o", "color": BLUE, "capsize": 4}
    )
    for value, row in zip(values, rows, strict=True):
        ours.annotate(f"{value:.2f}", (value, row), (0, 7), textcoords="offset points", ha="center")
    ours.set_yticks(rows, [literal(label) for label in labels])
    ours.set(xlabel="accuracy, %", title=f"ours: {literal(results[0].provenance.standing)}")
    ours.invert_yaxis()
    ours.margins(y=0.25)
    if shown:
        right = panels[1]
        for row, label in zip(rows, labels, strict=True):
            if label in shown:
                right.plot(shown[label], row, "D", color=ORANGE)
                right.annotate(
                    f"{shown[label]:g}",
                    (shown[label], row),
                    (0, 7),
                    textcoords="offset points",
                    ha="center",
                )
        right.set(xlabel="accuracy, %", title="published")
        right.tick_params(axis="y", left=False)
        _same_span(ours, right)
    words = "; ".join(f"{r.label} {r.value:.2f} %" for r in results)
    words += "".join(f"; published {name} {value:g} %" for name, value in shown.items())
    return described(
        figure, f"Accuracies with 95 % intervals ({results[0].provenance.standing}). {words}."
    )


def threshold_curve(
    thresholds: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    *,
    chosen: float | None = None,
    mark: str = "in use",
    name: str = "T_sf",
) -> Picture:
    """Accuracy over a threshold (ccfr, Fig. 6).

    Args:
        thresholds: the values tried.
        curves: name -> accuracy in [0, 1] at each threshold; say in the name which images.
        chosen: a value to mark.
        mark: what that value is.
        name: of the threshold.
    """
    figure, axes = _figure(6.4, 3.6)
    words = []
    for (label, values), colour in zip(curves.items(), _colours(len(curves)), strict=True):
        percent = 100 * np.asarray(values, dtype=float)
        sns.lineplot(x=list(thresholds), y=percent, ax=axes, color=colour, marker="o", label=label)
        best = int(percent.argmax())
        words.append(f"{label} is highest, {percent[best]:.2f} %, at {thresholds[best]:g}")
    if chosen is not None:
        axes.axvline(chosen, color=RED, linestyle="--", label=f"{mark}: {chosen:.3f}")
        words.append(f"{mark} is {chosen:.3f}")
    axes.set(xlabel=name, ylabel="accuracy, %")
    _legend(axes, "best")
    return described(figure, f"Accuracy over {name}: " + "; ".join(words) + ".")


def _figure(width: float, height: float) -> tuple[Picture, Axes]:
    figure = Picture(figsize=(width, height), layout="constrained")
    with sns.axes_style("white", rc=_STYLE):
        axes = figure.subplots()
    return figure, axes


def described(figure: Picture, alt: str) -> Picture:
    """The figure with its alternative text."""
    figure.alt = alt
    return figure


def _colours(count: int) -> list[str]:
    palette = [BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9", "#000000", GREY]
    if count > len(palette):
        raise ValueError(f"a figure was given {count} curves; {len(palette)} can be told apart")
    return palette[:count]


def _legend(axes: Axes, place: Any) -> None:
    axes.legend(loc=place, frameon=True, framealpha=0.9, fontsize=9)


def _same_span(left: Axes, right: Axes) -> None:
    """Give both axes the wider one's span around their own middle."""
    limits = [axes.get_xlim() for axes in (left, right)]
    span = max(high - low for low, high in limits)
    for axes, (low, high) in zip((left, right), limits, strict=True):
        middle = (low + high) / 2
        axes.set_xlim(middle - span / 2, middle + span / 2)


def literal(text: str) -> str:
    """A label that matplotlib does not read as mathematics."""
    return text.replace("$", r"\$")
