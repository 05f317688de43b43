"""One line of a parameters cell: ``name: type = default  # help {allowed} or [low, high]``.

The help may end in a constraint: ``{smoke, demo, paper}`` lists the allowed values, ``[1, 50]`` is
a range with its ends, ``(0, 1]`` one without its low end; ``inf`` leaves an end open.
"""

from __future__ import annotations

import ast
import io
import math
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
_KINDS = {str: "text", int: "a whole number", float: "a finite number", bool: "true or false"}
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_FORM = "name: type = default  # help"
_NUMBER = r"\s*([+-]?(?:inf|[0-9.]+(?:e[+-]?[0-9]+)?))\s*"
_CHOICES = re.compile(r"\{([^{}]*)\}$")
_RANGE = re.compile(rf"([\[(]){_NUMBER},{_NUMBER}([\])])$")


class ParameterError(ValueError):
    """A parameter that a notebook does not take, in one line."""


class DeclarationError(ValueError):
    """A parameters cell that can't be read, in one line."""


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``; an open end is left out."""

    low: float
    high: float
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: float) -> bool:
        """Whether ``value`` lies in the range."""
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below

    def __str__(self) -> str:
        ends = ("(" if self.open_low else "[", ")" if self.open_high else "]")
        return f"in {ends[0]}{self.low:g}, {self.high:g}{ends[1]}"


@dataclass(frozen=True)
class Parameter:
    """A declared parameter.

    Attributes:
        name: the variable.
        type: str, int, float or bool.
        default: its value without an override.
        help: the comment behind it, without the constraint.
        choices: the allowed values; empty if any is.
        range: the allowed numbers; None if any is.
    """

    name: str
    type: type
    default: Any
    help: str = ""
    choices: tuple[Any, ...] = ()
    range: Range | None = None

    @property
    def needs(self) -> str:
        """What a value should be, in words."""
        if self.choices:
            return f"one of {', '.join(str(choice) for choice in self.choices)}"
        return f"{_KINDS[self.type]}{f' {self.range}' if self.range else ''}"

    def parse(self, text: str) -> Any:
        """The value that ``text`` (from a command line) spells; ParameterError if it does not."""
        value: Any = text
        try:
            if self.type is bool:
                value = _WORDS[text.strip().lower()]
            elif self.type is not str:
                value = self.type(text.strip())
        except (KeyError, ValueError):
            raise self._refused(text) from None
        return self.check(value)

    def check(self, given: Any) -> Any:
        """``given`` in the declared type, a path made absolute; ParameterError if it is another."""
        value: Any = float(given) if self.type is float and type(given) is int else given
        kind = type(value)
        if kind is not self.type or (kind is float and not math.isfinite(value)):
            raise self._refused(value)
        if self.choices and value not in self.choices:
            raise self._refused(value)
        if self.range is not None and not self.range.holds(value):
            raise self._refused(value)
        return self._absolute(value)

    def _absolute(self, value: Any) -> Any:
        if not isinstance(value, str) or not value:
            return value
        path = Path(value).expanduser()
        if self.name.endswith(("_root", "_dir")) or (self.name == "weights" and path.is_file()):
            return str(path.absolute())
        return value

    def _refused(self, value: Any) -> ParameterError:
        kind = "" if isinstance(value, str) else f" ({type(value).__name__})"
        return ParameterError(f"{self.name} is {value!r}{kind}; it should be {self.needs}")


def parse_cell(text: str) -> tuple[Parameter, ...]:
    """The parameters that a cell declares, in order.

    >>> parse_cell('topn: int = 5  # candidate classes [1, 10]')[0].range.holds(11)
    False

    Raises:
        DeclarationError: a line of another form, a name that stands twice, a default outside its
            own range.
    """
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        raise DeclarationError(f"line {error.lineno} is no Python: {error.msg}") from None
    comments = _comments(text)
    found: dict[str, Parameter] = {}
    for node in body:
        parameter = _declared(node, comments.get(node.lineno, ""))
        if parameter.name in found:
            raise DeclarationError(f"{parameter.name} is declared twice")
        found[parameter.name] = parameter
    return tuple(found.values())


def _declared(node: ast.stmt, comment: str) -> Parameter:
    where = f"line {node.lineno}"
    if (
        not isinstance(node, ast.AnnAssign)
        or not isinstance(node.target, ast.Name)
        or node.value is None
        or node.lineno != node.end_lineno
    ):
        raise DeclarationError(f"{where} should have the form `{_FORM}`")
    name = node.target.id
    kind = TYPES.get(node.annotation.id) if isinstance(node.annotation, ast.Name) else None
    if kind is None:
        allowed = ", ".join(TYPES)
        raise DeclarationError(
            f"{where}: {name} has the type {ast.unparse(node.annotation)}; it should be one of "
            f"{allowed}"
        )
    try:
        default = ast.literal_eval(node.value)
    except ValueError:
        raise DeclarationError(
            f"{where}: the default of {name} should be a plain value, not an expression"
        ) from None
    try:
        text, choices, numbers = _constraint(comment, kind)
        plain = Parameter(name, kind, default, text, choices, numbers)
        if kind is float and type(default) is int:
            plain = Parameter(name, kind, float(default), text, choices, numbers)
        plain.check(default)
    except (ParameterError, DeclarationError) as error:
        raise DeclarationError(f"{where}: {error}") from None
    return plain


def _constraint(comment: str, kind: type) -> tuple[str, tuple[Any, ...], Range | None]:
    """Help, choices and range of a comment."""
    if match := _CHOICES.search(comment):
        spelled = [item.strip() for item in match.group(1).split(",")]
        plain = Parameter("a choice", kind, None)
        return comment[: match.start()].strip(), tuple(plain.parse(i) for i in spelled), None
    if match := _RANGE.search(comment):
        if kind not in (int, float):
            raise DeclarationError(f"a range ({match.group()}) needs a number, not {kind.__name__}")
        opening, low, high, closing = match.groups()
        numbers = Range(float(low), float(high), opening == "(", closing == ")")
        return comment[: match.start()].strip(), (), numbers
    if comment.endswith(("]", "}")):
        raise DeclarationError(f"can't read the constraint at the end of {comment!r}")
    return comment, (), None


def _comments(text: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {t.start[0]: t.string.lstrip("#").strip() for t in tokens if t.type == tokenize.COMMENT}
