"""The digest of code: what a stage computes with, and nothing else.

A stage's module and the modules that it imports, transitively, are read as syntax trees without
docstrings and comments, from their files: nothing is imported. ``from fgnb.data import load_rgb``
counts the module that defines ``load_rgb``, not everything that the package re-exports; of a
package's ``__init__`` counts what it does besides importing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fgnb.store.reach import Stamp, Walk, stamp, top_file

# What names, keeps or shows a number but does not make one.
LEFT_OUT = frozenset(
    {
        "fgnb.paths",
        "fgnb.claims",
        "fgnb.report",
        "fgnb.pages",
        "fgnb.book",
        "fgnb.cli",
        "fgnb.notebook",
        "fgnb.store",
        "fgnb.progress",
        "fgnb.training.chain",
        "fgnb.training.environment",
        "fgnb.training.fit",
        "fgnb.training.progress",
        "fgnb.training.run",
    }
)

# File systems count time in steps of up to two seconds: within one, a file can change twice.
_SETTLED_NS = 2_000_000_000


@dataclass(frozen=True)
class Reached:
    """Modules that code reaches, and one SHA-256 over what they do, in hexadecimal."""

    modules: frozenset[str]
    digest: str


@dataclass(frozen=True)
class _Memo:
    """An answer with the state of the files that it was read from."""

    reached: Reached
    stamps: tuple[tuple[Path, Stamp | None], ...]
    tops: tuple[tuple[str, Path | None], ...]

    def holds(self) -> bool:
        return all(top_file(top) == file for top, file in self.tops) and all(
            stamp(place) == known for place, known in self.stamps
        )


_memo: dict[tuple[object, frozenset[str]], _Memo] = {}


def code_digest(module_names: Iterable[str]) -> str:
    """SHA-256 over the code of ``module_names`` and of what they import, in hexadecimal.

    It is computed again only where a file that it depends on has changed: pages ask for the same
    few digests hundreds of times.

    Raises:
        ValueError: a module without a source file, such as one made up in a notebook.
    """
    names = tuple(sorted(set(module_names)))
    return _answer(names, LEFT_OUT, lambda walk: walk.from_modules(names)).digest


def imported_modules(name: str) -> set[str]:
    """Modules whose code counts for ``name``, itself included.

    Followed are modules of fgnb and of the package that ``name`` lies in.
    """
    return set(_answer((name,), LEFT_OUT, lambda walk: walk.from_modules((name,))).modules)


def reached_from(text: str, left_out: frozenset[str] = LEFT_OUT) -> Reached:
    """What a text of Python that is no module, such as the cells of a notebook, reaches of fgnb.

    The text itself is not in the digest.

    Raises:
        ValueError: it imports a module that fgnb does not have.
        SyntaxError: it is no Python.
    """
    return _answer(text, left_out, lambda walk: walk.from_text(text))


def _answer(roots: object, left_out: frozenset[str], find: Callable[[Walk], set[str]]) -> Reached:
    known = _memo.get((roots, left_out))
    if known is not None and known.holds():
        return known.reached
    begun = time.time_ns()
    walk = Walk(left_out)
    modules = find(walk)
    lines = (f"{name} {walk.read(name).digest}" for name in sorted(modules))
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    reached = Reached(frozenset(modules), digest)
    newest = max((known[0] for known in walk.stamps.values() if known is not None), default=0)
    if newest < begun - _SETTLED_NS:
        _memo[roots, left_out] = _Memo(
            reached, tuple(walk.stamps.items()), tuple(walk.tops.items())
        )
    return reached
