"""The panels of ccfr's Fig. 6 over the grids of `fgnb.pages.ccfr.sensitivity`."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import seaborn as sns

from fgnb.pages.ccfr.sensitivity import T_SC, T_SF, TOPN, Grids
from fgnb.report.figures import BLUE, GREEN, GREY, ORANGE, RED, Picture, described, literal
from fgnb.report.surface import Surface

_STYLE = {"axes.grid": True, "grid.color": "#e6e6e6", "axes.axisbelow": True}


def threshold_panels(panels: Mapping[str, Grids], t_sf: float) -> Picture:
    """Panel (a): accuracy over T_sf, a curve for each T_sc, a panel for each set of images.

    Args:
        panels: name -> grids of these images.
        t_sf: the T_sf in use, marked.
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
        axes.axvline(t_sf, color=RED, linestyle="--", label=f"in use: {t_sf:.3f}")
        axes.set(xlabel="T_sf", ylabel="accuracy, %", title=name)
        axes.legend(loc="best", fontsize=9)
        words.append(
            f"{name}: from {percent.min():.2f} % to {percent.max():.2f} %, highest at T_sf "
            f"{found.best[0]:g} and T_sc {found.best[1]:g}"
        )
    figure.colorbar(mpl.cm.ScalarMappable(scale, colours), ax=list(row), label="T_sc")
    return described(figure, f"Accuracy over T_sf, a curve a T_sc. {'; '.join(words)}.")


def topn_curves(found: Grids) -> Picture:
    """Panel (b): accuracy over T_sc, a curve for each topn, at the best T_sf of (a)."""
    figure = Picture(figsize=(6.4, 3.6), layout="constrained")
    with sns.axes_style("white", rc=_STYLE):
        axes = figure.subplots()
    percent, t_sf = 100 * found.accuracy("topn"), found.best[0]
    for topn, line, colour in zip(TOPN, percent, (BLUE, ORANGE, GREEN, RED, GREY), strict=True):
        sns.lineplot(x=list(T_SC), y=line, ax=axes, color=colour, marker="o", label=f"topn {topn}")
    axes.set(xlabel="T_sc", ylabel="accuracy, %", title=literal(f"T_sf = {t_sf:g}"))
    best = TOPN[int(percent.max(axis=1).argmax())]
    return described(
        figure,
        f"Accuracy over T_sc at T_sf {t_sf:g}, a curve a topn from {TOPN[0]} to {TOPN[-1]}: "
        f"from {percent.min():.2f} % to {percent.max():.2f} %, highest with topn {best}.",
    )


def accuracy_surface(found: Grids, images: str) -> Surface:
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
