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
from typing import Any, NamedTuple, Protocol

import numpy as np

from fgnb.metrics import (
    bootstrap,
    changes,
    detectable_step,
    mcnemar,
    true_class_ranks,
    wilson,
)
from fgnb.metrics.coverage import mean_interval
from fgnb.metrics.gains import gain_contrast as contrast
from fgnb.metrics.grid import accuracy_range as range_over
from fgnb.metrics.grid import best_value, calibration_interval
from fgnb.metrics.grid import gap_to_best as gap
from fgnb.metrics.grid import regret as most_lost
from fgnb.metrics.grouping import adjusted_rand


class Source(Protocol):
    """What a rule is asked of: `fgnb.report.sheet.Sheet`."""

    def array(self, reference: str) -> np.ndarray | None:
        """The array behind ``row`` or ``row/array``; None where there is none."""

    def labels(self, reference: str) -> np.ndarray | None:
        """The true classes of the images behind a reference."""


class PairedTest(NamedTuple):
    """An exact McNemar test of two rows on the same images.

    ``detectable`` is the smallest significant step in points at this many changed answers; inf
    where none is.
    """

    p: float
    rectified: int
    spoiled: int
    detectable: float


class Estimate(NamedTuple):
    """A number with its 95 % interval in the unit of its kind, over n images."""

    value: float
    low: float
    high: float
    n: int
    test: PairedTest | None = None


@dataclass(frozen=True)
class Kind:
    """One kind of number.

    Attributes:
        name: as written in page modules.
        takes: a letter an argument, as in the module's words.
        unit: of its values.
        interval: how the interval comes about, for a reader.
        compute: (arrays, options) -> estimate.
        signed: whether it is a difference, of which a claim can name the sign.
    """

    name: str
    takes: str
    unit: str
    interval: str
    compute: Callable[..., Estimate | None]
    signed: bool = False

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

    def __call__(self, source: Source) -> Estimate | None:
        """The number; None where an array is not there or holds nothing."""
        arrays: list[np.ndarray] = []
        for reference, how in zip(self.references, self.kind.takes, strict=True):
            values, truth = source.array(reference), source.labels(reference)
            if values is None or not values.size or (how == "W" and not values.any()):
                return None
            if how in "RL" and truth is None:
                return None
            if how == "R" and truth is not None:
                values = _right(values, truth, reference)
            arrays.append(values.astype(bool) if how == "W" else values)
            if how == "L" and truth is not None:
                arrays.append(truth)
        return self.kind.compute(*arrays, **self.options)


KINDS: dict[str, Kind] = {}


def _kind(takes: str, unit: str, interval: str, *, signed: bool = False) -> Callable[..., Kind]:
    def make(compute: Callable[..., Estimate | None]) -> Kind:
        name = compute.__name__
        KINDS[name] = Kind(name, takes, unit, interval, compute, signed)
        return KINDS[name]

    return make


@_kind("R", "percent", "Wilson")
def accuracy(right: np.ndarray) -> Estimate:
    """Share of right answers."""
    return _share(right, 100.0)


@_kind("L", "percent", "Wilson")
def top_n(probs: np.ndarray, labels: np.ndarray, n: int) -> Estimate:
    """Share with the true class among the best n."""
    return _share(true_class_ranks(probs, labels) < n, 100.0)


@_kind("RR", "points", "paired bootstrap over images", signed=True)
def difference(right: np.ndarray, other: np.ndarray) -> Estimate:
    """Accuracy of the first minus that of the second on the same images, with its paired test."""
    return _gain(right, other, paired_test(right, other))


@_kind("RR", "count", "Wilson times n")
def rectified(right: np.ndarray, other: np.ndarray) -> Estimate:
    """Wrong answers of the second that the first has right."""
    return _share(~other & right, float(len(right)))


@_kind("RR", "count", "Wilson times n")
def spoiled(right: np.ndarray, other: np.ndarray) -> Estimate:
    """Right answers of the second that the first has wrong."""
    return _share(other & ~right, float(len(right)))


@_kind("A", "ratio", "mean and 1.96 standard errors")
def mean_top1(probs: np.ndarray) -> Estimate:
    """Mean of the highest probability."""
    values = probs.max(axis=1).astype(np.float64)
    mean, n = float(values.mean()), len(values)
    half = 1.96 * float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    return Estimate(mean, mean - half, mean + half, n)


@_kind("A", "percent", "Wilson")
def share(hits: np.ndarray) -> Estimate:
    """Share of true among bool[N]."""
    return _share(hits.astype(bool), 100.0)


@_kind("AA", "points", "Newcombe 1998, no. 10", signed=True)
def unpaired(hits: np.ndarray, others: np.ndarray) -> Estimate:
    """Share of true among the first minus that among the second, of other images."""
    a, b = (_share(values.astype(bool), 100.0) for values in (hits, others))
    value = a.value - b.value
    low = value - math.hypot(a.value - a.low, b.high - b.value)
    high = value + math.hypot(a.high - a.value, b.value - b.low)
    return Estimate(value, low, high, a.n + b.n)


@_kind("A", "none", "bootstrap over images")
def mean(values: np.ndarray) -> Estimate:
    """Mean of float[N], in a unit that the number names."""
    return _mean(values, 1.0)


@_kind("A", "percent", "bootstrap over images")
def mean_share(values: np.ndarray) -> Estimate:
    """Mean of a share for each image."""
    return _mean(values, 100.0)


@_kind("AA", "none", "bootstrap over images", signed=True)
def change(values: np.ndarray, others: np.ndarray) -> Estimate:
    """Mean of the first minus the second on the same images, in a unit that the number names."""
    return _mean(values - others, 1.0)


