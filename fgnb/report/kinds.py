"""Kinds of numbers: how each follows from the arrays of rows, with its unit and its interval.

`accuracy("fusion")` is a *rule*: a kind and the arrays that it is asked of. A rule knows no data; a
`fgnb.report.sheet.Sheet` resolves it. A reference is `row` (its answers) or `row/array`; a kind
takes it as right answers (`R`, also over a grid), as an array (`A`), as an array with the true
classes behind it (`L`) or as a mask of images (`W`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fgnb.metrics import (
    bootstrap,
    changes,
    detectable_step,
    found_step,
    mcnemar,
    true_class_ranks,
    wilson,
)
from fgnb.metrics import gains as _gains
from fgnb.metrics import grid as _grid
from fgnb.metrics.coverage import mean_interval
from fgnb.metrics.grouping import adjusted_rand
from fgnb.metrics.keypoint_interval import mean_pck as _mean_pck
from fgnb.metrics.keypoints import keypoint_hits, part_overlaps

if TYPE_CHECKING:
    from fgnb.report.sheet import Sheet


class PairedTest(NamedTuple):
    """An exact McNemar test of two rows on the same images."""

    p: float
    rectified: int
    spoiled: int
    detectable: float  # smallest significant step at this many changed answers, points; or inf
    would_show: float = math.nan  # the step that is found with a probability of 0.8, points
    movable: bool = True  # False where no answer can change, whatever the images


class Estimate(NamedTuple):
    """A number with its 95 % interval in the unit of its kind, over n images."""

    value: float
    low: float
    high: float
    n: int
    test: PairedTest | None = None
    fewest: int = 0  # images of the smaller side, where two groups are compared


@dataclass(frozen=True)
class Kind:
    """One kind of number."""

    name: str  # as written in page modules
    takes: str  # a letter an argument, as in the module's words
    unit: str
    meaning: str  # what it is, and how its interval comes about
    compute: Callable[..., Estimate | None]  # (arrays, options); None where the arrays give none
    signed: bool = False  # whether it is a difference, of which a claim can name the sign

    def __call__(self, *references: str, **options: Any) -> Rule:
        """The rule of this kind over ``references``."""
        if len(references) != len(self.takes):
            raise TypeError(f"{self.name} takes {len(self.takes)} references, not {references}")
        return Rule(self, references, options)


@dataclass(frozen=True)
class Rule:
    """A kind and what it is asked of."""

    kind: Kind
    references: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows that it needs, each once."""
        return tuple(dict.fromkeys(name.partition("/")[0] for name in self.references))

    def __call__(self, source: Sheet) -> Estimate | None:
        """The number; None where an array is not there or holds nothing."""
        arrays: list[np.ndarray] = []
        for reference, how in zip(self.references, self.kind.takes, strict=True):
            values: Any = source.array(reference)
            truth: Any = source.labels(reference)
            if values is None or not values.size or (how in "RL" and truth is None):
                return None
            if how == "W" and not values.any():
                return None
            values = _right(values, truth, reference) if how == "R" else values
            arrays += [values.astype(bool) if how == "W" else values]
            arrays += [truth] * (how == "L")
        return self.kind.compute(*arrays, **self.options)


def paired_test(right: np.ndarray, other: np.ndarray) -> PairedTest:
    """The exact McNemar test of two methods, ``bool[N]`` each, and what it could have shown."""
    moved = changes(other, right)
    n, changed = len(right), (moved.rectified + moved.spoiled) / len(right)
    steps = 100 * detectable_step(n, changed), 100 * found_step(n, changed)
    return PairedTest(mcnemar(right, other), moved.rectified, moved.spoiled, *steps)


def _right(answers: np.ndarray, labels: np.ndarray, reference: str) -> np.ndarray:
    """Where answers (classes ``[..., N]``, or scores ``[N, C]`` of floats) name the true class."""
    if answers.ndim == 2 and answers.dtype.kind == "f":
        return np.asarray(true_class_ranks(answers, labels) == 0)
    if answers.shape[-1:] != labels.shape:
        raise ValueError(f"{reference} has shape {answers.shape}, needs (..., {len(labels)})")
    return np.asarray(answers == labels)


