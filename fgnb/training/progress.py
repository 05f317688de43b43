"""What a reader sees of a training: which stage of which chain, its steps, a line an epoch.

Who shows it is decided in `fgnb.progress`. Detail goes to the run's log file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from fgnb import progress
from fgnb.progress import duration
from fgnb.progress.stopping import terminable
from fgnb.training.chain import Chain, under_way
from fgnb.training.stage import Stage

KEPT = "what is trained is kept"


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


class Watched:
    """A training under way, as a task of `fgnb.progress`.

    Args:
        label: the stage, and its place in a chain.
        entry: the task of the whole stage.
        chain: what the stage is a part of.
        key: of its run.
        aloud: whether its lines stand on a page.
        every: steps between checkpoints.
    """

    def __init__(
        self, label: str, entry: progress.Task, chain: Chain, key: str, *, aloud: bool, every: int
    ) -> None:
        self.label, self.entry, self.chain, self.key = label, entry, chain, key
        self.aloud, self.every = aloud, every
        self.steps = contextlib.ExitStack()

    def say(self, text: str) -> None:
        """Have the line shown."""
        progress.note(text, page=self.aloud)

    def aside(self, text: str) -> None:
        """Say of the stage what no page shows."""
        progress.note(f"{self.label}: {text}", page=False)

    def begin(self, name: str, start: int, steps: int, epochs: int) -> None:
        """Count steps from here on."""
        self.epochs, self.start = epochs, start
        self.count = self.steps.enter_context(progress.task("", "step", steps, done=start))

    def step(self, done: int, losses: Mapping[str, float]) -> None:
        """Note how far."""
        count, total = self.count, self.count.total or done
        count.done = done
        count.detail = f"loss {losses['loss']:.3g}"
        if whole := self.chain.left(self.key, done - self.start, progress.now() - count.began):
            rest = (count.left(progress.now()) or 0) + whole
            count.after = f"about {duration(rest)} until {self.chain.name} is trained"
        if (kept := done - done % self.every) > self.start or self.start:
            self.entry.kept = f"{KEPT} up to step {max(kept, self.start)} of {total}"
        progress.moved()

    def epoch(self, entry: Mapping[str, Any]) -> None:
        """Have the epoch's line shown."""
        left = self.count.left(progress.now()) or 0
        self.say(f"{self.label}: {epoch_line(entry, self.epochs, left)}")

    def end(self) -> None:
        """Steps are over; what follows are the stage's answers."""
        self.steps.close()
        self.entry.detail = "its answers"


@contextlib.contextmanager
def watched(
    stage: Stage, key: str, *, stored: bool, asked: bool | None, every: int
) -> Iterator[Watched]:
    """A stage under way in the block, with its place in a chain.

    Args:
        stage: found, gone on with, or trained in the block.
        key: of its run.
        stored: whether the run seems to lie in the store.
        asked: False for no line on a page, and no display where nobody else has put one up.
        every: steps between checkpoints.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(terminable())
        if asked is not False and not progress.standing():
            stack.enter_context(progress.shown(*progress.usual()))
        chain = stack.enter_context(under_way(stage, key, stored))
        label = chain.label(stage.name, key)
        entry = stack.enter_context(progress.task(label, alone=True, kept=KEPT))
        yield Watched(label, entry, chain, key, aloud=asked is not False, every=every)


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
