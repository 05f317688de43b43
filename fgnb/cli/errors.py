"""One clear message and an exit status, instead of a traceback, for faults that we know."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

import typer

from fgnb import progress
from fgnb.progress import stopping

P = ParamSpec("P")
R = TypeVar("R")


def plainly(command: Callable[P, R]) -> Callable[P, R]:
    """A command whose known faults end in one message on stderr and status 1.

    With FGNB_DEBUG=1 the traceback is shown instead. A stop ends with one line and status 130
    (Ctrl-C) or 143 (SIGTERM). A fault that we do not know is a bug: its traceback is always shown.
    Meanwhile it is shown how far the work is.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with stopping.stoppable() as watch:
            try:
                with progress.shown(*progress.usual()):
                    return command(*args, **kwargs)
            except KeyboardInterrupt as error:
                raise _stopped(watch, error) from None
            except Exception as error:
                if watch.received is not None:  # what a stop broke off may complain in any words
                    raise _stopped(watch, error) from None
                if os.environ.get("FGNB_DEBUG") == "1" or not known(error):
                    raise
                typer.echo(f"fgnb: {message(error)}", err=True)
                raise typer.Exit(1) from None

    return wrapped


def _stopped(watch: stopping.Watch, error: BaseException) -> typer.Exit:
    """Say the one line of a stop; the exit with its status."""
    watch.say(str(error) if isinstance(error, progress.Stopped) else "")
    stopping.end_children()
    return typer.Exit(128 + (watch.received or signal.SIGINT))


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
