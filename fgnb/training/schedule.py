"""SGD with a decaying rate, as every stage here trains: one place for the recipe's fields."""

from __future__ import annotations

from typing import Any, Protocol

import torch

DECAYS = ("cosine", "step")


class Recipe(Protocol):
    """The fields of a spec that the optimiser depends on."""

    @property
    def lr(self) -> float:
        """Rate at the start."""

    @property
    def decay(self) -> str:
        """``cosine`` (to zero, a step at a time) or ``step`` (times 0.1)."""

    @property
    def decay_every(self) -> int:
        """Epochs between two steps of the decay ``step``."""

    @property
    def momentum(self) -> float:
        """Of SGD."""

    @property
    def weight_decay(self) -> float:
        """Of SGD, on every trained parameter."""

    @property
    def clip_norm(self) -> float:
        """Length that the gradient of a parameter group is cut down to; 0 leaves it."""

    @property
    def epochs(self) -> int:
        """Passes that the schedule is made for."""

    @property
    def max_steps(self) -> int | None:
        """Steps after which training stops, or None."""


def sgd(groups: list[dict[str, Any]], recipe: Recipe, epoch_steps: int) -> dict[str, Any]:
    """Optimiser and scheduler as Lightning takes them.

    Args:
        groups: parameter groups; those without a rate have the recipe's.
        recipe: a spec with the fields of `Recipe`.
        epoch_steps: optimiser steps an epoch.

    Raises:
        ValueError: an unknown decay.
    """
    if recipe.decay not in DECAYS:
        raise ValueError(f"decay is {recipe.decay!r}; it is one of {', '.join(DECAYS)}")
    optimizer = torch.optim.SGD(
        groups, recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    for group in optimizer.param_groups:
        group["clip_norm"] = recipe.clip_norm
    steps = recipe.epochs * epoch_steps
    schedule: torch.optim.lr_scheduler.LRScheduler
    if recipe.decay == "cosine":
        length = min(steps, recipe.max_steps or steps)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, length)
    else:
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, recipe.decay_every * epoch_steps, 0.1)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
