"""What the pages measured, against the ledger: claims and their readings first, then the rest.

Each executed notebook leaves `<name>.numbers.json` beside it, a line a number; together they are
one DataFrame. Every entry of the ledger stands on the scorecard exactly once: measured, cited or
planned. A planned one never has a number of ours; drawn pictures have a column of their own.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from fgnb import claims
from fgnb.report import archive, render
from fgnb.report.readings import MARKS
from fgnb.report.records import PROTOCOLS
from fgnb.report.sheet import COLUMNS, OWN, SETS

STATES = ("measured", "cited", "planned")
MOST_OPEN = 6  # lines of a table that stand open: claims lead, and the page stays readable
Lines = list[dict[str, Any]]
# Notebook -> its address from the pages of book/; None where the book has no such page.
LinkTo = Callable[[str], str | None]
_RUN = (
    "notebook",
    "title",
    "protocol",
    "network",
    "preset",
    "device",
    "commit",
    "test_reads",
    "all_reads",
)
_SAME = ("claim", "label", "kind", "rule", "title", "protocol", "preset", "network", "recorded")
_DRAWN = "This book: <small>on drawn pictures, no evidence</small>"


def read(executed: Iterable[Path]) -> pd.DataFrame:
    """The numbers beside executed notebooks, a line each: what a page's `details` kept."""
    lines: Lines = []
    for notebook in executed:
        for file in sorted(notebook.with_suffix(".results").glob(f"*{archive.NUMBERS}")):
            lines += json.loads(file.read_bytes())
    columns = dict.fromkeys([*COLUMNS, *_RUN, *(name for line in lines[:1] for name in line)])
    return pd.DataFrame(lines, columns=list(columns)).drop_duplicates(list(_SAME))


def score(numbers: pd.DataFrame, paper: str | None = None) -> pd.DataFrame:
    """The ledger's entries in its order, a line each, with what is published and their state.

    Raises:
        ValueError: an unknown paper.
    """
    measured, lines = set(numbers["claim"]), []
    for entry in claims.load(paper):
        line = {name: getattr(entry, name) for name in ("id", "paper", "kind", "place", "home")}
        unmeasured = "cited" if entry.by == "cited" else "planned"
        row = [] if entry.metric == "setting" else [entry.method, entry.metric]
        dataset = entry.dataset * (entry.kind == "number")
        words = [*row[:1], entry.text, *row[1:], dataset]
        known = dict.fromkeys(word for word in words if word not in ("", "none"))
        line["state"] = "measured" if entry.id in measured else unmeasured
        told = {"published": render.printed(entry), "what": ", ".join(known) or entry.id}
        lines.append(line | told)
    return pd.DataFrame(lines)


def counts(entries: pd.DataFrame) -> str:
    """How many entries there are, and how many in each state."""
    of = [f"{n} {state}" for state in STATES if (n := int((entries["state"] == state).sum()))]
    return f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}: {', '.join(of)}"


def by_claim(numbers: pd.DataFrame) -> dict[str, Lines]:
    """What was measured of each claim."""
    return {str(k): own.to_dict("records") for k, own in numbers.groupby("claim", sort=False)}


def telling(lines: Lines) -> Lines:
    """Those that answer a claim: what its page leads with, else what is read, else one number."""
    for field in ("short", "expect"):
        if chosen := [line for line in lines if line[field]]:
            return chosen
    return [line for line in lines if line["label"] == lines[0]["label"]]


def claims_table(entries: pd.DataFrame, of: dict[str, Lines], link: LinkTo) -> str:
    """Claims with their readings, from `by_claim`; no number of ours where they are planned."""
    rows = []
    for entry in entries[entries["kind"] == "claim"].to_dict("records"):
        lines = telling(of.get(entry["id"], []))
        found = _on(lines) or (render.unmeasured() if lines else entry["state"])
        rows.append([_head(entry, link), _printed(lines), found])
    return _grid(("Claim", "Published", "On photographs"), rows)


def _printed(lines: Lines) -> str:
    """The published difference; with the name of its set where sets differ."""
    told = [(SETS[n["set"]], render.published(n["published"], n["unit"], step=True)) for n in lines]
    of = {name: text for name, text in told if text}
    if len(set(of.values())) < 2:
        return next(iter(of.values()), "")
    return "<br>".join(f"{text} <small>{name}</small>" for name, text in of.items())


