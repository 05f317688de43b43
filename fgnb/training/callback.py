"""What happens around each optimiser step: its seed, its log line, validation, checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from fgnb.training.checkpoint import LAST
from fgnb.training.positions import Plan, seed_at
from fgnb.training.progress import LogFile, Progress
from fgnb.training.stage import Stage

OWN = "fgnb"


@dataclass
class TrainingState:
    """How far a training is; kept in every checkpoint."""

    done: int = 0
    epochs: list[dict[str, Any]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0
    seconds: float = 0.0


class TrainingCallback(pl.Callback):
    """Seeds each step, and after it logs, validates and keeps a checkpoint."""

    def __init__(
        self,
        stage: Stage,
        module: nn.Module,
        plan: Plan,
        state: TrainingState,
        work: Path,
        every: int,
        progress: Progress,
        log: LogFile,
        seconds: Callable[[], float],
    ) -> None:
        self.stage, self.module, self.plan = stage, module, plan
        self.state, self.work = state, work
        self.every, self.progress, self.log_file = every, progress, log
        self.losses: dict[str, float] = {}
        self.seconds = seconds

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Refuse a scheduler that does not step with the optimiser."""
        for config in trainer.lr_scheduler_configs:
            if config.interval != "step":
                raise ValueError(
                    f"the scheduler of {self.stage.name} steps by {config.interval}; it should "
                    'step by optimiser step: {"scheduler": ..., "interval": "step"}'
                )
        pl_module.train()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set the random states to those of (seed, step)."""
        seed_at(self.stage.spec.seed, self.state.done)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Log the step; at an epoch's end validate; keep a checkpoint where one is due."""
        state, step = self.state, self.state.done
        state.done += 1
        state.count += 1
        for name, value in self.losses.items():
            state.sums[name] = state.sums.get(name, 0.0) + value
        rates = [group["lr"] for group in trainer.optimizers[0].param_groups]
        self.log_file.write(f"step {state.done}: {_listed(self.losses)}, next rate {rates[0]:.3g}")
        self.progress.step(state.done, self.losses)
        if self.plan.ends_epoch(step):
            self._end_epoch(step)
        if state.done % self.every == 0:
            state.seconds = self.seconds()
            trainer.save_checkpoint(self.work / LAST, weights_only=False)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add how far the training is."""
        checkpoint[OWN] = vars(self.state)

    def _end_epoch(self, step: int) -> None:
        state, module = self.state, self.module
        means = {name: total / state.count for name, total in state.sums.items()}
        seed_at(self.stage.spec.seed, "validate", step)
        module.eval()
        with torch.no_grad():
            figures = self.stage.validate(module)
        module.train()
        entry = {
            "epoch": self.plan.epoch(step) + 1,
            "step": step + 1,
            "loss": means.pop("loss"),
            "parts": means,
            "validation": {name: float(value) for name, value in figures.items()},
        }
        state.epochs.append(entry)
        state.sums, state.count = {}, 0
        self.log_file.write(f"epoch {entry['epoch']}: {entry}")
        self.progress.epoch(entry)


def checked(losses: dict[str, Tensor], callback: TrainingCallback) -> dict[str, float]:
    """The losses as numbers.

    Raises:
        FloatingPointError: the loss that is minimised is not finite; names step and every part.
        ValueError: there is none that is called "loss".
    """
    if "loss" not in losses:
        raise ValueError(
            f"the module of {callback.stage.name} gives the losses {sorted(losses)}; "
            'the one to minimise should be called "loss"'
        )
    stacked = torch.stack([value.detach().float().reshape(()) for value in losses.values()])
    values = dict(zip(losses, stacked.tolist(), strict=True))
    if not math.isfinite(values["loss"]):
        step, plan = callback.state.done, callback.plan
        text = (
            f"{callback.stage.name}: the loss is not finite at step {step + 1} of {plan.steps} "
            f"(epoch {plan.epoch(step) + 1} of {plan.epochs}): {_listed(values)}; "
            "lower the learning rate, or look at the parts that are not finite"
        )
        callback.log_file.write(text)
        raise FloatingPointError(text)
    return values


def _listed(losses: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in losses.items())
