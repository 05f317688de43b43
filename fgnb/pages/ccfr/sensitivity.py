"""Fig. 6 of ccfr: what the parameters of re-ranking do to accuracy, over the paper's own grid.

The paper draws all of it over test accuracy; so does this, under that name, beside the same curves
on held-out images, where thresholds are chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.retrieval import Neighbors
from fgnb.ccfr.settings import Settings
from fgnb.metrics import true_class_ranks
from fgnb.pages.ccfr import reranked
from fgnb.report import kinds
from fgnb.report.figures import BLUE, GREEN, GREY, ORANGE, RED, Picture, described, subplots
from fgnb.report.layout import numbers_table
from fgnb.report.sheet import Number, Sheet
from fgnb.report.surface import Surface

# T_sc and topn in the order of preference among equals: first what moves least (`ccfr.tune`).
T_SF = tuple(round(0.40 + 0.05 * i, 2) for i in range(12))
T_SC = tuple(round(0.95 - 0.05 * i, 2) for i in range(10))
TOPN = (2, 3, 4, 5, 6)
TOPM = (5, 10, 20, 30, 40, 50)
MENDABLE = 5  # topn of the main table: an error below this rank can't be mended
RANKS = tuple(range(2, MENDABLE + 1))
_OPEN = 2.0  # no probability reaches it
ON_TEST = "test images"


@dataclass(frozen=True)
class Grids:
    """Predicted classes at every point of three grids, each int16 ``[A, B, N]``."""

    labels: np.ndarray  # true classes [N]
    thresholds: np.ndarray  # over T_SF x T_SC at topn 2
    topn: np.ndarray | None = None  # over TOPN x T_SC at the best T_sf of thresholds
    topm: np.ndarray | None = None  # over TOPM x T_SC there, and topn 2

    def accuracy(self, grid: str) -> np.ndarray:
        """Accuracy at every point of ``thresholds``, ``topn`` or ``topm``, ``[A, B]``."""
        return np.asarray((getattr(self, grid) == self.labels).mean(axis=2))

    @property
    def best(self) -> tuple[float, float]:
        """T_sf and T_sc of the best point of ``thresholds``; of equals what moves least."""
        a, b = divmod(int(self.accuracy("thresholds").argmax()), len(T_SC))
        return T_SF[a], T_SC[b]


def grids(answers: Answers, base: Settings) -> Grids:
    """Re-rank answers of the full model at every point of Fig. 6; ``base`` is what stays."""
    two = replace(base, topn=TOPN[0])
    thresholds = _grid(answers, two, "t_sf", T_SF)
    best = replace(two, t_sf=Grids(answers.labels, thresholds).best[0])
    others = (_grid(answers, best, *line) for line in (("topn", TOPN), ("topm", TOPM)))
    return Grids(answers.labels, thresholds, *others)


def derive(sheet: Sheet, p: Any, row: str) -> None:
    """Add the row ``fig6``: the answers at every point, and at the best points of both folds."""
    answers = reranked.folds(sheet, row)
    if answers is None:
        return
    (test, held_out), base = answers, reranked.base_settings(p)
    on_test = grids(test, base)
    where = _grid(held_out, replace(base, topn=TOPN[0]), "t_sf", T_SF)
    tuned, honest = (
        on_test.thresholds[T_SF.index(t_sf), T_SC.index(t_sc)]
        for t_sf, t_sc in (on_test.best, Grids(held_out.labels, where).best)
    )
    ranks = true_class_ranks(test.probs, test.labels)
    wrong = ranks[ranks > 0] + 1
    arrays = {"held_out_thresholds": where, "held_out_labels": held_out.labels, "tuned": tuned}
    arrays |= {"honest": honest, "second": wrong[wrong <= MENDABLE] == RANKS[0]}
    arrays |= {f"rank_{r}": wrong == r for r in RANKS} | {"rank_more": wrong > MENDABLE}
    moved = {"t_sf": T_SF, "t_sc": T_SC, "topn_values": TOPN}
    sheet.derive("fig6", row, **vars(on_test), **arrays, **moved)


def _grid(answers: Answers, base: Settings, name: str, values: Sequence[Any]) -> np.ndarray:
    """Predicted classes over ``values`` of one setting and `T_SC`; int16 ``[A, B, N]``."""
    # By the gate of the text T_sf only says which answers change: one pass serves all its values.
    plain, top = answers.probs.argmax(axis=1), answers.probs.astype(np.float64).max(axis=1)
    by_sample = base.gate == "sample"
    moves_gate = by_sample and name == "t_sf"
    limits = np.array(values if moves_gate else [base.t_sf if by_sample else np.inf])[:, None]
    unsure = np.flatnonzero(top < limits.max())
    probs, near = answers.probs[unsure], answers.neighbors
    near = Neighbors(near.sims[unsure], near.index[unsure], near.labels[unsure])
    classes = np.empty((len(values), len(T_SC), len(plain)), np.int16)
    classes[:] = plain
    for j, t_sc in enumerate(T_SC):
        tried: list[Any] = [{name: value} for value in ([_OPEN] if moves_gate else values)]
        settings = [replace(base, t_sc=t_sc, **changed) for changed in tried]
        voted = np.stack([setting.predictions(probs, near) for setting in settings])
        classes[:, j, unsure] = np.where(top[unsure] < limits, voted, plain[unsure])
    return classes


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
            best = "T_sf {:g} and T_sc {:g}".format(*grids.best)
            ends = f"from {percent.min():.2f} % to {percent.max():.2f} %"
            words.append(f"{name}: {ends}, highest at {best}")
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
