"""Which modules code reaches by its imports, read from source files: nothing is imported.

A walk remembers what it looked at, so that who keeps its answer can tell whether it still holds.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from fgnb.store.syntax import EXPORTS, Import, Source, parse

Stamp = tuple[int, int, int]


class Walk:
    """One walk over imports, from modules or from a text of Python.

    Args:
        left_out: rooms and modules that are not followed.

    Attributes:
        stamps: files that were read and folders in which modules were looked up, as they were.
        tops: the file of each top-level package.
    """

    def __init__(self, left_out: frozenset[str]) -> None:
        self.left_out = left_out
        self.stamps: dict[Path, Stamp | None] = {}
        self.tops: dict[str, Path | None] = {}
        self._files: dict[str, Path | None] = {}
        self._sources: dict[str, Source] = {}

    def from_modules(self, names: Iterable[str]) -> set[str]:
        """Modules whose code counts for ``names``, themselves included.

        Raises:
            ValueError: a module without a source file, such as one made up in a notebook.
        """
        names = tuple(names)
        followed = {"fgnb", *(name.partition(".")[0] for name in names)}
        return self._follow(list(names), followed, whole=names)

    def from_text(self, text: str) -> set[str]:
        """Modules of fgnb whose code counts for a text that is no module, such as a notebook's.

        Raises:
            ValueError: it imports a module that fgnb does not have.
        """
        imports = [
            item
            for item in parse("text", False, text.encode()).imports
            if item.module.partition(".")[0] == "fgnb"
        ]
        for item in imports:
            if self._file(item.module) is None:
                raise ValueError(f"there is no module {item.module}")
        return self._follow([m for item in imports for m in self._targets(item)], {"fgnb"})

    def read(self, name: str) -> Source:
        """The source of a module that has a file."""
        if name not in self._sources:
            file = self._file(name)
            assert file is not None
            self.stamps[file] = stamp(file)
            self._sources[name] = parse(name, file.name == "__init__.py", file.read_bytes())
        return self._sources[name]

    def _follow(
        self, waiting: list[str], followed: set[str], whole: tuple[str, ...] = ()
    ) -> set[str]:
        reached: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in reached:
                continue
            if self._file(name) is None:
                raise ValueError(
                    f"module {name!r} has no source file, so its code has no digest; "
                    "define the stage in a module of its own"
                )
            reached.add(name)
            waiting += self._parents(name)
            if self._is_package(name) and name not in whole and not self.read(name).acts:
                # What was asked for through it is resolved by `_targets`; the rest is not used.
                continue
            for item in self.read(name).imports:
                if item.module.partition(".")[0] in followed:
                    waiting += self._targets(item)
        return reached

    def _targets(self, item: Import, within: frozenset[Import] = frozenset()) -> list[str]:
        """Modules that one import statement makes count; ``within`` stops circles."""
        if item in within or self._is_left_out(item.module) or self._file(item.module) is None:
            return []
        within |= {item}
        if item.name is None:
            return self._whole(item.module, within)
        if not self._is_package(item.module):
            return [item.module]
        source = self.read(item.module)
        if item.name in source.defined or item.name in EXPORTS:
            return [item.module]
        inner = f"{item.module}.{item.name}"
        through = [other for other in source.imports if other.bound == item.name and other != item]
        if through:
            return [item.module, *(m for other in through for m in self._targets(other, within))]
        if self._file(inner) is not None:
            return self._whole(inner, within)
        # A star import, or a name made at run time: any module of the package may be behind it.
        return [*self._whole(item.module, within), *self._inside(item.module)]

    def _whole(self, module: str, within: frozenset[Import]) -> list[str]:
        """``module`` used as a whole: a package with everything that its ``__init__`` imports."""
        if self._is_left_out(module) or self._file(module) is None:
            return []
        if not self._is_package(module) or module == "fgnb":
            return [module]
        imports = self.read(module).imports
        return [module, *(name for item in imports for name in self._targets(item, within))]

    def _inside(self, package: str) -> list[str]:
        """The modules that lie directly in ``package`` and are not left out."""
        file = self._file(package)
        assert file is not None
        names = [f"{package}.{m.stem}" for m in sorted(file.parent.glob("*.py")) if m != file]
        return [name for name in names if not self._is_left_out(name)]

    def _is_left_out(self, module: str) -> bool:
        return any(module == name or module.startswith(f"{name}.") for name in self.left_out)

    def _parents(self, name: str) -> list[str]:
        parts = name.split(".")
        parents = [".".join(parts[:i]) for i in range(1, len(parts))]
        return [parent for parent in parents if self._file(parent) is not None]

    def _is_package(self, name: str) -> bool:
        file = self._file(name)
        return file is not None and file.name == "__init__.py"

    def _file(self, name: str) -> Path | None:
        """The source file of a module, without importing it or its packages."""
        if name not in self._files:
            self._files[name] = self._look_up(name)
        return self._files[name]

    def _look_up(self, name: str) -> Path | None:
        top, *rest = name.split(".")
        if not top:
            return None
        if top not in self.tops:
            self.tops[top] = top_file(top)
        package = self.tops[top]
        if not rest or package is None:
            return package
        if package.name != "__init__.py":
            return None
        base = package.parent.joinpath(*rest)
        self._note_folder(base)
        for file in (base / "__init__.py", base.with_name(base.name + ".py")):
            if file.is_file():
                return file
        return None

    def _note_folder(self, folder: Path) -> None:
        """Note ``folder`` and the nearest above it: a module that is new there changes its time."""
        for place in (folder, *folder.parents):
            if place not in self.stamps and (known := stamp(place)) is not None:
                self.stamps[place] = known
            if place in self.stamps and place != folder:
                return


def stamp(place: Path) -> Stamp | None:
    """Time, size and number of a file or folder; None where there is none."""
    try:
        status = place.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def top_file(top: str) -> Path | None:
    """The file of a top-level module or package."""
    loaded = getattr(sys.modules.get(top), "__file__", None)
    if loaded is None and top not in sys.modules:
        spec = importlib.util.find_spec(top)
        loaded = spec.origin if spec is not None else None
    if loaded is None or not loaded.endswith(".py"):
        return None
    file = Path(loaded)
    return file if file.is_file() else None
