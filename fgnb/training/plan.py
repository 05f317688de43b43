"""The plan of a training before it runs: what comes first, how many steps, about how long.

Nothing is trained and nothing is kept. Time is operations over a rate that this device shows now,
in one forward pass of the backbone: an estimate, stated with what it was derived from.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from fgnb.nn.backbones import NO_CUT, create_backbone
from fgnb.nn.cost import Cost, Part, meta_backbone, step_cost
from fgnb.training.environment import device, device_name
from fgnb.training.fit import describe_plan
from fgnb.training.positions import Plan
from fgnb.training.settings import deterministic
from fgnb.training.stage import Stage

MEASURE_FOR = 0.5
"""Seconds."""


@dataclass(frozen=True)
class Planned:
    """One training of a plan.

    Attributes:
        name: of the stage.
        described: what `describe_plan` says of it; ``state`` is ``stored``, ``damaged``,
            ``unfinished`` or ``absent``.
        epochs: passes that are begun.
        batches: steps of the first pass.
        steps: in all.
        images: training images.
    """

    name: str
    described: dict[str, Any]
    epochs: int
    batches: int
    steps: int
    images: int

    @classmethod
    def of(cls, stage: Stage) -> Planned:
        """The plan of ``stage`` alone."""
        data = stage.data()
        plan = Plan.of(data)
        described = describe_plan(stage)
        return cls(stage.name, described, plan.epochs, plan.ends[0], plan.steps, len(data.dataset))

    @property
    def due(self) -> bool:
        """Whether `fit` would train it."""
        return self.described["state"] != "stored"


@dataclass(frozen=True)
class Rate:
    """Operations a second of one device, and how they were measured."""

    per_second: float
    measured: str

    def seconds(self, cost: Cost, steps: int) -> float:
        """Time of ``steps`` steps; reading pictures is not in it."""
        return steps * cost.operations / self.per_second


def chain(stage: Stage, earlier: Callable[[Stage], Sequence[Stage]]) -> list[Stage]:
    """``stage`` and all that it starts from, each once, in the order of their training.

    Args:
        stage: the last.
        earlier: the stages that one starts from directly.
    """
    found: dict[str, Stage] = {}

    def add(one: Stage) -> None:
        for before in earlier(one):
            add(before)
        found.setdefault(describe_plan(one)["key"], one)

    add(stage)
    return list(found.values())


@torch.inference_mode()
def measure_rate(backbone: str, image_size: int, threads: int) -> Rate:
    """Time one picture's forward pass here: the fastest of those that half a second holds."""
    shape = (3, image_size, image_size)
    cost = step_cost([Part(meta_backbone(backbone, cut=NO_CUT), (shape,), 1, backward=False)])
    with torch.random.fork_rng(devices=[]), deterministic(threads):
        network = create_backbone(backbone, "random", cut=NO_CUT)
        network = network.to(device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
        picture = torch.zeros((1, *shape), device=device())
        picture = picture.contiguous(memory_format=torch.channels_last)
        times = [_timed(network, picture)]  # warms up
        while len(times) < 2 or sum(times) < MEASURE_FOR:
            times.append(_timed(network, picture))
        taken = min(times)
    measured = (
        f"one forward pass of {backbone} at {image_size} px took {taken:.3g} s just now on "
        f"{device_name()}, {threads} threads: {cost.forward / taken / 1e9:.3g} GFLOP a second"
    )
    return Rate(cost.forward / taken, measured)


def _timed(network: torch.nn.Module, picture: torch.Tensor) -> float:
    started = time.perf_counter()
    network(picture).sum().item()  # waits for the device
    return time.perf_counter() - started
