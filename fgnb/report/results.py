"""A measured number with everything that a page needs beside it.

`record` validates one and writes nothing; `fgnb.report.files.save` writes those of a notebook.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from fgnb.report.provenance import Provenance, ProvenanceError

UNITS = ("percent", "points", "count", "pixels", "fps", "seconds", "ratio", "none")
OWN = "own."
_NEEDED = ("claim", "value", "interval", "n", "unit", "label", "provenance")


class ResultError(ValueError):
    """A result that can't be recorded or read; the message names the claim and the field."""


@dataclass(frozen=True)
class Result:
    """One number, its interval and where it comes from.

    Attributes:
        claim: id of the ledger entry that it answers, or "own.<...>" for a row without one.
        value: in `unit`; an accuracy is in percent.
        interval: (low, high) at 95 %, in `unit`; holds `value`.
        n: number of images (or trials) behind it.
        unit: one of `UNITS`.
        label: the row's name on a page.
        settings: what the method was set to, e.g. {"t_sf": 0.71}.
        selected_on: which images the settings were chosen on, e.g. "held-out training images".
        comparisons: paired tests: {"with", "test", "p", "difference", "detectable", ...}.
        derivation: how value and tests follow from the saved arrays (`fgnb.report.derive`).
        provenance: complete, or the result doesn't exist.
        source: the file that it was read from, below its root; empty when just measured.
        recorded: True where it was read from results/recorded/.
        total_reads: reads of the test set by this and earlier recordings of the configuration.
    """

    claim: str
    value: float
    interval: tuple[float, float]
    n: int
    unit: str
    label: str
    provenance: Provenance
    settings: dict[str, Any] = field(default_factory=dict)
    selected_on: str = ""
    comparisons: tuple[dict[str, Any], ...] = ()
    derivation: dict[str, Any] | None = None
    source: str = ""
    recorded: bool = False
    total_reads: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The JSON mapping of a file; where it was read from is no part of it."""
        kept = asdict(self)
        for name in ("source", "recorded", "total_reads"):
            del kept[name]
        return kept


def record(
    claim_id: str,
    value: float,
    *,
    interval: Sequence[float],
    n: int,
    provenance: Provenance,
    unit: str = "percent",
    label: str = "",
    settings: Mapping[str, Any] | None = None,
    selected_on: str = "",
    comparisons: Sequence[Mapping[str, Any]] = (),
    derivation: Mapping[str, Any] | None = None,
) -> Result:
    """A validated `Result`; nothing is written before `save`.

    Args:
        claim_id: id in the ledger, or "own.<...>".
        value: in `unit`, finite.
        interval: (low, high) in `unit`; must hold `value`.
        n: images or trials behind the number, at least 1.
        provenance: of `fgnb.report.collect`.
        unit: one of `UNITS`.
        label: the row's name; the ledger's method (or the id) when empty.
        settings: plain values.
        selected_on: which images the settings were chosen on.
        comparisons: paired tests with other claims.
        derivation: how it follows from the arrays that `save` keeps.

    Raises:
        ResultError: names the claim, the argument, what it was and what it needs to be.
    """
    entry = known_claim(claim_id)
    where = f"result {claim_id!r}"
    if not isinstance(provenance, Provenance):
        raise ResultError(f"{where}: provenance is {provenance!r}, needs a Provenance")
    if unit not in UNITS:
        raise ResultError(f"{where}: unit is {unit!r}, needs one of {', '.join(UNITS)}")
    if entry is not None and entry.unit and entry.unit != unit:
        raise ResultError(f"{where}: unit is {unit!r}, the ledger's entry is in {entry.unit!r}")
    number = _finite(where, "value", value)
    if len(interval) != 2:
        raise ResultError(f"{where}: interval is {interval!r}, needs (low, high)")
    low, high = (_finite(where, "interval", end) for end in interval)
    slack = 1e-9 * max(1.0, abs(number))
    if not low - slack <= number <= high + slack:
        raise ResultError(f"{where}: the interval {low:g} to {high:g} does not hold {number:g}")
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ResultError(f"{where}: n is {n!r}, needs a whole number of at least 1")
    return Result(
        claim=claim_id,
        value=number,
        interval=(low, high),
        n=int(n),
        unit=unit,
        label=label or row_name(entry) or claim_id,
        provenance=provenance,
        settings=_plain(where, "settings", dict(settings or {})),
        selected_on=selected_on,
        comparisons=tuple(_plain(where, "comparisons", dict(item)) for item in comparisons),
        derivation=None if derivation is None else _plain(where, "derivation", dict(derivation)),
    )


def from_dict(given: Any) -> Result:
    """The result of a JSON mapping.

    Raises:
        ResultError, ProvenanceError: a field is missing or wrong; the message names it.
    """
    if not isinstance(given, Mapping):
        raise ResultError("a result is no mapping")
    missing = next((name for name in _NEEDED if given.get(name) in (None, "")), None)
    if missing == "provenance":
        raise ProvenanceError("provenance is missing")
    if missing is not None:
        raise ResultError(f"lacks {missing}")
    known = (*_NEEDED, "settings", "selected_on", "comparisons", "derivation")
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ResultError(f"has the unknown field {', '.join(unknown)}")
    rest = {name: given[name] for name in known if name in given}
    provenance = Provenance.from_dict(rest.pop("provenance"))
    return record(rest.pop("claim"), rest.pop("value"), provenance=provenance, **rest)


def known_claim(claim_id: str) -> Any:
    """The ledger's entry, or None for an own id.

    Raises:
        ResultError: neither.
    """
    from fgnb import claims

    ledger = claims.load()
    if isinstance(claim_id, str) and claim_id in ledger:
        return ledger[claim_id]
    if isinstance(claim_id, str) and claim_id.startswith(OWN) and len(claim_id) > len(OWN):
        return None
    raise ResultError(
        f"no ledger entry {claim_id!r}; a row without a published counterpart has an id that "
        f"begins with {OWN!r}"
    )


def row_name(entry: Any) -> str:
    """What a row of a ledger entry is called: its method, else its metric, else its text."""
    if entry is None:
        return ""
    named = (text for text in (entry.method, entry.metric, entry.text) if text not in ("", "none"))
    return str(next(named, entry.id))


def _finite(where: str, name: str, value: Any) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise ResultError(f"{where}: {name} is {value!r}, needs a number")
    if not math.isfinite(value):
        raise ResultError(f"{where}: {name} is {value!r}, needs a finite number")
    return float(value)


def _plain(where: str, name: str, value: Any) -> Any:
    """Plain JSON values out of numbers of numpy, tuples and mappings."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return _finite(where, name, value)
    if isinstance(value, Mapping):
        return {str(key): _plain(where, name, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(where, name, item) for item in value]
    raise ResultError(f"{where}: {name} holds a {type(value).__name__}, needs plain values")
