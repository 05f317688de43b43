"""The one place of a process where work under way is noted, and from where it is shown."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from fgnb.progress.stopped import Stopped, in_kernel, line_of
from fgnb.progress.words import State, Task, state_of

T = TypeVar("T")
BEAT = 1.0
"""Seconds between two looks at the clock, in a thread of its own, while work is silent."""


class Display(Protocol):
    """What shows the board: a log, a terminal, a page under way."""

    beats: bool
    """Whether it should be told that time passes, from a thread."""

    def note(self, text: str, *, page: bool) -> None:
        """One line that matters, to stay; ``page``: also on a page that is executed."""
        ...

    def update(self, state: State, now: float) -> None:
        """Work moved, or time passed."""
        ...

    def close(self) -> None:
        """Take away what should not stay."""
        ...


class Board:
    """Tasks under way, the innermost last, and who shows them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.tasks: list[Task] = []
        self.displays: tuple[Display, ...] = ()
        self.lock = threading.RLock()
        self.silent = False
        self.interrupted: State | None = None

    def look_around(self) -> None:
        """Find who shows progress where nobody was asked to."""
        if not self.displays and not self.silent:
            self.displays = _surroundings()
            self._start(threading.Event())

    def note(self, text: str, *, page: bool = True) -> bool:
        """Have a line shown; False where nobody shows anything."""
        with self.lock:
            for display in self.displays[:1]:
                display.note(text, page=page)
        return bool(self.displays)

    def moved(self) -> None:
        """Have everybody look: work has gone on."""
        self.interrupted = None
        self.tell()

    def tell(self) -> None:
        """Tell everybody who shows the board where it stands."""
        if not self.displays:
            return
        with self.lock:
            now = self.clock()
            state = state_of(self.tasks, now)
            for display in self.displays:
                display.update(state, now)

    def state(self) -> State:
        """Where the work stands now."""
        return state_of(self.tasks, self.clock())

    @contextlib.contextmanager
    def task(
        self, name: str, unit: str = "", total: int | None = None, **about: Any
    ) -> Iterator[Task]:
        """Note a task for the block; an interrupt leaves the outermost as `Stopped`."""
        outermost = not self.tasks
        if outermost:
            self.look_around()
        entry = Task(name, self.clock(), unit, total, **about)
        self.tasks.append(entry)
        try:
            self.moved()
            yield entry
        except KeyboardInterrupt as error:
            if isinstance(error, Stopped) or not outermost:
                raise
            raise Stopped(line_of(self.interrupted or self.state())) from None
        finally:
            # Tasks are left from inside out, and the innermost knows best where all stood. A loop
            # that an interrupt breaks off closes what it counted with before anybody hears of it.
            leaving = isinstance(sys.exc_info()[1], KeyboardInterrupt | GeneratorExit)
            if leaving and self.interrupted is None:
                self.interrupted = self.state()
            # A generator that is left half-way may close after what surrounds it.
            self.tasks = [one for one in self.tasks if one is not entry]
            if not self.tasks:
                self.tell()

    @contextlib.contextmanager
    def shown(self, *displays: Display) -> Iterator[None]:
        """Have ``displays`` show the board for the block."""
        former, self.displays = self.displays, displays
        self._start(over := threading.Event())
        try:
            yield
        finally:
            over.set()
            with self.lock:
                for display in displays:
                    display.close()
                self.displays = former

    def _start(self, over: threading.Event) -> None:
        """Have those who show the board told that time passes, until it is ``over``."""
        if any(display.beats for display in self.displays):
            threading.Thread(target=self._beat, args=(over,), daemon=True).start()

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(BEAT):
            with self.lock:
                if not over.is_set():
                    self.tell()


_board = Board()


def _after_fork() -> None:
    """A process that was forked off shows nothing: its parent does, and has the threads."""
    global _board
    _board = Board()
    _board.silent = True


os.register_at_fork(after_in_child=_after_fork)


def _surroundings() -> tuple[Display, ...]:
    """Who shows progress where nobody was asked to: a process above, or a notebook's reader."""
    from fgnb.progress import follow, notebook

    if place := os.environ.get(follow.CHANNEL):
        return (follow.Told(place),)
    return (notebook.InNotebook(),) if in_kernel() else ()


@contextlib.contextmanager
def task(name: str, unit: str = "", total: int | None = None, **about: Any) -> Iterator[Task]:
    """Say what is under way in the block; call `moved` when its fields have changed.

    Args:
        name: what it is; empty for a count inside of what is named.
        unit: what is counted, in the singular.
        total: how many there are; None counts nothing.
        **about: further fields of `Task`.
    """
    with _board.task(name, unit, total, **about) as entry:
        yield entry


def track(
    items: Iterable[T],
    unit: str,
    total: int,
    name: str = "",
    size: int = 1,
) -> Iterator[T]:
    """``items`` as they are, counted as they are used up.

    Args:
        items: anything.
        unit: what is counted, in the singular.
        total: how many are counted.
        name: of the work, where what surrounds it does not say.
        size: how many an item counts for; the last may hold fewer.
    """
    with task(name, unit, total) as entry:
        for item in items:
            yield item
            entry.done = min(entry.done + size, total)
            _board.moved()


def moved() -> None:
    """Have everybody look: a task's fields were changed."""
    _board.moved()


def note(text: str, *, page: bool = True) -> bool:
    """Have one line shown that matters and stays; False where nobody shows anything.

    ``page``: also where the work is that of a page, and the line stands on it.
    """
    return _board.note(text, page=page)


def shown(*displays: Display) -> contextlib.AbstractContextManager[None]:
    """Have ``displays`` show what is under way in this process for the block."""
    return _board.shown(*displays)


def standing() -> bool:
    """Whether anybody shows what is under way."""
    _board.look_around()
    return bool(_board.displays)


def now() -> float:
    """Seconds of the clock that tasks are timed by."""
    return _board.clock()


def state() -> State:
    """Where work under way stands."""
    return _board.state()
