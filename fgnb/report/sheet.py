"""A sheet: the rows that were measured on one set, and the numbers that follow from them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from fgnb import claims
from fgnb.metrics import holm
from fgnb.report import kinds, readings
from fgnb.report.records import NONE, Provenance, Record

OWN = "own."
SETS = {"cub": "CUB-200-2011", "aircraft": "FGVC-Aircraft", "cars": "Stanford Cars"}
_SPELLED = {"cub": ("cub2002011", "cub200"), "cars": ("stanfordcars",)}
_SPELLED["aircraft"] = ("fgvcaircraft", "aircraft")
ORDER = ("published", "official", "subset", "drawn")


@dataclass(frozen=True)
class Number:
    """A number of a page.

    Attributes:
        claim: id of the ledger's entry, or of our own; ``{set}`` stands for the set's short name.
        label: its name on the page.
        rule: how it follows, e.g. ``kinds.accuracy("fusion")``.
        short: the claim in a few words, for the page's "in short"; empty for none.
        expect: the sign that the claim expects of a difference, or 0 where it names none.
        unit: the ledger's word for the unit, where the kind has another.
        published: the ledger's id of the published value where the claim has none of its own; or
            two ids, whose difference it is.
    """

    claim: str
    label: str
    rule: kinds.Rule
    short: str = ""
    expect: int = 1
    unit: str = ""
    published: tuple[str, ...] = ()

    @property
    def units(self) -> str:
        """Its unit."""
        return self.unit or self.rule.kind.unit

    @property
    def read(self) -> bool:
        """Whether a reading stands beside it."""
        return bool(self.rule.kind.signed and self.expect)


@dataclass
class Sheet:
    """Rows of one set, measured under one protocol.

    Attributes:
        paper: whose rows they are.
        rows: name -> record.
        recorded: whether they were read from results/recorded.
        title: of former recordings, "" for what stands.
    """

    paper: str
    rows: dict[str, Record] = field(default_factory=dict)
    recorded: bool = False
    title: str = ""

    @property
    def origin(self) -> Provenance:
        """The provenance of the first row: what all share of set and protocol."""
        return next(iter(self.rows.values())).origin

    @property
    def slug(self) -> str:
        """The ledger's word for the published set that this one stands for."""
        return short_name(self.origin.dataset)

    @property
    def measured(self) -> dict[str, Record]:
        """The rows that follow from no other."""
        return {name: row for name, row in self.rows.items() if not row.derived}

    @property
    def network(self) -> str:
        """Network, size, frozen part and seeds of most rows in a few words; empty without one."""
        origins = [row.origin for row in self.rows.values() if row.origin.backbone != NONE]
        if not origins:
            return ""

        def usual(name: str) -> Any:
            known = [str(o.spec[name]) for o in origins if name in o.spec]
            return max(known, key=known.count) if known else ""

        size, cut = usual("image_size"), usual("cut")
        seeds = ", ".join(sorted({str(seed) for o in origins for seed in o.seeds}))
        parts = [origins[0].backbone, f"{size} px" * bool(size)]
        parts += [f"frozen to stride {cut}" * (cut not in ("", "1")), f"seed {seeds}"]
        return ", ".join(part for part in parts if part)

    def add(self, record: Record) -> None:
        """Add a row that was measured.

        Raises:
            ValueError: a row of another set than the others.
        """
        if self.rows and record.origin.manifest != self.origin.manifest:
            raise ValueError(
                f"row {record.row!r} was measured on {record.origin.dataset_title}, the others of "
                f"this sheet on {self.origin.dataset_title}"
            )
        self.rows[record.row] = record

    def derive(self, row: str, like: str, **arrays: Any) -> None:
        """Add a row that follows from ``like``: other answers to the same images."""
        base = self.rows[like]
        own = {k: v for k, v in base.arrays.items() if k in ("ids", "labels")}
        made = {name: np.asarray(array) for name, array in arrays.items()}
        self.rows[row] = Record(self.paper, row, {**own, **made}, base.origin, derived=True)

    def array(self, reference: str) -> np.ndarray | None:
        """The array behind ``row`` (its answers), ``row/array`` or ``row/@field`` of its origin."""
        row, _, name = reference.partition("/")
        if row not in self.rows:
            return None
        record = self.rows[row]
        if name.startswith("@"):
            value = getattr(record.origin, name[1:], record.origin.spec.get(name[1:]))
            return None if value is None else np.array([float(value)])
        return record.arrays.get(name or "classes")

    def labels(self, reference: str) -> np.ndarray | None:
        """The true classes of the images behind a reference."""
        row, _, name = reference.partition("/")
        held_out = "held_out_" if name.startswith("held_out_") else ""
        return self.rows[row].arrays.get(f"{held_out}labels") if row in self.rows else None

    def claim(self, number: Number) -> str:
        """The id under which a number stands here: the ledger's, where its set is this one."""
        wanted = number.claim.format(set=self.slug)
        entry = entry_of(wanted)
        if entry is None:
            return wanted if wanted.startswith(OWN) else f"{OWN}{wanted}"
        # A level or a step of one set is no other's; a figure or a claim in words is anybody's.
        if number.rule.kind.name in ("accuracy", "difference") and not _of_set(entry, self.slug):
            return f"{OWN}{wanted}.{self.slug}"
        return wanted

    def numbers(self, wanted: Iterable[Number]) -> pd.DataFrame:
        """One line a number that this sheet can give; see `COLUMNS`.

        p-values are corrected over the signed numbers among ``wanted``, each pair of rows once:
        they are the claims of one table.
        """
        lines = []
        for number in wanted:
            found = number.rule(self)
            if found is not None:
                lines.append(self._line(number, found))
        table = pd.DataFrame(lines, columns=COLUMNS)
        return _read(table)

    def _line(self, number: Number, found: kinds.Estimate) -> dict[str, Any]:
        test, claim = found.test, self.claim(number)
        p = readings.p_of(found) if number.read else np.nan
        return {
            "claim": claim,
            "label": number.label,
            "short": number.short,
            "kind": number.rule.kind.name,
            "rule": str((number.rule.references, sorted(number.rule.options.items()))),
            "unit": number.units,
            **found._asdict(),
            "test": None if test is None else test._asdict(),
            "p": p,
            "p_holm": np.nan,
            "detectable": readings.detectable(found),
            "published": published_value(number, claim, self.slug),
            "expect": number.expect if number.read else 0,
            "reading": "",
            "set": self.slug,
            "title": self.origin.dataset_title,
            "protocol": self.origin.protocol,
            "recorded": self.recorded,
        }


