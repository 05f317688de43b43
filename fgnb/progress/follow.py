"""Progress from one process to the one that started it, through a file that grows.

A notebook's kernel has no terminal: it tells its progress to a file that `FGNB_PROGRESS` names,
and the process that runs the notebook shows it as its own. The page shows none of it.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

from fgnb.progress import board
from fgnb.progress.words import State, Task

CHANNEL = "FGNB_PROGRESS"
_FRAME = 0.5


class Told:
    """Writes where work stands to a file, a line of JSON at a time."""

    beats = True

    def __init__(self, place: str) -> None:
        self.place, self.last, self.former = Path(place), float("-inf"), False

    def note(self, text: str, *, page: bool) -> None:
        """Pass the line on; print it as well where it belongs on the page."""
        self._write({"note": text})
        if page:
            print(text, flush=True)

    def update(self, state: State, now: float) -> None:
        """Pass it on, at most twice a second; that work ended, always."""
        if now - self.last >= _FRAME or (self.former and not state.status):
            self.last, self.former = now, bool(state.status)
            self._write({"status": state.status, "where": state.where, "kept": state.kept})

    def close(self) -> None:
        """Nothing to take away."""

    def _write(self, entry: dict[str, str]) -> None:
        # A kernel that outlives the folder has nobody to tell.
        with contextlib.suppress(OSError), self.place.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


@contextlib.contextmanager
def following(place: Path, entry: Task) -> Iterator[None]:
    """Show what a process below writes to ``place`` as the inside of ``entry``, for the block."""
    over = threading.Event()
    reader = threading.Thread(target=_follow, args=(place, entry, over), daemon=True)
    place.touch()
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join(2 * _FRAME)


def _follow(place: Path, entry: Task, over: threading.Event) -> None:
    with place.open(encoding="utf-8") as file:
        rest = ""
        while True:
            last = over.is_set()
            rest += file.read()
            *lines, rest = rest.split("\n")
            for line in lines:
                told = json.loads(line)
                if "note" in told:
                    board.note(told["note"], page=False)
                else:
                    entry.detail, entry.inside = told["status"], told["where"]
                    entry.kept = told["kept"] or entry.kept
            if lines:
                board.moved()
            if last:
                return
            over.wait(_FRAME / 2)
