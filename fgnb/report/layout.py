"""What a table of a page holds, declared once: its rows in the paper's order, and their steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fgnb.report import kinds
from fgnb.report.sheet import Number


@dataclass(frozen=True)
class Step:
    """The step to a row from another one."""

    above: str  # the row that it is taken from
    claims: tuple[str, ...] = ()  # the first stands in the table; empty: an id of our own
    short: str = ""  # the first claim in a few words, for the page's "in short"; empty for none
    expect: int = 1  # the sign that the claim expects, or 0 where it names none


@dataclass(frozen=True)
class Line:
    """A line of a table: a number, and the step to it."""

    number: Number
    step: Number | None = None


@dataclass(frozen=True)
class Table:
    """A table of a page."""

    title: str  # "Table 3", or a few words
    lines: tuple[Line, ...]  # in the order of the page
    beside: tuple[Number, ...] = ()  # answer further claims with the same rows, under the fold
    by_set: bool = False  # whether each set has a table of its own, since published values differ
    every_set: bool = False  # whether sets besides the page's own have a column

    @property
    def numbers(self) -> list[Number]:
        """Every number of the table: values, steps, and what stands beside."""
        steps = [line.step for line in self.lines if line.step is not None]
        return [*(line.number for line in self.lines), *steps, *self.beside]

    @property
    def rows(self) -> Iterator[str]:
        """The rows of records that it needs."""
        return (row for number in self.numbers for row in number.rule.rows)


def rows_table(
    title: str,
    claim: str,
    rows: Mapping[str, str],
    steps: Mapping[str, Step] | None = None,
    beside: Sequence[Number] = (),
) -> Table:
    """A table of accuracies, a line a row, with the steps between them.

    Args:
        title: what it is called.
        claim: the ids of the ledger, with ``{row}`` for the row and perhaps ``{set}`` for the set.
        rows: row -> what the page calls it, in the table's order.
        steps: row -> the step to it.
        beside: see `Table`.
    """
    lines, more = [], list(beside)
    for row, label in rows.items():
        named = claim.replace("{row}", row)
        number = Number(named, label, kinds.accuracy(row))
        step = (steps or {}).get(row)
        if step is None:
            lines.append(Line(number))
            continue
        first, *others = step.claims or (f"own.step.{named.removeprefix('own.')}",)
        ends = [name.removeprefix("+ ") for name in (label, rows.get(step.above, step.above))]
        rule, pair = kinds.difference(row, step.above), (named, claim.replace("{row}", step.above))
        taken = Number(first, ", minus: ".join(ends), rule, step.short, step.expect, "", pair)
        lines.append(Line(number, taken))
        more += [replace(taken, claim=other, short="", published=()) for other in others]
    return Table(title, tuple(lines), tuple(more), "{set}" in claim)


def numbers_table(title: str, numbers: Sequence[Number], *, every_set: bool = False) -> Table:
    """A table of single numbers, a line each."""
    by_set = any("{set}" in number.claim for number in numbers)
    return Table(title, tuple(map(Line, numbers)), (), by_set, every_set)
