"""What holds while a training runs, and is given back after it."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from fgnb.nn.memory import keep_freed_memory

_CHECKS: Any = torch.utils.deterministic  # a module with a property, which its types don't know


@contextlib.contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Thread count and deterministic algorithms for the block; the former settings after it.

    Nothing here reads memory before writing to it, so fresh tensors are not filled first.
    """
    keep_freed_memory()
    former, algorithms = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn, checks = torch.backends.cudnn, _CHECKS
    filled = checks.fill_uninitialized_memory
    flags = cudnn.benchmark, cudnn.deterministic
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    checks.fill_uninitialized_memory = False
    cudnn.benchmark, cudnn.deterministic = False, True
    try:
        yield
    finally:
        torch.set_num_threads(former)
        torch.use_deterministic_algorithms(algorithms, warn_only=warn_only)
        checks.fill_uninitialized_memory = filled
        cudnn.benchmark, cudnn.deterministic = flags


@contextlib.contextmanager
def quiet() -> Iterator[None]:
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
def interruptible() -> Iterator[None]:
    """What stops a training as it was raised, where Lightning would end the process."""
    try:
        yield
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        raise error.__context__ from None
