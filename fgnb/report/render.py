"""Tables as HTML: escaped, foldable on a phone, each number with its interval and its reading."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fgnb.claims.schema import Entry
from fgnb.report import readings
from fgnb.report.kinds import KINDS
from fgnb.report.layout import Table
from fgnb.report.readings import Reading, few, interval
from fgnb.report.records import PROTOCOLS
from fgnb.report.sheet import SETS, Number, Sheet, entry_of, published_value

_SIGN = {"percent": " %", "points": " points", "pixels": " px", "fps": " frames/s", "seconds": " s"}
_SIGNED = frozenset(name for name, kind in KINDS.items() if kind.signed)
_BARE = re.compile(r"(?s)<(style|script)\b.*?</\1>|<[^>]+>")
Frames = Sequence[tuple[Sheet, pd.DataFrame]]


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
    for first, *rest in rows:
        cells = "".join(
            f'<td data-label="{html.escape(name, quote=True)}">{cell}</td>'
            for name, cell in zip(plain[1:], rest, strict=True)
        )
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    above = f"<caption>{caption}</caption>" if caption else ""
    return (
        f'<table class="fgnb-table {kind}">{above}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def table(wanted: Table, frames: Frames) -> str:
    """A table of a page: published, on photographs, this run.

    A column without a number is left out. Where published values differ by set, a table a set.
    """
    frames = [(sheet, frame) for sheet, frame in frames if len(frame)]
    if not wanted.by_set:
        return _one(wanted, frames, wanted.title)
    groups = {
        f"{wanted.title}: {title}": [f for f in frames if f[0].set_name == name]
        for name, title in SETS.items()
    }
    shown = {title: of for title, of in groups.items() if of} or {wanted.title: []}
    return "".join(_one(wanted, of, title) for title, of in shown.items())


def _one(wanted: Table, frames: Frames, title: str) -> str:
    if not frames:
        return f'<p class="fgnb-note">{html.escape(title)}: nothing was measured here.</p>'
    rows = []
    for line in wanted.lines:
        owns = [pick(frame, line.number) for _, frame in frames]
        steps = [pick(frame, line.step) if line.step else None for _, frame in frames]
        cells = list(map(cell, owns, steps))
        if any(cells):
            printed = "<br>".join(filter(None, map(_published, (owns, steps))))
            rows.append([html.escape(line.number.label), printed, *cells])
    columns = ["", "Published", *(column_of(sheet, frame) for sheet, frame in frames)]
    made = beside_published(columns, rows, caption=html.escape(title), kind="fgnb-rows")
    return made + "".join(_lacking(wanted, *pair) for pair in frames)


def _lacking(wanted: Table, sheet: Sheet, frame: pd.DataFrame) -> str:
    """What a sheet has the arrays for, and yet holds nothing of: in a line."""
    gaps = [line.number for line in wanted.lines if pick(frame, line.number) is None]
    known = [n for n in gaps if all(sheet.array(r) is not None for r in n.rule.references)]
    about = f"{sheet.origin.dataset_title} has nothing to count for"
    labels = html.escape("; ".join(number.label for number in known))
    return f'<p class="fgnb-note">{html.escape(about)}: {labels}.</p>' if known else ""


def beside_published(columns: list[str], rows: list[list[str]], **how: str) -> str:
    """A table whose second column, what is published, is left out where it is empty."""
    if not any(row[1] for row in rows):
        columns, *rows = [[first, *rest] for first, _, *rest in (columns, *rows)]
    return grid(columns, rows, **how)


def step(line: Mapping[str, Any]) -> str:
    """A difference with its interval and the mark of its reading."""
    unit = "" if line["unit"] == "points" else _SIGN.get(line["unit"], "")
    text = f"{signed(line['value'])}{unit} <small>({interval(line)})</small>"
    return f"{mark(line)}{text}" if line["reading"] else text


def value(line: Mapping[str, Any]) -> str:
    """A number with its interval in small print under it, and its reading where one is due."""
    if line["kind"] in _SIGNED:
        words = Reading.of(line).words if line["reading"] else ""
        note = f'<br><span class="fgnb-reading">{html.escape(words)}</span>' if words else ""
        return f"{step(line)}{note}"
    text = f"<b>{number(line['value'], line['unit'])}</b>"
    if line["low"] != line["high"] or few(line):
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


def printed(entry: Entry) -> str:
    """What the paper prints for an entry of the ledger; nothing where it prints no value."""
    value = math.nan if entry.value is None else entry.value
    return published(value, entry.unit) or "unreadable" * entry.unreadable


def published_of(number: Number, set_names: Iterable[str]) -> str:
    """What is published of a number on the sets of those short names; each, where they differ."""
    texts = {}
    for set_name in set_names:
        known = published_value(number, number.claim.format(set=set_name), set_name)
        kind = number.rule.kind
        if text := published(known, number.unit or kind.unit, step=kind.signed):
            texts[set_name] = text
    if len(set(texts.values())) < 2:
        return next(iter(texts.values()), "")
    return ", ".join(
        f"{text} <small>({SETS[set_name]})</small>" for set_name, text in texts.items()
    )


def signed(difference: float, digits: int = 2) -> str:
    """A difference with its sign and a true minus: "+0.70", "−0.10"."""
    return f"{difference:+z.{digits}f}".replace("-", "−")


def p_value(p: float) -> str:
    """A p-value: three decimals, or "< 0.001"."""
    return "" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def fold(title: str, body: str) -> str:
    """A collapsed part."""
    return f'<details class="fgnb-fold"><summary>{html.escape(title)}</summary>{body}</details>'


def column_of(sheet: Sheet, frame: pd.DataFrame | None = None) -> str:
    """What the rows of a sheet share, once, over its column; n is that of the numbers under it."""
    origin = sheet.origin
    n = max(len(row.arrays.get("labels", ())) for row in sheet.rows.values())
    if frame is not None:
        inexact = [not KINDS[kind].meaning.endswith("exact") for kind in frame["kind"]]
        n = max(frame["n"][inexact], default=n)
    name = "On photographs" if sheet.recorded else "This run, on photographs"
    name = "This run" if origin.protocol == "drawn" else name
    about = [origin.dataset_title, f"n = {n:,}" if n else "", PROTOCOLS[origin.protocol]]
    about += [sheet.network, sheet.former or sheet.regime, f"preset {origin.preset}"]
    often = "once" if sheet.reads == 1 else f"{sheet.reads} times"
    about += [f"test images read {often} in all"] * bool(sheet.reads)
    small = "; ".join(part for part in about if part)
    pixels = html.escape(origin.pixels, quote=True)
    return f'{name}: <small title="{pixels}">{html.escape(small)}</small>'


def _published(lines: Sequence[Mapping[str, Any] | None]) -> str:
    """What is published of a number, as any of its lines has it."""
    texts = (published(x["published"], x["unit"], step=x["kind"] in _SIGNED) for x in lines if x)
    return next(filter(None, texts), "")


def cell(own: Mapping[str, Any] | None, taken: Mapping[str, Any] | None) -> str:
    """A number, and under it the step to it; empty without either."""
    text = value(own) if own else ""
    return f'{text}<br><span class="fgnb-step">{step(taken)}</span>' if taken else text


def pick(frame: pd.DataFrame, wanted: Number) -> dict[str, Any] | None:
    """The line of a number."""
    names = ["label", "kind", "rule"]
    lines = frame[(frame[names] == [wanted.label, *wanted.follows]).all(axis=1)]
    return None if lines.empty else dict(lines.iloc[0].to_dict())


def unmeasured() -> str:
    """What stands in place of an answer that no photographs gave."""
    return '<span class="fgnb-reading">not measured on photographs yet</span>'


def mark(line: Mapping[str, Any]) -> str:
    """The sign of a reading, with its words for whoever can't see it or points at it."""
    reading = Reading.of(line)
    words, kind = html.escape(reading.words, quote=True), reading.word.replace(" ", "-")
    about = f'class="fgnb-mark fgnb-{kind}" role="img" aria-label="{words}" title="{words}"'
    return f"<span {about}>{reading.mark}</span> "


def _verdict(line: Mapping[str, Any]) -> str:
    """Within, over or under the published level; only where the protocol is the published one."""
    entry = entry_of(line["claim"])
    if line["protocol"] != "published" or entry is None or entry.value is None:
        return ""
    rounded = entry.unit in ("percent", "points")
    half = 0.5 * 10.0 ** -len(repr(float(entry.value)).partition(".")[2]) if rounded else 0.0
    word = readings.verdict(float(entry.value), line["low"], line["high"], half)
    return f'<br><span class="fgnb-verdict">{word} the published value</span>'
