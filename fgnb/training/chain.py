"""A stage's place among those that it starts from, and the time that all of them still take."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from fgnb import progress
from fgnb.training.positions import preserved_random_state
from fgnb.training.stage import Stage

LEAST = 20.0
"""Seconds of a stage's steps before the time of those after it is told."""
_ATTRIBUTES = ("start", "warm_up")


@dataclass(frozen=True)
class Link:
    """One stage of a chain.

    Attributes:
        name: of the stage.
        key: of its run.
        steps: still to be trained; 0 where the run lies in the store.
        cost: gives the operations of a step; None where nobody knows. Takes a second, so it is
            asked once, and only of trainings that last.
    """

    name: str
    key: str
    steps: int = 0
    cost: Callable[[], float] | None = None

    @cached_property
    def operations(self) -> float | None:
        """Of a step."""
        if self.cost is None:
            return None
        with preserved_random_state():
            return self.cost()


@dataclass(frozen=True)
class Chain:
    """Stages in the order of their training, the one that was asked for last."""

    links: tuple[Link, ...]

    @property
    def name(self) -> str:
        """Of the stage that was asked for."""
        return self.links[-1].name

    def label(self, name: str, key: str) -> str:
        """A stage and its place: ``ccfr/regions, stage 2 of 4 (ccfr/multi-level)``."""
        place = self._place(key)
        if place is None or len(self.links) == 1:
            return name
        own = "" if place == len(self.links) - 1 else f" ({name})"
        return f"{self.name}, stage {place + 1} of {len(self.links)}{own}"

    def left(self, key: str, steps: int, seconds: float) -> float | None:
        """Seconds that the stages after this one take, by operations at the rate of this one.

        Args:
            key: of the stage under way.
            steps: of it that took ``seconds``.
            seconds: their time.

        Returns:
            None where nothing is left to train after it, or the rate can't be told yet.
        """
        place = self._place(key)
        if place is None or steps <= 0 or seconds < LEAST:
            return None
        due = [link for link in self.links[place + 1 :] if link.steps]
        if not due or not (own := self.links[place].operations):
            return None
        rest = 0.0
        for link in due:
            if link.operations is None:
                return None
            rest += link.steps * link.operations
        return rest * seconds / (steps * own)

    def _place(self, key: str) -> int | None:
        return next((i for i, link in enumerate(self.links) if link.key == key), None)


_under_way: list[Chain] = []


@contextlib.contextmanager
def under_way(stage: Stage, key: str, stored: bool) -> Iterator[Chain]:
    """The chain that a stage is trained in: one that has begun, or its own for the block.

    Args:
        stage: about to be trained, or found.
        key: of its run.
        stored: whether the run lies in the store, so that nothing before it is looked for.
    """
    known = next((c for c in _under_way if any(link.key == key for link in c.links)), None)
    if known is not None:
        yield known
        return
    alone = Chain((Link(stage.name, key),))
    chain = alone if stored or not progress.standing() else chain_of(stage)
    _under_way.append(chain)
    try:
        yield chain
    finally:
        _under_way.remove(chain)


def chain_of(stage: Stage) -> Chain:
    """``stage`` and all that it starts from, with what is still to be trained."""
    from fgnb.training import plan

    room = room_plan(stage.name.partition("/")[0])
    links = []
    for one in plan.chain(stage, room.earlier if room else _earlier):
        planned = plan.Planned.of(one)
        steps = planned.steps if planned.due else 0
        cost = partial(_operations, room, one) if room and steps else None
        links.append(Link(one.name, planned.described["key"], steps, cost))
    return Chain(tuple(links))


def room_plan(room: str) -> Any:
    """What a room's module ``plan`` says of its stages; None where it has none."""
    if not room.isidentifier() or importlib.util.find_spec(f"fgnb.{room}") is None:
        return None
    module = f"fgnb.{room}.plan"
    return importlib.import_module(module) if importlib.util.find_spec(module) else None


def _operations(room: Any, stage: Stage) -> float:
    return float(room.cost(stage).operations)


def _earlier(stage: Stage) -> list[Stage]:
    """The stages that one without a plan carries as its start."""
    found = (getattr(stage, name, None) for name in _ATTRIBUTES)
    return [one for one in found if one is not None and hasattr(one, "spec")]
