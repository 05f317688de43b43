"""The print face: accuracy over T_sf, with the reported setting marked."""

from __future__ import annotations

import io
from collections.abc import Mapping

from matplotlib.figure import Figure
from PIL import Image

from fgnb.ccfr.settings import Settings
from fgnb.metrics import wilson
from fgnb.pages.ccfr.explorer.outcome import GRID, curve, evaluate
from fgnb.pages.ccfr.explorer.stored import StoredAnswers
from fgnb.report.figures import subplots

_MARKS = {"published": ("#b3261e", ":"), "chosen": ("#1a7043", "--")}
_BLUE, _GREY, _HERE = "#0b5fa5", "#52606d", "this setting, 95 %"


def static_figure(answers: StoredAnswers, settings: Mapping[str, Settings], title: str) -> Figure:
    """A Figure of the accuracy (%) over T_sf in [0, 1], all else as in ``settings["start"]``.

    The point and its 95 % Wilson interval are at ``start``; ``published`` and ``chosen``, where
    given, are vertical lines.
    """
    start = settings["start"]
    outcome = evaluate(answers, start)
    value = 100 * outcome.accuracy
    low, high = (100 * end for end in wilson(outcome.correct, outcome.n))
    figure, axes = subplots(6.4, 3.6)
    axes.plot(GRID, 100 * curve(answers, start) / outcome.n, color=_BLUE, label="re-ranked")
    axes.axhline(100 * outcome.before, color=_GREY, ls="--", lw=1.1, label="classification")
    for name, (colour, style) in _MARKS.items():
        if name in settings:
            axes.axvline(settings[name].t_sf, color=colour, ls=style, lw=1.1, label=name)
    ends = [[value - low], [high - value]]
    axes.errorbar([start.t_sf], [value], ends, fmt="o", color=_BLUE, capsize=3, lw=1, label=_HERE)
    axes.set(xlabel="threshold T_sf", ylabel="accuracy (%)")
    axes.set_title(title, loc="left", fontsize=10)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.18))
    words = (
        f"T_sf {start.t_sf:.4g}, T_sc {start.t_sc:.4g}, topn {start.topn}, topm {start.topm}, "
        f"α {start.alpha:g}, β {start.beta:g}, gate: {start.gate}\n{outcome.summary()}"
    )
    figure.supxlabel(words, fontsize=7, color=_GREY)
    return figure


def png(figure: Figure, dpi: int = 110) -> bytes:
    """The figure as PNG of 64 colours, a third of the bytes of a full one."""
    drawn, stream = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi)
    with Image.open(drawn) as whole:
        few = whole.convert("RGB").quantize(64, Image.Quantize.FASTOCTREE)
    few.save(stream, "PNG", optimize=True)
    return stream.getvalue()
