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
| rows, distinct | how many rows, or distinct values; a count | none: exact |
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
    "rows": ("of",),
    "distinct": ("of",),
}
UNIT_OF = {
    **dict.fromkeys(("accuracy", "topn"), "percent"),
    "difference": "points",
    "mean-top1": "ratio",
    **dict.fromkeys(("rectified", "spoiled", "rows", "distinct"), "count"),
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
    if kind == "mean-top1":
        return _mean(_array(arrays, derivation["of"]).max(axis=1).astype(np.float64))
    if kind == "topn":
        scores, labels = _array(arrays, derivation["of"]), _array(arrays, derivation["labels"])
        return _share(true_class_ranks(scores, labels) < int(derivation["n"]), 100.0)
    right = correct(arrays, derivation["of"], derivation["labels"])
    if kind == "accuracy":
        return _share(right, 100.0)
    other = correct(arrays, derivation["against"], derivation["labels"])
    if kind == "difference":
        found = bootstrap(right[None], other[None])
        ends = (min(found.low, found.value), max(found.high, found.value))
        return Derived(100 * found.value, (100 * ends[0], 100 * ends[1]), len(right))
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


def _share(hits: np.ndarray, scale: float) -> Derived:
    k, n = int(hits.sum()), len(hits)
    low, high = wilson(k, n)
    return Derived(scale * k / n, (scale * low, scale * high), n)


def _mean(values: np.ndarray) -> Derived:
    mean, n = float(values.mean()), len(values)
    half = 1.96 * float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    return Derived(mean, (mean - half, mean + half), n)
