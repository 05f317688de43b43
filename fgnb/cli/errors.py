"""One clear message and an exit status, instead of a traceback, for faults that we know."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

import typer

P = ParamSpec("P")
R = TypeVar("R")
INTERRUPTED = 130


def plainly(command: Callable[P, R]) -> Callable[P, R]:
    """A command whose known faults end in one message on stderr and status 1.

    With FGNB_DEBUG=1 the traceback is shown instead. An interrupt ends with status 130. A fault
    that we do not know is a bug: its traceback is always shown.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if os.environ.get("FGNB_DEBUG") == "1" or not known(error):
                raise
            typer.echo(f"fgnb: {message(error)}", err=True)
            raise typer.Exit(1) from None

    return wrapped


def known(error: BaseException) -> bool:
    """Whether an error carries a message for the user: ours by class, or raised by our code."""
    if type(error).__module__.partition(".")[0] == "fgnb" or isinstance(error, OSError):
        return True
    expected = isinstance(error, ValueError | FloatingPointError)
    return expected and _raised_in(error.__traceback__).partition(".")[0] == "fgnb"


def message(error: BaseException) -> str:
    """The error's message; its class where it has none."""
    return str(error).strip() or type(error).__name__


def _raised_in(traceback: TracebackType | None) -> str:
    """The module of the frame that raised."""
    name = ""
    while traceback is not None:
        name = str(traceback.tb_frame.f_globals.get("__name__", ""))
        traceback = traceback.tb_next
    return name
