"""The weights that a stage keeps, and what they reach on held-out images.

What the stages share that begin from a trained or pretrained model: the mean of start and end
(weight-space ensembling, Wortsman et al., CVPR 2022), and an epoch's figures.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from fgnb.training.environment import device
from fgnb.training.settings import deterministic

STATISTICS = ("running_mean", "running_var")
"""Ends of the names of the statistics of batch normalisation."""


class StartAveraging(nn.Module):
    """A module that keeps, where they are to be averaged with the end, the weights of its start."""

    start_weights: dict[str, Tensor]

    def keep_start(self, share: float) -> Self:
        """Copy what is trained, if ``share`` of it is to be in what is kept; itself.

        That is weights, and the statistics of batch normalisation, which move where it is trained.
        """
        kept = self._averaged() if share else {}
        self.start_weights = {name: value.detach().clone() for name, value in kept.items()}
        return self

    @torch.no_grad()
    def average_with_start(self, share: float, *, leave_out: tuple[str, ...] = ()) -> None:
        """Move the weights towards those of the start, by ``share``.

        Args:
            share: 0 leaves them as they are, 1 is the start.
            leave_out: beginnings of the names of weights that stay as they are.
        """
        if not share:
            return
        for name, value in self._averaged().items():
            if name in self.start_weights and not name.startswith(leave_out):
                value.lerp_(self.start_weights[name].to(value.device), share)

    def _averaged(self) -> dict[str, Tensor]:
        free = {name: value for name, value in self.named_parameters() if value.requires_grad}
        return free | {k: v for k, v in self.named_buffers() if k.endswith(STATISTICS)}


def start_and_mean(stage: Any, run: Any) -> tuple[np.ndarray, np.ndarray]:
    """What a trained stage answered before its first step, and what the mean of both ends answers.

    Args:
        stage: whose module is a `StartAveraging`; left as it is.
        run: its run, of `fgnb.training.fit`.

    Returns:
        Probabilities of the queries, ``[Q, C]`` each: of the start's weights, and of the mean of
        start and end.
    """
    half = copy.copy(stage)
    half.spec = replace(stage.spec, average=0.5)
    with deterministic(half.spec.threads):
        module = half.module().to(device()).eval()
        start = half.predict(module)["query_probs"]
        run.load_weights(module)
        half.finish(module)
        return start, half.predict(module)["query_probs"]


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
