"""What a stop raises, and the one line that it says."""

from __future__ import annotations

import signal
import sys

from fgnb.progress.words import State


class Stopped(KeyboardInterrupt):
    """Work that was stopped: by Ctrl-C, by SIGTERM, or by the stop button of a notebook.

    A notebook shows its one line, without the way back.

    Attributes:
        number: of the signal.
    """

    def __init__(self, line: str, number: int = signal.SIGINT) -> None:
        super().__init__(line)
        self.number = number

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it."""
        return [str(self)]


def line_of(state: State) -> str:
    """The one line that a stop says.

    >>> line_of(State(where="step 9 of 40 of ccfr/global", kept="what is trained is kept"))[:55]
    'stopped at step 9 of 40 of ccfr/global; what is trained'
    >>> line_of(State())
    'stopped; run the same command again to go on'
    """
    again = "run the cell again" if in_kernel() else "run the same command again"
    what = f"stopped at {state.where}" if state.where else "stopped"
    then = f"{state.kept}, {again}" if state.kept else again
    return f"{what}; {then} to go on"


def in_kernel() -> bool:
    """Whether this process is a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
