"""What can be trained: the protocol between a model's stage and `fit`, which knows no model.

All randomness is a function of position, never of history, so that a training goes on after a kill
as if nothing had happened: sample order from (seed, epoch), augmentation from (seed, epoch,
index), everything else from (seed, step), which `fit` sets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Samples(Protocol):
    """Training samples by position ``(epoch, index)``."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: tuple[int, int], /) -> Any:
        """The sample at ``index``, augmented by a function of (seed, epoch, index) alone."""
        ...


@dataclass(frozen=True)
class TrainingData:
    """Samples and the order that they come in.

    Attributes:
        dataset: samples by ``(epoch, index)``.
        batches: epoch (from 0) -> the indices of each batch, from (seed, epoch) alone.
        epochs: passes; fewer than a schedule was made for stops early.
        max_steps: optimiser steps after which training stops, or None.
        collate: list of samples -> batch; None is PyTorch's own.
        workers: processes that make samples; 0 makes them in this one.
    """

    dataset: Samples
    batches: Callable[[int], list[list[int]]]
    epochs: int
    max_steps: int | None = None
    collate: Callable[[list[Any]], Any] | None = None
    workers: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs is {self.epochs}; it should be at least 1")
        if self.max_steps is not None and self.max_steps < 1:
            raise ValueError(f"max_steps is {self.max_steps}; it should be at least 1, or None")


class StageModule(Protocol):
    """An ``nn.Module`` that knows its loss and its optimiser."""

    def loss(self, batch: Any, /) -> dict[str, Tensor]:
        """Scalars by name; ``"loss"`` is minimised, the others are logged as its parts."""
        ...

    def configure_optimizers(self) -> Any:
        """What Lightning takes; a scheduler has ``"interval": "step"``."""
        ...


class Stage(Protocol):
    """One training: what it depends on and how to do it.

    Attributes:
        name: ``paper/stage``, as on the command line.
        spec: frozen dataclass of everything that the weights depend on, but for data and code;
            has ``seed`` and ``threads``.
        data_fingerprint: hash of the images and their annotations.

    A stage may also have ``modules``, names of the modules whose code (with what they import)
    counts; by default the module that defines the stage's class. ``stored_as`` is the name that its
    runs have in the store where that is not ``name``: stages that differ in ``name`` alone are one
    training, and share it. And it may have ``finish(module)``, called once after the last step, in
    evaluation mode and without gradients, to change the weights in place before they are kept (an
    average, say).

    What a plan says of a stage before it runs stands beside the stages, in a module ``plan`` of
    their room, so that it is no part of a run's key: ``earlier(stage)``, the stages whose runs are
    found or trained before this one; ``cost(stage)``, of one step; ``origins(stage, preset)``,
    where each value of the spec comes from. A room may do without.
    """

    name: str
    spec: Any
    data_fingerprint: str

    def data(self) -> TrainingData:
        """The samples, and their order."""
        ...

    def module(self) -> Any:
        """A fresh `StageModule`; PyTorch's random state is that of (seed, "module")."""
        ...

    def validate(self, module: Any, /) -> dict[str, float]:
        """Figures on held-out training images after each epoch; may be empty."""
        ...

    def predict(self, module: Any, /) -> dict[str, np.ndarray]:
        """Arrays to keep, after training: ids, labels, probabilities, embeddings."""
        ...
