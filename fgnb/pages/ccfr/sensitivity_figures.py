"""The panels of ccfr's Fig. 6 over the grids of `fgnb.pages.ccfr.sensitivity`."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.pages.ccfr.sensitivity import T_SC, T_SF, TOPN, Grids
from fgnb.report.figures import BLUE, GREEN, GREY, ORANGE, RED, Picture, described, subplots
from fgnb.report.sheet import Sheet
from fgnb.report.surface import Surface

ON_TEST = "test images"


@dataclass(frozen=True)
class Figure6:
    """The figure over one sheet: grids by the name of the images, and the T_sf in use."""

    grids: dict[str, Grids]
    t_sf: float

    @classmethod
    def of(cls, sheet: Sheet) -> Figure6:
        """The figure of a sheet with the rows ``fig6`` and ``ccfr``."""
        of = sheet.rows["fig6"].arrays
        held_out = Grids(of["held_out_labels"], of["held_out_thresholds"])
        test = Grids(of["labels"], of["thresholds"], of["topn"], of["topm"])
        grids = {"held-out images": held_out, ON_TEST: test}
        return cls(grids, float(sheet.rows["ccfr"].arrays["t_sf"][0]))

    def threshold_panels(self) -> Picture:
        """Panel (a): accuracy over T_sf, a curve for each T_sc, a panel for each set of images."""
        figure, row = subplots(4.6 * len(self.grids) + 0.6, 3.8, 1, len(self.grids))
        colours, scale = mpl.colormaps["viridis"], mpl.colors.Normalize(min(T_SC), max(T_SC))
        words = []
        for axes, (name, grids) in zip(row, self.grids.items(), strict=True):
            percent = 100 * grids.accuracy("thresholds")
            for j, t_sc in enumerate(T_SC):
                axes.plot(T_SF, percent[:, j], color=colours(scale(t_sc)), marker=".")
            axes.axvline(self.t_sf, color=RED, linestyle="--", label=f"in use: {self.t_sf:.3f}")
            axes.set(xlabel="T_sf", ylabel="accuracy, %", title=name)
            axes.legend(loc="best", fontsize=9)
            axes.grid(color="#e6e6e6")
            words.append(
                f"{name}: from {percent.min():.2f} % to {percent.max():.2f} %, highest at T_sf "
                f"{grids.best[0]:g} and T_sc {grids.best[1]:g}"
            )
        figure.colorbar(mpl.cm.ScalarMappable(scale, colours), ax=list(row), label="T_sc")
        return described(figure, f"Accuracy over T_sf, a curve a T_sc. {'; '.join(words)}.")

    def topn_curves(self) -> Picture:
        """Panel (b): accuracy over T_sc, a curve for each topn, at the best T_sf of (a)."""
        figure, axes = subplots(6.4, 3.6)
        percent, t_sf = 100 * self.grids[ON_TEST].accuracy("topn"), self.grids[ON_TEST].best[0]
        for topn, line, hue in zip(TOPN, percent, (BLUE, ORANGE, GREEN, RED, GREY), strict=True):
            axes.plot(T_SC, line, color=hue, marker="o", label=f"topn {topn}")
        axes.set(xlabel="T_sc", ylabel="accuracy, %", title=f"T_sf = {t_sf:g}")
        axes.legend()
        axes.grid(color="#e6e6e6")
        best = TOPN[int(percent.max(axis=1).argmax())]
        return described(
            figure,
            f"Accuracy over T_sc at T_sf {t_sf:g}, a curve a topn from {TOPN[0]} to {TOPN[-1]}: "
            f"from {percent.min():.2f} % to {percent.max():.2f} %, highest with topn {best}.",
        )

    def surface(self) -> Surface:
        """Panels (c) and (d): accuracy on test over both thresholds."""
        title = f"Accuracy of re-ranking over both thresholds, topn {TOPN[0]}, {ON_TEST}"
        accuracy = self.grids[ON_TEST].accuracy("thresholds")[:, ::-1]
        return Surface(T_SF, T_SC[::-1], accuracy, title=title, name="fig6-surface")

    def curve(self, full: Answers, t_sc: float = 0.7) -> tuple[np.ndarray, tuple[float, ...], list]:
        """Votes of equation 9 at topn 2, the values of T_sf, and the library's curve over them.

        Votes are ``[Q, C]``: zero outside topn, nan where nobody votes.
        """
        near, classes = full.neighbors, np.arange(full.probs.shape[1])
        counted = np.where(near.sims > t_sc, near.sims, 0.0).astype(np.float64)
        pairs = zip(near.labels, counted, strict=True)
        votes = np.stack([np.bincount(labels, sims, len(classes)) for labels, sims in pairs])
        top = np.argsort(-full.probs, axis=1, kind="stable")[:, : TOPN[0]]
        votes *= (top[:, :, None] == classes).any(axis=1)
        with np.errstate(invalid="ignore"):
            votes /= votes.sum(axis=1, keepdims=True)
        line = self.grids[ON_TEST].accuracy("thresholds")[:, T_SC.index(t_sc)]
        return votes, T_SF, line.tolist()
