"""What a setting does to the answers; the page face computes the same in the browser."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgnb.ccfr.retrieval import Neighbors
from fgnb.ccfr.settings import Settings
from fgnb.metrics import wilson
from fgnb.pages.ccfr.explorer.stored import StoredAnswers

GRID = tuple(i / 100 for i in range(101))
KINDS = ("rectified", "spoiled", "still wrong")


class Change(NamedTuple):
    """An answer that re-ranking changed: query row, true class, class before and after."""

    query: int
    true: int
    before: int
    after: int

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
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

    def count(self, kind: str) -> int:
        """How many changes are of one of `KINDS`."""
        return sum(change.kind == kind for change in self.changed)

    def summary(self) -> str:
        """One line, the same in every face."""
        low, high = map(percent, wilson(self.correct, self.n))
        rectified, spoiled, wrong = map(self.count, KINDS)
        return (
            f"Re-ranked {percent(self.accuracy)} % ({low} to {high}), classification alone "
            f"{percent(self.before)} %: {rectified} rectified, {spoiled} spoiled, {wrong} changed "
            "and still wrong."
        )


def percent(share: float) -> str:
    """A share as per cent with one decimal, halves away from zero as in a browser.

    >>> percent(0.0625)
    '6.3'
    """
    return str(Decimal(100 * share).quantize(Decimal("0.1"), ROUND_HALF_UP))


def evaluate(answers: StoredAnswers, setting: Settings) -> Outcome:
    """The outcome of one setting over all queries."""
    before, after, true = answers.probs.argmax(axis=1), _ranked(answers, setting), answers.labels
    rows = np.flatnonzero(before != after)
    moved = np.stack([rows, true[rows], before[rows], after[rows]], axis=1).tolist()
    right, right_before = (int((classes == true).sum()) for classes in (after, before))
    return Outcome(len(true), right, right_before, tuple(Change(*line) for line in moved))


def curve(answers: StoredAnswers, setting: Settings) -> NDArray[np.int64]:
    """Right answers with T_sf at each hundredth from 0 to 1, all else as in ``setting``, [101]."""
    ranked = (_ranked(answers, replace(setting, t_sf=t)) for t in GRID)
    return np.array([int((classes == answers.labels).sum()) for classes in ranked])


def _ranked(answers: StoredAnswers, setting: Settings) -> NDArray[np.int64]:
    near = answers.neighbor_labels
    return setting.predictions(answers.probs, Neighbors(answers.sims, near, near))
