"""Who shows progress: lines for a file or a log, one line that is rewritten for a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import TextIO

from fgnb.progress.board import Display
from fgnb.progress.words import State

EVERY = 30.0
"""Seconds between two lines of a log; a reader who waits a minute has seen one."""
_FRAME = 0.2
_CLEAR = "\r\x1b[K"


class Lines:
    """A line at a time, at least one every `EVERY` seconds while there is work."""

    beats = True

    def __init__(self, write: Callable[[str], None], every: float = EVERY) -> None:
        self.write, self.every = write, every
        self.last: float | None = None

    def note(self, text: str, *, page: bool) -> None:
        """Write the line; the next of its own accord comes `every` seconds later."""
        self.write(text)
        self.last = None

    def update(self, state: State, now: float) -> None:
        """Write where the work stands if the last line is too old."""
        if self.last is None:
            self.last = now
        if state.status and now - self.last >= self.every:
            self.last = now
            self.write(state.status)

    def close(self) -> None:
        """Nothing to take away."""


class Bar:
    """One line of a terminal that is rewritten in place; notes stay above it."""

    beats = True

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.last, self.drawn = stream, float("-inf"), False

    def note(self, text: str, *, page: bool) -> None:
        """Write the line above."""
        self.close()
        self.stream.write(f"{text}\n")
        self.stream.flush()
        self.last = float("-inf")

    def update(self, state: State, now: float) -> None:
        """Draw the line again, at most five times a second."""
        if not state.status:
            self.close()
        elif now - self.last >= _FRAME:
            self.last, self.drawn = now, True
            bar = drawn(state.share)
            width = shutil.get_terminal_size().columns - 1 - len(bar)
            self.stream.write(_CLEAR + bar + fitted(state.status, width))
            self.stream.flush()

    def close(self) -> None:
        """Leave the line empty."""
        if self.drawn:
            self.drawn = False
            self.stream.write(_CLEAR)
            self.stream.flush()


def drawn(share: float | None, width: int = 16) -> str:
    """A bar of ``width`` characters with its percentage, or nothing.

    >>> drawn(0.5, 8)
    '[####    ]  50 %  '
    """
    if share is None:
        return ""
    return f"[{'#' * int(share * width):<{width}}] {100 * share:3.0f} %  "


def fitted(text: str, width: int) -> str:
    """``text`` cut to ``width`` characters, in its middle.

    >>> fitted("ccfr/regions, step 40 of 400, 3 min left", 30)
    'ccfr/regions, ..., 3 min left'
    """
    parts = text.split(", ")
    while len(text) > width and len(parts) > 2:
        del parts[len(parts) // 2]
        text = ", ".join([*parts[: (len(parts) + 1) // 2], "...", *parts[(len(parts) + 1) // 2 :]])
    return text[:width]


def usual() -> tuple[Display, ...]:
    """Lines where standard output is no terminal, a bar where standard error is one; or both."""
    bar = [Bar(sys.stderr)] if sys.stderr.isatty() else []
    lines = [] if sys.stdout.isatty() and bar else [Lines(_print)]
    return (*lines, *bar)


def _print(text: str) -> None:
    print(text, flush=True)
