"""Work that is given so much time: it stops as a signal would stop it, and the command goes on."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

from fgnb.progress import board, stopping
from fgnb.progress.stopped import Stopped, line_of

UNWIND = 30.0
"""Seconds that a block has to unwind before the command ends as on SIGTERM."""


class Alarm:
    """Attributes: ``over``, whether the time is up; ``line``, where the work stood then."""

    over = False
    line = ""


@contextlib.contextmanager
def within(seconds: float) -> Iterator[Alarm]:
    """Stop the block once the time is up, as Ctrl-C would; what comes after the block goes on.

    Only in the main thread. A call outside Python is not broken off: it hears of it afterwards.

    Args:
        seconds: over 0.

    Raises:
        ValueError: no time at all.
    """
    if not seconds > 0:
        raise ValueError(f"seconds is {seconds}, needs more than 0")
    alarm = Alarm()

    def ring(number: int, frame: FrameType | None) -> None:
        if alarm.over:  # something has swallowed the first one
            os.kill(os.getpid(), signal.SIGTERM)
            return
        alarm.over, alarm.line = True, line_of(board.state())
        raise Stopped(alarm.line, number)

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, UNWIND)
    try:
        yield alarm
    except (KeyboardInterrupt, Exception):  # what a stop breaks off may complain in any words
        if not alarm.over or stopping.going_on():
            raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