def page(numbers: pd.DataFrame, link: LinkTo) -> str:
    """What stands under the scorecard's introduction, in MyST."""
    entries, of = score(numbers), by_claim(numbers)
    marks = ", ".join(f"{mark} {word}" for word, mark in MARKS.items())
    out = [f"{counts(entries)}. The marks: {marks}.\n"]
    for paper in reversed(claims.load().papers):  # as the book has them
        own = entries[entries["paper"] == paper.paper]
        out.append(f"\n## {paper.paper}\n\n*{paper.title}*. {counts(own)}.\n")
        claimed, figure = own["kind"] == "claim", own["kind"] == "figure"
        table = own["place"].str.startswith("Table") & (own["kind"] == "number")
        for title, part in [("Claims", own[claimed]), *own[table].groupby("place", sort=False)]:
            ours = part["state"] == "measured"
            # A table that nothing but drawn pictures, which are no evidence, fills is folded whole;
            # so is one of many cells of ours: its own page shows it, beside what it stands on.
            seen = any(n["protocol"] != "drawn" for e in part["id"] for n in of.get(e, []))
            ours &= (seen and ours.sum() <= MOST_OPEN) or title == "Claims"
            body = (claims_table if title == "Claims" else _entries)(part[ours], of, link)
            out += [f"\n**{title}**\n\n{body}\n"] * bool(body)
            out.append(_fold(title, part[~ours], of, link))
        out.append(_fold("Figures", own[figure], of, link))
        out.append(_fold("The text", own[~claimed & ~figure & ~table], of, link))
    ours = numbers[numbers["claim"].str.startswith(OWN) & (numbers["short"] != "")]
    chosen = by_claim(ours[ours["protocol"] != "drawn"]).values()
    if rows := [[_linked(own[0]["short"], link(own[0]["notebook"])), _on(own)] for own in chosen]:
        out.append(f"\n## What no paper claims\n\n{_grid(('Ours', 'On photographs'), rows)}\n")
    return "".join([*out, "\n## Where the numbers come from\n\n", _origins(numbers, link), "\n"])


def reads(numbers: pd.DataFrame) -> str:
    """How often the test images of each recorded set were read, by every record of every paper."""
    of = numbers[numbers["recorded"].astype(bool) & numbers["all_reads"].fillna(0).gt(0)]
    rows = [
        [_escaped(title), f"{int(own['all_reads'].max())} times"]
        for title, own in of.groupby("title", sort=False)
    ]
    return render.grid(("Test images of", "Read, in all"), rows) if rows else ""


def _fold(title: str, entries: pd.DataFrame, of: dict[str, Lines], link: LinkTo) -> str:
    body = _entries(entries, of, link)
    return f"\n{render.fold(f'{title} ({counts(entries)})', body)}\n" if body else ""


def _entries(entries: pd.DataFrame, of: dict[str, Lines], link: LinkTo) -> str:
    """Entries with what was measured of them, or with their state where nothing was."""
    rows, measured = [], "measured" in set(entries["state"])
    for entry in entries.to_dict("records"):
        lines = of.get(entry["id"], [])
        found = [_on(lines) or entry["state"] * (not lines), _on(lines, photographs=False)]
        rows.append([_head(entry, link), entry["published"], *found[: 1 + measured]])
    columns = ("On photographs", _DRAWN) if measured else ("State",)
    return _grid(("", "Published", *columns), rows)


def _origins(numbers: pd.DataFrame, link: LinkTo) -> str:
    """Each set and run that a chapter's numbers come from, once; and what is refused."""
    rows = []
    for line in numbers.drop_duplicates(list(_RUN)).to_dict("records"):
        reads = line["test_reads"] if line["recorded"] else ""
        read_in_all = line["all_reads"] if line["recorded"] else ""
        cells = (line["title"], PROTOCOLS[line["protocol"]], line["network"], line["preset"],
                 line["device"], line["commit"][:10], reads, read_in_all)  # fmt: skip
        rows.append([_linked(line["notebook"], link(line["notebook"])), *map(_escaped, cells)])
    columns = ("Chapter", "Pictures", "Protocol", "Network", "Preset", "Device", "Commit")
    refused = [f"<li>{_escaped(f)}</li>" for p in archive.ROOMS for f in archive.recorded(p)[1]]
    lost = f"<p>Recorded, but not shown:</p><ul>{''.join(refused)}</ul>" if refused else ""
    return render.fold("Sets and runs", _grid((*columns, "Test set read", "in all"), rows)) + lost


def _on(lines: Lines, photographs: bool = True) -> str:
    """The numbers on photographs, or those on drawn pictures, under the names of their sets."""
    own = [line for line in lines if (line["protocol"] != "drawn") is photographs]
    labelled = len({line["label"] for line in own}) > 1
    runs = {(line["title"], line["network"], line["preset"]) for line in own}
    several = len(runs) > len({line["title"] for line in own})
    parts: dict[str, str] = {}
    for line in own:
        about = [line["title"], f"n = {line['n']:,}" * (line["n"] > 1)]
        about += [line["protocol"]] * photographs
        about += [line["network"], f"preset {line['preset']}"] * several
        label = f"{_escaped(line['label'])}: " * labelled
        name = _escaped("; ".join(filter(None, about)))
        parts[name] = f"{parts.get(name, '')}<div>{label}{render.value(line)}</div>"
    return "".join(f"<small>{name}</small>{found}" for name, found in parts.items())


def _grid(columns: Iterable[str], rows: list[list[str]]) -> str:
    return render.grid(tuple(columns), rows, kind="fgnb-score") if rows else ""


def _head(entry: dict[str, Any], link: LinkTo) -> str:
    in_table = entry["kind"] == "number" and entry["place"].startswith("Table")
    place = "" if in_table else f" <small>{_escaped(entry['place'])}</small>"
    return f'<span id="{entry["id"]}">{_linked(entry["what"], link(entry["home"]))}</span>{place}'


def _linked(text: str, address: str | None) -> str:
    return f'<a href="{_escaped(address)}">{_escaped(text)}</a>' if address else _escaped(text)


def _escaped(text: Any) -> str:
    """In one line, since a blank one would end the HTML within a page of text."""
    return html.escape(" ".join(str(text).split()))
