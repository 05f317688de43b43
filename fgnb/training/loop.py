"""The training itself, through Lightning's Trainer. Imported by `fit` alone: it is slow to import.

To Lightning the whole plan is one epoch: a resume is then a start at a later step, and nothing
else. Epochs are ours: their mean losses, their validation, their line.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor, nn
from torch.utils.data import DataLoader

from fgnb.training import checkpoint
from fgnb.training.environment import device
from fgnb.training.positions import BatchOrder, Plan, kept, place
from fgnb.training.progress import LogFile, Progress
from fgnb.training.stage import Stage

_OWN = "fgnb"


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


@dataclass
class _Course:
    """How far a training is; kept in every checkpoint."""

    done: int = 0
    epochs: list[dict[str, Any]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0
    seconds: float = 0.0


def train(stage: Stage, work: Path, progress: Progress, checkpoint_every: int) -> Trained:
    """Train ``stage`` from the newest sound checkpoint in ``work``, or from the start.

    Raises:
        FloatingPointError: a loss that is not finite, naming step, epoch and every part.
        ValueError: a stage that does not keep the protocol.
    """
    seed, log = stage.spec.seed, LogFile(work / "log.txt")
    with _quiet(), _deterministic(stage.spec.threads), kept():
        path, state, damaged = checkpoint.find(work)
        course = _Course(**state[_OWN]) if state is not None else _Course()
        for name in damaged:
            where = f"going on from step {course.done}" if course.done else "starting again"
            progress.say(f"{stage.name}: the checkpoint {name} is damaged; {where}")
        before, clock = course.seconds, time.monotonic()
        plan = Plan.of(stage.data())
        place(seed, "module")
        module: nn.Module = stage.module()
        start = course.done
        log.write(f"{stage.name}: step {start} of {plan.steps}, on {device()}")
        if start < plan.steps:
            watcher = _Watcher(stage, module, plan, course, work, checkpoint_every, progress, log)
            watcher.clock = clock - before
            _run(watcher, path)
        elif state is not None:
            module.load_state_dict(_unwrapped(state["state_dict"]))
        module.to(device()).eval()
        place(seed, "predict")
        with torch.no_grad():
            predictions = stage.predict(module)
        seconds = before + time.monotonic() - clock
        log.write(f"finished after {seconds:.1f} s")
        return Trained(_weights(module), predictions, course.epochs, seconds, start)


class _Wrapper(pl.LightningModule):
    """The stage's module as Lightning wants it."""

    def __init__(self, watcher: _Watcher) -> None:
        super().__init__()
        self.module = watcher.module
        self.watcher = watcher

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        losses = self.module.loss(batch)  # type: ignore[operator]
        self.watcher.losses = _checked(losses, self.watcher)
        return losses["loss"]

    def configure_optimizers(self) -> Any:
        return self.module.configure_optimizers()  # type: ignore[operator]


class _Watcher(pl.Callback):
    """Seeds each step, and after it logs, validates and keeps a checkpoint."""

    def __init__(
        self,
        stage: Stage,
        module: nn.Module,
        plan: Plan,
        course: _Course,
        work: Path,
        every: int,
        progress: Progress,
        log: LogFile,
    ) -> None:
        self.stage, self.module, self.plan = stage, module, plan
        self.course, self.work = course, work
        self.every, self.progress, self.log_file = every, progress, log
        self.losses: dict[str, float] = {}
        self.clock = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
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
        place(self.stage.spec.seed, self.course.done)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        course, step = self.course, self.course.done
        course.done += 1
        course.count += 1
        for name, value in self.losses.items():
            course.sums[name] = course.sums.get(name, 0.0) + value
        rates = [group["lr"] for group in trainer.optimizers[0].param_groups]
        self.log_file.write(f"step {course.done}: {_listed(self.losses)}, next rate {rates[0]:.3g}")
        self.progress.step(course.done, self.losses)
        if self.plan.ends_epoch(step):
            self._end_epoch(step)
        if course.done % self.every == 0 or course.done == self.plan.steps:
            course.seconds = time.monotonic() - self.clock
            trainer.save_checkpoint(self.work / checkpoint.LAST, weights_only=False)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[_OWN] = vars(self.course)

    def _end_epoch(self, step: int) -> None:
        course, module = self.course, self.module
        means = {name: total / course.count for name, total in course.sums.items()}
        place(self.stage.spec.seed, "validate", step)
        module.eval()
        with torch.no_grad():
            found = self.stage.validate(module)
        module.train()
        entry = {
            "epoch": self.plan.epoch(step) + 1,
            "step": step + 1,
            "loss": means.pop("loss"),
            "parts": means,
            "validation": {name: float(value) for name, value in found.items()},
        }
        course.epochs.append(entry)
        course.sums, course.count = {}, 0
        self.log_file.write(f"epoch {entry['epoch']}: {entry}")
        self.progress.epoch(entry)


