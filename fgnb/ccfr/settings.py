"""The parameters of re-ranking (equations 8 and 9), and how their thresholds are found.

The paper sets T_sf to "roughly average Top1 softmax probabilities": a rule without labels, here
``mean-top1``. ``held-out`` searches the paper's own grid (Fig. 6) on held-out training images,
``fixed`` takes the numbers given. None of them reads the test set; ``tune`` on test answers is
for the figure that is named so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from fgnb.ccfr.rerank import rerank_neighbors
from fgnb.ccfr.retrieval import Neighbors
from fgnb.metrics.checks import as_labels, as_probs

RULES = ("mean-top1", "held-out", "fixed")
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


def choose(
    rule: str,
    probs: Any,
    neighbors: Neighbors,
    truth: Any,
    base: Settings,
) -> tuple[Settings, dict[str, Any]]:
    """The setting that ``rule`` gives on held-out training images, and how it was found.

    ``mean-top1`` replaces T_sf alone; ``held-out`` replaces T_sf and T_sc by the best of the grid
    at ``base.topn``; ``fixed`` keeps ``base``.

    Raises:
        ValueError: an unknown rule; otherwise as in `tune`.
    """
    if rule == "mean-top1":
        t_sf = mean_top1(probs)
        return replace(base, t_sf=t_sf), {"rule": rule, "images": len(truth)}
    if rule == "held-out":
        tuned = tune(probs, neighbors, truth, base, topn=(base.topn,))
        found = {"rule": rule, "images": len(truth), "accuracy": float(tuned.accuracy.max())}
        return tuned.settings, found
    if rule == "fixed":
        return base, {"rule": rule}
    raise ValueError(f"rule is {rule!r}; it is one of {', '.join(RULES)}")
