"""What a measured difference says of a claim: one rule for pages, overviews and the scorecard.

A difference is read by its sign and its test after Holm's correction over the claims of its table:

- *supported*, *contradicted*: p at most 0.05, with the claimed sign or against it;
- *same direction*, *opposite direction, too small to tell*: p over 0.05, and the sign is worth
  naming: without a correction, chance alone would give one as strong in at most half of all cases;
- *no difference seen*: not even that.

The last three say how large a step would have shown. Where answers of two methods are paired the
test is McNemar's exact one; of other differences it is the normal one over their interval. Fewer
than six images pass neither. Drawn pictures give no reading: who draws them decides what helps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from fgnb.metrics.intervals import ALPHA, FEWEST, interval_p, interval_step
from fgnb.report.kinds import KINDS, Estimate

SUPPORTED, SAME, NONE_SEEN = "supported", "same direction", "no difference seen"
OPPOSITE, CONTRADICTED, UNMEASURED = "opposite direction", "contradicted", "not measured"
WORDS = (SUPPORTED, SAME, NONE_SEEN, OPPOSITE, CONTRADICTED, UNMEASURED)
MARKS = dict(zip(WORDS, "▲△○▽▼–", strict=True))
_COIN = 0.5


class Reading(NamedTuple):
    """A reading: its word, and the step that would have shown where it can't tell."""

    word: str
    would_show: float = math.nan

    @property
    def mark(self) -> str:
        """The sign that stands for the word in a table."""
        return MARKS[self.word]

    @property
    def words(self) -> str:
        """The whole sentence of it."""
        if self.word in (SUPPORTED, CONTRADICTED, UNMEASURED):
            return self.word
        text = self.word if self.word == NONE_SEEN else f"{self.word}, too small to tell"
        step = f"{self.would_show:.1f}" if math.isfinite(self.would_show) else "no step"
        return f"{text}; {step} would have shown"


def p_of(found: Estimate) -> float:
    """The two-sided p of a difference from 0, before any correction."""
    own = found.test
    return own.p if own else interval_p(found.value, found.low, found.high, found.fewest or found.n)


def detectable(found: Estimate, signed: bool = True) -> float:
    """The smallest difference that would have been significant; half an interval if not signed."""
    if found.test is not None:
        return found.test.detectable
    return interval_step(found.low, found.high, (found.fewest or found.n) if signed else FEWEST)


def read(line: Mapping[str, Any]) -> str:
    """The reading of a line of `Sheet.numbers`, as the word; empty where none is due."""
    if not line["expect"] or line["protocol"] == "drawn":
        return ""
    return word_of(line["value"] * line["expect"], float(line["p"]), float(line["p_holm"]))


def word_of(difference: float, p: float, p_holm: float) -> str:
    """The word for a difference, positive where the claim expects it.

    >>> word_of(1.6, 0.004, 0.02), word_of(-0.2, 0.8, 1.0), word_of(0.4, 0.3, 1.0)
    ('supported', 'no difference seen', 'same direction')
    """
    if difference and p_holm <= ALPHA:
        return SUPPORTED if difference > 0 else CONTRADICTED
    if not difference or p > _COIN:
        return NONE_SEEN
    return SAME if difference > 0 else OPPOSITE


def verdict(published: float, low: float, high: float, rounding: float) -> str:
    """A level under the published protocol: "within", "over" or "under".

    The published value is rounded as printed: ``rounding``, half a unit of its last digit, is
    granted to it on either side.
    """
    if published > high + rounding:
        return "under"
    return "over" if published < low - rounding else "within"


def interval(line: Mapping[str, Any]) -> str:
    """The 95 % interval: "77.8 to 82.5"; where it has no width, the reason."""
    low, high = line["low"], line["high"]
    if low == high:
        same = line["test"] and not line["test"]["rectified"] + line["test"]["spoiled"]
        return "no answer changed" if same else few(line) or "exact"
    digits = {"percent": 1, "points": 1, "count": 0}.get(line["unit"])
    ends = (f"{e:.3g}" if digits is None else f"{e:z.{digits}f}" for e in (low, high))
    return " to ".join(ends).replace("-", "−")


def few(line: Mapping[str, Any]) -> str:
    """How many images, where resampling so few says nothing of the others; else empty."""
    few = line["n"] < FEWEST and not KINDS[line["kind"]].meaning.endswith("exact")
    return f"{line['n']} image" + "s" * (line["n"] > 1) if few else ""
