"""What a source file does, as syntax: its digest, its imports, the names it defines."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

# Statements of an ``__init__`` that only say what it exports.
EXPORTS = frozenset({"__all__", "__version__", "__getattr__", "__dir__"})


@dataclass(frozen=True)
class Import:
    """``import module`` (no name) or ``from module import name``; ``bound`` is the local name."""

    module: str
    name: str | None
    bound: str


@dataclass(frozen=True)
class Source:
    """One file: the digest of what it does, its imports, the names that it defines.

    ``acts`` is False for an ``__init__`` that only imports and exports.
    """

    digest: str
    imports: tuple[Import, ...]
    defined: frozenset[str]
    acts: bool


@lru_cache(maxsize=1024)
def parse(name: str, package: bool, text: bytes) -> Source:
    """The source ``text`` of module ``name``; of a package, without imports and exports."""
    tree = ast.parse(text, filename=name)
    body = [node for node in tree.body if not _is_text(node)]
    if package:
        body = [node for node in body if not _names_only(node)]
    defined = {bound for node in body for bound in _bound(node)}
    parts: list[str] = []
    for node in body:
        _write(node, parts)
    content = "".join(parts).encode("utf-8", "surrogatepass")
    imports = tuple(_imports(tree, name if package else name.rpartition(".")[0]))
    return Source(hashlib.sha256(content).hexdigest(), imports, frozenset(defined), bool(body))


def _write(node: object, parts: list[str]) -> None:
    """A text of the tree that holds no position, no docstring and no empty field."""
    if isinstance(node, ast.AST):
        parts.append(f"({type(node).__name__}")
        for key in node._fields:
            value = getattr(node, key, None)
            if value is None and not isinstance(node, ast.Constant):
                continue
            if isinstance(value, list):
                value = [item for item in value if not _is_text(item)]
                if not value:
                    continue
            parts.append(f" {key}=")
            _write(value, parts)
        parts.append(")")
    elif isinstance(node, list):
        for item in node:
            _write(item, parts)
            parts.append(",")
    else:
        parts.append(repr(node))


def _is_text(node: object) -> bool:
    """A docstring, or another string that stands as a statement."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _names_only(node: ast.stmt) -> bool:
    """A statement of an ``__init__`` that imports, exports or counts versions."""
    if isinstance(node, ast.Import | ast.ImportFrom) or _is_type_checking(node):
        return True
    bound = set(_bound(node))
    return bool(bound) and bound <= EXPORTS


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _imports(tree: ast.AST, package: str) -> Iterator[Import]:
    for node in _truly_run(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, None, alias.asname or alias.name.partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, package)
            for alias in node.names:
                yield Import(module, alias.name, alias.asname or alias.name)


def _truly_run(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that only a type checker sees."""
    for child in ast.iter_child_nodes(node):
        if _is_type_checking(child):
            assert isinstance(child, ast.If)
            for other in child.orelse:
                yield other
                yield from _truly_run(other)
            continue
        yield child
        if not isinstance(child, ast.expr):
            yield from _truly_run(child)


def _is_type_checking(node: ast.AST) -> bool:
    if not isinstance(node, ast.If):
        return False
    test = node.test
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    base = package.split(".")
    base = base[: len(base) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)
