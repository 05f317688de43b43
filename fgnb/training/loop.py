"""The training itself, through Lightning's Trainer. Imported by `fit` alone: it is slow to import.

To Lightning the whole plan is one epoch: a resume is then a start at a later step, and nothing
else. Epochs are ours: their mean losses, their validation, their line.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor, nn
from torch.utils.data import DataLoader

from fgnb.training.callback import OWN, TrainingCallback, TrainingState, checked
from fgnb.training.checkpoint import find, read, write
from fgnb.training.environment import device
from fgnb.training.positions import BatchOrder, Plan, preserved_random_state, seed_at
from fgnb.training.progress import LogFile, Progress
from fgnb.training.settings import deterministic, interruptible, quiet
from fgnb.training.stage import Stage


@dataclass(frozen=True)
class Trained:
    """What a training leaves.

    Attributes:
        weights: the module's state, contiguous and on the CPU.
        predictions: what the stage predicted.
        epochs: one entry an epoch.
        seconds: time taken, with that before a kill.
        started_at: the step that this process began at.
    """

    weights: dict[str, Tensor]
    predictions: dict[str, np.ndarray]
    epochs: list[dict[str, Any]]
    seconds: float
    started_at: int


def train(stage: Stage, work: Path, progress: Progress, checkpoint_every: int) -> Trained:
    """Train ``stage`` from the newest sound checkpoint in ``work``, or from the start.

    Raises:
        FloatingPointError: a loss that is not finite, naming step, epoch and every part.
        ValueError: a stage that does not keep the protocol.
    """
    seed, log = stage.spec.seed, LogFile(work / "log.txt")
    with quiet(), deterministic(stage.spec.threads), preserved_random_state():
        path, checkpoint, damaged = find(work)
        state = TrainingState(**checkpoint[OWN]) if checkpoint is not None else TrainingState()
        for name in damaged:
            resumed = f"going on from step {state.done}" if state.done else "starting again"
            progress.say(f"{stage.name}: the checkpoint {name} is damaged; {resumed}")
        before, started = state.seconds, time.monotonic()

        def spent() -> float:
            return before + time.monotonic() - started

        plan = Plan.of(stage.data())
        seed_at(seed, "module")
        module: nn.Module = stage.module()
        start = state.done
        if start and not damaged:
            progress.say(f"{stage.name}: going on from step {start} of {plan.steps}")
        log.write(f"{stage.name}: step {start} of {plan.steps}, on {device()}")
        if start < plan.steps:
            every = checkpoint_every
            _run(
                TrainingCallback(stage, module, plan, state, work, every, progress, log, spent),
                path,
            )
        elif checkpoint is not None:
            module.load_state_dict(_unwrapped(checkpoint["state_dict"]))
        module.to(device()).eval()
        seed_at(seed, "predict")
        with torch.no_grad():
            if finish := getattr(stage, "finish", None):
                finish(module)
            predictions = stage.predict(module)
        seconds = spent()
        log.write(f"finished after {seconds:.1f} s")
        return Trained(_weights(module), predictions, state.epochs, seconds, start)


class _Wrapper(pl.LightningModule):
    """The stage's module as Lightning wants it."""

    def __init__(self, callback: TrainingCallback) -> None:
        super().__init__()
        self.module = callback.module
        self.callback = callback

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        losses = self.module.loss(batch)  # type: ignore[operator]
        self.callback.losses = checked(losses, self.callback)
        return losses["loss"]

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Each parameter group by itself: the losses of one don't shorten the steps of another."""
        for group in optimizer.param_groups:
            if clip_norm := group.get("clip_norm"):
                nn.utils.clip_grad_norm_(group["params"], clip_norm)

    def configure_optimizers(self) -> Any:
        return self.module.configure_optimizers()  # type: ignore[operator]


class _AtomicIO(TorchCheckpointIO):
    """Lightning's checkpoints, written and read by `fgnb.training.checkpoint`."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        write(Path(path).parent, checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        return read(Path(path))


def _run(callback: TrainingCallback, path: Path | None) -> None:
    plan, state = callback.plan, callback.state
    loader: DataLoader[Any] = DataLoader(
        plan.data.dataset,  # type: ignore[arg-type]
        batch_sampler=BatchOrder(plan, state.done),
        num_workers=plan.data.workers,
        collate_fn=plan.data.collate,
        pin_memory=device().type == "cuda",
    )
    callback.progress.begin(callback.stage.name, state.done, plan.steps, plan.epochs)
    try:
        with interruptible():
            trainer = pl.Trainer(
                accelerator="gpu" if device().type == "cuda" else "cpu",
                devices=1,
                max_epochs=1,
                limit_val_batches=0,
                num_sanity_val_steps=0,
                deterministic=True,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                callbacks=[callback],
                plugins=[_AtomicIO(), LightningEnvironment()],
                default_root_dir=callback.work,
            )
            trainer.fit(_Wrapper(callback), loader, ckpt_path=path, weights_only=True)
    finally:
        callback.progress.end()
    if state.done != plan.steps:
        raise RuntimeError(f"{callback.stage.name} stopped at step {state.done} of {plan.steps}")


def _unwrapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("module."): value for name, value in state.items()}


def _weights(module: nn.Module) -> dict[str, Tensor]:
    # Clones, since safetensors refuses tensors that share memory.
    state = module.state_dict().items()
    return {name: value.detach().cpu().clone().contiguous() for name, value in state}
