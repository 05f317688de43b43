"""The page "in short": its claims, each with what is published and what photographs say."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from fgnb.report.readings import WORDS
from fgnb.report.render import Frames, beside_published, column_of, mark, signed, unmeasured, value
from fgnb.report.sheet import Sheet


def summary(claims: Mapping[str, Mapping[Any, Any]], sheets: Sequence[Sheet]) -> str:
    """The "in short" of a page, on recorded sheets.

    A claim has what is ``published`` and, by place among the sheets, the sheet that answers it and
    its line of `Sheet.numbers`; a cell says so where that sheet isn't the one of the column's head.
    """
    columns = ["Claim", "Published", *(map(column_of, sheets) if sheets else ["On photographs"])]
    rows = []
    for words, known in claims.items():
        cells = []
        for place, head in enumerate(sheets or (None,)):
            sheet, line = known.get(place) or (None, None)
            cells.append(_told(sheet, line, head) if line else unmeasured())
        rows.append([html.escape(words), known["published"], *cells])
    return beside_published(columns, rows, kind="fgnb-short")


def _told(sheet: Sheet | None, line: Mapping[str, Any], head: Sheet | None) -> str:
    """An answer, with where it was measured if that is not what the column's head says."""
    if sheet is head or sheet is None:
        return value(line)
    about = "; ".join(filter(None, (sheet.origin.dataset_title, sheet.former)))
    return f"{value(line)}<br><small>{html.escape(f'on {about}')}</small>"


def said(frames: Frames) -> str:
    """The steps of a table by what their readings say, a line a set and reading.

    Words that judge come from here, so that no prose can disagree with its table.
    """
    lines = []
    for sheet, frame in frames:
        read = frame[frame["reading"] != ""].drop_duplicates("rule").to_dict("records")
        for word in WORDS:
            of = [line for line in read if line["reading"] == word]
            steps = "; ".join(
                f"{html.escape(line['label'])} ({signed(line['value'])})" for line in of
            )
            if of:
                about = html.escape(
                    ", ".join(filter(None, (sheet.origin.dataset_title, sheet.former)))
                )
                lines.append(f"<li>{about}: {mark(of[0])}<b>{word}</b>: {steps}.</li>")
    if not lines:
        return '<p class="fgnb-note">No claim of this table is measured on photographs yet.</p>'
    return f'<ul class="fgnb-said">{"".join(lines)}</ul>'
