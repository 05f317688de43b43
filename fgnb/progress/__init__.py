"""How far work is, told to whoever looks, and how it ends when it is stopped.

What works names itself with `task` and counts with `track`; what is shown is decided elsewhere,
once a process: lines in a log, a bar in a terminal, one output in JupyterLab, nothing on a page.
Nothing here makes a number, so it is part of no run's key.
"""

from fgnb.progress.board import moved, note, now, shown, standing, state, task, track
from fgnb.progress.displays import usual
from fgnb.progress.follow import CHANNEL, following
from fgnb.progress.stopped import Stopped
from fgnb.progress.words import State, Task, duration

__all__ = [
    "CHANNEL",
    "State",
    "Stopped",
    "Task",
    "duration",
    "following",
    "moved",
    "note",
    "now",
    "shown",
    "standing",
    "state",
    "task",
    "track",
    "usual",
]