@_kind("AA", "points", "bootstrap over images", signed=True)
def excess(values: np.ndarray, others: np.ndarray) -> Estimate:
    """Mean of the first minus the second, shares of the same images."""
    return _mean(values - others, 100.0)


@_kind("AR", "ratio", "bootstrap over images")
def calibration(confidence: np.ndarray, right: np.ndarray) -> Estimate:
    """Expected calibration error of claimed probabilities."""
    return _of(calibration_interval(confidence, right), len(right))


@_kind("RRW", "points", "paired bootstrap over images", signed=True)
def gain_within(right: np.ndarray, other: np.ndarray, within: np.ndarray) -> Estimate:
    """`difference` on the images of a mask."""
    return _gain(right[within], other[within], None)


@_kind("RRW", "points", "bootstrap, either side by itself", signed=True)
def gain_contrast(right: np.ndarray, other: np.ndarray, within: np.ndarray) -> Estimate | None:
    """`difference` on the images of a mask, minus that on all others; None where there are none."""
    if within.all():
        return None
    return _of(contrast(right, other, within), len(right), 100.0)


@_kind("RR", "points", "bootstrap over images", signed=True)
def gap_to_best(right: np.ndarray, line: np.ndarray) -> Estimate:
    """Accuracy minus that of the best of answers ``line[A, N]``, sought anew in each resample."""
    return _of(gap(right, line), len(right), 100.0)


@_kind("R", "points", "bootstrap over images")
def accuracy_range(right: np.ndarray, axis: int) -> Estimate:
    """Range of accuracy along an axis of answers ``[A, B, N]``, averaged over the other."""
    return _of(range_over(right, axis), right.shape[-1], 100.0)


@_kind("R", "points", "bootstrap over images")
def regret(right: np.ndarray) -> Estimate:
    """The most that one first setting for all second ones loses, answers ``[A, B, N]``."""
    return _of(most_lost(right), right.shape[-1], 100.0)


@_kind("RA", "none", "bootstrap over images")
def best_at(right: np.ndarray, values: np.ndarray, axis: int) -> Estimate:
    """The value along an axis at the best point of answers ``[A, B, N]``."""
    return _of(best_value(right, values, axis), right.shape[-1])


@_kind("AA", "ratio", "none: exact")
def agreement(groups: np.ndarray, others: np.ndarray) -> Estimate:
    """Adjusted Rand index of two groupings."""
    return _exact(adjusted_rand(groups, others), len(groups))


@_kind("A", "none", "none: exact")
def exact(value: np.ndarray) -> Estimate:
    """One number that is known: a setting, a count."""
    return _exact(float(value.ravel()[0]), value.size)


@_kind("A", "none", "none: exact")
def lowest(values: np.ndarray) -> Estimate:
    """The smallest of the values."""
    return _exact(float(values.min()), len(values))


@_kind("A", "none", "none: exact")
def highest(values: np.ndarray) -> Estimate:
    """The largest of the values."""
    return _exact(float(values.max()), len(values))


@_kind("A", "count", "none: exact")
def count(values: np.ndarray) -> Estimate:
    """How many there are."""
    return _exact(float(len(values)), len(values))


@_kind("A", "count", "none: exact")
def distinct(values: np.ndarray) -> Estimate:
    """How many different ones there are."""
    return _exact(float(len(np.unique(values))), len(values))


@_kind("AA", "ratio", "none: exact")
def quotient(values: np.ndarray, by: np.ndarray) -> Estimate:
    """How many of the first there are for one of the second."""
    return _exact(len(values) / len(by), len(by))


@_kind("AA", "percent", "none: exact")
def part(values: np.ndarray, whole: np.ndarray) -> Estimate:
    """How many of the first there are in a hundred of the second."""
    return _exact(100.0 * len(values) / len(whole), len(whole))


def paired_test(right: np.ndarray, other: np.ndarray) -> PairedTest:
    """The exact McNemar test of two methods, ``bool[N]`` each, and what it could have shown."""
    moved = changes(other, right)
    step = detectable_step(len(right), (moved.rectified + moved.spoiled) / len(right))
    return PairedTest(mcnemar(right, other), moved.rectified, moved.spoiled, 100 * step)


def _right(answers: np.ndarray, labels: np.ndarray, reference: str) -> np.ndarray:
    """Where answers (classes ``[..., N]``, or scores ``[N, C]`` of floats) name the true class."""
    if answers.ndim == 2 and answers.dtype.kind == "f":
        return np.asarray(true_class_ranks(answers, labels) == 0)
    if answers.shape[-1:] != labels.shape:
        raise ValueError(f"{reference} has shape {answers.shape}, needs (..., {len(labels)})")
    return np.asarray(answers == labels)


def _gain(right: np.ndarray, other: np.ndarray, test: PairedTest | None) -> Estimate:
    found = bootstrap(right[None], other[None])
    ends = (min(found.low, found.value), max(found.high, found.value))
    return Estimate(100 * found.value, 100 * ends[0], 100 * ends[1], len(right), test)


def _share(hits: np.ndarray, scale: float) -> Estimate:
    k, n = int(hits.sum()), len(hits)
    low, high = wilson(k, n)
    return Estimate(scale * k / n, scale * low, scale * high, n)


def _mean(values: np.ndarray, scale: float) -> Estimate:
    return _of(mean_interval(values), len(values), scale)


def _of(found: Any, n: int, scale: float = 1.0) -> Estimate:
    return Estimate(scale * found.value, scale * found.low, scale * found.high, n)


def _exact(value: float, n: int) -> Estimate:
    return Estimate(value, value, value, n)