class _AtomicIO(TorchCheckpointIO):
    """Lightning's checkpoints, written and read by `fgnb.training.checkpoint`."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        _write(Path(path).parent, checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        return checkpoint.read(Path(path))


_write = checkpoint.write


def _run(watcher: _Watcher, path: Path | None) -> None:
    plan, course = watcher.plan, watcher.course
    loader: DataLoader[Any] = DataLoader(
        plan.data.dataset,  # type: ignore[arg-type]
        batch_sampler=BatchOrder(plan, course.done),
        num_workers=plan.data.workers,
        collate_fn=plan.data.collate,
        pin_memory=device().type == "cuda",
    )
    watcher.progress.begin(watcher.stage.name, course.done, plan.steps, plan.epochs)
    try:
        with _interruptible():
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
                callbacks=[watcher],
                plugins=[_AtomicIO(), LightningEnvironment()],
                default_root_dir=watcher.work,
            )
            trainer.fit(_Wrapper(watcher), loader, ckpt_path=path, weights_only=True)
    finally:
        watcher.progress.end()
    if course.done != plan.steps:
        raise RuntimeError(f"{watcher.stage.name} stopped at step {course.done} of {plan.steps}")


def _checked(losses: dict[str, Tensor], watcher: _Watcher) -> dict[str, float]:
    """The losses as numbers; FloatingPointError unless the one minimised is finite."""
    if "loss" not in losses:
        raise ValueError(
            f"the module of {watcher.stage.name} gives the losses {sorted(losses)}; "
            'the one to minimise should be called "loss"'
        )
    stacked = torch.stack([value.detach().float().reshape(()) for value in losses.values()])
    values = dict(zip(losses, stacked.tolist(), strict=True))
    if not math.isfinite(values["loss"]):
        step, plan = watcher.course.done, watcher.plan
        text = (
            f"{watcher.stage.name}: the loss is not finite at step {step + 1} of {plan.steps} "
            f"(epoch {plan.epoch(step) + 1} of {plan.epochs}): {_listed(values)}; "
            "lower the learning rate, or look at the parts that are not finite"
        )
        watcher.log_file.write(text)
        raise FloatingPointError(text)
    return values


def _listed(losses: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in losses.items())


def _unwrapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("module."): value for name, value in state.items()}


def _weights(module: nn.Module) -> dict[str, Tensor]:
    # Clones, since safetensors refuses tensors that share memory.
    state = module.state_dict().items()
    return {name: value.detach().cpu().clone().contiguous() for name, value in state}


@contextlib.contextmanager
def _deterministic(threads: int) -> Iterator[None]:
    """Thread count and deterministic algorithms for the block; the former settings after it."""
    former, algorithms = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn
    flags = cudnn.benchmark, cudnn.deterministic
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    cudnn.benchmark, cudnn.deterministic = False, True
    try:
        yield
    finally:
        torch.set_num_threads(former)
        torch.use_deterministic_algorithms(algorithms, warn_only=warn_only)
        cudnn.benchmark, cudnn.deterministic = flags


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's notices and its advice on loaders."""
    names = ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning.fabric")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning_fabric)(\.|$)")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C as Python has it: Lightning would end the process, and ignore any further one."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        if main:
            signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None
