"""One result of the book taken apart: each mark with an arrow from what it says.

Every piece is what pages show, by the functions that pages show it with; so the explanation can't
outlive the thing explained.
"""

from __future__ import annotations

import ast
import html
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from fgnb.report import render
from fgnb.report.readings import (
    CONTRADICTED,
    MARKS,
    NONE_SEEN,
    OPPOSITE,
    SAME,
    SUPPORTED,
    UNMEASURED,
    Reading,
)

_MEANS = {
    SUPPORTED: "A step with the claimed sign, larger than chance would give.",
    SAME: "A step with the claimed sign, but chance could have given it.",
    NONE_SEEN: "No step, or one so small that chance gives a larger one more often than not.",
    OPPOSITE: "A step against the claim, but chance could have given it.",
    CONTRADICTED: "A step against the claim, larger than chance would give.",
    UNMEASURED: "Nothing yet on photographs.",
}
_NOTHING = '<p class="fgnb-note">No result on photographs is at hand for an example.</p>'
# A reading that says how large a step would have shown has the most to explain.
_PREFERRED = (SAME, NONE_SEEN, OPPOSITE, SUPPORTED, CONTRADICTED)
Piece = tuple[str, str]  # what stands on the page, and what it means


def line(numbers: pd.DataFrame) -> str:
    """A line of a page's "in short", each piece with an arrow."""
    found = _example(numbers)
    if found is None:
        return _NOTHING
    word, _, would_show = _words(found).partition("; ")
    pieces = [
        (html.escape(found["short"]), "what the paper claims, in a few words"),
        (_published(found), "the step that the paper prints"),
        (render.mark(found), "the reading as a sign, the same in every table"),
        (render.signed(found["value"]), "the step that we measured on photographs, in points"),
        (f"<small>({render.interval(found)})</small>", "its 95 % interval"),
        (f'<span class="fgnb-reading">{word}</span>', "the reading in words"),
        (
            would_show and f'<span class="fgnb-reading">{would_show}</span>',
            "measured, the first is just significant by itself; a true step of the second is "
            "found in four of five sets of as many images",
        ),
    ]
    return _staircase([piece for piece in pieces if piece[0]])


def cell(numbers: pd.DataFrame) -> str:
    """The line of a page's table that has the same step, each piece with an arrow."""
    found = _example(numbers)
    if found is None:
        return _NOTHING
    level = _level(numbers, found)
    printed = render.published(level["published"], level["unit"])
    about = f"{found['title']}; n = {found['n']:,}; {render.PROTOCOLS[found['protocol']]}"
    about += f"; {found['network']}; preset {found['preset']}"
    pieces = [
        (f"<small>{html.escape(about)}</small>", "the column's head: what all its rows share"),
        (printed, "published: the paper's accuracy of this row"),
        (_published(found), "published: its step from the row before"),
        (f"<b>{render.number(level['value'], level['unit'])}</b>", "ours: the accuracy"),
        (f"<small>{render.interval(level)}</small>", "its 95 % interval (Wilson)"),
        (render.mark(found), f"the step's reading: {_words(found)}"),
        (render.signed(found["value"]), "our step from the row before, on the same images"),
        (f"<small>({render.interval(found)})</small>", "the step's own 95 % interval"),
    ]
    return _list([piece for piece in pieces if piece[0]])


def readings() -> str:
    """Every reading with its mark and what it says."""
    no_step = {"detectable": math.nan, "would_show": math.nan}
    rows = [[f"{render.mark({'reading': w, **no_step})}{w}", _MEANS[w]] for w in MARKS]
    return render.grid(("Reading", "What was measured"), rows)


def _example(numbers: pd.DataFrame) -> dict[str, Any] | None:
    """A claimed step on photographs whose reading has the most to explain."""
    read = numbers[(numbers["reading"] != "") & (numbers["short"] != "")]
    read = read[(read["kind"] == "difference") & read["published"].notna()]
    lines = [line for line in read.to_dict("records") if _level(numbers, line) is not None]
    return min(lines, key=lambda line: _PREFERRED.index(line["reading"]), default=None)


def _level(numbers: pd.DataFrame, step: dict[str, Any]) -> Any:
    """The accuracy of the row that a step leads to, on the same set; None without one."""
    row = ast.literal_eval(step["rule"])[0][0]
    same = numbers[numbers["kind"] == "accuracy"]
    for name in ("notebook", "table", "title", "protocol", "preset"):
        same = same[same[name] == step[name]]
    own = [line for line in same.to_dict("records") if ast.literal_eval(line["rule"])[0] == (row,)]
    return own[0] if own else None


def _words(found: dict[str, Any]) -> str:
    return Reading.of(found).words


def _published(found: dict[str, Any]) -> str:
    value = found["published"]
    return render.published(value, found["unit"], step=True) if math.isfinite(value) else ""


def _staircase(pieces: Sequence[Piece]) -> str:
    """Pieces in a line, their notes on stairs below; the arrows go straight up."""
    count = len(pieces)
    parts = []
    for place, (piece, note) in enumerate(pieces, start=1):
        style = f"--column: {place}; --row: {count - place + 2}"
        parts.append(
            f'<dt style="{style}">{piece}</dt>'
            f'<dd style="{style}"><i class="fgnb-arrow"></i><span>{html.escape(note)}</span></dd>'
        )
    return f'<dl class="fgnb-callouts fgnb-stairs">{"".join(parts)}</dl>'


def _list(pieces: Sequence[Piece]) -> str:
    """Pieces under each other, their notes beside them; the arrows go left."""
    parts = [
        f'<dt>{piece}</dt><dd><i class="fgnb-arrow"></i><span>{html.escape(note)}</span></dd>'
        for piece, note in pieces
    ]
    return f'<dl class="fgnb-callouts">{"".join(parts)}</dl>'
