"""The schema of a ledger file, and the reader that refuses a faulty one.

A file `<paper>.yaml` has the keys `paper`, `title`, `authors`, `venue`, `slug`, `backbone` (of its
own rows, as `fgnb.nn.backbones.create_backbone` calls it) and `entries`; an entry is a mapping with
the fields of `Entry`. A number is in the unit printed, never converted.
A number that cannot be read in our copy of the text is `value: null, unreadable: true`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

PAPERS = ("joint", "pose", "focus", "ccfr")
KINDS = ("number", "figure", "claim")
UNITS = ("percent", "points", "count", "pixels", "fps", "seconds", "ratio", "none")
SOURCES = ("ours", "cited")

_TOP_KEYS = ("paper", "title", "authors", "venue", "slug", "backbone", "entries")
_NUMBER_NEEDS = ("unit", "metric", "method", "dataset", "protocol", "by")
_HOME = re.compile(rf"^({'|'.join(PAPERS)})/[0-9]+(-[a-z0-9]+)+")


class LedgerError(ValueError):
    """A ledger file breaks a rule; the message names the file, the entry and the field."""


@dataclass(frozen=True)
class Paper:
    """The paper that a ledger file belongs to."""

    paper: str
    title: str
    authors: tuple[str, ...]
    venue: str
    slug: str
    backbone: str


@dataclass(frozen=True)
class Entry:
    """One number, figure or testable claim of a paper.

    Attributes:
        id: `<paper>.<place>.<...>`, lower case; unique in the whole ledger.
        paper: short name of the paper, one of `PAPERS`.
        kind: "number", "figure" or "claim".
        place: where it stands, e.g. "Table 2" or "section 4.3".
        text: what it says, in our own words; a number may leave it empty.
        value: the number as printed; None for figures, claims and unreadable numbers.
        unreadable: True where the value is lost in our copy of the text.
        unit: one of `UNITS`; "points" is a difference of percentages.
        metric: what was measured, or "setting" for a hyper-parameter.
        method: the row: a method, a model or a component.
        dataset: e.g. "CUB-200-2011"; "none" where no data set applies.
        protocol: e.g. "top-1 accuracy, official test split".
        by: "ours" (the paper's own) or "cited" (taken from another publication).
        home: the notebook that answers for it: a path below notebooks/ without suffix.
        note: contradictions and damage worth knowing; mostly empty.
    """

    id: str
    paper: str
    kind: str
    place: str
    home: str
    text: str = ""
    value: float | None = None
    unreadable: bool = False
    unit: str = ""
    metric: str = ""
    method: str = ""
    dataset: str = ""
    protocol: str = ""
    by: str = "ours"
    note: str = ""


FIELDS = tuple(field.name for field in fields(Entry))
_STRINGS = tuple(name for name in FIELDS if name not in ("value", "unreadable"))


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML that refuses a mapping with the same key twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice in one mapping", key.start_mark
                )
            seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def read(file: Path) -> tuple[Paper, tuple[Entry, ...]]:
    """Reads and validates one ledger file, named after its paper.

    Raises:
        LedgerError: names the file, the entry's id (or its position) and the field.
    """
    if not file.is_file():
        raise LedgerError(f"{file.name}: no such file in {file.parent}; reinstall fgnb")
    try:
        top = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except yaml.YAMLError as error:
        raise LedgerError(f"{file.name}: not valid YAML: {error}") from error
    if not isinstance(top, dict):
        raise LedgerError(f"{file.name}: must be a mapping with the keys {', '.join(_TOP_KEYS)}")
    _check_keys(top, allowed=_TOP_KEYS, needed=_TOP_KEYS, where=file.name)
    paper = _paper(top, file)
    if not isinstance(top["entries"], list) or not top["entries"]:
        raise LedgerError(f"{file.name}: entries must be a list with at least one entry")
    entries: dict[str, Entry] = {}
    for position, raw in enumerate(top["entries"], start=1):
        entry = _entry(raw, paper.paper, f"{file.name}: entry {position}", file.name)
        if entry.id in entries:
            raise LedgerError(f"{file.name}: entry {entry.id}: id: stands twice in the file")
        entries[entry.id] = entry
    return paper, tuple(entries.values())


def _paper(top: dict[str, Any], file: Path) -> Paper:
    for name in ("paper", "title", "venue", "slug", "backbone"):
        if not isinstance(top[name], str) or not top[name].strip():
            raise LedgerError(f"{file.name}: {name} was {top[name]!r}; it must be a string")
    if top["paper"] != file.stem or top["paper"] not in PAPERS:
        raise LedgerError(
            f"{file.name}: paper was {top['paper']!r}; it must be the file's name and one of "
            f"{', '.join(PAPERS)}"
        )
    if top["slug"] != top["paper"]:
        raise LedgerError(f"{file.name}: slug was {top['slug']!r}; it must be {top['paper']!r}")
    authors = top["authors"]
    if not isinstance(authors, list) or not all(isinstance(a, str) and a for a in authors):
        raise LedgerError(f"{file.name}: authors must be a list of names")
    return Paper(
        top["paper"], top["title"], tuple(authors), top["venue"], top["slug"], top["backbone"]
    )


def _entry(raw: Any, paper: str, position: str, file: str) -> Entry:
    if not isinstance(raw, dict):
        raise LedgerError(f"{position}: must be a mapping, was {raw!r}")
    entry_id = raw.get("id")
    if not isinstance(entry_id, str) or not re.fullmatch(rf"{paper}(\.[a-z0-9-]+)+", entry_id):
        raise LedgerError(
            f"{position}: id was {entry_id!r}; it must be '{paper}.' and then lower-case letters, "
            "digits, dots and hyphens"
        )
    where = f"{file}: entry {entry_id}"
    kind = raw.get("kind")
    if kind not in KINDS:
        raise LedgerError(f"{where}: kind was {kind!r}; it must be one of {', '.join(KINDS)}")
    needed = ("place", "home", *(_NUMBER_NEEDS if kind == "number" else ("text",)))
    _check_keys(raw, allowed=FIELDS, needed=needed, where=where)
    _check_strings(raw, needed, where)
    if raw.get("paper", paper) != paper:
        raise LedgerError(f"{where}: paper was {raw['paper']!r} in the file of {paper!r}")
    if not _HOME.fullmatch(raw["home"]):
        raise LedgerError(
            f"{where}: home was {raw['home']!r}; it must be <paper>/<section>-<topic>, "
            f"with one of the papers {', '.join(PAPERS)}"
        )
    for name, allowed in (("unit", UNITS), ("by", SOURCES)):
        if name in raw and raw[name] not in allowed:
            raise LedgerError(
                f"{where}: {name} was {raw[name]!r}; it must be one of {', '.join(allowed)}"
            )
    value = _value(raw, kind, where)
    return Entry(**{**raw, "paper": paper, "value": value})


def _value(raw: dict[str, Any], kind: str, where: str) -> float | None:
    """The value of a number as a float; None where the rules ask for none."""
    value, unreadable = raw.get("value"), raw.get("unreadable", False)
    if not isinstance(unreadable, bool):
        raise LedgerError(f"{where}: unreadable was {unreadable!r}; it must be true or false")
    if kind != "number":
        if value is not None or unreadable:
            raise LedgerError(f"{where}: value: a {kind} has text and no value")
        return None
    if unreadable:
        if "value" not in raw or value is not None:
            raise LedgerError(f"{where}: value was {value!r}; an unreadable number has value: null")
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise LedgerError(
            f"{where}: value was {value!r}; it must be a finite number, or null with "
            "unreadable: true"
        )
    return float(value)


def _check_keys(
    raw: dict[Any, Any], *, allowed: tuple[str, ...], needed: tuple[str, ...], where: str
) -> None:
    unknown = [str(key) for key in raw if key not in allowed]
    if unknown:
        raise LedgerError(
            f"{where}: unknown key {', '.join(unknown)}; the keys are {', '.join(allowed)}"
        )
    missing = [key for key in needed if key not in raw]
    if missing:
        raise LedgerError(f"{where}: missing key {', '.join(missing)}")


def _check_strings(raw: dict[str, Any], needed: tuple[str, ...], where: str) -> None:
    for name in _STRINGS:
        if name not in raw:
            continue
        if not isinstance(raw[name], str):
            raise LedgerError(f"{where}: {name} was {raw[name]!r}; it must be a string")
        if name in needed and not raw[name].strip():
            raise LedgerError(f"{where}: {name} is empty")
