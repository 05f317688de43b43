"""Comparisons on three sets as printed: mostly other people's numbers, with ours below them."""

from __future__ import annotations

from collections.abc import Sequence

from fgnb import claims
from fgnb.report import numbers
from fgnb.report.markup import Cell, Table
from fgnb.report.results import Result
from fgnb.report.tables import badge

SETS = {"cub": "CUB", "aircraft": "Aircraft", "cars": "Cars"}


def table2(results: Sequence[Result]) -> Table:
    """Table 2 of ccfr as printed, a line a method, and our own rows below.

    Args:
        results: of `fgnb.report.comparison.row_results`; those of Table 2 get a line.
    """
    return printed_table("ccfr", "table2", results)


def printed_table(paper: str, table: str, results: Sequence[Result]) -> Table:
    """A paper's comparison on the three sets as printed, and our own rows below.

    Args:
        paper: slug of the ledger.
        table: of the paper; its entries are named paper, table, set, method.
        results: those whose claim is an entry of the table get a line.
    """
    begins = f"{paper}.{table}."
    entries = [e for e in claims.load(paper) if e.id.startswith(begins)]
    lines = []
    for method in dict.fromkeys(entry.method for entry in entries):
        own = {entry.id.split(".")[2]: entry for entry in entries if entry.method == method}
        first = next(iter(own.values()))
        value = [Cell(numbers.published(own.get(name))) for name in SETS]
        state = Cell("the paper's own") if first.by == "ours" else Cell("cited", badge="cited")
        base = Cell(first.text.removeprefix("base model ") or "–")
        lines.append((Cell(method), base, *value, state))
    for result in results:
        if result.claim.startswith(begins):
            where = result.claim.split(".")[2]
            text = numbers.number(result.value, "percent")
            value = [Cell(text, strong=True) if name == where else Cell("–") for name in SETS]
            network = Cell(result.provenance.backbone)
            lines.append((Cell(f"This page: {result.label}"), network, *value, badge(result)))
    columns = ("Method", "Base model", *SETS.values(), "Whose")
    return Table(columns, tuple(lines), frozenset(SETS.values()))


def published_gains() -> Table:
    """What Table 2 says that CCFR gains, over the best other row and the best of its backbone."""
    entries = [e for e in claims.load("ccfr") if e.id.startswith("ccfr.table2.")]
    lines = []
    for name, title in SETS.items():
        of = [entry for entry in entries if entry.id.split(".")[2] == name]
        ours = next(entry for entry in of if entry.id.endswith(".ours"))
        others = [entry for entry in of if entry.by == "cited"]
        for words, rivals in {
            "any base model": others,
            "ResNet-50": [entry for entry in others if entry.text.endswith("ResNet-50")],
        }.items():
            best = max(rivals, key=lambda entry: entry.value or 0.0)
            gain = numbers.signed((ours.value or 0.0) - (best.value or 0.0))
            cells = (title, words, best.method, numbers.published(best), numbers.published(ours))
            lines.append((*map(Cell, cells), Cell(gain)))
    columns = ("Set", "Among", "Best other row", "Its accuracy", "CCFR", "Gain, points")
    return Table(columns, tuple(lines), frozenset(columns[3:]))
