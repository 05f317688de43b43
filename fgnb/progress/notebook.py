"""Progress below a cell of JupyterLab: one output that is rewritten, and empty at the end.

No widget: widgets leave their state in the notebook, and pages that are built carry none.
"""

from __future__ import annotations

import html
from typing import Any

from fgnb.progress.words import State

_SHORTEST, _FRAME = 1.0, 0.5


class InNotebook:
    """Shows where work stands below the running cell, once it takes longer than a second."""

    beats = False  # outputs of another thread may land below another cell

    def __init__(self) -> None:
        self.began: float | None = None
        self.last = 0.0
        self.handle: Any = None

    def note(self, text: str, *, page: bool) -> None:
        """Print what belongs on the page."""
        if page:
            print(text, flush=True)

    def update(self, state: State, now: float) -> None:
        """Rewrite the output, at most twice a second."""
        if not state.status:
            self.close()
            return
        if self.began is None:
            self.began = now
        if now - self.began < _SHORTEST or now - self.last < _FRAME:
            return
        self.last = now
        bar = "" if state.share is None else f'<progress value="{state.share:.4f}"></progress> '
        page = f"{bar}<small>{html.escape(state.status)}</small>"
        shown = {"text/plain": state.status, "text/html": page}
        if self.handle is None:
            from IPython.display import display

            self.handle = display(shown, raw=True, display_id=True)
        else:
            self.handle.update(shown, raw=True)

    def close(self) -> None:
        """Leave nothing to see."""
        handle, self.handle, self.began = self.handle, None, None
        if handle is not None:
            handle.update({"text/plain": "", "text/html": ""}, raw=True)
