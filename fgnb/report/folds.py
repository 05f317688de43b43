"""What lies under the folds at a page's end: other numbers, tests, settings, provenance."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from fgnb.data.protocol import AIRCRAFT, CARS, CUB
from fgnb.metrics import mcnemar_cutoff
from fgnb.report import render
from fgnb.report.archive import Refused
from fgnb.report.layout import Table
from fgnb.report.readings import Reading
from fgnb.report.records import NONE
from fgnb.report.sheet import Sheet

_IMAGES = {"cub": CUB.test, "cars": CARS.test, "aircraft": AIRCRAFT.test}
Frames = Sequence[tuple[Sheet, pd.DataFrame]]


def beside(table: Table, frames: Frames) -> str:
    """The further claims that a table's rows answer."""
    lines = [[html.escape(n.label), html.escape(n.claim), *_cells(n, frames)] for n in table.beside]
    shown = [line for line in lines if any(line[2:])]
    columns = ("", "Claim", *(_name(sheet) for sheet, _ in frames))
    return (
        render.grid(columns, shown, caption=f"Beside {html.escape(table.title)}") if shown else ""
    )


def tests(table: Table, frames: Frames) -> str:
    """Every difference of a table with its whole test, a table a sheet."""
    columns = (
        *("Step", "Difference", "Rectified / spoiled", "p", "p (Holm)"),
        *("Smallest detectable", "Reading", "Published, most changed"),
    )
    parts = []
    for sheet, frame in frames:
        rows = [
            _test(line, sheet)
            for line in frame.drop_duplicates("rule").to_dict("records")
            if line["test"] is not None or line["expect"]
        ]
        if rows:
            title = html.escape(f"{table.title}: {_name(sheet)}")
            parts.append(render.grid(columns, rows, caption=title))
    return "".join(parts)


def settings(sheet: Sheet) -> str:
    """What the rows were set to: what all share once, then what differs."""
    specs = {name: row.origin.spec for name, row in sheet.measured.items() if row.origin.spec}
    if not specs:
        return ""
    names = list(dict.fromkeys(name for spec in specs.values() for name in spec))
    known = {name: {_word(spec.get(name)) for spec in specs.values()} for name in names}
    shared = [f"{name} = {_word(next(iter(specs.values())).get(name))}" for name in names
              if len(known[name]) == 1]  # fmt: skip
    rows = []
    for row, spec in specs.items():
        own = [f"{n} = {_word(spec[n])}" for n in names if n in spec and len(known[n]) > 1]
        rows.append([html.escape(row), html.escape(", ".join(own)) or "as all"])
    caption = f"{html.escape(_name(sheet))}. All rows: {html.escape(', '.join(shared))}."
    return render.grid(("Row", "Its own"), rows, caption=caption)


def provenance(sheet: Sheet) -> str:
    """Where the rows of a sheet come from: what all share once, then each row."""
    of = sheet.origin
    weights = of.weights_tag
    if of.weights_sha256 != NONE:
        weights += f", SHA-256 {of.weights_sha256[:16]}"
    pairs = {
        "Data": f"{of.dataset_title}; {of.pixels}; manifest {of.manifest[:16]}",
        "Images": f"{of.classes} classes, {of.n_train} training, {of.n_test} test",
        "Backbone": f"{of.backbone}, weights {weights}",
        "Preset": of.preset,
        "Versions": ", ".join(f"{name} {version}" for name, version in of.versions.items()),
    }
    listed = "".join(
        f"<div><dt>{html.escape(term)}</dt><dd>{html.escape(text)}</dd></div>"
        for term, text in pairs.items()
    )
    columns = ("Row", "Run", "Device", "Time", "Test set read", "Commit", "Code")
    rows = []
    for name, row in sheet.measured.items():
        o = row.origin
        state = {"same": "as it is", "verified": "other code, same witness"}.get(
            row.code_state(), "has changed since"
        )
        cells = (name, ", ".join(k[:12] for k in o.run_keys) or "none", o.device,
                 duration(o.seconds), times(o.test_reads), short_commit(o.commit),
                 f"{state} ({o.code[:10]})")  # fmt: skip
        rows.append([html.escape(cell) for cell in cells])
    return f'<dl class="fgnb-dl">{listed}</dl>{render.grid(columns, rows)}'


def former(sheets: Sequence[Sheet], tables: Sequence[Table]) -> str:
    """Recordings that newer ones replace: every number, and how often the test set was read."""
    parts = []
    for sheet in sheets:
        rows = []
        for table in tables:
            for line in sheet.numbers(table.numbers).to_dict("records"):
                rows.append([html.escape(line["label"]), render.value(line)])
        reads = sum({r.name: r.origin.test_reads for r in sheet.measured.values()}.values())
        title = f"{sheet.title}, {_name(sheet)}; test set read {times(reads)}"
        if rows:
            body = render.grid(("", "Measured then"), rows)
            parts.append(render.fold(title, body))
    return "".join(parts)


def refused(files: Sequence[Refused]) -> str:
    """What is recorded and not shown, with the reason."""
    return "".join(f"<p>{html.escape(str(file))}</p>" for file in files)


def code_note(sheets: Sequence[Sheet]) -> str:
    """Once a page: what has become of the code behind the recorded rows."""
    states = [row.code_state() for sheet in sheets for row in sheet.measured.values()]
    changed, verified = states.count("changed"), states.count("verified")
    parts = []
    if verified:
        parts.append(
            f"The code has changed since {verified} of {len(states)} recorded rows were measured; "
            "today's gives their witness again, so they stand."
        )
    if changed:
        parts.append(
            f"The code has changed since {changed} of {len(states)} recorded rows were measured."
        )
    return "".join(f'<p class="fgnb-warning">{part}</p>' for part in parts)


def about(sheet: Sheet) -> dict[str, Any]:
    """What overview pages and the scorecard say of a sheet."""
    of = sheet.origin
    reads = {row.name or name: row.origin.test_reads for name, row in sheet.measured.items()}
    return {
        "preset": of.preset,
        "network": sheet.network,
        "device": of.device,
        "commit": of.commit,
        "pixels": of.pixels,
        "test_reads": sum(reads.values()),
        "day": of.recorded,
    }


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


def short_commit(commit: str) -> str:
    """The first 10 digits of a commit, with "+" where files differed from it."""
    digits, plus, _ = commit.partition("+")
    return digits[:10] + plus


def _test(line: dict[str, Any], sheet: Sheet) -> list[str]:
    test, least = line["test"], line["detectable"]
    changed = "" if test is None else f"{test['rectified']} / {test['spoiled']}"
    reading = Reading(line["reading"], least).words if line["reading"] else ""
    cutoff = None
    if math.isfinite(line["published"]) and line["unit"] == "points":
        cutoff = mcnemar_cutoff(_IMAGES[sheet.slug], line["published"] / 100)
    return [
        html.escape(line["label"]),
        render.step({**line, "reading": ""}),
        changed,
        render.p_value(line["p"] if test is None else test["p"]),
        render.p_value(line["p_holm"]),
        f"{least:.2f}" if math.isfinite(least) else "none",
        html.escape(reading),
        "" if cutoff is None else f"{cutoff:,}",
    ]


def _cells(number: Any, frames: Frames) -> list[str]:
    lines = [render.pick(frame, number) for _, frame in frames]
    return ["" if line is None else render.value(line) for line in lines]


def _name(sheet: Sheet) -> str:
    whose = "recorded" if sheet.recorded else "this run"
    return f"{sheet.origin.dataset_title}, {whose}"


def _word(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
