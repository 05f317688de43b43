"""Every entry of the ledger exactly once: measured, cited or planned.

A measured entry shows each of its results under it, each with its protocol; a planned one never
shows a number of ours.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fgnb.report import numbers
from fgnb.report.files import Refused
from fgnb.report.markup import Cell, Table, escape_myst
from fgnb.report.results import OWN, Result, row_name
from fgnb.report.tables import badge, short_commit

PageOf = Callable[[str], str | None]
STATES = ("measured", "cited", "planned")
_COLUMNS = (
    *("What", "Paper", "State", "Ours", "95 % interval", "Protocol"),
    *("Verdict", "Device", "Commit"),
)
_NUMERIC = frozenset({"Paper", "Ours"})


@dataclass(frozen=True)
class Line:
    """One ledger entry with its state and whatever was measured for it."""

    entry: Any
    state: str
    results: tuple[Result, ...]


def score(results: Iterable[Result], paper: str | None = None) -> list[Line]:
    """The scorecard's lines in the order of the ledger.

    Args:
        results: measured and recorded results; those with an own id have no entry and no line.
        paper: one paper; all where None.
    """
    from fgnb import claims

    of: dict[str, list[Result]] = {}
    for result in results:
        of.setdefault(result.claim, []).append(result)
    lines = []
    for entry in claims.load(paper):
        found = tuple(of.get(entry.id, ()))
        state = "measured" if found else "cited" if entry.by == "cited" else "planned"
        lines.append(Line(entry, state, found))
    return lines


def counts(lines: Sequence[Line]) -> dict[str, int]:
    """How many entries are in each state."""
    found = Counter(line.state for line in lines)
    return {state: found[state] for state in STATES}


def own_rows(results: Iterable[Result], paper: str | None = None) -> list[Result]:
    """Results without a published counterpart: our baselines and checks."""
    return [
        result
        for result in results
        if result.claim.startswith(OWN)
        and (paper is None or result.provenance.notebook.split("/")[0] == paper)
    ]


def to_text(
    lines: Sequence[Line], own: Sequence[Result] = (), refused: Sequence[Refused] = ()
) -> str:
    """The scorecard for a terminal: a block a paper, a line an entry or result."""
    blocks = [_summary(lines)]
    for paper in dict.fromkeys(line.entry.paper for line in lines):
        rows: list[tuple[Cell, ...]] = []
        for line in (line for line in lines if line.entry.paper == paper):
            rows += _text_rows(line)
        columns = ("entry", "place", "state", "paper", "ours", "95 % interval", "protocol")
        table = Table(columns, tuple(rows), frozenset({"paper", "ours"}))
        blocks.append(f"{paper}\n{table.to_text()}")
    if own:
        rows = [(Cell(result.claim), Cell(result.label), *_text_result(result)) for result in own]
        names = ("own row", "name", "ours", "95 % interval", "protocol")
        blocks.append(Table(names, tuple(rows), frozenset({"ours"})).to_text())
    if refused:
        blocks.append("\n".join(["refused, not shown", *(f"  {item}" for item in refused)]))
    return "\n\n".join(blocks)


def to_myst(
    lines: Sequence[Line],
    page_of: PageOf,
    titles: dict[str, str],
    own: Sequence[Result] = (),
    refused: Sequence[Refused] = (),
) -> str:
    """The scorecard as a page of the book, grouped by paper and place.

    Args:
        lines: of `score`.
        page_of: home notebook or claim id -> page of the book (path, no suffix), None without one.
        titles: paper -> title.
        own: results without a ledger entry.
        refused: recorded results that are not shown, with the reason.
    """
    out = ["# Scorecard\n", _INTRODUCTION, f"\n{_summary(lines)}\n", _FILTER]
    for paper in dict.fromkeys(line.entry.paper for line in lines):
        papers = [line for line in lines if line.entry.paper == paper]
        out.append(f"\n## {escape_myst(titles.get(paper, paper))}\n\n{_summary(papers)}\n")
        for place in dict.fromkeys(line.entry.place for line in papers):
            group = [line for line in papers if line.entry.place == place]
            rows = [row for line in group for row in _page_rows(line, page_of)]
            if not any(line.results for line in group):
                rows = [row[:3] for row in rows]
            table = Table(_COLUMNS[: len(rows[0])], tuple(rows), _NUMERIC)
            out.append(_details(place, group, table.to_myst()))
    if own:
        columns = ("Row", "Id", *_COLUMNS[3:6], *_COLUMNS[7:])
        rows = [_own_row(result, page_of) for result in own]
        out.append("\n## Rows of our own\n\nBaselines and checks that no paper prints.\n")
        out.append(Table(columns, tuple(rows), _NUMERIC).to_myst())
    if refused:
        out.append("\n## Recorded, but not shown\n\n")
        out += [f"- {escape_myst(str(item))}\n" for item in refused]
    return "".join(out)


_INTRODUCTION = """
Every number, figure and testable claim of the papers, exactly once. *Measured* entries show our
result with its interval and protocol; *cited* ones the papers took from other publications;
*planned* ones have a home notebook that is not written yet, and no number of ours.
Drawn pictures and subsets carry no verdict: what was measured there is not the published number.
"""

_FILTER = """
<fieldset class="fgnb-filter"><legend>Show</legend>
<label><input type="radio" name="fgnb-state" id="fgnb-show-all" checked> all</label>
<label><input type="radio" name="fgnb-state" id="fgnb-show-measured"> measured</label>
<label><input type="radio" name="fgnb-state" id="fgnb-show-cited"> cited</label>
<label><input type="radio" name="fgnb-state" id="fgnb-show-planned"> planned</label>
</fieldset>
<style>
body:has(#fgnb-show-measured:checked) .fgnb-place tbody tr:not(:has(.fgnb-measured)),
body:has(#fgnb-show-cited:checked) .fgnb-place tbody tr:not(:has(.fgnb-cited)),
body:has(#fgnb-show-planned:checked) .fgnb-place tbody tr:not(:has(.fgnb-planned)),
body:has(#fgnb-show-measured:checked) .fgnb-place:not(:has(.fgnb-measured)),
body:has(#fgnb-show-cited:checked) .fgnb-place:not(:has(.fgnb-cited)),
body:has(#fgnb-show-planned:checked) .fgnb-place:not(:has(.fgnb-planned)) { display: none; }
.fgnb-place { overflow-x: auto; }
</style>
"""


def _summary(lines: Sequence[Line]) -> str:
    found = counts(lines)
    noun = "entry" if len(lines) == 1 else "entries"
    return f"{len(lines)} {noun}: " + ", ".join(f"{n} {state}" for state, n in found.items())


def _details(place: str, group: Sequence[Line], table: str) -> str:
    measured = any(line.state == "measured" for line in group)
    summary = html.escape(f"{place} ({_summary(group)})")
    opened = " open" if measured else ""
    return (
        f'\n<details class="fgnb-place"{opened}><summary>{summary}</summary>\n\n{table}\n'
        "</details>\n"
    )


def what(entry: Any) -> str:
    """An entry in a few words: method, metric and data set, or the claim's text."""
    if entry.kind != "number":
        return str(entry.text)
    words = (row_name(entry), entry.metric, entry.dataset)
    return ", ".join(dict.fromkeys(word for word in words if word not in ("", "none")))


def _text_rows(line: Line) -> list[tuple[Cell, ...]]:
    entry = line.entry
    head = (Cell(entry.id), Cell(entry.place), Cell(line.state), Cell(numbers.published(entry)))
    if not line.results:
        return [(*head, Cell(""), Cell(""), Cell(""))]
    blank = (Cell(""), Cell(""), Cell(""), Cell(""))
    return [
        (
            *(head if i == 0 else blank),
            *_text_result(result),
        )
        for i, result in enumerate(line.results)
    ]


def _text_result(result: Result) -> tuple[Cell, ...]:
    protocol = f"{result.provenance.standing}, preset {result.provenance.preset}"
    if result.recorded:
        times = "once" if result.total_reads == 1 else f"{result.total_reads} times"
        protocol += f", recorded, test read {times}"
    return (
        Cell(numbers.number(result.value, result.unit)),
        Cell(numbers.interval(result)),
        Cell(protocol),
    )


def _own_row(result: Result, page_of: PageOf) -> tuple[Cell, ...]:
    return (
        Cell(result.label, page=page_of(result.provenance.notebook) or ""),
        Cell(result.claim),
        *_measured(result),
        *_made_by(result),
    )


def _measured(result: Result) -> tuple[Cell, ...]:
    value = Cell(numbers.number(result.value, result.unit), strong=True)
    return (value, Cell(numbers.interval(result)), badge(result))


def _made_by(result: Result) -> tuple[Cell, ...]:
    origin = result.provenance
    return (Cell(origin.device), Cell(short_commit(origin.commit)))


def _page_rows(line: Line, page_of: PageOf) -> list[tuple[Cell, ...]]:
    entry = line.entry
    page = page_of(entry.id) or page_of(entry.home) or ""
    head = (
        Cell(what(entry), page=page),
        Cell(numbers.published(entry), title=entry.id),
        Cell(line.state, badge=line.state),
    )
    if not line.results:
        return [(*head, *[Cell("")] * 6)]
    again = (Cell(""), Cell(""), Cell(line.state, badge=line.state))
    return [
        (
            *(head if i == 0 else again),
            *_measured(result),
            Cell(numbers.verdict(entry, result)),
            *_made_by(result),
        )
        for i, result in enumerate(line.results)
    ]
