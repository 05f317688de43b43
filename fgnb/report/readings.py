"""What a measured difference says of a claim: one rule for pages, overviews and the scorecard.

A difference is read by its sign and its test after Holm's correction over the claims of its table:

- *supported*, *contradicted*: p at most 0.05, with the claimed sign or against it;
- *same direction*, *opposite direction, too small to tell*: p over 0.05, and the sign is worth
  naming: without a correction, chance alone would give one as strong in at most half of all cases;
- *no difference seen*: not even that.

The last three say how large a step would be significant if it were measured, and how large a true
one would have shown: in four of five sets of as many images. Where answers of two methods are
paired the test is McNemar's exact one; of other differences it is the normal one over their
interval. Fewer than six images pass neither. Drawn pictures give no reading: who draws them decides
what helps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from fgnb.metrics import interval_found_step, none_of
from fgnb.metrics.intervals import ALPHA, FEWEST, interval_p, interval_step
from fgnb.report.kinds import KINDS, Estimate

SUPPORTED, SAME, NONE_SEEN = "supported", "same direction", "no difference seen"
OPPOSITE, CONTRADICTED, UNMEASURED = "opposite direction", "contradicted", "not measured"
WORDS = (SUPPORTED, SAME, NONE_SEEN, OPPOSITE, CONTRADICTED, UNMEASURED)
MARKS = dict(zip(WORDS, "▲△○▽▼–", strict=True))
_COIN = 0.5


class Reading(NamedTuple):
    """A reading: its word, and what could have been told where it can't tell."""

    word: str
    significant: float = math.nan  # the smallest difference that would be, by itself
    would_show: float = math.nan  # the true one that is found with a probability of 0.8

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> Reading:
        """The reading of a line of `fgnb.report.sheet.Sheet.numbers`."""
        return cls(line["reading"], line["detectable"], line["would_show"])

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
        if not math.isfinite(self.significant):
            return f"{text}; no step would have shown"
        shown = f"{self.would_show:.1f}" if math.isfinite(self.would_show) else "none"
        return f"{text}; {self.significant:.1f} is just significant, {shown} would have shown"


def p_of(found: Estimate) -> float:
    """The two-sided p of a difference from 0, before any correction."""
    own = found.test
    return own.p if own else interval_p(found.value, found.low, found.high, found.fewest or found.n)


def detectable(found: Estimate, signed: bool = True) -> float:
    """The smallest difference that would have been significant; half an interval if not signed."""
    if found.test is not None:
        return found.test.detectable
    return interval_step(found.low, found.high, (found.fewest or found.n) if signed else FEWEST)


def would_show(found: Estimate, signed: bool = True) -> float:
    """The difference that is found with a probability of 0.8; see `fgnb.metrics.found_step`."""
    if found.test is not None:
        return found.test.would_show
    few = signed and (found.fewest or found.n) < FEWEST
    return math.inf if few else interval_found_step(found.low, found.high)


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
    """The 95 % interval: "77.8 to 82.5"; where it has no width, the reason.

    Where no answer changed though it could have, the next image may: the rule of three bounds how
    many of all images would.
    """
    low, high = line["low"], line["high"]
    if low == high:
        return few(line) or _without_width(line)
    digits = {"percent": 1, "points": 1, "count": 0}.get(line["unit"])
    ends = (f"{e:.3g}" if digits is None else f"{e:z.{digits}f}" for e in (low, high))
    return " to ".join(ends).replace("-", "−")


def _without_width(line: Mapping[str, Any]) -> str:
    test, n = line["test"], line["n"]
    if test and not test["rectified"] + test["spoiled"] and not test.get("movable", True):
        return "exact: no answer can change"
    if KINDS[line["kind"]].meaning.endswith("exact"):
        return "exact"
    if line["unit"] != "points" or line["value"]:
        return f"the same in every resample of {n:,} images"
    return f"none of {n:,} changed; at most {100 * none_of(n):.2f} at 95 %"


def few(line: Mapping[str, Any]) -> str:
    """How many images, where resampling so few says nothing of the others; else empty."""
    few = line["n"] < FEWEST and not KINDS[line["kind"]].meaning.endswith("exact")
    return f"{line['n']} image" + "s" * (line["n"] > 1) if few else ""