COLUMNS = (
    *("claim", "label", "short", "kind", "rule", "unit", "value", "low", "high", "n", "test", "p"),
    *("p_holm", "detectable", "published", "expect", "reading", "set", "title", "protocol"),
    "recorded",
)


def _read(table: pd.DataFrame) -> pd.DataFrame:
    """Correct the p-values, each rule once, and read every number that a claim is about."""
    read = table[table["expect"] != 0]
    if len(read):
        once = read.drop_duplicates(["kind", "rule"])
        corrected = dict(
            zip(zip(once["kind"], once["rule"], strict=True), holm(once["p"]), strict=True)
        )
        table.loc[read.index, "p_holm"] = [
            corrected[key] for key in zip(read["kind"], read["rule"], strict=True)
        ]
    table["reading"] = [readings.read(line) for line in table.to_dict("records")]
    return table


def short_name(dataset: str) -> str:
    """The ledger's word for the published set that a set stands for.

    >>> short_name("drawn-cars"), short_name("drawn-control"), short_name("aircraft")
    ('cars', 'cub', 'aircraft')

    Raises:
        ValueError: a set that no published one belongs to.
    """
    kind = dataset.removeprefix("drawn").removeprefix("-")
    kind = "cub" if kind in ("", "control") else kind
    if kind not in SETS:
        raise ValueError(f"dataset is {dataset!r}, needs one of {', '.join(SETS)}, drawn or real")
    return kind


def entry_of(claim: str) -> Any:
    """The ledger's entry; None without one."""
    ledger = claims.load()
    return ledger[claim] if claim in ledger else None  # noqa: SIM401 (it has no get)


def published_value(number: Number, claim: str, slug: str) -> float:
    """The published value of a number, or the difference of two published ones; nan without."""
    pair = [entry_of(name.format(set=slug)) for name in number.published if name]
    if pair and all(e is not None and e.value is not None and _of_set(e, slug) for e in pair):
        return round(float(pair[0].value) - sum(float(e.value) for e in pair[1:]), 6)
    entry = entry_of(claim)
    return float("nan") if entry is None or entry.value is None else float(entry.value)


def _of_set(entry: Any, slug: str) -> bool:
    """Whether an entry is about the set of that short name, or about none in particular."""
    known = re.sub(r"[^a-z0-9]", "", str(entry.dataset).lower())
    return entry.kind != "number" or known in ("", "none") or known in _SPELLED[slug]
