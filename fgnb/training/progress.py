"""What a reader sees of a training: a bar in a terminal, a line an epoch on a page.

Detail goes to the run's log file.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol


class Progress(Protocol):
    """What hears how far a training is."""

    def say(self, text: str) -> None:
        """One line that matters: reuse from another device, damage, going on after a kill."""
        ...

    def begin(self, name: str, start: int, steps: int, epochs: int) -> None:
        """Training begins at step ``start`` of ``steps``."""
        ...

    def step(self, done: int, losses: Mapping[str, float]) -> None:
        """``done`` steps are done; ``losses`` are those of the last one."""
        ...

    def epoch(self, entry: Mapping[str, Any]) -> None:
        """An epoch ended; ``entry`` is its line in metrics.json."""
        ...

    def end(self) -> None:
        """Training ended, well or not."""
        ...


class Silent:
    """Nothing at all."""

    def say(self, text: str) -> None:
        """Nothing."""

    def begin(self, name: str, start: int, steps: int, epochs: int) -> None:
        """Nothing."""

    def step(self, done: int, losses: Mapping[str, float]) -> None:
        """Nothing."""

    def epoch(self, entry: Mapping[str, Any]) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


class Lines(Silent):
    """One line an epoch, on standard output."""

    def say(self, text: str) -> None:
        """Print the line."""
        print(text, flush=True)

    def begin(self, name: str, start: int, steps: int, epochs: int) -> None:
        """Start the clock."""
        self.start, self.done, self.steps, self.epochs = start, start, steps, epochs
        self.clock = time.monotonic()

    def step(self, done: int, losses: Mapping[str, float]) -> None:
        """Remember how far."""
        self.done = done

    def epoch(self, entry: Mapping[str, Any]) -> None:
        """Print the epoch's line."""
        self.say(epoch_line(entry, self.epochs, self._left()))

    def _left(self) -> float:
        elapsed = time.monotonic() - self.clock
        return elapsed / max(1, self.done - self.start) * (self.steps - self.done)


class Bar(Lines):
    """A bar with the time left, on standard error; epochs' lines above it."""

    def begin(self, name: str, start: int, steps: int, epochs: int) -> None:
        """Show the bar."""
        from tqdm import tqdm  # type: ignore[import-untyped]

        super().begin(name, start, steps, epochs)
        self.bar = tqdm(
            total=steps, initial=start, desc=name, unit="step", leave=False, dynamic_ncols=True
        )

    def step(self, done: int, losses: Mapping[str, float]) -> None:
        """Move the bar."""
        super().step(done, losses)
        self.bar.set_postfix_str(f"loss {losses['loss']:.3g}", refresh=False)
        self.bar.update(done - self.bar.n)

    def say(self, text: str) -> None:
        """Print above the bar."""
        from tqdm import tqdm

        tqdm.write(text, file=sys.stderr)

    def end(self) -> None:
        """Take the bar away."""
        self.bar.close()


def choose(progress: bool | None) -> Progress:
    """The display for ``progress``: False is silent, else a bar in a terminal, lines elsewhere."""
    if progress is False:
        return Silent()
    return Bar() if sys.stderr.isatty() else Lines()


def epoch_line(entry: Mapping[str, Any], epochs: int, left: float) -> str:
    """One line of an epoch's entry.

    >>> entry = {"epoch": 2, "loss": 1.234, "validation": {"held_out_accuracy": 0.781}}
    >>> epoch_line(entry, 4, 41.2)
    'epoch 2 of 4: loss 1.23, held-out accuracy 78.1 %, 41 s left'
    """
    parts = [f"loss {entry['loss']:.3g}"]
    for name, value in entry["validation"].items():
        words = name.replace("held_out", "held-out").replace("_", " ")
        share = "accuracy" in name and 0 <= value <= 1
        parts.append(f"{words} {100 * value:.1f} %" if share else f"{words} {value:.3g}")
    if left > 0:
        parts.append(f"{duration(left)} left")
    return f"epoch {entry['epoch']} of {epochs}: {', '.join(parts)}"


def duration(seconds: float) -> str:
    """Seconds as a reader says them.

    >>> duration(41.2), duration(190), duration(8000)
    ('41 s', '3 min', '2 h 13 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 / 60:.0f} min"


class LogFile:
    """Appends lines with the time to a run's log; a killed process loses none of them."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path

    def write(self, text: str) -> None:
        """Append ``text`` as one line."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{now} {text}\n")
