"""The weights that a stage keeps, and what they reach on held-out images.

What the stages share that begin from a trained or pretrained model: the mean of start and end
(weight-space ensembling, Wortsman et al., CVPR 2022), and an epoch's figures.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch


@torch.no_grad()
def average_with_start(stage: Any, module: Any, *, leave_out: tuple[str, ...] = ()) -> None:
    """Move the weights towards those that training started from, by ``stage.spec.average``.

    Args:
        stage: whose ``module()`` is the start.
        module: changed in place.
        leave_out: beginnings of the names of weights that stay as they are.
    """
    share = stage.spec.average
    if not share:
        return
    begun = stage.module().to(next(module.parameters()).device).state_dict()
    for name, value in module.state_dict().items():
        if value.is_floating_point() and not name.startswith(leave_out):
            value.lerp_(begun[name], share)


def held_out_figures(
    stage: Any, module: Any, probs_of: Callable[[Any], np.ndarray]
) -> dict[str, float]:
    """Held-out accuracy and log loss of the weights that would be kept at this point.

    Nothing where the test set would be read.

    Args:
        stage: with ``spec.fold``, ``spec.average``, ``finish``, ``images`` and ``query_index``.
        module: left as it is.
        probs_of: module -> probabilities of the queries ``[Q, C]``.
    """
    if stage.spec.fold == "all":
        return {}
    if stage.spec.average:
        module = copy.deepcopy(module)
        stage.finish(module)
    probs, truth = probs_of(module), stage.images.labels[stage.query_index]
    chosen = np.maximum(probs[np.arange(len(truth)), truth], 1e-12)
    return {
        "held_out_accuracy": float((probs.argmax(1) == truth).mean()),
        "held_out_log_loss": float(-np.log(chosen).mean()),
    }
