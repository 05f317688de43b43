"""How numbers are printed, and when a number may be judged against a published one."""

from __future__ import annotations

import re
from typing import Any

from fgnb.report.results import Result

_SIGN = {"percent": " %", "points": " points", "pixels": " px", "fps": " frames/s", "seconds": " s"}
# The names that pages give the sets of `fgnb.data`, without case and punctuation.
_SETS = {
    "cub": ("cub2002011", "cub200"),
    "cars": ("stanfordcars",),
    "aircraft": ("fgvcaircraft", "aircraft"),
}
NOT_COMPARABLE = "not comparable"


def number(value: float, unit: str) -> str:
    """A measured number with its unit: accuracies to two decimals, counts whole.

    >>> number(80.2751, "percent")
    '80.28 %'
    """
    return bare(value, unit) + _SIGN.get(unit, "")


def bare(value: float, unit: str) -> str:
    """A measured number without its unit."""
    if unit == "count":
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    if unit in ("percent", "points"):
        return f"{value:.2f}"
    return f"{value:.3g}"


def published(entry: Any) -> str:
    """The ledger's value as printed, with its unit; a dash without one."""
    if entry is None or entry.value is None:
        return "unreadable" if entry is not None and entry.unreadable else "–"
    text = f"{entry.value:,.0f}" if entry.unit == "count" else f"{entry.value:g}"
    if entry.unit in ("percent", "points") and "." not in text:
        text += ".0"
    return text + _SIGN.get(entry.unit, "")


def interval(result: Result) -> str:
    """The 95 % interval: "77.8 to 82.5"; "exact" where it has no width."""
    low, high = result.interval
    if low == high:
        return "exact"
    digits = {"percent": 1, "points": 2, "count": 0}.get(result.unit)
    if digits is None:
        return f"{low:.3g} to {high:.3g}"
    return f"{low:.{digits}f} to {high:.{digits}f}"


def signed(difference: float) -> str:
    """A difference with its sign and a true minus: "+0.70", "−0.10"."""
    text = f"{difference:+.2f}"
    return text.replace("-", "−")


def verdict(entry: Any, result: Result) -> str:
    """Whether we are "within", "over" or "under" the published number; else "not comparable".

    A verdict exists only where protocol and data set are the published ones. The published number
    is rounded as printed, so half a unit of its last digit is granted to it on either side.
    """
    if entry is None or entry.value is None:
        return "–"
    if result.provenance.protocol != "published" or not same_set(entry, result):
        return NOT_COMPARABLE
    if entry.unit != result.unit:
        return NOT_COMPARABLE
    low, high = result.interval
    half = 0.0
    if entry.unit in ("percent", "points"):
        half = 0.5 * 10.0 ** -len(repr(float(entry.value)).partition(".")[2])
    if entry.value > high + half:
        return "under"
    return "over" if entry.value < low - half else "within"


def slug(dataset: str) -> str:
    """The ledger's word for the published set that a set stands for.

    >>> slug("drawn-cars"), slug("drawn-control"), slug("aircraft")
    ('cars', 'cub', 'aircraft')

    Raises:
        ValueError: a set that no published one belongs to.
    """
    kind = dataset.removeprefix("drawn").removeprefix("-")
    if kind in ("", "control"):
        kind = "cub"
    if kind not in _SETS:
        raise ValueError(f"dataset is {dataset!r}, needs one of {', '.join(_SETS)}, drawn or real")
    return kind


def same_set(entry: Any, result: Result) -> bool:
    """Whether the ledger's data set is the one that the result was measured on."""
    wanted = re.sub(r"[^a-z0-9]", "", str(entry.dataset).lower())
    return wanted in _SETS.get(result.provenance.dataset, ())


def p_value(p: float) -> str:
    """A p-value: three decimals, or "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
