"""How a number follows from saved arrays, in a vocabulary small enough to be checked.

A derivation names arrays of the npz: "of" (scores[N, C] or predicted classes[N]), "labels",
"against" (a second method on the same images). The notebook measures through it and a test
derives every recorded number, interval and paired test again from the file.

| kind | value | interval |
|---|---|---|
| accuracy | share of right answers, percent | Wilson |
| topn | share with the true class among the best n, percent | Wilson |
| difference | accuracy of "of" minus that of "against", points | paired bootstrap over images |
| rectified, spoiled | answers of "against" that "of" turned; a count | Wilson times n |
| mean-top1 | mean of the highest score, a ratio | mean +- 1.96 standard errors |
| share | share of true among "of" (bool[N]), percent | Wilson |
| unpaired | share of true among "of" minus that among "against", other images, points | Newcombe |
| mean | mean of "of" (float[N]), in a unit that the caller names | bootstrap over images |
| mean-share | mean of "of", a share for each image, percent | bootstrap over images |
| excess | mean of "of" minus "against", shares of the same images, points | bootstrap over images |
| calibration | expected calibration error of confidences "of" and answers, a ratio | bootstrap |
| gain-within | accuracy of "of" minus "against" where "within" holds, points | paired bootstrap |
| gain-contrast | the same where "within" holds, minus where not, points | bootstrap, each side |
| shortfall | accuracy of "of" minus the best of answers "line[A, N]" | bootstrap over images |
| sway | range of accuracy along an axis of answers[A, B, N], points | bootstrap over images |
| regret | the most that one a for all b of answers[A, B, N] loses, points | bootstrap over images |
| best-at | the value along an axis at the best point of answers[A, B, N] | bootstrap over images |
| agreement | adjusted Rand index of two groupings, a ratio | none: exact |
| lowest, highest | an end of "of", in a unit that the caller names | none: exact |
| rows, distinct | how many rows, or distinct values; a count | none: exact |
| quotient | rows of "of" over rows of "by", a ratio | none: exact |
| part | rows of "of" in rows of "by", percent | none: exact |
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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
from fgnb.metrics.gains import gain_contrast
from fgnb.metrics.grid import accuracy_range, best_value, calibration_interval, gap_to_best, regret
from fgnb.metrics.grouping import adjusted_rand
from fgnb.report.provenance import Provenance
from fgnb.report.results import Result, ResultError, record

Arrays = Mapping[str, Any]
EXACT_MCNEMAR = "exact McNemar"
KINDS = {
    "accuracy": ("of", "labels"),
    "topn": ("of", "labels", "n"),
    "difference": ("of", "against", "labels"),
    "rectified": ("of", "against", "labels"),
    "spoiled": ("of", "against", "labels"),
    "mean-top1": ("of",),
    "share": ("of",),
    "unpaired": ("of", "against"),
    "mean": ("of",),
    "mean-share": ("of",),
    "excess": ("of", "against"),
    "calibration": ("of", "answers", "labels"),
    "gain-within": ("of", "against", "labels", "within"),
    "gain-contrast": ("of", "against", "labels", "within"),
    "shortfall": ("of", "line", "labels"),
    "sway": ("of", "labels", "axis"),
    "regret": ("of", "labels"),
    "best-at": ("of", "labels", "axis", "values"),
    "agreement": ("of", "against"),
    "lowest": ("of",),
    "highest": ("of",),
    "rows": ("of",),
    "distinct": ("of",),
    "quotient": ("of", "by"),
    "part": ("of", "by"),
}
UNIT_OF = {
    **dict.fromkeys(("accuracy", "topn", "share", "mean-share"), "percent"),
    **dict.fromkeys(("difference", "unpaired", "excess", "sway", "regret"), "points"),
    **dict.fromkeys(("gain-within", "gain-contrast", "shortfall"), "points"),
    **dict.fromkeys(("mean", "best-at", "lowest", "highest"), "none"),
    **dict.fromkeys(("mean-top1", "calibration", "agreement"), "ratio"),
    **dict.fromkeys(("rectified", "spoiled", "rows", "distinct"), "count"),
    **{"quotient": "ratio", "part": "percent"},
}


class Derived(NamedTuple):
    """A number and its interval in the unit of its kind, over n images."""

    value: float
    interval: tuple[float, float]
    n: int


def derive(derivation: Mapping[str, Any], arrays: Arrays) -> Derived:
    """The number that `derivation` names.

    Raises:
        ResultError: an unknown kind, a missing key or array.
    """
    kind = derivation.get("kind")
    if kind not in KINDS:
        raise ResultError(f"derivation kind is {kind!r}, needs one of {', '.join(KINDS)}")
    if set(derivation) != {"kind", *KINDS[kind]}:
        raise ResultError(
            f"derivation {kind!r} has the keys {', '.join(sorted(derivation))}; "
            f"needs kind, {', '.join(KINDS[kind])}"
        )
    if kind in ("rows", "distinct"):
        values = _array(arrays, derivation["of"])
        count = float(len(values) if kind == "rows" else len(np.unique(values)))
        return Derived(count, (count, count), len(values))
    if kind == "agreement":
        groups, others = (_array(arrays, derivation[name]) for name in ("of", "against"))
        alike = adjusted_rand(groups, others)
        return Derived(alike, (alike, alike), len(groups))
    if kind in ("quotient", "part"):
        rows, whole = (len(_array(arrays, derivation[name])) for name in ("of", "by"))
        value = (100.0 if kind == "part" else 1.0) * rows / whole
        return Derived(value, (value, value), whole)
    if kind in ("lowest", "highest"):
        values = _array(arrays, derivation["of"])
        end = float(values.min() if kind == "lowest" else values.max())
        return Derived(end, (end, end), len(values))
    if kind == "mean-top1":
        return _mean(_array(arrays, derivation["of"]).max(axis=1).astype(np.float64))
    if kind in ("share", "unpaired", "mean", "mean-share", "excess"):
        return _of_images(str(kind), derivation, arrays)
    if kind == "calibration":
        right = correct(arrays, derivation["answers"], derivation["labels"])
        found = calibration_interval(_array(arrays, derivation["of"]), right)
        return Derived(found.value, (found.low, found.high), len(right))
    if kind in ("sway", "regret", "best-at"):
        return _of_grid(str(kind), derivation, arrays)
    if kind in ("gain-within", "gain-contrast", "shortfall"):
        return _of_gain(str(kind), derivation, arrays)
    if kind == "topn":
        scores, labels = _array(arrays, derivation["of"]), _array(arrays, derivation["labels"])
        return _share(true_class_ranks(scores, labels) < int(derivation["n"]), 100.0)
    right = correct(arrays, derivation["of"], derivation["labels"])
    if kind == "accuracy":
        return _share(right, 100.0)
    other = correct(arrays, derivation["against"], derivation["labels"])
    if kind == "difference":
        return _gain(right, other)
    moved = (~other & right) if kind == "rectified" else (other & ~right)
    return _share(moved, float(len(moved)))


def measure(
    claim_id: str,
    derivation: Mapping[str, Any],
    arrays: Arrays,
    *,
    provenance: Provenance,
    label: str = "",
    unit: str | None = None,
    settings: Mapping[str, Any] | None = None,
    selected_on: str = "",
    against: Mapping[str, str] | None = None,
) -> Result:
    """Derive a number from arrays and record it, with its paired tests.

    Args:
        claim_id: id in the ledger, or "own.<...>".
        derivation: see the table of this module.
        arrays: what `save` will keep.
        provenance: of `fgnb.report.collect`.
        label: the row's name on a page.
        unit: the ledger's word for the same unit, where it has another ("none" for a ratio).
        settings: what the method was set to.
        selected_on: which images the settings were chosen on.
        against: claim id -> name of the array of that method's scores or predictions; each is
            compared with "of" by an exact McNemar test.
    """
    found = derive(derivation, arrays)
    tests = [
        compare(claim, derivation["of"], array, derivation["labels"], arrays)
        for claim, array in (against or {}).items()
    ]
    return record(
        claim_id,
        found.value,
        interval=found.interval,
        n=found.n,
        provenance=provenance,
        unit=unit or UNIT_OF[str(derivation["kind"])],
        label=label,
        settings=settings,
        selected_on=selected_on,
        comparisons=tests,
        derivation=derivation,
    )


def compare(with_claim: str, of: str, against: str, labels: str, arrays: Arrays) -> dict[str, Any]:
    """An exact McNemar test of two methods on the same images.

    Returns:
        with, test, p, difference (points, "of" minus "against"), changed (answers that exactly one
        of the two gets right), detectable (points: the smallest significant difference at this
        many changed answers; None where none is), and the arrays' names.
    """
    ours, theirs = correct(arrays, of, labels), correct(arrays, against, labels)
    moved = changes(theirs, ours)
    changed = moved.rectified + moved.spoiled
    step = detectable_step(len(ours), changed / len(ours))
    return {
        "with": with_claim,
        "test": EXACT_MCNEMAR,
        "p": mcnemar(ours, theirs),
        "difference": 100 * moved.net / len(ours),
        "rectified": moved.rectified,
        "spoiled": moved.spoiled,
        "changed": changed,
        "detectable": 100 * step if math.isfinite(step) else None,
        "of": of,
        "against": against,
        "labels": labels,
    }


def rederive(result: Result, arrays: Arrays) -> tuple[float, tuple[float, float]]:
    """Value and interval of a recorded result, from its arrays alone.

    Raises:
        ResultError: the result says not how it was derived, or an array is missing.
    """
    if result.derivation is None:
        raise ResultError(f"result {result.claim!r} has no derivation: it can't be re-derived")
    found = derive(result.derivation, arrays)
    return found.value, found.interval


def rederive_comparisons(result: Result, arrays: Arrays) -> Sequence[dict[str, Any]]:
    """The paired tests of a recorded result, from its arrays alone."""
    return [
        compare(test["with"], test["of"], test["against"], test["labels"], arrays)
        for test in result.comparisons
    ]


def correct(arrays: Arrays, of: str, labels: str) -> np.ndarray:
    """bool[N]: where the scores or predictions named `of` name the true class."""
    answers, truth = _array(arrays, of), _array(arrays, labels)
    if answers.ndim == 2:
        return np.asarray(true_class_ranks(answers, truth) == 0)
    if answers.shape != truth.shape:
        raise ResultError(
            f"array {of!r} has shape {answers.shape}, {labels!r} has {truth.shape}; needs the same"
        )
    return np.asarray(answers == truth)


def _array(arrays: Arrays, name: Any) -> np.ndarray:
    if name not in arrays:
        raise ResultError(f"no array {name!r}; there are {', '.join(sorted(arrays))}")
    return np.asarray(arrays[name])


def _of_images(kind: str, derivation: Mapping[str, Any], arrays: Arrays) -> Derived:
    """The kinds that rest on one value an image, not on answers."""
    values = _array(arrays, derivation["of"])
    if kind == "share":
        return _share(values.astype(bool), 100.0)
    if kind == "unpaired":
        return _newcombe(values.astype(bool), _array(arrays, derivation["against"]).astype(bool))
    if kind == "excess":
        values = values - _array(arrays, derivation["against"])
    scale = 1.0 if kind == "mean" else 100.0
    value, low, high = mean_interval(values)
    return Derived(scale * value, (scale * low, scale * high), len(values))


def _of_gain(kind: str, derivation: Mapping[str, Any], arrays: Arrays) -> Derived:
    """The kinds that ask on which images a method gains, or at which threshold."""
    right = correct(arrays, derivation["of"], derivation["labels"])
    if kind == "shortfall":
        line, truth = _array(arrays, derivation["line"]), _array(arrays, derivation["labels"])
        if line.ndim != 2 or line.shape[1:] != truth.shape:
            raise ResultError(
                f"array {derivation['line']!r} has shape {line.shape}; needs (A, {len(truth)})"
            )
        found = gap_to_best(right, line == truth)
    else:
        other = correct(arrays, derivation["against"], derivation["labels"])
        within = _array(arrays, derivation["within"]).astype(bool)
        if kind == "gain-within":
            return _gain(right[within], other[within])
        found = gain_contrast(right, other, within)
    return Derived(100 * found.value, (100 * found.low, 100 * found.high), len(right))


def _gain(right: np.ndarray, other: np.ndarray) -> Derived:
    """Difference of two accuracies on the same images, by a paired bootstrap."""
    found = bootstrap(right[None], other[None])
    ends = (min(found.low, found.value), max(found.high, found.value))
    return Derived(100 * found.value, (100 * ends[0], 100 * ends[1]), len(right))


def _of_grid(kind: str, derivation: Mapping[str, Any], arrays: Arrays) -> Derived:
    """The kinds that rest on the predicted classes at every point of a grid, ``[A, B, N]``."""
    answers, truth = _array(arrays, derivation["of"]), _array(arrays, derivation["labels"])
    if answers.ndim != 3 or answers.shape[2:] != truth.shape:
        raise ResultError(
            f"array {derivation['of']!r} has shape {answers.shape}; needs (A, B, {len(truth)})"
        )
    right, scale = answers == truth, 100.0
    if kind == "sway":
        found = accuracy_range(right, int(derivation["axis"]))
    elif kind == "regret":
        found = regret(right)
    else:
        values, scale = _array(arrays, derivation["values"]), 1.0
        found = best_value(right, values, int(derivation["axis"]))
    return Derived(scale * found.value, (scale * found.low, scale * found.high), len(truth))


def _newcombe(hits: np.ndarray, others: np.ndarray) -> Derived:
    """Difference of two independent shares, by their Wilson intervals (Newcombe 1998, no. 10)."""
    (a, (a_low, a_high), n), (b, (b_low, b_high), m) = _share(hits, 100.0), _share(others, 100.0)
    low = a - b - math.hypot(a - a_low, b_high - b)
    return Derived(a - b, (low, a - b + math.hypot(a_high - a, b - b_low)), n + m)


def _share(hits: np.ndarray, scale: float) -> Derived:
    k, n = int(hits.sum()), len(hits)
    low, high = wilson(k, n)
    return Derived(scale * k / n, (scale * low, scale * high), n)


def _mean(values: np.ndarray) -> Derived:
    mean, n = float(values.mean()), len(values)
    half = 1.96 * float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    return Derived(mean, (mean - half, mean + half), n)
