"""The digest of code: what a stage computes with, and nothing else.

A stage's module and the modules that it imports, transitively, are read as syntax trees without
docstrings and comments, from their files: nothing is imported. ``from fgnb.data import load_rgb``
counts the module that defines ``load_rgb``, not everything that the package re-exports; of a
package's ``__init__`` counts what it does besides importing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from fgnb.store.syntax import EXPORTS, Import, Source, parse

# What names, keeps or shows a number but does not make one.
LEFT_OUT = frozenset(
    {
        "fgnb.paths",
        "fgnb.claims",
        "fgnb.report",
        "fgnb.book",
        "fgnb.cli",
        "fgnb.notebook",
        "fgnb.store",
        "fgnb.training.environment",
        "fgnb.training.fit",
        "fgnb.training.progress",
        "fgnb.training.run",
    }
)


def code_digest(module_names: Iterable[str]) -> str:
    """SHA-256 over the code of ``module_names`` and of what they import, in hexadecimal.

    Raises:
        ValueError: a module without a source file, such as one made up in a notebook.
    """
    found = _reach(tuple(module_names))
    lines = (f"{name} {_read(name).digest}" for name in sorted(found))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def imported_modules(name: str) -> set[str]:
    """Modules whose code counts for ``name``, itself included.

    Followed are modules of fgnb and of the package that ``name`` lies in.
    """
    return _reach((name,))


def _reach(names: tuple[str, ...]) -> set[str]:
    followed = {"fgnb", *(name.partition(".")[0] for name in names)}
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if _file(name) is None:
            raise ValueError(
                f"module {name!r} has no source file, so its code has no digest; "
                "define the stage in a module of its own"
            )
        found.add(name)
        waiting += _parents(name)
        if _is_package(name) and name not in names and not _read(name).acts:
            # What was asked for through it is resolved by `_targets`; the rest is not used.
            continue
        for item in _read(name).imports:
            if item.module.partition(".")[0] in followed:
                waiting += (target for target in _targets(item) if not _left_out(target))
    return found


def _targets(item: Import, within: frozenset[Import] = frozenset()) -> list[str]:
    """Modules that one import statement makes count; ``within`` stops circles."""
    if item in within or _left_out(item.module) or _file(item.module) is None:
        return []
    within |= {item}
    if item.name is None:
        return _whole(item.module, within)
    if not _is_package(item.module):
        return [item.module]
    source = _read(item.module)
    if item.name in source.defined or item.name in EXPORTS:
        return [item.module]
    inner = f"{item.module}.{item.name}"
    through = [other for other in source.imports if other.bound == item.name and other != item]
    if through:
        return [item.module, *(name for other in through for name in _targets(other, within))]
    if _file(inner) is not None:
        return _whole(inner, within)
    # A star import, or a name made at run time: any module of the package may be behind it.
    return [*_whole(item.module, within), *_inside(item.module)]


def _whole(module: str, within: frozenset[Import]) -> list[str]:
    """``module`` used as a whole: a package with everything that its ``__init__`` imports."""
    if _left_out(module) or _file(module) is None:
        return []
    if not _is_package(module) or module == "fgnb":
        return [module]
    return [module, *(name for i in _read(module).imports for name in _targets(i, within))]


def _inside(package: str) -> list[str]:
    """The modules that lie directly in ``package``."""
    file = _file(package)
    assert file is not None
    return [f"{package}.{m.stem}" for m in sorted(file.parent.glob("*.py")) if m != file]


def _read(name: str) -> Source:
    file = _file(name)
    assert file is not None
    return parse(name, file.name == "__init__.py", file.read_bytes())


def _left_out(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in LEFT_OUT)


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    parents = [".".join(parts[:i]) for i in range(1, len(parts))]
    return [parent for parent in parents if _file(parent) is not None]


def _is_package(name: str) -> bool:
    file = _file(name)
    return file is not None and file.name == "__init__.py"


def _file(name: str) -> Path | None:
    """The source file of a module, without importing it or its packages."""
    top, *rest = name.split(".")
    if not top:
        return None
    if not rest:
        return _top_file(top)
    package = _top_file(top)
    if package is None or package.name != "__init__.py":
        return None
    base = package.parent.joinpath(*rest)
    for file in (base / "__init__.py", base.with_name(base.name + ".py")):
        if file.is_file():
            return file
    return None


def _top_file(top: str) -> Path | None:
    loaded = getattr(sys.modules.get(top), "__file__", None)
    if loaded is None and top not in sys.modules:
        spec = importlib.util.find_spec(top)
        loaded = spec.origin if spec is not None else None
    if loaded is None or not loaded.endswith(".py"):
        return None
    file = Path(loaded)
    return file if file.is_file() else None
