"""Fig. 6 of ccfr: what the parameters of re-ranking do to accuracy, over the paper's own grid.

Panel (a) moves T_sf and T_sc at topn 2, panel (b) topn and T_sc at the best T_sf of (a), (c) and
(d) show (a) as a surface. The paper draws all of it over test accuracy; so does this, under that
name, beside the same curves on held-out images, where thresholds are chosen. The panels are drawn
in `fgnb.pages.ccfr.sensitivity_figures`.
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
from fgnb.report.kinds import (
    accuracy,
    accuracy_range,
    best_at,
    difference,
    highest,
    lowest,
    regret,
    share,
)
from fgnb.report.layout import numbers_table
from fgnb.report.sheet import Number, Sheet

# T_sc and topn in the order of preference among equals: first what moves least (`ccfr.tune`).
T_SF = tuple(round(0.40 + 0.05 * i, 2) for i in range(12))
T_SC = tuple(round(0.95 - 0.05 * i, 2) for i in range(10))
TOPN = (2, 3, 4, 5, 6)
TOPM = (5, 10, 20, 30, 40, 50)
MENDABLE = 5  # topn of the main table: an error below this rank can't be mended
_OPEN = 2.0  # no probability reaches it
RANKS = tuple(range(2, MENDABLE + 1))
NAMES = {"t_sf": "T_sf", "t_sc": "T_sc", "topn": "topn"}


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
        answers: np.ndarray = getattr(self, grid)
        return np.asarray((answers == self.labels).mean(axis=2))

    @property
    def best(self) -> tuple[float, float]:
        """T_sf and T_sc of the best point of ``thresholds``; of equals what moves least."""
        right = self.accuracy("thresholds")
        a, b = np.unravel_index(int(right.argmax()), right.shape)
        return T_SF[a], T_SC[b]


def grids(answers: Answers, base: Settings) -> Grids:
    """Re-rank the same answers at every point of Fig. 6.

    Args:
        answers: of the full model.
        base: alpha, beta, gate and topm; the rest is what the figure moves.
    """
    two = replace(base, topn=TOPN[0])
    thresholds = _grid(answers, two, "t_sf", T_SF)
    best = replace(two, t_sf=Grids(answers.labels, thresholds).best[0])
    others = (_grid(answers, best, *line) for line in (("topn", TOPN), ("topm", TOPM)))
    return Grids(answers.labels, thresholds, *others)


def derive(sheet: Sheet, p: Any, row: str) -> None:
    """Add the row ``fig6``: the answers at every point, and at the best points of both folds."""
    test, held_out = (reranked.answers(sheet.rows[row], fold) for fold in ("", "held_out_"))
    if test is None or held_out is None:
        return
    base = reranked.base_settings(p)
    on_test = grids(test, base)
    where = _grid(held_out, replace(base, topn=TOPN[0]), "t_sf", T_SF)
    honest = Grids(held_out.labels, where).best
    ranks = true_class_ranks(test.probs, test.labels)
    tuned, chosen = (
        on_test.thresholds[T_SF.index(t_sf), T_SC.index(t_sc)]
        for t_sf, t_sc in (on_test.best, honest)
    )
    sheet.derive(
        "fig6",
        row,
        thresholds=on_test.thresholds,
        topn=on_test.topn,
        topm=on_test.topm,
        held_out_thresholds=where,
        held_out_labels=held_out.labels,
        tuned=tuned,
        honest=chosen,
        second=ranks[(ranks > 0) & (ranks < MENDABLE)] == 1,
        **{f"rank_{r}": ranks[ranks > 0] == r - 1 for r in RANKS},
        rank_more=ranks[ranks > 0] >= MENDABLE,
        t_sf=np.array(T_SF),
        t_sc=np.array(T_SC),
        topn_values=np.array(TOPN),
    )


def grids_of(sheet: Sheet) -> dict[str, Grids]:
    """The grids of the row ``fig6``: on held-out images the thresholds alone, on test all."""
    of = sheet.rows["fig6"].arrays
    held_out = Grids(of["held_out_labels"], of["held_out_thresholds"])
    test = Grids(of["labels"], of["thresholds"], of["topn"], of["topm"])
    return {"held-out images": held_out, "test images": test}


def _grid(answers: Answers, base: Settings, name: str, values: Sequence[Any]) -> np.ndarray:
    """Predicted classes over ``values`` of one setting and `T_SC`; int16 ``[A, B, N]``.

    By the gate of the text T_sf only decides which answers are handed over: the others are left as
    they are, and one pass serves every value of T_sf.
    """
    found = np.empty((len(values), len(T_SC), len(answers.labels)), np.int16)
    found[:] = answers.probs.argmax(axis=1)
    top = answers.probs.astype(np.float64).max(axis=1)
    moves_gate = name == "t_sf" and base.gate == "sample"
    limit = max(values) if name == "t_sf" else base.t_sf
    asked = np.flatnonzero(top < limit) if base.gate == "sample" else np.arange(len(top))
    probs, near = answers.probs[asked], answers.neighbors
    few = Neighbors(near.sims[asked], near.index[asked], near.labels[asked])
    for j, t_sc in enumerate(T_SC):
        for i, value in enumerate([_OPEN] if moves_gate else values):
            setting = replace(base, t_sc=t_sc, **{name: value})
            voted = setting.predictions(probs, few)
            if not moves_gate:
                found[i, j, asked] = voted
                continue
            for k, t_sf in enumerate(values):
                unsure = top[asked] < t_sf
                found[k, j, asked[unsure]] = voted[unsure]
    return found


def _range(claim: str, grid: str, axis: int, name: str) -> Number:
    return Number(
        claim, f"Range of accuracy over {name}", accuracy_range(f"fig6/{grid}", axis=axis)
    )


def _best(name: str, grid: str, axis: int, values: str, unit: str) -> Number:
    claim, rule = (
        f"ccfr.fig6.best.{name.replace('_', '-')}",
        best_at(f"fig6/{grid}", f"fig6/{values}", axis=axis),
    )
    return Number(claim, f"{NAMES[name]} of the best point on test", rule, unit=unit)


_COMMON = "Most that one T_sf for every T_sc loses"
_SECOND = f"True class second, of errors with it among the first {MENDABLE}"
_HONEST = "Accuracy of the best point on held-out images, on test"
_COST = "Chosen on held-out images, minus chosen on test"
_BETWEEN = "ccfr.claim.errors-between-first-and-second"
READ_OFF = numbers_table(
    "What the paper reads off Fig. 6, chosen on test as there",
    [
        _range("ccfr.claim.t-sf-matters-most", "thresholds", 0, "T_sf"),
        _range("ccfr.claim.t-sc-hardly-matters", "thresholds", 1, "T_sc"),
        _range("own.ccfr.fig6.topn", "topn", 0, "topn"),
        _range("ccfr.claim.topm-follows-t-sc", "topm", 0, "topm"),
        Number("ccfr.claim.t-sf-curves-agree", _COMMON, regret("fig6/thresholds")),
        Number(_BETWEEN, _SECOND, share("fig6/second")),
        _best("t_sf", "thresholds", 0, "t_sf", "none"),
        _best("t_sc", "thresholds", 1, "t_sc", "none"),
        _best("topn", "topn", 0, "topn_values", "count"),
        Number("ccfr.fig6", "Accuracy of the best point on test", accuracy("fig6/tuned")),
        Number("own.ccfr.fig6.held-out", _HONEST, accuracy("fig6/honest")),
        Number("own.ccfr.fig6.cost", _COST, difference("fig6/honest", "fig6/tuned"), expect=0),
    ],
)
_VALUES = {"topn": ("topn_values", "count"), "t_sf": ("t_sf", "none"), "t_sc": ("t_sc", "none")}
RANGES = numbers_table(
    "The ranges that Fig. 6 moves through",
    [
        Number(
            f"ccfr.setting.fig6.{name.replace('_', '-')}-{end}",
            f"{words} {NAMES[name]} tried",
            kind(f"fig6/{values}"),
            unit=unit,
        )
        for name, (values, unit) in _VALUES.items()
        for end, kind, words in (("min", lowest, "smallest"), ("max", highest, "largest"))
    ],
)
ERROR_RANKS = numbers_table(
    "Where the true class stands, of wrong answers before re-ranking",
    [
        *(
            Number(f"own.ccfr.fig6.rank-{r}", f"At rank {r}", share(f"fig6/rank_{r}"))
            for r in RANKS
        ),
        Number("own.ccfr.fig6.rank-more", f"Below rank {MENDABLE}", share("fig6/rank_more")),
    ],
)
