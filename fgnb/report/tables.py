"""The published number beside ours: the table that ends every chapter.

A verdict stands only where the protocol is the published one. Everywhere else the step between two
of our rows stands beside the step between the same two published rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fgnb.report import numbers
from fgnb.report.markup import Cell, Table
from fgnb.report.provenance import code_changed
from fgnb.report.results import Result, known_claim, row_name

COLUMNS = (
    *("Row", "Published", "Ours", "95 % interval", "n", "Protocol"),
    *("Published step", "Our step", "Verdict", "Test reads"),
)
_NUMERIC = frozenset({"Published", "Ours", "n", "Published step", "Our step", "Test reads"})
_PAIRED = (
    *("Row", "Against", "Difference, points", "Rectified", "Spoiled", "p"),
    *("Smallest detectable, points", "Reading", "Protocol"),
)
_BLANK = Cell("")


def published_table(
    results: Sequence[Result],
    rows: Iterable[str] | None = None,
    *,
    caption: str = "",
    beside: Mapping[str, str] | None = None,
) -> Table:
    """Published against ours, a line for each result.

    Args:
        results: measured results; those of claims that are not in `rows` are left out.
        rows: claim ids in the order of the page, published ones without a result among them; the
            claims of `results` in their order where None. A step is that from the row above.
        caption: a sentence above the table.
        beside: an own claim -> the ledger's claim whose published value its row stands beside.
    """
    order = list(dict.fromkeys(result.claim for result in results)) if rows is None else list(rows)
    lines: list[tuple[Cell, ...]] = []
    above_entry: Any = None
    above: list[Result] = []
    shown: list[Result] = []
    for claim in order:
        entry = known_claim((beside or {}).get(claim, claim))
        ours = [result for result in results if result.claim == claim]
        measured: list[Result | None] = [*ours] or [None]
        for i, result in enumerate(measured):
            name = result.label if result is not None else row_name(entry)
            step = _published_step(above_entry, entry) if i == 0 else ""
            lines.append(_line(name, entry, result, above, step, i == 0))
        above_entry, above = entry, ours
        shown += ours
    return Table(COLUMNS, tuple(lines), _NUMERIC, caption, _notes(shown))


def paired_table(results: Sequence[Result], *, caption: str = "") -> Table:
    """The paired tests of the results, each with the smallest step that it could detect."""
    names = {result.claim: result.label for result in results}
    lines = []
    for result in results:
        for test in result.comparisons:
            p = float(test["p"])
            words = "differs" if p <= 0.05 else "within noise"
            step = test.get("detectable")
            lines.append(
                (
                    Cell(result.label),
                    Cell(names.get(test["with"], test["with"])),
                    Cell(numbers.signed(float(test["difference"]))),
                    Cell(_count(test.get("rectified"))),
                    Cell(_count(test.get("spoiled"))),
                    Cell(numbers.p_value(p)),
                    Cell("none" if step is None else f"{float(step):.2f}"),
                    Cell(f"{words} ({test['test']})"),
                    badge(result),
                )
            )
    return Table(_PAIRED, tuple(lines), frozenset(_PAIRED[2:7]), caption)


def settings_table(results: Sequence[Result], *, caption: str = "") -> Table:
    """What each row was set to, and on which images that was chosen."""
    lines = []
    for result in results:
        if not result.settings and not result.selected_on:
            continue
        words = ", ".join(f"{name} = {_value(value)}" for name, value in result.settings.items())
        lines.append((Cell(result.label), Cell(words or "none"), Cell(result.selected_on or "–")))
    return Table(("Row", "Settings", "Chosen on"), tuple(lines), caption=caption)


def badge(result: Result) -> Cell:
    """The protocol of a result, with its provenance under the pointer."""
    origin = result.provenance
    text = {"published": "published", "drawn": "drawn"}.get(origin.protocol, "")
    return Cell(
        text or f"{origin.protocol}: {origin.dataset_title}",
        badge=origin.protocol,
        title=hover(result),
    )


def hover(result: Result) -> str:
    """A result's provenance in one line."""
    origin = result.provenance
    parts = [
        f"{origin.dataset_title}, manifest {origin.manifest[:12]}",
        f"{origin.n_train} training and {origin.n_test} test images",
        f"{origin.backbone} ({origin.weights_tag})",
        f"preset {origin.preset}",
        f"seeds {', '.join(map(str, origin.seeds)) or 'none'}",
        origin.device,
        f"commit {short_commit(origin.commit)}",
    ]
    if result.recorded:
        parts.append(f"recorded as {result.source}")
        if code_changed(origin):
            parts.append("the code has changed since")
    return "; ".join(parts)


def short_commit(commit: str) -> str:
    """The first 10 digits of a commit, with "+" where files differed from it."""
    digits, plus, _ = commit.partition("+")
    return digits[:10] + plus


def _line(
    name: str,
    entry: Any,
    result: Result | None,
    above: Sequence[Result],
    published_step: str,
    first: bool,
) -> tuple[Cell, ...]:
    head = (Cell(name), Cell(numbers.published(entry) if first else "", title=_place(entry, first)))
    if result is None:
        return (*head, *[_BLANK] * 4, Cell(published_step), _BLANK, _BLANK, _BLANK)
    reads = max(result.total_reads, result.provenance.test_reads)
    return (
        *head,
        Cell(numbers.number(result.value, result.unit), strong=True),
        Cell(numbers.interval(result)),
        Cell(f"{result.n:,}"),
        badge(result),
        Cell(published_step),
        Cell(_our_step(above, result)),
        Cell(numbers.verdict(entry, result)),
        Cell(str(reads)),
    )


def _published_step(above: Any, entry: Any) -> str:
    if above is None or entry is None or above.value is None or entry.value is None:
        return ""
    same = above.unit == entry.unit == "percent" and above.dataset == entry.dataset
    return numbers.signed(entry.value - above.value) if same else ""


def _our_step(above: Sequence[Result], result: Result) -> str:
    """The difference to the row above, where it was measured on the same images."""
    for other in above:
        if result.unit == other.unit == "percent" and _group(other) == _group(result):
            return numbers.signed(result.value - other.value)
    return ""


def _group(result: Result) -> tuple[Any, ...]:
    origin = result.provenance
    return (origin.manifest, origin.preset, origin.backbone, result.source, result.n)


def _notes(results: Sequence[Result]) -> tuple[str, ...]:
    protocols = {result.provenance.protocol for result in results}
    notes = []
    if protocols & {"official", "subset", "drawn"}:
        notes.append(
            "Rows of another data set or protocol than the published one are not comparable with "
            "it: compare the steps between rows."
        )
    if "drawn" in protocols:
        notes.append("Drawn pictures check the mechanism; they are no evidence about photographs.")
    if any(result.recorded and code_changed(result.provenance) for result in results):
        notes.append("The code has changed since a recorded number was measured.")
    return tuple(notes)


def _place(entry: Any, first: bool) -> str:
    if entry is None or not first:
        return ""
    return "; ".join(
        part for part in (entry.place, entry.dataset, entry.protocol, entry.by) if part
    )


def _count(value: Any) -> str:
    return "–" if value is None else str(value)


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
