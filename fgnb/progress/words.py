"""What is said of work that is under way: one line of where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(eq=False)
class Task:
    """Something under way.

    Attributes:
        name: what it is; empty for a count inside of what is named.
        began: when, in seconds of the board's clock.
        unit: what is counted, in the singular.
        total: how many there are, or None where nothing is counted.
        done: how many are done.
        start: how many were done when it began.
        alone: what surrounds it is not named with it.
        timed: whether the time left can be told from the count.
        detail: more about where it stands.
        after: what follows the time left.
        inside: where the work inside of it stands, as a process below tells it.
        kept: what stays if it is stopped now, or nothing.
    """

    name: str
    began: float
    unit: str = ""
    total: int | None = None
    done: int = 0
    alone: bool = False
    timed: bool = True
    detail: str = ""
    after: str = ""
    inside: str = ""
    kept: str = ""
    start: int = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.done

    @property
    def count(self) -> str:
        """``picture 640 of 11,788``; nothing where nothing is counted."""
        return "" if self.total is None else f"{self.unit} {self.done:,} of {self.total:,}"

    def left(self, now: float) -> float | None:
        """Seconds until the last one, or None where it can't be told yet."""
        made = self.done - self.start
        if self.total is None or not self.timed or made <= 0:
            return None
        return (now - self.began) / made * (self.total - self.done)


@dataclass(frozen=True)
class State:
    """Where work stands.

    Attributes:
        status: one line, with the time left; empty where there is no work.
        where: as a stop names it, e.g. ``step 40 of 400 of ccfr/global``.
        kept: what stays if it is stopped now, in words; empty where nobody knows.
        share: of the count that the time left is of, 0 to 1; None where nothing is counted.
    """

    status: str = ""
    where: str = ""
    kept: str = ""
    share: float | None = None


def state_of(tasks: Sequence[Task], now: float) -> State:
    """Where nested tasks stand, the outermost first; ``now`` in seconds of the tasks' clock."""
    counts = [task.done / task.total for task in _surrounded(tasks) if task.total]
    return State(
        status_of(tasks, now), where_of(tasks), kept_of(tasks), counts[0] if counts else None
    )


def status_of(tasks: Sequence[Task], now: float) -> str:
    """One line of where nested tasks stand, the outermost first.

    >>> maps = Task("maps", 0.0, "picture", 11788, 0)
    >>> maps.done = 640
    >>> status_of([Task("ccfr/global", 0.0), maps], 100.0)
    'ccfr/global, maps, picture 640 of 11,788, 29 min left'
    >>> status_of([Task("ccfr/global", 0.0)], 190.0)
    'ccfr/global, 3 min so far'
    """
    shown, left = _surrounded(tasks), None
    parts = []
    for task in shown:
        parts += [part for part in (task.name, task.count, task.detail) if part]
        if left is None and (left := task.left(now)) is not None:
            parts.append(f"{duration(left)} left")
        if task.after:
            parts.append(task.after)
    if shown and left is None and not shown[-1].detail:
        parts.append(f"{duration(now - shown[-1].began)} so far")
    return ", ".join(parts)


def where_of(tasks: Sequence[Task]) -> str:
    """Where nested tasks stand, the innermost count first; nothing where there are none.

    >>> step = Task("", 0.0, "step", 400, 40)
    >>> where_of([Task("ccfr/global", 0.0), step])
    'step 40 of 400 of ccfr/global'
    """
    names: list[str] = []
    for task in _surrounded(tasks):
        if task.name:
            names.insert(0, task.name)
        if task.total is not None:
            names.insert(0, task.count)
            return " of ".join(names) + (f", {task.inside}" if task.inside else "")
    return " of ".join(names)


def kept_of(tasks: Sequence[Task]) -> str:
    """What the innermost task that knows says would stay, or nothing."""
    return next((task.kept for task in reversed(tasks) if task.kept), "")


def duration(seconds: float) -> str:
    """Seconds as a reader says them.

    >>> duration(41.2), duration(190), duration(8000)
    ('41 s', '3 min', '2 h 13 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _surrounded(tasks: Sequence[Task]) -> list[Task]:
    """The innermost task that stands alone and what it surrounds; all where there is none."""
    first = max((i for i, task in enumerate(tasks) if task.alone), default=0)
    return list(tasks[first:])
