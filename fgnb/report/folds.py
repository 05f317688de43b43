"""What lies under the folds at a page's end: other numbers, tests, settings, provenance."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

from fgnb.data.protocol import AIRCRAFT, CARS, CUB
from fgnb.metrics import mcnemar_cutoff
from fgnb.report import render
from fgnb.report.layout import Table
from fgnb.report.readings import Reading
from fgnb.report.records import NONE
from fgnb.report.render import Frames
from fgnb.report.sheet import Sheet

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


def former(sheets: Sequence[Sheet], tables: Sequence[Table]) -> str:
    """Recordings that newer ones replace: every number, and how often the test set was read."""
    parts = []
    for sheet in sheets:
        frames = [sheet.numbers(table.numbers) for table in tables]
        lines = [line for frame in frames for line in frame.to_dict("records")]
        rows = [[html.escape(line["label"]), render.value(line)] for line in lines]
        title = f"{sheet.title}, {named(sheet)}; test set read {times(_reads(sheet))}"
        if rows:
            parts.append(render.fold(title, render.grid(("", "Measured then"), rows)))
    return "".join(parts)


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
    return {**own, "network": sheet.network, "test_reads": _reads(sheet)}


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
