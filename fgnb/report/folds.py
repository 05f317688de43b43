"""What lies under the folds at a page's end: other numbers, tests, settings, provenance."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

from fgnb.data.protocol import AIRCRAFT, CARS, CUB
from fgnb.metrics import mcnemar_cutoff
from fgnb.report import render
from fgnb.report.archive import Read
from fgnb.report.layout import Table
from fgnb.report.readings import Reading
from fgnb.report.records import NONE
from fgnb.report.render import Frames
from fgnb.report.sheet import Sheet, short_name

_IMAGES = {"cub": CUB.test, "cars": CARS.test, "aircraft": AIRCRAFT.test}
_STATES = {"same": "as it is", "verified": "other code, same witness"}
_STATES["changed"] = "has changed since"


def beside(table: Table, frames: Frames) -> str:
    """The further claims that a table's rows answer."""
    rows = []
    for number in table.beside:
        lines = [render.pick(frame, number) for _, frame in frames]
        if any(lines):
            values = [render.value(line) if line else "" for line in lines]
            rows.append([html.escape(number.label), html.escape(number.claim), *values])
    columns = ("", "Claim", *(named(sheet) for sheet, _ in frames))
    caption = f"Beside {html.escape(table.title)}"
    return render.grid(columns, rows, caption=caption) if rows else ""


def tests(table: Table, frames: Frames) -> str:
    """Every difference of a table with its whole test, a table a sheet."""
    parts = []
    for sheet, frame in frames:
        lines = frame.drop_duplicates("rule").to_dict("records")
        rows = [_test(line, sheet) for line in lines if line["test"] or line["expect"]]
        if rows:
            title = html.escape(f"{table.title}: {named(sheet)}")
            cells = [list(row.values()) for row in rows]
            parts.append(render.grid(list(rows[0]), cells, caption=title))
    return "".join(parts)


def settings(sheet: Sheet) -> str:
    """What the rows were set to: what all share once, then what differs."""
    specs = {
        name: [f"{key} = {_word(value)}" for key, value in row.origin.spec.items()]
        for name, row in sheet.measured.items()
        if row.origin.spec
    }
    if not specs:
        return ""
    first, *others = specs.values()
    shared = set(first).intersection(*others)
    rows = []
    for row, texts in specs.items():
        own = ", ".join(text for text in texts if text not in shared)
        rows.append([html.escape(row), html.escape(own) or "as all"])
    of_all = ", ".join(text for text in first if text in shared)
    caption = html.escape(f"{named(sheet)}. All rows: {of_all}.")
    return render.grid(("Row", "Its own"), rows, caption=caption)


def provenance(sheet: Sheet) -> str:
    """Where the rows of a sheet come from: what all share once, then each row."""
    of, part = sheet.origin, f" ({sheet.origin.restriction})" * bool(sheet.origin.restriction)
    digits = "" if of.weights_sha256 == NONE else f", SHA-256 {of.weights_sha256[:16]}"
    pairs = {
        "Data": f"{of.dataset_title}; {of.pixels}; manifest {of.manifest[:16]}",
        "Images": f"{of.classes} classes{part}, {of.n_train} training, {of.n_test} test",
        "Backbone": f"{of.backbone}, weights {of.weights_tag}{digits}",
        "Preset": of.preset,
        "Regime": sheet.regime,
        "Test images read": f"{times(sheet.reads)} in all, by every record" * bool(sheet.reads),
        "Frame": ", ".join(sorted({row.origin.frame for row in sheet.measured.values()} - {""})),
        "Versions": ", ".join(f"{name} {version}" for name, version in of.versions.items()),
    }
    listed = "".join(
        f"<div><dt>{term}</dt><dd>{html.escape(text)}</dd></div>"
        for term, text in pairs.items()
        if text
    )
    columns = ("Row", "Run", "Device", "Time", "Test set read", "Commit", "Code")
    rows = []
    for name, row in sheet.measured.items():
        own, (commit, plus, _) = row.origin, row.origin.commit.partition("+")
        keys = ", ".join(key[:12] for key in own.run_keys) or "none"
        cells = [name, keys, own.device, duration(own.seconds), times(own.test_reads)]
        cells += [commit[:10] + plus, f"{_STATES[row.code_state()]} ({own.code[:10]})"]
        rows.append(list(map(html.escape, cells)))
    return f'<dl class="fgnb-dl">{listed}</dl>{render.grid(columns, rows)}'


