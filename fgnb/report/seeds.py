"""A table over several seeds: each seed's value, and the interval over seeds and images.

Columns and readings of a page are those of one seed: an exact test needs paired answers, and is
never taken over pooled seeds. What other trainings of the same rows say stands here.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from fgnb.report import kinds, render
from fgnb.report.kinds import Kind
from fgnb.report.layout import Table
from fgnb.report.records import Record
from fgnb.report.sheet import Number, Sheet

_OVER: dict[str, Kind] = {
    "accuracy": kinds.fits_accuracy,
    "difference": kinds.fits_difference,
}


def over_seeds(wanted: Table, sheets: Sequence[Sheet]) -> str:
    """The accuracies of a table and their steps over the seeds of each sheet, a table a sheet.

    Nothing where no row was recorded with two seeds.
    """
    parts = []
    for sheet in sheets:
        rows = []
        for line in wanted.lines:
            cells = _cells(sheet, line.number)
            if cells:
                step = _cells(sheet, line.step) if line.step else []
                taken = [f'<br><span class="fgnb-step">{text}</span>' for text in step]
                both = zip(cells, taken or [""] * len(cells), strict=True)
                rows.append([html.escape(line.number.label), *map("".join, both)])
        if rows:
            of = sheet.origin.dataset_title
            title = f"{wanted.title}, over seeds: {of}. By seed, in order; then mean and interval"
            columns = ("", "By seed", "Mean, crossed bootstrap over seeds and images")
            parts.append(render.grid(columns, rows, caption=html.escape(title), kind="fgnb-rows"))
    return "".join(parts)


def _cells(sheet: Sheet, number: Number) -> list[str]:
    """Values by seed, and their mean with its interval; empty with fewer than two seeds."""
    rule = number.rule
    of = [own for own in (sheet, *sheet.seeds) if all(row in own.rows for row in rule.rows)]
    if rule.kind.name not in _OVER or len(of) < 2 or not _same_images(of, rule.rows):
        return []
    stacked = Sheet(sheet.paper, recorded=True)
    for row in rule.rows:
        of_row = sheet.rows[row]
        arrays: dict[str, Any] = {"labels": of_row.arrays["labels"]}
        arrays["classes"] = np.stack([own.rows[row].arrays["classes"] for own in of])
        stacked.rows[row] = Record(sheet.paper, row, arrays, of_row.origin, derived=True)
    over = Number(number.claim, number.label, _OVER[rule.kind.name](*rule.references), expect=0)
    [line] = stacked.numbers([over]).to_dict("records")
    each = [rule(own) for own in of]
    write = render.signed if rule.kind.signed else "{:.2f}".format
    return [", ".join(write(one.value) for one in each if one), render.value(line)]


def _same_images(of: Sequence[Sheet], rows: Sequence[str]) -> bool:
    """Whether all sheets say of each row which images it answered, and name the same ones."""
    for row in rows:
        first, *others = (own.rows[row].arrays.get("ids", np.empty(0)) for own in of)
        if not len(first) or not all(np.array_equal(first, ids) for ids in others):
            return False
    return True
