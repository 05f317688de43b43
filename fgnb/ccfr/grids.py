"""The grids of Fig. 6 (section 4.4): answers re-ranked over the paper's values of its parameters.

The paper draws all of it over test accuracy; `Grids` takes any answers. Of topn and topm only the
values that differ on a set are tried: no more classes and no more neighbours than there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.retrieval import Neighbors
from fgnb.ccfr.settings import Settings

# T_sc and topn in the order of preference among equals: first what moves least (`settings.tune`).
T_SF = tuple(round(0.40 + 0.05 * i, 2) for i in range(12))
T_SC = tuple(round(0.95 - 0.05 * i, 2) for i in range(10))
TOPN = (2, 3, 4, 5, 6)
TOPM = (5, 10, 20, 30, 40, 50)
_OPEN = 2.0  # no probability reaches it


@dataclass(frozen=True)
class Grids:
    """Predicted classes at every point of three grids, each int16 ``[A, B, N]``."""

    labels: np.ndarray  # true classes [N]
    thresholds: np.ndarray  # over T_SF x T_SC at topn 2
    topn: np.ndarray | None = None  # over topn_values x T_SC at the best T_sf of thresholds
    topm: np.ndarray | None = None  # over TOPM x T_SC there, and topn 2
    topn_values: tuple[int, ...] = TOPN  # as `within` the classes

    def accuracy(self, grid: str) -> np.ndarray:
        """Accuracy at every point of ``thresholds``, ``topn`` or ``topm``, ``[A, B]``."""
        return np.asarray((getattr(self, grid) == self.labels).mean(axis=2))

    @property
    def best(self) -> tuple[float, float]:
        """T_sf and T_sc of the best point of ``thresholds``; of equals what moves least."""
        a, b = divmod(int(self.accuracy("thresholds").argmax()), len(T_SC))
        return T_SF[a], T_SC[b]


def within(values: Sequence[int], most: int) -> tuple[int, ...]:
    """Values of ``topn`` or ``topm`` that differ where ``most`` are all that there are.

    >>> within(TOPN, 4), within(TOPN, 2), within(TOPM, 12)
    ((2, 3, 4), (2,), (5, 10, 12))
    """
    return tuple(sorted({min(value, most) for value in values}))


def grids(answers: Answers, base: Settings) -> Grids:
    """Re-rank answers of the full model at every point of Fig. 6; ``base`` is what stays."""
    thresholds = over_thresholds(answers, base)
    t_sf = Grids(answers.labels, thresholds).best[0]
    best = replace(base, topn=TOPN[0], t_sf=t_sf)
    topn = within(TOPN, answers.probs.shape[1])
    topm = within(TOPM, answers.neighbors.sims.shape[1])
    over_topn, over_topm = (_grid(answers, best, *of) for of in (("topn", topn), ("topm", topm)))
    return Grids(answers.labels, thresholds, over_topn, over_topm, topn)


def over_thresholds(answers: Answers, base: Settings) -> np.ndarray:
    """Predicted classes over `T_SF` and `T_SC` at topn 2; int16 ``[A, B, N]``."""
    return _grid(answers, replace(base, topn=TOPN[0]), "t_sf", T_SF)


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
