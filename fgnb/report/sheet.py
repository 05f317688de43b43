"""A sheet: the rows that were measured on one set, and the numbers that follow from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from fgnb import claims
from fgnb.metrics import holm
from fgnb.report import kinds, readings
from fgnb.report.records import LOGISTIC, NONE, PROTOCOLS, Provenance, Record

OWN = "own."
SETS = {"cub": "CUB-200-2011", "aircraft": "FGVC-Aircraft", "cars": "Stanford Cars"}
ORDER = tuple(PROTOCOLS)
COLUMNS = (
    *("claim", "label", "short", "kind", "rule", "unit", "value", "low", "high", "n", "test", "p"),
    *("p_holm", "detectable", "would_show", "published", "expect", "reading", "set", "title"),
    *("protocol", "recorded"),
)


@dataclass(frozen=True)
class Number:
    """A number of a page."""

    claim: str  # id of the ledger's entry, or of our own; "{set}" is the set's short name
    label: str  # its name on the page
    rule: kinds.Rule  # how it follows, e.g. kinds.accuracy("fusion")
    short: str = ""  # the claim in a few words, for the page's "in short"; empty for none
    expect: int = 1  # the sign that the claim expects of a difference; 0 where it names none
    unit: str = ""  # the ledger's word for the unit, where the kind has another
    # Id of the published value where the claim has none, or two ids, whose difference it is.
    published: tuple[str, ...] = ()

    @property
    def read(self) -> bool:
        """Whether a reading stands beside it."""
        return bool(self.rule.kind.signed and self.expect)

    @property
    def follows(self) -> tuple[str, str]:
        """The kind's name, and arguments and options as text: equal where the value is."""
        rule = self.rule
        return rule.kind.name, str((rule.references, sorted(rule.options.items())))


@dataclass
class Sheet:
    """Rows of one set, measured under one protocol."""

    paper: str
    rows: dict[str, Record] = field(default_factory=dict)  # by name
    recorded: bool = False  # whether they were read from results/recorded
    title: str = ""  # of former recordings; empty for what stands
    regime: str = ""  # how its recorded rows were trained, in words; see `fgnb.report.regimes`
    former: str = ""  # its regime, where a newer one stands; else empty
    before: list[Sheet] = field(default_factory=list)  # superseded, a sheet a day, newest first
    seeds: list[Sheet] = field(default_factory=list)  # the same rows trained with further seeds
    others: tuple[Sheet, ...] = ()  # what else stands of the paper
    reads: int = 0  # readings of its test images by every record of every paper

    @property
    def origin(self) -> Provenance:
        """The provenance of the first row: what all share of set and protocol."""
        return next(iter(self.rows.values())).origin

    @property
    def set_name(self) -> str:
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

        def usual(name: str) -> str:
            known = [str(o.spec[name]) for o in origins if name in o.spec]
            return max(known, key=known.count, default="")

        size, cut = usual("image_size"), usual("cut")
        parts = [origins[0].backbone, *[f"{size} px"] * bool(size)]
        parts += [f"frozen to stride {cut}"] * (cut not in ("", "1") and not self.regime)
        seeds = sorted({str(seed) for origin in origins for seed in origin.seeds})
        return ", ".join([*parts, f"seed {', '.join(seeds)}"])

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
        own = {name: base.arrays[name] for name in base.arrays if name in ("ids", "labels")}
        own |= {name: np.asarray(array) for name, array in arrays.items()}
        self.rows[row] = Record(self.paper, row, own, base.origin, derived=True)

    def derive_start(self, like: str) -> None:
        """Add the row of the logistic regression that a plain row starts from, where it is kept."""
        if like in self.rows and LOGISTIC in self.rows[like].arrays:
            self.derive(LOGISTIC, like, classes=self.rows[like].arrays[LOGISTIC])

    def array(self, reference: str) -> np.ndarray | None:
        """The array behind ``row`` (its answers), ``row/array`` or ``row/@field`` of its origin."""
        row, _, name = reference.partition("/")
        record = self.rows.get(row)
        if record is None:
            return None
        if not name.startswith("@"):
            return record.arrays.get(name or "classes")
        value = getattr(record.origin, name[1:], record.origin.spec.get(name[1:]))
        return None if value is None else np.array([float(value)])

    def labels(self, reference: str) -> np.ndarray | None:
        """The true classes of the images behind a reference."""
        row, _, name = reference.partition("/")
        return self.array(f"{row}/{'held_out_' * name.startswith('held_out_')}labels")

    def claim(self, number: Number) -> str:
        """The id under which a number stands here: the ledger's, where its set is this one."""
        wanted = number.claim.format(set=self.set_name)
        entry = entry_of(wanted)
        if entry is None:
            return wanted if wanted.startswith(OWN) else f"{OWN}{wanted}"
        # A level or a step of one set is no other's; a figure or a claim in words is anybody's.
        if number.rule.kind.name in ("accuracy", "difference") and not _of_set(
            entry, self.set_name
        ):
            return f"{OWN}{wanted}.{self.set_name}"
        return wanted

    def numbers(self, wanted: Iterable[Number]) -> pd.DataFrame:
        """One line a number that this sheet can give; see `COLUMNS`.

        p-values are corrected over the signed numbers among ``wanted``, each pair of rows once:
        they are the claims of one table.
        """
        known = [(n, estimate) for n in wanted if (estimate := n.rule(self)) is not None]
        p = {number.follows: readings.p_of(estimate) for number, estimate in known if number.read}
        corrected = dict(zip(p, holm(list(p.values())), strict=True))
        lines = []
        for number, estimate in known:
            claim, (kind, rule) = self.claim(number), number.follows
            line = {
                **{"claim": claim, "label": number.label, "short": number.short},
                **{"kind": kind, "rule": rule, "unit": number.unit or number.rule.kind.unit},
                **estimate._asdict(),
                "test": estimate.test and estimate.test._asdict(),
                "p": p[kind, rule] if number.read else np.nan,
                "p_holm": corrected[kind, rule] if number.read else np.nan,
                "detectable": readings.detectable(estimate, number.rule.kind.signed),
                "would_show": readings.would_show(estimate, number.rule.kind.signed),
                "published": published_value(number, claim, self.set_name),
                "expect": number.expect if number.read else 0,
                **{"set": self.set_name, "title": self.origin.dataset_title},
                **{"protocol": self.origin.protocol, "recorded": self.recorded},
            }
            lines.append({**line, "reading": readings.read(line)})
        return pd.DataFrame(lines, columns=list(COLUMNS))


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


def published_value(number: Number, claim: str, set_name: str) -> float:
    """The published value of a number, or the difference of two published ones; nan without."""
    pair = [entry_of(name.format(set=set_name)) for name in number.published if name]
    if pair and all(e is not None and e.value is not None and _of_set(e, set_name) for e in pair):
        return round(float(pair[0].value) - sum(float(e.value) for e in pair[1:]), 6)
    entry = entry_of(claim)
    return np.nan if entry is None or entry.value is None else float(entry.value)


def _of_set(entry: Any, set_name: str) -> bool:
    """Whether an entry is about the set of that short name, or about none in particular."""
    about = entry.dataset.replace(" ", "-")
    return entry.kind != "number" or about in ("", "none", SETS[set_name].replace(" ", "-"))
