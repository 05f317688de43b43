"""Fig. 6 of ccfr: what the parameters of re-ranking do to accuracy, over the paper's own grid.

Panel (a) moves T_sf and T_sc at topn 2, panel (b) topn and T_sc at the best T_sf of (a), (c) and
(d) show (a) as a surface. The paper draws all of it over test accuracy; so does this, under that
name, beside the same curves on held-out images, where thresholds are chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.retrieval import Neighbors
from fgnb.ccfr.settings import Settings
from fgnb.metrics import true_class_ranks
from fgnb.pages.ccfr import reranked
from fgnb.report import kinds
from fgnb.report.layout import numbers_table
from fgnb.report.sheet import Number, Sheet

# T_sc and topn in the order of preference among equals: first what moves least (`ccfr.tune`).
T_SF = tuple(round(0.40 + 0.05 * i, 2) for i in range(12))
T_SC = tuple(round(0.95 - 0.05 * i, 2) for i in range(10))
TOPN = (2, 3, 4, 5, 6)
TOPM = (5, 10, 20, 30, 40, 50)
MENDABLE = 5  # topn of the main table: an error below this rank can't be mended
RANKS = tuple(range(2, MENDABLE + 1))
_OPEN = 2.0  # no probability reaches it


@dataclass(frozen=True)
class Grids:
    """Predicted classes at every point of three grids, each int16 ``[A, B, N]``.

    Attributes:
        labels: true classes ``[N]``.
        thresholds: over `T_SF` x `T_SC` at topn 2.
        topn: over `TOPN` x `T_SC` at the best T_sf of ``thresholds``.
        topm: over `TOPM` x `T_SC` there, and topn 2.
    """

    labels: np.ndarray
    thresholds: np.ndarray
    topn: np.ndarray | None = None
    topm: np.ndarray | None = None

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
    sheet.derive(
        "fig6",
        row,
        **{"thresholds": on_test.thresholds, "topn": on_test.topn, "topm": on_test.topm},
        **{"held_out_thresholds": where, "held_out_labels": held_out.labels},
        **{"tuned": tuned, "honest": honest, "second": wrong[wrong <= MENDABLE] == RANKS[0]},
        **{f"rank_{r}": wrong == r for r in RANKS},
        **{"rank_more": wrong > MENDABLE, "t_sf": T_SF, "t_sc": T_SC, "topn_values": TOPN},
    )


def _grid(answers: Answers, base: Settings, name: str, values: Sequence[Any]) -> np.ndarray:
    """Predicted classes over ``values`` of one setting and `T_SC`; int16 ``[A, B, N]``.

    By the gate of the text T_sf only decides which answers are handed over: the others are left as
    they are, and one pass serves every value of T_sf.
    """
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
        tried = [{name: value} for value in ([_OPEN] if moves_gate else values)]
        settings = [replace(base, t_sc=t_sc, **changed) for changed in tried]
        voted = np.stack([setting.predictions(probs, near) for setting in settings])
        classes[:, j, unsure] = np.where(top[unsure] < limits, voted, plain[unsure])
    return classes


_MOST = f"True class second, of errors with it among the first {MENDABLE}"
_NAMES = {"topn": ("topn_values", "count"), "t_sf": ("t_sf", "none"), "t_sc": ("t_sc", "none")}
_ENDS = (("min", kinds.lowest, "smallest"), ("max", kinds.highest, "largest"))
_RANGE, _BEST = "Range of accuracy over", "of the best point on test"


def _range(claim: str, grid: str, axis: int, name: str) -> Number:
    return Number(claim, f"{_RANGE} {name}", kinds.accuracy_range(f"fig6/{grid}", axis=axis))


# fmt: off
READ_OFF = numbers_table("What the paper reads off Fig. 6, chosen on test as there", [
    _range("ccfr.claim.t-sf-matters-most", "thresholds", 0, "T_sf"),
    _range("ccfr.claim.t-sc-hardly-matters", "thresholds", 1, "T_sc"),
    _range("own.ccfr.fig6.topn", "topn", 0, "topn"),
    _range("ccfr.claim.topm-follows-t-sc", "topm", 0, "topm"),
    Number("ccfr.claim.t-sf-curves-agree", "Most that one T_sf for every T_sc loses",
           kinds.regret("fig6/thresholds")),
    Number("ccfr.claim.errors-between-first-and-second", _MOST, kinds.share("fig6/second")),
    Number("ccfr.fig6.best.t-sf", f"T_sf {_BEST}",
           kinds.best_at("fig6/thresholds", "fig6/t_sf", axis=0), unit="none"),
    Number("ccfr.fig6.best.t-sc", f"T_sc {_BEST}",
           kinds.best_at("fig6/thresholds", "fig6/t_sc", axis=1), unit="none"),
    Number("ccfr.fig6.best.topn", f"topn {_BEST}",
           kinds.best_at("fig6/topn", "fig6/topn_values", axis=0), unit="count"),
    Number("ccfr.fig6", f"Accuracy {_BEST}", kinds.accuracy("fig6/tuned")),
    Number("own.ccfr.fig6.held-out", "Accuracy of the best point on held-out images, on test",
           kinds.accuracy("fig6/honest")),
    Number("own.ccfr.fig6.cost", "Chosen on held-out images, minus chosen on test",
           kinds.difference("fig6/honest", "fig6/tuned"), expect=0),
])
RANGES = numbers_table("The ranges that Fig. 6 moves through", [
    Number(f"ccfr.setting.fig6.{name.replace('_', '-')}-{end}",
           f"{words} {name.replace('t_s', 'T_s')} tried", kind(f"fig6/{values}"), unit=unit)
    for name, (values, unit) in _NAMES.items() for end, kind, words in _ENDS
])
ERROR_RANKS = numbers_table("Where the true class stands, of wrong answers before re-ranking", [
    *(Number(f"own.ccfr.fig6.rank-{r}", f"At rank {r}", kinds.share(f"fig6/rank_{r}"))
      for r in RANKS),
    Number("own.ccfr.fig6.rank-more", f"Below rank {MENDABLE}", kinds.share("fig6/rank_more")),
])
# fmt: on
