"""One way to stop a command, whatever it does: one line within seconds, and status 143 or 130.

A signal unwinds the main thread as `Stopped`, so that half-made folders and kernels are cleared
away. Long operations outside Python hear nothing of it, and some libraries swallow what a signal
raises, so a thread of its own, which the system wakes at once, ends the process where the main
thread has not ended it in time. Nothing is lost by that: whatever is kept, is written whole or not
at all. A second signal ends it at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from fgnb.progress import board
from fgnb.progress.stopped import Stopped, in_kernel, line_of
from fgnb.progress.words import State

GRACE = 2.0
"""Seconds that the main thread has to unwind."""
CHILDREN = 1.2
"""Seconds that processes below have to end of their own accord."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)
_OVER = b"\0"


class Watch:
    """What hears the signals of one command.

    Attributes:
        received: the first signal, or None.
        stood: the line that was true when it came.
        grace: seconds that the main thread has to unwind after it; 0 ends the process at once.
        line: gives the line that is said; None says nothing.
    """

    def __init__(self, line: Callable[[], str] | None) -> None:
        self.received: int | None = None
        self.stood = ""
        self.grace = GRACE
        self.line = line
        self._said, self._raised = "", False
        self._lock = threading.Lock()
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._owner = os.getpid()

    def start(self) -> None:
        """Listen to the signals that this process does not ignore."""
        heard = [s for s in SIGNALS if signal.getsignal(s) is not signal.SIG_IGN]
        self._former = {number: signal.signal(number, self._raise) for number in heard}
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
        threading.Thread(target=self._listen, daemon=True).start()

    def stop(self) -> None:
        """Give the handlers back; after a signal all stays, should the end take too long."""
        if self.received is not None:
            return
        for number, former in self._former.items():
            signal.signal(number, former)
        signal.set_wakeup_fd(self._wakeup)
        sys.unraisablehook = self._hook
        os.write(self._write, _OVER)

    def say(self, line: str = "") -> None:
        """Say the line, once, on standard error."""
        with self._lock:
            if self.line is None or self._said:
                return
            self._said = line or self.stood or self.line()
            sys.stderr.write(f"{self._said}\n")
            sys.stderr.flush()

    def _raise(self, number: int, frame: FrameType | None) -> None:
        if self._raised:
            self._end(number)
        self.received, self._raised = number, True
        self.stood = self.line() if self.line else "stopped"
        if not self.grace:
            threading.Event().wait()  # for the thread, which ends the process
        raise Stopped(self.stood, number)

    def _listen(self) -> None:
        number = 0
        while number not in SIGNALS:
            got = os.read(self._read, 1)
            if got == _OVER:
                os.close(self._read)
                os.close(self._write)
                return
            number = got[0]
        if self.received is None:  # another handler has heard it first, or none yet
            self.received = number
        select.select([self._read], [], [], self.grace)
        self._end(number)

    def _end(self, number: int) -> None:
        """The end, now, whatever the main thread is at."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
        self.say()
        end_children()
        os._exit(128 + number)

    def _unraisable(self, about: sys.UnraisableHookArgs) -> None:
        """What a destructor says; of a stop, and of what it breaks off, nobody needs to read."""
        if self.received is None:
            self._hook(about)


_watch: Watch | None = None


def _after_fork() -> None:
    """A forked process is its parent's to end: signals mean what they usually do."""
    global _watch
    if _watch is None:
        return
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _watch = None


os.register_at_fork(after_in_child=_after_fork)


@contextlib.contextmanager
def stoppable(line: Callable[[], str] | None = lambda: line_of(board.state())) -> Iterator[Watch]:
    """Have SIGTERM and Ctrl-C stop the block as `Stopped`, or end the process in `GRACE` seconds.

    Inside of another one, or in a thread, the block hears nothing of its own.

    Args:
        line: gives what is said if the block has to be ended; None says nothing.
    """
    global _watch
    outer = _watch
    if outer is not None or threading.current_thread() is not threading.main_thread():
        yield outer or Watch(line)
        return
    _watch = watch = Watch(line)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()
        _watch = None


def going_on() -> bool:
    """Whether a signal has come, and all is to end."""
    return _watch is not None and _watch.received is not None


@contextlib.contextmanager
def at_once(state: Callable[[], State]) -> Iterator[None]:
    """In the block a signal ends the process at once: what runs there takes stops for failures.

    Args:
        state: gives where the work stands, as the stop names it.
    """
    watch = _watch
    if watch is None:
        yield
        return
    former = watch.grace, watch.line
    watch.grace, watch.line = 0.0, watch.line and (lambda: line_of(state()))
    try:
        yield
    finally:
        if watch.received is not None:
            threading.Event().wait()  # for the thread, which ends the process
        watch.grace, watch.line = former


@contextlib.contextmanager
def unheard_by_children() -> Iterator[None]:
    """Processes that are started in the block hear no Ctrl-C: their parent ends them, in peace."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Have SIGTERM unwind the block where nobody hears it: one line, and exit status 143.

    For what is called from Python, not from a command. A notebook's kernel ends as it would.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        if in_kernel():
            os._exit(128 + number)
        raise Stopped(line_of(board.state()), number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except Stopped as error:
        if error.number != signal.SIGTERM:
            raise
        sys.stderr.write(f"{error}\n")
        raise SystemExit(128 + error.number) from None
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def end_children(seconds: float = CHILDREN) -> None:
    """End every process below this one: asked first, and after ``seconds`` not asked any more."""
    import psutil

    try:
        below = psutil.Process().children(recursive=True)
    except psutil.Error:
        return
    for process in below:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    for process in psutil.wait_procs(below, seconds)[1]:
        with contextlib.suppress(psutil.Error):
            process.kill()
