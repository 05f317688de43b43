"""How thin the pages are: lines of Python, and what each notebook asks of a reader.

    python benchmarks/page_sizes.py

Prints the lines of `fgnb/report` and `fgnb/pages`, the longest modules, and for each notebook its
lines of code, the share of bookkeeping, import lines and library names. `tests/test_house.py` holds
the limits.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BOOKKEEPING = re.compile(r"notebook\.begin|page\.(add|count|open|details)\b|\.save\(|provenance")


class Notebook(NamedTuple):
    """What a notebook asks of a reader."""

    name: str
    code: tuple[str, ...]
    bookkeeping: int
    imports: int
    names: tuple[str, ...]

    @property
    def lines(self) -> int:
        """Lines of code."""
        return len(self.code)

    @property
    def share(self) -> float:
        """Bookkeeping among the lines of code."""
        return self.bookkeeping / max(1, self.lines)


def python_lines(*rooms: str) -> dict[str, int]:
    """Lines of each module of some rooms."""
    files = [file for room in rooms for file in sorted((ROOT / "fgnb" / room).rglob("*.py"))]
    return {f.relative_to(ROOT).as_posix(): len(f.read_text().splitlines()) for f in files}


def measure(file: Path) -> Notebook:
    """Code lines without the parameters cell; names are what is taken out of fgnb's modules."""
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    code = [
        "".join(cell["source"])
        for cell in cells
        if cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", [])
    ]
    lines = [line for text in code for line in text.splitlines() if line.strip()]
    tree = ast.parse("\n".join(code))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {
        alias.asname or alias.name
        for node in imported
        for alias in node.names
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fgnb")
    }
    names = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in modules
    }
    called = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in modules}
    names |= {name for name in called if not any(n.startswith(f"{name}.") for n in names)}
    kept = [line for line in lines if BOOKKEEPING.search(line)]
    name = file.relative_to(ROOT / "notebooks").with_suffix("").as_posix()
    return Notebook(name, tuple(lines), len(kept), len(imported), tuple(sorted(names)))


def notebooks() -> list[Notebook]:
    """Every notebook of the project."""
    return [measure(file) for file in sorted((ROOT / "notebooks").rglob("*.ipynb"))]


def main() -> None:
    """Print it all."""
    lines = python_lines("report", "pages")
    print(f"report + pages: {sum(lines.values()):,} lines of Python in {len(lines)} modules")
    for name, count in sorted(lines.items(), key=lambda item: -item[1])[:8]:
        print(f"  {count:4}  {name}")
    every = notebooks()
    total, kept = sum(n.lines for n in every), sum(n.bookkeeping for n in every)
    print(f"notebooks: {total} lines of code, {100 * kept / total:.0f} % of them bookkeeping")
    for n in every:
        print(
            f"  {n.name:30} {n.lines:3} lines, bookkeeping {100 * n.share:2.0f} %, "
            f"{n.imports} import lines, {len(n.names)} library names"
        )


if __name__ == "__main__":
    main()
