"""Fig. 6 of ccfr: what the parameters of re-ranking do to accuracy, over the paper's own grid.

The paper draws all of it over test accuracy; so does this, under that name, beside the same curves
on held-out images, where thresholds are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.grids import T_SC, T_SF, TOPN, Grids, grids, over_thresholds
from fgnb.metrics import true_class_ranks
from fgnb.pages.ccfr import reranked
from fgnb.report import kinds
from fgnb.report.figures import BLUE, GREEN, GREY, ORANGE, RED, Picture, described, subplots
from fgnb.report.layout import numbers_table
from fgnb.report.sheet import Number, Sheet
from fgnb.report.surface import Surface

MENDABLE = 5  # topn of the main table: an error below this rank can't be mended
RANKS = tuple(range(2, MENDABLE + 1))
ON_TEST = "test images"


def derive(sheet: Sheet, p: Any, row: str) -> None:
    """Add the row ``fig6``: the answers at every point, and at the best points of both folds."""
    found = reranked.folds(sheet, row)
    if found is None:
        return
    test, held_out, base = found.test, found.held_out, reranked.base_settings(p)
    on_test = grids(test, base)

    def at(best: tuple[float, float]) -> np.ndarray:
        return on_test.thresholds[T_SF.index(best[0]), T_SC.index(best[1])]

    arrays = {"tuned": at(on_test.best)}
    if held_out is not None:
        where = over_thresholds(held_out, base)
        arrays |= {"held_out_thresholds": where, "held_out_labels": held_out.labels}
        arrays["honest"] = at(Grids(held_out.labels, where).best)
    ranks = true_class_ranks(test.probs, test.labels)
    wrong, classes = ranks[ranks > 0] + 1, test.probs.shape[1]
    # What can't be otherwise is not counted: of two classes the true one is second, none is third.
    of = {rank: wrong if rank <= classes else wrong[:0] for rank in (*RANKS, MENDABLE + 1)}
    arrays["second"] = of[RANKS[1]][of[RANKS[1]] <= MENDABLE] == RANKS[0]
    arrays |= {f"rank_{r}": of[r] == r for r in RANKS}
    arrays["rank_more"] = of[MENDABLE + 1] > MENDABLE
    sheet.derive("fig6", row, **vars(on_test), **arrays, t_sf=T_SF, t_sc=T_SC)


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
        tried = tuple(of["topn_values"].tolist())
        test = Grids(of["labels"], of["thresholds"], of["topn"], of["topm"], tried)
        grids = {"held-out images": held_out, ON_TEST: test}
        return cls(grids, float(sheet.rows["ccfr"].arrays["t_sf"][0]))

    def threshold_panels(self) -> Picture:
        """Panel (a): accuracy over T_sf, a curve for each T_sc, a panel for each set of images."""
        figure, row = subplots(4.6 * len(self.grids) + 0.6, 3.8, 1, len(self.grids))
        colours, scale = mpl.colormaps["viridis"], mpl.colors.Normalize(min(T_SC), max(T_SC))
        words = []
        for axes, (name, of) in zip(row, self.grids.items(), strict=True):
            percent = 100 * of.accuracy("thresholds")
            for j, t_sc in enumerate(T_SC):
                axes.plot(T_SF, percent[:, j], color=colours(scale(t_sc)), marker=".")
            axes.axvline(self.t_sf, color=RED, linestyle="--", label=f"in use: {self.t_sf:.3f}")
            axes.set(xlabel="T_sf", ylabel="accuracy, %", title=name)
            axes.legend(loc="best", fontsize=9)
            axes.grid(color="#e6e6e6")
            best = "T_sf {:g} and T_sc {:g}".format(*of.best)
            ends = f"from {percent.min():.2f} % to {percent.max():.2f} %"
            words.append(f"{name}: {ends}, highest at {best}")
        figure.colorbar(mpl.cm.ScalarMappable(scale, colours), ax=list(row), label="T_sc")
        return described(figure, f"Accuracy over T_sf, a curve a T_sc. {'; '.join(words)}.")

    def topn_curves(self) -> Picture:
        """Panel (b): accuracy over T_sc, a curve for each topn, at the best T_sf of (a)."""
        figure, axes = subplots(6.4, 3.6)
        percent, t_sf = 100 * self.grids[ON_TEST].accuracy("topn"), self.grids[ON_TEST].best[0]
        tried, hues = self.grids[ON_TEST].topn_values, (BLUE, ORANGE, GREEN, RED, GREY)
        for topn, line, hue in zip(tried, percent, hues, strict=False):
            axes.plot(T_SC, line, color=hue, marker="o", label=f"topn {topn}")
        axes.set(xlabel="T_sc", ylabel="accuracy, %", title=f"T_sf = {t_sf:g}")
        axes.legend()
        axes.grid(color="#e6e6e6")
        best = tried[int(percent.max(axis=1).argmax())]
        return described(
            figure,
            f"Accuracy over T_sc at T_sf {t_sf:g}, a curve a topn from {tried[0]} to {tried[-1]}: "
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
        counted = votes * (top[:, :, None] == classes).any(axis=1)
        with np.errstate(invalid="ignore"):
            votes = np.divide(counted, counted.sum(axis=1, keepdims=True))
        line = self.grids[ON_TEST].accuracy("thresholds")[:, T_SC.index(t_sc)]
        return votes, T_SF, line.tolist()


# fmt: off
# Parameter -> its name, values and unit, and where its best point is sought.
_MOVED = {
    "t-sf": ("T_sf", "fig6/t_sf", "none", "fig6/thresholds", 0),
    "t-sc": ("T_sc", "fig6/t_sc", "none", "fig6/thresholds", 1),
    "topn": ("topn", "fig6/topn_values", "count", "fig6/topn", 0),
}
READ_OFF = numbers_table("What the paper reads off Fig. 6, chosen on test as there", [
    Number("ccfr.claim.t-sf-matters-most", "Range over T_sf, minus: range over T_sc",
           kinds.range_gap("fig6/thresholds")),
    *(Number(claim, f"Range of accuracy over {name}", kinds.accuracy_range(grid, axis=axis))
      for claim, name, grid, axis in (
          ("ccfr.claim.t-sf-matters-most", "T_sf", "fig6/thresholds", 0),
          ("ccfr.claim.t-sc-hardly-matters", "T_sc", "fig6/thresholds", 1),
          ("own.ccfr.fig6.topn", "topn", "fig6/topn", 0),
          ("ccfr.claim.topm-follows-t-sc", "topm", "fig6/topm", 0))),
    Number("ccfr.claim.t-sf-curves-agree", "Most that one T_sf for every T_sc loses",
           kinds.regret("fig6/thresholds")),
    Number("ccfr.claim.errors-between-first-and-second",
           f"True class second, of errors with it among the first {MENDABLE}",
           kinds.share("fig6/second")),
    *(Number(f"ccfr.fig6.best.{slug}", f"{name} of the best point on test",
             kinds.best_at(grid, values, axis=axis), unit=unit)
      for slug, (name, values, unit, grid, axis) in _MOVED.items()),
    Number("ccfr.fig6", "Accuracy of the best point on test", kinds.accuracy("fig6/tuned")),
    Number("own.ccfr.fig6.held-out", "Accuracy of the best point on held-out images, on test",
           kinds.accuracy("fig6/honest")),
    Number("own.ccfr.fig6.cost", "Chosen on held-out images, minus chosen on test",
           kinds.difference("fig6/honest", "fig6/tuned"), expect=0),
])
RANGES = numbers_table("The ranges that Fig. 6 moves through", [
    Number(f"ccfr.setting.fig6.{slug}-{end}", f"{words} {name} tried", kind(values), unit=unit)
    for slug in ("topn", "t-sf", "t-sc") for name, values, unit, *_ in [_MOVED[slug]]
    for end, kind, words in (("min", kinds.lowest, "smallest"), ("max", kinds.highest, "largest"))
])
ERROR_RANKS = numbers_table("Where the true class stands, of wrong answers before re-ranking", [
    *(Number(f"own.ccfr.fig6.rank-{r}", f"At rank {r}", kinds.share(f"fig6/rank_{r}"))
      for r in RANKS),
    Number("own.ccfr.fig6.rank-more", f"Below rank {MENDABLE}", kinds.share("fig6/rank_more")),
])
# fmt: on
