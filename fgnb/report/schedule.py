"""How a published recipe lowers its learning rate, read off the schedule that its optimiser makes.

A demonstration of few passes decays by a cosine, so the steps that a paper states never come in it.
They are those of the preset `paper`, whose stage can be made without training it.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from fgnb.training.schedule import Recipe, sgd


def decay_arrays(recipe: Recipe) -> dict[str, NDArray[np.float64]]:
    """Epochs up to the first step of the rate, and what it is multiplied by there.

    Raises:
        ValueError: a rate that stays as it is through all of the recipe's epochs.
    """
    made = sgd([{"params": [torch.nn.Parameter(torch.zeros(1))]}], recipe, epoch_steps=1)
    optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    begun = optimizer.param_groups[0]["lr"]
    for epoch in range(1, recipe.epochs + 1):
        optimizer.step()
        schedule.step()
        if (rate := optimizer.param_groups[0]["lr"]) != begun:
            values = {"step": float(epoch), "factor": rate / begun}
            return {f"decay_learning-rate-{name}": np.array([v]) for name, v in values.items()}
    raise ValueError(f"the rate stays at {begun} through all {recipe.epochs} epochs")
