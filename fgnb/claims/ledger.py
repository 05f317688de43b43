"""The ledger of published numbers, figures and claims: loaded, iterated, found by id or by field.

Whether an entry has been measured is not kept here: `fgnb.report` computes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from fgnb.claims.schema import FIELDS, PAPERS, Entry, LedgerError, Paper, read

__all__ = ["PAPERS", "Entry", "Ledger", "LedgerError", "Paper", "load", "read"]


class Ledger:
    """Entries in file order, found by id or by field."""

    def __init__(self, entries: tuple[Entry, ...], papers: tuple[Paper, ...]) -> None:
        self.entries = entries
        self.papers = papers
        self._by_id = {entry.id: entry for entry in entries}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, entry_id: object) -> bool:
        return entry_id in self._by_id

    def __getitem__(self, entry_id: str) -> Entry:
        """The entry of that id; KeyError with the nearest ids where there is none."""
        try:
            return self._by_id[entry_id]
        except KeyError:
            stem = entry_id.rsplit(".", 1)[0]
            near = [known for known in self._by_id if known.startswith(stem)][:8]
            raise KeyError(f"no ledger entry {entry_id!r}; near it: {near or 'none'}") from None

    def where(self, **wanted: Any) -> Ledger:
        """The entries whose fields equal the given values, e.g. `where(kind="figure")`.

        Raises:
            ValueError: an argument that is no field of `Entry`.
        """
        for name in wanted:
            if name not in FIELDS:
                raise ValueError(f"no ledger field {name!r}; the fields are {', '.join(FIELDS)}")
        kept = tuple(
            entry
            for entry in self.entries
            if all(getattr(entry, name) == value for name, value in wanted.items())
        )
        return Ledger(kept, self.papers)


def load(paper: str | None = None) -> Ledger:
    """The validated ledger of one paper, or of all of them.

    Args:
        paper: one of `PAPERS`; None for all, in the order of `PAPERS`.

    Raises:
        ValueError: an unknown paper.
        LedgerError: a faulty file.
    """
    if paper is not None and paper not in PAPERS:
        raise ValueError(f"paper was {paper!r}; it must be one of {', '.join(PAPERS)}")
    return _load(PAPERS if paper is None else (paper,))


@lru_cache(maxsize=8)
def _load(names: tuple[str, ...]) -> Ledger:
    read_files = [read(Path(__file__).parent / f"{name}.yaml") for name in names]
    entries = tuple(entry for _, found in read_files for entry in found)
    return Ledger(entries, tuple(paper for paper, _ in read_files))
