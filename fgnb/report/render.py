"""Tables as HTML: escaped, foldable on a phone, each number with its interval and its reading."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fgnb.report import readings
from fgnb.report.kinds import KINDS
from fgnb.report.layout import Line, Table
from fgnb.report.readings import Reading
from fgnb.report.records import PROTOCOLS
from fgnb.report.sheet import SETS, Number, Sheet, entry_of, published_value

_SIGN = {"percent": " %", "points": " points", "pixels": " px", "fps": " frames/s", "seconds": " s"}
_BARE = re.compile(r"(?s)<(style|script)\b.*?</\1>|<[^>]+>")


@dataclass(frozen=True)
class Html:
    """Something that Jupyter shows as HTML and a terminal as its text."""

    text: str

    def _repr_html_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return html.unescape(_BARE.sub(" ", self.text.replace("</tr>", "\n"))).strip()


def grid(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "", kind: str = ""
) -> str:
    """A table of ready cells; the first column heads its row. Headers fold into the cells."""
    plain = [_BARE.sub(" ", name).split(":")[0].strip() for name in columns]
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    lines = []
    for row in rows:
        first, *rest = row
        cells = "".join(
            f'<td data-label="{html.escape(name, quote=True)}">{cell}</td>'
            for name, cell in zip(plain[1:], rest, strict=True)
        )
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    said = f"<caption>{caption}</caption>" if caption else ""
    return (
        f'<table class="fgnb-table {kind}">{said}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def table(wanted: Table, frames: Sequence[tuple[Sheet, pd.DataFrame]]) -> str:
    """A table of a page: published, on photographs, this run.

    A column without a number is left out. Where published values differ by set, a table a set.
    """
    if not wanted.by_set:
        return _one(wanted, frames, wanted.title)
    parts = []
    for slug, title in SETS.items():
        of = [(sheet, frame) for sheet, frame in frames if sheet.slug == slug and len(frame)]
        if of:
            parts.append(_one(wanted, of, f"{wanted.title}: {title}"))
    return "".join(parts)


def _one(wanted: Table, frames: Sequence[tuple[Sheet, pd.DataFrame]], title: str) -> str:
    shown = [(sheet, frame) for sheet, frame in frames if len(frame)]
    if not shown:
        return f'<p class="fgnb-note">{html.escape(title)}: nothing was measured here.</p>'
    columns = ["", *(_column(sheet, frame) for sheet, frame in shown)]
    rows = []
    printed = [_published_cell(line, shown) for line in wanted.lines]
    for line, published in zip(wanted.lines, printed, strict=True):
        cells = [_cell(line, frame) for _, frame in shown]
        if any(cells):
            rows.append([html.escape(line.number.label), published, *cells])
    if any(row[1] for row in rows):
        columns.insert(1, "Published")
    else:
        rows = [[row[0], *row[2:]] for row in rows]
    return grid(columns, rows, caption=html.escape(title), kind="fgnb-rows")


def summary(claims: Mapping[str, Mapping[Any, Any]], sheets: Sequence[Sheet]) -> str:
    """The "in short" of a page.

    Args:
        claims: what is claimed -> its published value (``published``) and, by place among the
            sheets, the line of `Sheet.numbers` that answers it.
        sheets: the recorded ones.
    """
    columns = ["Claim", "Published", *(_column(sheet) for sheet in sheets)]
    rows = []
    for words, found in claims.items():
        cells = [_answer(found.get(place)) for place in range(len(sheets))]
        if not sheets:
            cells = [unmeasured()]
        rows.append([html.escape(words), found["published"], *cells])
    if not sheets:
        columns.append("On photographs")
    if not any(row[1] for row in rows):
        columns, rows = [columns[0], *columns[2:]], [[row[0], *row[2:]] for row in rows]
    return grid(columns, rows, kind="fgnb-short")


def step(line: Mapping[str, Any]) -> str:
    """A difference with its interval and the mark of its reading."""
    word = line["reading"]
    value, ends = signed(line["value"]), interval(line)
    unit = "" if line["unit"] == "points" else _SIGN.get(line["unit"], "")
    return f"{mark(line) if word else ''}{value}{unit} <small>({ends})</small>"


def value(line: Mapping[str, Any]) -> str:
    """A number with its interval in small print under it, and its reading where one is due."""
    if line["kind"] in _SIGNED:
        return f"{step(line)}{_reading(line)}"
    text = f"<b>{number(line['value'], line['unit'])}</b>"
    if line["low"] != line["high"]:
        text += f"<br><small>{interval(line)}</small>"
    return text + _verdict(line)


def number(value: float, unit: str) -> str:
    """A measured number with its unit: accuracies to two decimals, counts whole.

    >>> number(80.2751, "percent"), number(5794, "count")
    ('80.28 %', '5,794')
    """
    if unit == "count":
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    text = f"{value:.2f}" if unit in ("percent", "points") else f"{value:.3g}"
    return text + _SIGN.get(unit, "")


def published(value: float, unit: str, *, step: bool = False) -> str:
    """A published value as printed; nothing without one."""
    if not math.isfinite(value):
        return ""
    if step or unit == "points":
        return signed(value, 1 if round(value, 1) == round(value, 2) else 2)
    text = f"{value:,.0f}" if unit == "count" else f"{value:g}"
    if unit == "percent" and "." not in text:
        text += ".0"
    return text + _SIGN.get(unit, "")


def published_of(number: Number, sheet: Sheet | None) -> str:
    """The published value of a number on the set that a sheet stands for; CUB without a sheet."""
    slug = sheet.slug if sheet is not None else "cub"
    found = published_value(number, number.claim.format(set=slug), slug)
    signs = number.rule.kind.signed
    return published(found, number.units, step=signs)


def interval(line: Mapping[str, Any]) -> str:
    """The 95 % interval: "77.8 to 82.5"; "exact" where it has no width."""
    low, high = line["low"], line["high"]
    if low == high:
        return "exact" if line["test"] is None else "no answer changed"
    digits = {"percent": 1, "points": 1, "count": 0}.get(line["unit"])
    ends = (f"{e:.3g}" if digits is None else f"{e:.{digits}f}" for e in (low, high))
    return " to ".join(ends).replace("-", "−")


def signed(difference: float, digits: int = 2) -> str:
    """A difference with its sign and a true minus: "+0.70", "−0.10"."""
    return f"{difference:+.{digits}f}".replace("-", "−")


def p_value(p: float) -> str:
    """A p-value: three decimals, or "< 0.001"."""
    return "" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def fold(title: str, body: str, *, kind: str = "fgnb-fold") -> str:
    """A collapsed part."""
    return f'<details class="{kind}"><summary>{html.escape(title)}</summary>{body}</details>'


def _column(sheet: Sheet, frame: pd.DataFrame | None = None) -> str:
    """What the rows of a sheet share, once, over its column; n is that of the numbers under it."""
    origin = sheet.origin
    n = max(
        (len(r.arrays["labels"]) for r in sheet.rows.values() if "labels" in r.arrays), default=0
    )
    if frame is not None:
        inexact = ~frame["kind"].map(lambda kind: KINDS[kind].meaning.endswith("exact"))
        n = max(frame["n"][inexact], default=n)
    name = "On photographs" if origin.protocol != "drawn" else "This run"
    if not sheet.recorded and origin.protocol != "drawn":
        name = "This run, on photographs"
    about = [origin.dataset_title, f"n = {n:,}" if n else "", PROTOCOLS[origin.protocol]]
    about += [sheet.network, f"preset {origin.preset}"]
    small = "; ".join(part for part in about if part)
    pixels = html.escape(origin.pixels, quote=True)
    return f'{name}: <small title="{pixels}">{html.escape(small)}</small>'


def _published_cell(line: Line, frames: Sequence[tuple[Sheet, pd.DataFrame]]) -> str:
    """The published value and the published step, as any of the sheets has them."""
    parts = []
    for wanted, is_step in ((line.number, False), (line.step, True)):
        if wanted is None:
            continue
        for _, frame in frames:
            found = pick(frame, wanted)
            if found is not None and math.isfinite(found["published"]):
                signs = is_step or found["kind"] in _SIGNED
                parts.append(published(found["published"], found["unit"], step=signs))
                break
    return "<br>".join(parts)


def _cell(line: Line, frame: pd.DataFrame) -> str:
    own, taken = pick(frame, line.number), pick(frame, line.step) if line.step else None
    text = "" if own is None else value(own)
    if taken is not None:
        text += f'<br><span class="fgnb-step">{step(taken)}</span>'
    return text


def pick(frame: pd.DataFrame, wanted: Any) -> dict[str, Any] | None:
    """The line of a number."""
    own = frame[(frame["label"] == wanted.label) & (frame["kind"] == wanted.rule.kind.name)]
    rule = str((wanted.rule.references, sorted(wanted.rule.options.items())))
    own = own[own["rule"] == rule]
    return None if own.empty else dict(own.iloc[0].to_dict())


def _answer(line: Mapping[str, Any] | None) -> str:
    if line is None:
        return unmeasured()
    return f"{step(line) if line['kind'] in _SIGNED else value(line)}{_reading(line)}"


def unmeasured() -> str:
    """What stands in place of an answer that no photographs gave."""
    return '<span class="fgnb-reading">not measured on photographs yet</span>'


def _reading(line: Mapping[str, Any]) -> str:
    if not line["reading"]:
        return ""
    words = Reading(line["reading"], line["detectable"]).words
    return f'<br><span class="fgnb-reading">{html.escape(words)}</span>'


def mark(line: Mapping[str, Any]) -> str:
    """The sign of a reading, with its words for whoever can't see it or points at it."""
    reading = Reading(line["reading"], line["detectable"])
    words = html.escape(reading.words, quote=True)
    kind = reading.word.replace(" ", "-")
    return (
        f'<span class="fgnb-mark fgnb-{kind}" role="img" aria-label="{words}" title="{words}">'
        f"{reading.mark}</span> "
    )


def _verdict(line: Mapping[str, Any]) -> str:
    """Within, over or under the published level; only where the protocol is the published one."""
    entry = entry_of(line["claim"])
    if line["protocol"] != "published" or entry is None or entry.value is None:
        return ""
    half = 0.0
    if entry.unit in ("percent", "points"):
        half = 0.5 * 10.0 ** -len(repr(float(entry.value)).partition(".")[2])
    word = readings.verdict(float(entry.value), line["low"], line["high"], half)
    return f'<br><span class="fgnb-verdict">{word} the published value</span>'


_SIGNED = frozenset(name for name, kind in KINDS.items() if kind.signed)
