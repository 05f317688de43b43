"""Randomness and order as functions of position."""

from __future__ import annotations

import contextlib
import hashlib
import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch

from fgnb.training.stage import TrainingData


def seed_at(seed: int, *position: int | str) -> None:
    """Set every global random state to that of ``(seed, *position)``."""
    text = ":".join(map(str, (seed, *position)))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
    torch.manual_seed(number)
    np.random.seed(number % 2**32)
    random.seed(number)


@contextlib.contextmanager
def preserved_random_state() -> Iterator[None]:
    """Give the caller's global random states back at the end."""
    python, arrays = random.getstate(), np.random.get_state()
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(arrays)


@dataclass(frozen=True)
class Plan:
    """Every optimiser step of a training, numbered from 0.

    Attributes:
        ends: for each epoch, the number of steps done at its end.
        steps: steps in all, cut at ``max_steps``.
    """

    data: TrainingData
    ends: tuple[int, ...]
    steps: int

    @classmethod
    def of(cls, data: TrainingData) -> Plan:
        """The plan of ``data``; ValueError if an epoch has no batches."""
        lengths = [len(data.batches(epoch)) for epoch in range(data.epochs)]
        if 0 in lengths:
            raise ValueError(f"epoch {lengths.index(0) + 1} has no batches; is the set empty?")
        ends = tuple(accumulate(lengths))
        steps = min(ends[-1], data.max_steps or ends[-1])
        return cls(data, ends, steps)

    @property
    def epochs(self) -> int:
        """Epochs that are at least begun."""
        return self.epoch(self.steps - 1) + 1

    def epoch(self, step: int) -> int:
        """The epoch (from 0) that ``step`` belongs to."""
        return bisect_right(self.ends, step)

    def ends_epoch(self, step: int) -> bool:
        """Whether ``step`` is the last of its epoch, or of all."""
        return step + 1 in self.ends or step + 1 == self.steps

    def positions(self, start: int) -> Iterator[list[tuple[int, int]]]:
        """The batches from step ``start`` on, each a list of ``(epoch, index)``."""
        step = start
        while step < self.steps:
            epoch = self.epoch(step)
            begin = self.ends[epoch - 1] if epoch else 0
            for batch in self.data.batches(epoch)[step - begin :][: self.steps - step]:
                yield [(epoch, index) for index in batch]
                step += 1


class BatchOrder:
    """A batch sampler over the whole plan; its length counts the steps already done, too."""

    def __init__(self, plan: Plan, start: int) -> None:
        self.plan, self.start = plan, start

    def __len__(self) -> int:
        return self.plan.steps

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return self.plan.positions(self.start)