def _gain(right: np.ndarray, other: np.ndarray, test: PairedTest | None = None) -> Estimate:
    gain, low, high = bootstrap(right[None], other[None])
    ends = (100 * min(low, gain), 100 * max(high, gain))
    return Estimate(100 * gain, *ends, len(right), test)


def _difference(right: np.ndarray, other: np.ndarray, movable: bool = True) -> Estimate:
    return _gain(right, other, paired_test(right, other)._replace(movable=movable))


def _contrast(right: np.ndarray, other: np.ndarray, within: np.ndarray) -> Estimate | None:
    if within.all():
        return None
    found = _of(_gains.gain_contrast(right, other, within), right, 100)
    return found._replace(fewest=int(min(within.sum(), (~within).sum())))


def _unpaired(hits: np.ndarray, others: np.ndarray) -> Estimate:
    a, b = _share(hits), _share(others)
    value = a.value - b.value
    low = value - math.hypot(a.value - a.low, b.high - b.value)
    high = value + math.hypot(a.high - a.value, b.value - b.low)
    return Estimate(value, low, high, a.n + b.n, fewest=min(a.n, b.n))


def _mean_top1(probs: np.ndarray) -> Estimate:
    best = probs.max(axis=1).astype(np.float64)
    half = 1.96 * float(best.std(ddof=1)) / math.sqrt(len(best)) if len(best) > 1 else 0.0
    mean = float(best.mean())
    return Estimate(mean, mean - half, mean + half, len(best))


def _share(hits: np.ndarray, scale: float = 100.0) -> Estimate:
    k, n = int(hits.astype(bool).sum()), len(hits)
    low, high = wilson(k, n)
    return Estimate(scale * k / n, scale * low, scale * high, n)


def _mean(values: np.ndarray, scale: float = 1.0, minus: np.ndarray | None = None) -> Estimate:
    return _of(mean_interval(values, minus=minus), values, scale)


def _of(found: Any, images: np.ndarray, scale: float = 1.0) -> Estimate:
    return Estimate(scale * found.value, scale * found.low, scale * found.high, images.shape[-1])


def _fits(found: Any, right: np.ndarray) -> Estimate:
    low, high = min(found.low, found.value), max(found.high, found.value)
    return Estimate(100 * found.value, 100 * low, 100 * high, right.shape[-1])


def _exact(value: Any, values: np.ndarray) -> Estimate:
    return Estimate(float(value), float(value), float(value), len(values))


def _some(hits: np.ndarray) -> Estimate | None:
    return _share(hits) if len(hits) else None


_MEAN, _BOOT = "bootstrap over images", "paired bootstrap over images"
_CROSSED = "crossed bootstrap over fits and images"

# fmt: off
accuracy = Kind("accuracy", "R", "percent", "share of right answers; Wilson", _share)
top_n = Kind("top_n", "L", "percent", "share with the true class among the best n; Wilson",
             lambda probs, labels, n: _share(true_class_ranks(probs, labels) < n))
share = Kind("share", "A", "percent", "share of true among bool[N]; Wilson", _share)
difference = Kind("difference", "RR", "points", f"accuracy minus that of another row; {_BOOT}",
                  _difference, signed=True)
many = Kind("many", "A", "count", "how many of true among bool[N]; Wilson times n",
            lambda hits: _share(hits, float(len(hits))))
rectified = Kind("rectified", "RR", "count", "answers that the first mends; Wilson times n",
                 lambda a, b: _share(~b & a, float(len(a))))
spoiled = Kind("spoiled", "RR", "count", "answers that the first spoils; Wilson times n",
               lambda a, b: _share(b & ~a, float(len(a))))
mean_top1 = Kind("mean_top1", "A", "ratio", "mean highest probability; 1.96 standard errors",
                 _mean_top1)
unpaired = Kind("unpaired", "AA", "points", "two shares of other images; Newcombe 1998, no. 10",
                _unpaired, signed=True)
mean = Kind("mean", "A", "none", f"mean of float[N]; {_MEAN}", _mean)
mean_share = Kind("mean_share", "A", "percent", f"mean of a share an image; {_MEAN}",
                  lambda values: _mean(values, 100.0))
change = Kind("change", "AA", "none", f"mean of the first minus the second; {_MEAN}",
              lambda a, b: _mean(a, 1.0, b), signed=True)
