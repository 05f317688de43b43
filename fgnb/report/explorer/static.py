"""The print face: accuracy over T_sf, with the reported setting marked."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fgnb.report.explorer.data import Material
from fgnb.report.explorer.outcome import GRID, curve, evaluate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fgnb.ccfr.settings import Settings

_MARKS = {"published": ("#b3261e", ":"), "chosen": ("#1a7043", "--")}


def static_figure(material: Material, settings: Mapping[str, Settings], title: str) -> Figure:
    """A Figure of the accuracy (%) over T_sf in [0, 1], all else as in ``settings["start"]``.

    The point and its 95 % Wilson interval are at ``start``; ``published`` and ``chosen``, where
    given, are vertical lines.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    start = settings["start"]
    outcome = evaluate(material, start)
    low, high = (100 * end for end in outcome.interval)
    value = 100 * outcome.accuracy
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shares = 100 * curve(material, start) / outcome.n
    axes.plot(GRID, shares, color="#0b5fa5", label="re-ranked")
    axes.axhline(100 * outcome.before, color="#5b6673", ls="--", lw=1.1, label="classification")
    for name, (colour, style) in _MARKS.items():
        if name in settings:
            axes.axvline(settings[name].t_sf, color=colour, ls=style, lw=1.1, label=name)
    axes.errorbar(
        [start.t_sf],
        [value],
        [[value - low], [high - value]],
        fmt="o",
        color="#0b5fa5",
        capsize=3,
        lw=1,
        label="this setting, 95 %",
    )
    axes.set_xlabel("threshold T_sf")
    axes.set_ylabel("accuracy (%)")
    axes.set_title(title, loc="left", fontsize=10)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.18))
    figure.supxlabel(_setting_line(start) + "\n" + outcome.summary(), fontsize=7, color="#52606d")
    return figure


def png(figure: Figure, dpi: int = 110) -> bytes:
    """The figure as PNG of 64 colours, a third of the bytes of a full one."""
    from PIL import Image

    drawn, stream = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi)
    with Image.open(drawn) as whole:
        whole.convert("RGB").quantize(64, Image.Quantize.FASTOCTREE).save(
            stream, "PNG", optimize=True
        )
    return stream.getvalue()


def _setting_line(s: Settings) -> str:
    return (
        f"T_sf {s.t_sf:.4g}, T_sc {s.t_sc:.4g}, topn {s.topn}, topm {s.topm}, "
        f"α {s.alpha:g}, β {s.beta:g}, gate: {s.gate}"
    )