def former(
    sheets: Sequence[Sheet], tables: Sequence[Table], folded: Sequence[Sequence[Sheet]]
) -> str:
    """Recordings that newer ones replace, under what replaces them, the oldest last.

    ``folded`` are, table by table, the sheets of former regimes that have no column there.
    """
    parts = []
    for sheet in sheets:
        own = [t for t, gone in zip(tables, folded, strict=True) if any(sheet is s for s in gone)]
        days = [_then(day, tables) for day in sheet.before]
        body = "".join([_then(sheet, own) if own else "", *days])
        if body:
            title = f"{named(sheet)}{f', {sheet.former}' * bool(sheet.former)}"
            parts.append(render.fold(title, body))
    return "".join(parts)


def _then(sheet: Sheet, tables: Sequence[Table]) -> str:
    """What was measured then; nothing without a number."""
    lines = [x for table in tables for x in sheet.numbers(table.numbers).to_dict("records")]
    rows = [[html.escape(line["label"]), render.value(line)] for line in lines]
    title = sheet.title or "What newer rows answer too"
    title = f"{title}; test set read {times(_reads(sheet))} for it"
    return render.fold(title, render.grid(("", "Measured then"), rows)) if rows else ""


def reads_of(sheet: Sheet, reads: Sequence[Read]) -> int:
    """How often the test images of a sheet were read, by whichever record; 0 where it has none."""
    own = [row.arrays["ids"].tolist() for row in sheet.measured.values() if "ids" in row.arrays]
    ids, name = {identity for of in own for identity in of}, sheet.set_name
    known = (read for read in reads if ids and short_name(read.dataset) == name)
    return sum(read.times for read in known if ids <= read.ids)


def code_note(sheets: Sequence[Sheet]) -> str:
    """Once a page: what has become of the code behind the recorded rows."""
    states = [row.code_state() for sheet in sheets for row in sheet.measured.values()]
    more = {"verified": "; today's gives their witness again, so they stand", "changed": ""}
    return "".join(
        f'<p class="fgnb-warning">The code has changed since {states.count(state)} of '
        f"{len(states)} recorded rows were measured{words}.</p>"
        for state, words in more.items()
        if state in states
    )


def about(sheet: Sheet) -> dict[str, Any]:
    """What overview pages and the scorecard say of a sheet."""
    own = {name: getattr(sheet.origin, name) for name in ("preset", "device", "commit")}
    network = ", ".join(filter(None, (sheet.network, sheet.former or sheet.regime)))
    return {**own, "network": network, "test_reads": _reads(sheet), "all_reads": sheet.reads}


def duration(seconds: float) -> str:
    """A time for a reader.

    >>> duration(75), duration(4.21)
    ('1 min 15 s', '4.2 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def times(count: int) -> str:
    """How often, in words: "never", "once", "3 times"."""
    return {0: "never", 1: "once"}.get(count, f"{count} times")


def _test(line: dict[Any, Any], sheet: Sheet) -> dict[str, str]:
    test, cutoff = line["test"], ""
    if math.isfinite(line["published"]) and line["unit"] == "points":
        cutoff = f"{mcnemar_cutoff(_IMAGES[sheet.set_name], line['published'] / 100):,}"
    return {
        "Step": html.escape(line["label"]),
        "Difference": render.step({**line, "reading": ""}),
        "Rectified / spoiled": f"{test['rectified']} / {test['spoiled']}" if test else "",
        "p": render.p_value(test["p"] if test else line["p"]),
        "p (Holm)": render.p_value(line["p_holm"]),
        "Smallest significant": _points(line["detectable"]),
        "Found at 80 %": _points(line["would_show"]),
        "Reading": Reading.of(line).word if line["reading"] else "",
        "Published, most changed": cutoff,
    }


def _points(step: float) -> str:
    return f"{step:.2f}" if math.isfinite(step) else "none"


def _reads(sheet: Sheet) -> int:
    return sum(row.origin.test_reads for row in sheet.measured.values())


def named(sheet: Sheet) -> str:
    """The set of a sheet, and whether it was recorded."""
    return f"{sheet.origin.dataset_title}, {'recorded' if sheet.recorded else 'this run'}"


def _word(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
