"""Which recorded rows stand in one column: those of one set that were trained in one regime.

A regime is how a picture was framed, how much of the network was frozen, and how much of the start
the kept weights hold. Rows of two regimes are never compared: their difference would be that of the
regimes. The newest regime of a set stands first; a former one says that it is former.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd

from fgnb.report.records import Record
from fgnb.report.sheet import ORDER, SETS, Sheet, short_name

_SEEDS = 4  # their place in `_measured`
_STATED = ("cut", "average")  # fields of a spec; a frame is always known
_DAY = "%Y-%m-%d %H:%M"


class Regime(NamedTuple):
    """How rows were trained; None where a record doesn't say."""

    frame: str | None = None
    cut: Any = None
    average: Any = None

    @classmethod
    def of(cls, record: Record) -> Regime:
        """What a record states; a training that knows no ``average`` keeps its last weights."""
        spec = record.origin.spec
        cut, average = (spec.get(name) for name in _STATED)
        if average is None and "lr" in spec:
            average = 0.0
        return cls(record.origin.frame or None, cut, average)

    @property
    def whole(self) -> bool:
        """Whether every field is stated."""
        return None not in self

    def completed(self, other: Regime) -> Regime:
        """This one, with what it doesn't say taken from another."""
        return Regime(*(b if a is None else a for a, b in zip(self, other, strict=True)))

    @property
    def words(self) -> str:
        """The regime in words, as far as it is known.

        >>> Regime("crop", 16, 0.5).words
        'mean of start and end, frozen to stride 16'
        """
        kept = {0.5: "mean of start and end", 0.0: "weights of the end"}
        parts = []
        if self.average is not None:
            share = float(self.average)
            parts.append(kept.get(share, f"{share:g} of the start in the weights"))
        if self.cut is not None:
            parts.append(f"frozen to stride {self.cut}" if int(self.cut) > 1 else "nothing frozen")
        if self.frame not in (None, "crop"):
            parts.append(f"frame {self.frame}")
        return ", ".join(parts)


def sheets(records: Iterable[Record], rows: Sequence[str]) -> list[Sheet]:
    """The rows at hand by set and regime; from records in the order of their day.

    Returns:
        A sheet for each set, protocol and regime with the newest record of each row: whole sets
        first, birds before aircraft and cars, the newest regime first. `Sheet.former` names a
        regime that a newer one of the same or of a more official set replaces; `Sheet.before` are
        the records that newer ones of the same regime supersede, a sheet for each day, newest
        first. The lowest seed of a sheet stands; the others are its `Sheet.seeds`. What no run
        made has no regime that another could replace, and replaces none.
    """
    every = list(records)
    chosen = [record for record in every if record.row in rows]
    known = [record for record in every if Regime.of(record).whole]
    regime_of = {id(record): _completed(record, known) for record in every}
    first: dict[tuple[Any, ...], Record] = {}  # of whichever row: a regime is one of the paper
    begun: dict[tuple[Any, ...], Record] = {}  # the same, of rows that a run made
    for record in sorted(every, key=lambda record: record.origin.recorded):
        key = (*_measured(record), regime_of[id(record)])
        first.setdefault(key, record)
        if record.origin.run_keys:
            begun.setdefault(key, record)
    by_seed: dict[tuple[Any, ...], dict[tuple[int, ...], Sheet]] = {}
    for record in chosen:
        regime = regime_of[id(record)]
        of_seeds = by_seed.setdefault((*_measured(record), regime), {})
        fresh = Sheet(record.paper, recorded=True, regime=regime.words)
        sheet = of_seeds.setdefault(record.origin.seeds, fresh)
        if old := sheet.rows.get(record.row):
            _supersede(sheet, old)
        sheet.add(record)
    found = []
    for key in sorted(by_seed, key=lambda key: first[key].origin.recorded, reverse=True):
        standing, *others = (by_seed[key][seeds] for seeds in sorted(by_seed[key]))
        standing.seeds = others
        own, opened = key[-1], begun.get(key)
        replaced = opened is not None and any(
            other_key[-1] != own and _replaces(other, opened) for other_key, other in begun.items()
        )
        for sheet in (standing, *others):
            sheet.before.sort(key=lambda former: former.origin.recorded, reverse=True)
            sheet.former = f"former regime: {own.words or 'not recorded'}" if replaced else ""
        found.append(standing)
    sets = tuple(SETS)
    return sorted(found, key=lambda s: (ORDER.index(s.origin.protocol), sets.index(s.set_name)))


def folded(
    found: Sequence[Sheet], numbers: Callable[[Sheet], pd.DataFrame], claimed: bool
) -> list[Sheet]:
    """Sheets of former regimes that answer nothing of a table that newer ones don't.

    Args:
        found: of `sheets`.
        numbers: the table's numbers on a sheet.
        claimed: whether only what the table claims counts; else every number does.
    """

    def answers(sheet: Sheet) -> set[tuple[str, ...]]:
        frame = numbers(sheet)
        told = frame[frame["expect"] != 0] if claimed else frame
        return {tuple(line) for line in told[["label", "kind", "rule"]].to_numpy()}

    gone = []
    for sheet in (s for s in found if s.former):
        newer = [answers(s) for s in found if s.set_name == sheet.set_name and not s.former]
        if any(newer) and answers(sheet) <= set().union(*newer):
            gone.append(sheet)
    return gone


def _completed(record: Record, known: Sequence[Record]) -> Regime:
    """A record's regime; what it doesn't say as the record nearest in time has it.

    Of the same set if there is one: rows without a tail to train say nothing of it. What is read
    off frozen maps, and no run, says all that there is to say.
    """
    own = Regime.of(record)
    if own.whole or (own.cut is not None and not record.origin.run_keys):
        return own
    near = [other for other in known if _measured(other) == _measured(record)] or list(known)
    if not near:
        return own
    day = _day(record)
    nearest = min(near, key=lambda other: (abs((_day(other) - day).total_seconds()), other.row))
    return own.completed(Regime.of(nearest))


def _measured(record: Record) -> tuple[Any, ...]:
    of = record.origin
    return of.manifest, of.protocol, of.backbone, of.preset


def _supersede(sheet: Sheet, old: Record) -> None:
    title = f"recorded {old.origin.recorded}"
    of_day = next((former for former in sheet.before if former.title == title), None)
    if of_day is None:
        of_day = Sheet(old.paper, recorded=True, title=title, regime=sheet.regime)
        sheet.before.append(of_day)
    of_day.add(old)


def _replaces(newer: Record, first: Record) -> bool:
    """Whether a regime was begun after another on the same set, or on one more official."""
    a, b = newer.origin, first.origin
    family = short_name(a.dataset) == short_name(b.dataset) and a.backbone == b.backbone
    more = ORDER.index(a.protocol) < ORDER.index(b.protocol) or a.manifest == b.manifest
    return family and more and a.recorded > b.recorded


def _day(record: Record) -> datetime:
    try:
        return datetime.strptime(record.origin.recorded, _DAY)
    except ValueError:
        return datetime.min