excess = Kind("excess", "AA", "points", f"mean of shares, first minus second; {_MEAN}",
              lambda a, b: _mean(a, 100.0, b), signed=True)
calibration = Kind("calibration", "AR", "ratio", f"expected calibration error; {_MEAN}",
                   lambda sure, right: _of(_grid.calibration_interval(sure, right), right))
gain_within = Kind("gain_within", "RRW", "points", f"difference on the images of a mask; {_BOOT}",
                   lambda a, b, within: _gain(a[within], b[within]), signed=True)
gain_contrast = Kind("gain_contrast", "RRW", "points",
                     "the same minus that on all others; bootstrap, either side by itself",
                     _contrast, signed=True)
gap_to_best = Kind("gap_to_best", "RR", "points",
                   f"accuracy minus the best of a line[A, N], sought anew in each draw; {_MEAN}",
                   lambda a, line: _of(_grid.gap_to_best(a, line), a, 100), signed=True)
accuracy_range = Kind("accuracy_range", "R", "points",
                      f"range along an axis of [A, B, N], averaged over the other; {_MEAN}",
                      lambda right, axis: None if right.shape[axis] < 2 else
                      _of(_grid.accuracy_range(right, axis), right, 100))
range_gap = Kind("range_gap", "R", "points",
                 f"range along the first axis of [A, B, N] minus that along the second; {_MEAN}",
                 lambda right: None if min(right.shape[:2]) < 2 else
                 _of(_grid.range_gap(right), right, 100), signed=True)
regret = Kind("regret", "R", "points",
              f"most that one first setting for all second ones loses, [A, B, N]; {_MEAN}",
              lambda right: _of(_grid.regret(right), right, 100))
best_at = Kind("best_at", "RA", "none", f"value along an axis at the best point; {_MEAN}",
               lambda right, values, axis: _of(_grid.best_value(right, values, axis), right))
agreement = Kind("agreement", "AA", "ratio", "adjusted Rand index of two groupings; exact",
                 lambda a, b: _exact(adjusted_rand(a, b), a))
exact = Kind("exact", "A", "none", "a known number; exact", lambda v: _exact(v.flat[0], v.ravel()))
lowest = Kind("lowest", "A", "none", "the smallest; exact", lambda v: _exact(v.min(), v))
highest = Kind("highest", "A", "none", "the largest; exact", lambda v: _exact(v.max(), v))
count = Kind("count", "A", "count", "how many; exact", lambda v: _exact(len(v), v))
distinct = Kind("distinct", "A", "count", "distinct; exact", lambda v: _exact(len(np.unique(v)), v))
quotient = Kind("quotient", "AA", "ratio", "how many of the first for one of the second; exact",
                lambda a, b: _exact(len(a) / len(b), b))
part = Kind("part", "AA", "percent", "how many of the first in a hundred of the second; exact",
            lambda a, b: _exact(100.0 * len(a) / len(b), b))
pck = Kind("pck", "AAWA", "percent", "PCK of a part: points, truth, visible, boxes; Wilson",
           lambda x, t, v, b, alpha, part:
           _some(keypoint_hits(x, t, v, b, alpha)[v[:, part], part]))
mean_pck = Kind("mean_pck", "AAWA", "percent", f"mean PCK over the parts, of the same; {_MEAN}",
                lambda x, t, v, b, alpha: _of(_mean_pck(x, t, v, b, alpha), v[:, 0], 100))
pcp = Kind("pcp", "AAW", "percent", "part boxes found: boxes, truth, present; Wilson",
           lambda x, t, shown, iou: _some(part_overlaps(x, t, shown)[shown] > iou))
fits_accuracy = Kind("fits_accuracy", "R", "percent",
                     f"mean share of right answers of several fits[F, N]; {_CROSSED}",
                     lambda right: _fits(bootstrap(np.atleast_2d(right)), right))
fits_difference = Kind("fits_difference", "RR", "points",
                       f"the same minus that of another row's fits, paired; {_CROSSED}",
                       lambda a, b: _fits(bootstrap(*map(np.atleast_2d, (a, b)),
                                                    paired_seeds=True), a), signed=True)
# fmt: on

KINDS = {kind.name: kind for kind in list(globals().values()) if isinstance(kind, Kind)}
