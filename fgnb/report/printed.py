"""A paper's comparison with earlier methods on the three sets: as printed, and our rows below."""

from __future__ import annotations

import html
from collections.abc import Iterator

from fgnb import claims
from fgnb.claims.schema import Entry
from fgnb.report import render
from fgnb.report.layout import Table
from fgnb.report.page import Page
from fgnb.report.render import Html

SETS = {"cub": "CUB", "aircraft": "Aircraft", "cars": "Cars"}
COLUMNS = ("Method", "Base model", *SETS.values())


def entries(table: str) -> list[Entry]:
    """The printed numbers of a table, e.g. ``ccfr.table2``; the id names table, set and method."""
    paper = table.partition(".")[0]
    return [entry for entry in claims.load(paper) if entry.id.startswith(f"{table}.")]


def comparison(page: Page, ours: Table) -> Html:
    """A line a method as printed, what is cited there muted; below, a line a row and set of ours.

    ``ours`` are the rows that answer entries of the printed table, ``{set}`` in their claims. It is
    not counted as shown, so that its steps and tests stand under the fold.
    """
    table = ours.lines[0].number.claim.partition(".{set}")[0]
    rows = [*_printed(table), *_ours(page, ours)]
    return Html(render.grid(COLUMNS, rows, kind="fgnb-printed"))


def _printed(table: str) -> Iterator[list[str]]:
    every = entries(table)
    for method in dict.fromkeys(entry.method for entry in every):
        of = {entry.id.split(".")[2]: entry for entry in every if entry.method == method}
        first = next(iter(of.values()))
        values = [render.printed(of[s]) if s in of else "" for s in SETS]
        cells = map(html.escape, (method, first.text.removeprefix("base model "), *values))
        muted = '<span class="fgnb-muted">{}</span>' if first.by == "cited" else "{}"
        yield [muted.format(cell) if cell else "" for cell in cells]


def _ours(page: Page, ours: Table) -> Iterator[list[str]]:
    for sheet in page.sheets:
        frame = page.numbers(ours, sheet)
        about = f"{html.escape(sheet.network)}<br><small>{html.escape(sheet.origin.dataset_title)}"
        here = "This run, drawn" if sheet.origin.protocol == "drawn" else "This run, on photographs"
        whose = "On photographs" if sheet.recorded else here
        for line in ours.lines:
            own = render.pick(frame, line.number)
            if own is not None:
                values = [
                    render.value(own) if set_name == sheet.set_name else "" for set_name in SETS
                ]
                label = f"<b>{whose}:</b> {html.escape(line.number.label)}"
                yield [label, f"{about}</small>", *values]
