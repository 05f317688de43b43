"""`-p name value`: two words after one option, as papermill has it."""

from __future__ import annotations

import ast
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

_PARAMETER, _SCALE = ("-p", "--parameter"), ("-s", "--scale")
_OPTION = (*_PARAMETER, *_SCALE)
Parameters = Annotated[
    list[str] | None,
    typer.Option(*_PARAMETER, metavar="NAME VALUE", help="A parameter and its value; repeatable."),
]
Scale = Annotated[
    list[str] | None,
    typer.Option(
        *_SCALE,
        metavar="NAME VALUE",
        help="A value of the preset to replace, for all stages of the chain; repeatable.",
    ),
]


class PairsCommand(TyperCommand):
    """A command whose `-p` and `-s` take a name and a value as two words."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Joins each pair to NAME=VALUE before the usual parsing."""
        return super().parse_args(ctx, joined(list(args)))


def joined(args: list[str]) -> list[str]:
    """The words with each `-p name value` made `-p name=value`; `-p name=value` stays.

    >>> joined(["nb", "-p", "t_sf", "-1", "--keep"])
    ['nb', '-p', 't_sf=-1', '--keep']
    """
    out: list[str] = []
    words = iter(args)
    for word in words:
        out.append(word)
        if word not in _OPTION:
            continue
        name = next(words, None)
        if name is None:
            continue
        value = None if "=" in name else next(words, None)
        out.append(name if value is None else f"{name}={value}")
    return out


def pairs(given: list[str] | None, option: str = "-p") -> dict[str, str]:
    """Names and values as texts; ``option`` is what they came by.

    Raises:
        ValueError: a name without a value, an empty name, or a name given twice.
    """
    found: dict[str, str] = {}
    for pair in given or []:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ValueError(f"{option} {pair} has no value; it takes two words: NAME VALUE")
        if name in found:
            raise ValueError(f"{option} {name} is given twice")
        found[name] = value
    return found


def literal(text: str) -> Any:
    """A number, boolean or None where the text is one; the text itself otherwise.

    >>> literal("0.1"), literal("true"), literal("held-out")
    (0.1, True, 'held-out')
    """
    if text in ("true", "false"):
        return text == "true"
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, bool | int | float | type(None)) else text
