"""The parameters of re-ranking (equations 8 and 9), and how their thresholds are found.

The paper sets T_sf to "roughly average Top1 softmax probabilities": a rule without labels, here
``mean-top1``. ``held-out`` searches the paper's own grid (Fig. 6) on held-out training images,
``fixed`` takes the numbers given. T_sc is silent for the main table; 0.7 is the optimum of Fig. 6,
found by a search. But a similarity lies on the scale of its embedding, and a number of one network
says nothing of another. By default ``quantile`` puts it where nearly every image has a neighbour
over it, which equation 9 takes for granted: a rule without labels, as for T_sf, and one under which
the vote is really cast. A search (``held-out``) may end where nobody votes; then nothing is tested.
No rule reads the test set; ``tune`` on test answers is for the figure that is named so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from fgnb.ccfr.rerank import rerank_neighbors
from fgnb.ccfr.retrieval import Neighbors
from fgnb.data.arguments import as_array, as_number
from fgnb.metrics.checks import as_labels, as_probs

RULES = ("mean-top1", "held-out", "fixed")
T_SC_RULES = ("held-out", "quantile", "fixed")
QUANTILE = 0.05
"""Share of images that `nearest_quantile` leaves without a voter.

Equation 9 has no case for an image that nobody votes for. So T_sc is to be low enough that nearly
each has a voter, and of all such values the highest: one image in twenty has none.
"""
T_SF_GRID = tuple(round(0.30 + 0.05 * i, 2) for i in range(14))
T_SC_GRID = tuple(round(0.50 + 0.05 * i, 2) for i in range(10))
TOPN_GRID = (2, 3, 4, 5, 6)


@dataclass(frozen=True)
class Settings:
    """One setting of equations 8 and 9; ``gate`` is ``sample`` (the text) or ``class`` (eq. 8)."""

    t_sf: float
    t_sc: float
    topn: int = 5
    topm: int = 50
    alpha: float = 0.0
    beta: float = 1.0
    gate: str = "sample"

    def scores(self, probs: Any, neighbors: Neighbors) -> np.ndarray:
        """Re-ranked scores, float64 ``[Q, C]``, of softmax ``probs[Q, C]``."""
        scored = rerank_neighbors(probs, neighbors.sims, neighbors.labels, **asdict(self))
        return scored.detach().cpu().numpy()

    def predictions(self, probs: Any, neighbors: Neighbors) -> np.ndarray:
        """The class of the highest re-ranked score, ``[Q]``; ties go to the first class."""
        return self.scores(probs, neighbors).argmax(axis=1)


@dataclass(frozen=True)
class Tuned:
    """The best of a grid, and the accuracy of every point of it.

    ``accuracy[i, j, k]`` is that of ``t_sf[i]``, ``t_sc[j]``, ``topn[k]``.
    """

    settings: Settings
    t_sf: tuple[float, ...]
    t_sc: tuple[float, ...]
    topn: tuple[int, ...]
    accuracy: np.ndarray


def mean_top1(probs: Any) -> float:
    """Mean of the highest softmax probability over ``probs[Q, C]`` (section 4.2).

    Raises:
        ValueError: a shape or type that doesn't fit, or rows that are no probabilities.
    """
    return float(as_probs("probs", probs).max(axis=1).mean())


def tune(
    probs: Any,
    neighbors: Neighbors,
    truth: Any,
    base: Settings,
    *,
    t_sf: Sequence[float] = T_SF_GRID,
    t_sc: Sequence[float] = T_SC_GRID,
    topn: Sequence[int] = TOPN_GRID,
) -> Tuned:
    """Search the grid of Fig. 6 for the highest accuracy on the answers given.

    Equal accuracies go to the point that moves least: the lowest T_sf, then the highest T_sc,
    then the smallest topn.

    Raises:
        ValueError: a shape or type that doesn't fit, or rows that are no probabilities.
    """
    probs = as_probs("probs", probs)
    truth = as_labels("truth", truth, *probs.shape)
    accuracy = np.empty((len(t_sf), len(t_sc), len(topn)))
    plain, top1 = probs.argmax(axis=1), probs.max(axis=1)
    for j, sc in enumerate(t_sc):
        for k, n in enumerate(topn):
            setting = replace(base, t_sc=sc, topn=n)
            # By the gate of the text T_sf only decides who is re-ranked: one pass serves them all.
            voted = replace(setting, t_sf=math.inf).predictions(probs, neighbors)
            for i, sf in enumerate(t_sf):
                answers = np.where(top1 < sf, voted, plain)
                if base.gate == "class":
                    answers = replace(setting, t_sf=sf).predictions(probs, neighbors)
                accuracy[i, j, k] = (answers == truth).mean()

    def preference(point: tuple[int, ...]) -> tuple[float, float, float, int]:
        i, j, k = point
        return accuracy[i, j, k], -t_sf[i], t_sc[j], -topn[k]

    best = max(np.ndindex(accuracy.shape), key=preference)
    chosen = replace(base, t_sf=t_sf[best[0]], t_sc=t_sc[best[1]], topn=topn[best[2]])
    return Tuned(chosen, tuple(t_sf), tuple(t_sc), tuple(topn), accuracy)


def nearest_quantile(sims: Any, share: float = QUANTILE) -> float:
    """A T_sc that all but ``share`` of the queries have a neighbour over: no label is read.

    Args:
        sims: similarities of the neighbours, best first, ``[Q, K]``.
        share: of queries whose most similar image stays silent, in [0, 1].

    Returns:
        The ``share`` quantile of the similarities to the nearest image.

    Raises:
        ValueError: a shape or type that doesn't fit, no query, or a share out of range.
    """
    table = as_array("sims", sims, "f")
    share = float(as_number("share", share))
    if table.ndim != 2 or 0 in table.shape:
        raise ValueError(f"sims has shape {table.shape}, needs (Q, K), not empty")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share is {share}, needs a number from 0 to 1")
    return float(np.quantile(table[:, 0].astype(np.float64), share, method="lower"))


def choose(
    rule: str,
    probs: Any,
    neighbors: Neighbors,
    truth: Any,
    base: Settings,
    *,
    t_sc_rule: str = "fixed",
    share: float = QUANTILE,
) -> tuple[Settings, dict[str, Any]]:
    """The setting that two rules give on held-out training images, and how it was found.

    Of T_sf: ``mean-top1``, ``held-out`` or ``fixed``, which keeps that of ``base``. Of T_sc:
    ``held-out``, ``quantile`` (`nearest_quantile` at ``share``) or ``fixed``. What is ``held-out``
    is the best point of the grid at ``base.topn`` and the other threshold; only then are the labels
    ``truth`` read.

    Raises:
        ValueError: an unknown rule; otherwise as in `tune` and `nearest_quantile`.
    """
    for name, given, known in (("rule", rule, RULES), ("t_sc_rule", t_sc_rule, T_SC_RULES)):
        if given not in known:
            raise ValueError(f"{name} is {given!r}; it is one of {', '.join(known)}")
    start = base
    if rule == "mean-top1":
        start = replace(start, t_sf=mean_top1(probs))
    if t_sc_rule == "quantile":
        start = replace(start, t_sc=nearest_quantile(neighbors.sims, share))
    how: dict[str, Any] = {"rule": rule, "t_sc_rule": t_sc_rule, "images": len(neighbors.sims)}
    if "held-out" not in (rule, t_sc_rule):
        return start, how
    t_sf = T_SF_GRID if rule == "held-out" else (start.t_sf,)
    t_sc = T_SC_GRID if t_sc_rule == "held-out" else (start.t_sc,)
    tuned = tune(probs, neighbors, truth, start, t_sf=t_sf, t_sc=t_sc, topn=(base.topn,))
    return tuned.settings, how | {"accuracy": float(tuned.accuracy.max())}
