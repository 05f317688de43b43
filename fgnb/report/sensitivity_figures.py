"""The panels of ccfr's Fig. 6 over the grids of `fgnb.report.sensitivity`, and a table of ranks."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import seaborn as sns

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.settings import Settings
from fgnb.metrics import true_class_ranks, wilson
from fgnb.report.figures import BLUE, GREEN, GREY, ORANGE, RED, Picture, described, literal
from fgnb.report.markup import Cell, Table
from fgnb.report.sensitivity import MENDABLE, T_SC, T_SF, TOPN, Sensitivity
from fgnb.report.surface import Surface

_STYLE = {"axes.grid": True, "grid.color": "#e6e6e6", "axes.axisbelow": True}


def threshold_panels(panels: Mapping[str, Sensitivity], chosen: Settings) -> Picture:
    """Panel (a): accuracy over T_sf, a curve for each T_sc, a panel for each set of images.

    Args:
        panels: name -> grids of these images.
        chosen: the setting in use, its T_sf marked.
    """
    figure = Picture(figsize=(4.6 * len(panels) + 0.6, 3.8), layout="constrained")
    with sns.axes_style("white", rc=_STYLE):
        row = figure.subplots(1, len(panels), squeeze=False)[0]
    colours, scale = mpl.colormaps["viridis"], mpl.colors.Normalize(min(T_SC), max(T_SC))
    words = []
    for axes, (name, found) in zip(row, panels.items(), strict=True):
        percent = 100 * found.accuracy("thresholds")
        for j, t_sc in enumerate(T_SC):
            axes.plot(T_SF, percent[:, j], color=colours(scale(t_sc)), marker=".")
        axes.axvline(chosen.t_sf, color=RED, linestyle="--", label=f"in use: {chosen.t_sf:.3f}")
        axes.set(xlabel="T_sf", ylabel="accuracy, %", title=name)
        axes.legend(loc="best", fontsize=9)
        words.append(
            f"{name}: from {percent.min():.2f} % to {percent.max():.2f} %, highest at T_sf "
            f"{found.t_sf:g} and T_sc {found.t_sc:g}"
        )
    figure.colorbar(mpl.cm.ScalarMappable(scale, colours), ax=list(row), label="T_sc")
    return described(figure, f"Accuracy over T_sf, a curve a T_sc. {'; '.join(words)}.")


def topn_curves(found: Sensitivity) -> Picture:
    """Panel (b): accuracy over T_sc, a curve for each topn, at the best T_sf of (a)."""
    figure = Picture(figsize=(6.4, 3.6), layout="constrained")
    with sns.axes_style("white", rc=_STYLE):
        axes = figure.subplots()
    percent = 100 * found.accuracy("topn")
    for topn, line, colour in zip(TOPN, percent, (BLUE, ORANGE, GREEN, RED, GREY), strict=True):
        sns.lineplot(x=list(T_SC), y=line, ax=axes, color=colour, marker="o", label=f"topn {topn}")
    axes.set(xlabel="T_sc", ylabel="accuracy, %", title=literal(f"T_sf = {found.t_sf:g}"))
    best = TOPN[int(percent.max(axis=1).argmax())]
    return described(
        figure,
        f"Accuracy over T_sc at T_sf {found.t_sf:g}, a curve a topn from {TOPN[0]} to {TOPN[-1]}: "
        f"from {percent.min():.2f} % to {percent.max():.2f} %, highest with topn {best}.",
    )


def accuracy_surface(found: Sensitivity, images: str) -> Surface:
    """Panels (c) and (d): the surface over both thresholds.

    Args:
        found: the grids.
        images: which images, in words.
    """
    return Surface(
        T_SF,
        T_SC[::-1],
        found.accuracy("thresholds")[:, ::-1],
        title=f"Accuracy of re-ranking over both thresholds, topn {TOPN[0]}, {images}",
        name="fig6-surface",
    )


def error_ranks(answers: Answers) -> Table:
    """Where the true class stands when the first one is wrong; shares with Wilson intervals."""
    ranks = true_class_ranks(answers.probs, answers.labels)
    wrong = ranks[ranks > 0]
    rows = [(f"{rank + 1}", int((wrong == rank).sum())) for rank in range(1, MENDABLE)]
    rows.append((f"below {MENDABLE}", int((wrong >= MENDABLE).sum())))
    lines = []
    for name, count in rows:
        low, high = wilson(count, len(wrong))
        share = f"{100 * count / len(wrong):.1f} %" if len(wrong) else "–"
        lines.append(
            (
                Cell(name),
                Cell(str(count)),
                Cell(share),
                Cell(f"{100 * low:.1f} to {100 * high:.1f}"),
            )
        )
    columns = ("Rank of the true class", "Wrong answers", "Share", "95 % interval")
    caption = f"{len(wrong)} of {len(ranks)} answers are wrong before re-ranking."
    return Table(columns, tuple(lines), frozenset(columns[1:3]), caption)
