"""What a setting of equations 8 and 9 does to the answers, by `fgnb.ccfr.rerank_neighbors`.

The lab face and the print face show it; the page face computes the same in the browser.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgnb.metrics import wilson
from fgnb.report.explorer.data import Material

if TYPE_CHECKING:
    from fgnb.ccfr.settings import Settings

GRID = tuple(i / 100 for i in range(101))


class Change(NamedTuple):
    """An answer that re-ranking changed: query row, true class, class before and after."""

    query: int
    true: int
    before: int
    after: int

    @property
    def kind(self) -> str:
        """``rectified``, ``spoiled`` or ``still wrong``."""
        if self.after == self.true:
            return "rectified"
        return "spoiled" if self.before == self.true else "still wrong"


@dataclass(frozen=True)
class Outcome:
    """Accuracy of the re-ranked answers with its 95 % Wilson interval, and what changed."""

    n: int
    correct: int
    correct_before: int
    changed: tuple[Change, ...]

    @property
    def accuracy(self) -> float:
        """Share of right answers after re-ranking, in [0, 1]."""
        return self.correct / self.n

    @property
    def before(self) -> float:
        """Share of right answers of classification alone, in [0, 1]."""
        return self.correct_before / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of `accuracy`."""
        return wilson(self.correct, self.n)

    def count(self, kind: str) -> int:
        """How many changes are ``rectified``, ``spoiled`` or ``still wrong``."""
        return sum(change.kind == kind for change in self.changed)

    def summary(self) -> str:
        """One line, the same in every face."""
        low, high = self.interval
        return (
            f"Re-ranked {percent(self.accuracy)} % ({percent(low)} to {percent(high)}), "
            f"classification alone {percent(self.before)} %: {self.count('rectified')} rectified, "
            f"{self.count('spoiled')} spoiled, {self.count('still wrong')} changed and still wrong."
        )


def percent(share: float) -> str:
    """A share as per cent with one decimal, halves away from zero as in a browser.

    >>> percent(0.0625)
    '6.3'
    """
    return str(Decimal(100 * share).quantize(Decimal("0.1"), ROUND_HALF_UP))


def predictions(material: Material, setting: Settings) -> NDArray[np.int64]:
    """The re-ranked class of each query, ``[Q]``."""
    import torch

    from fgnb.ccfr.rerank import rerank_neighbors

    scores = rerank_neighbors(
        torch.from_numpy(material.probs),
        torch.from_numpy(material.sims),
        torch.from_numpy(material.neighbor_labels),
        **asdict(setting),
    )
    return scores.numpy().argmax(axis=1)


def evaluate(material: Material, setting: Settings) -> Outcome:
    """The outcome of one setting over all queries."""
    before, after, true = (
        material.probs.argmax(axis=1),
        predictions(material, setting),
        material.labels,
    )
    changed = tuple(
        Change(int(q), int(true[q]), int(before[q]), int(after[q]))
        for q in np.flatnonzero(before != after)
    )
    return Outcome(len(true), int((after == true).sum()), int((before == true).sum()), changed)


def curve(material: Material, setting: Settings) -> NDArray[np.int64]:
    """Right answers with T_sf at each hundredth from 0 to 1, all else as in ``setting``, [101]."""
    return np.array(
        [
            int((predictions(material, replace(setting, t_sf=t)) == material.labels).sum())
            for t in GRID
        ]
    )
