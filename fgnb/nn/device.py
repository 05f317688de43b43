"""Where networks run here: the GPU if there is one, or the CPU where that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_CPU_ASKED = ContextVar("cpu_asked", default=False)


def device() -> torch.device:
    """The GPU if there is one, but not within `on_cpu`."""
    if torch.cuda.is_available() and not _CPU_ASKED.get():
        return torch.device("cuda", 0)
    return torch.device("cpu")


@contextmanager
def on_cpu() -> Iterator[None]:
    """Let networks run on the CPU in this block: what is compared to the last digits elsewhere."""
    token = _CPU_ASKED.set(True)
    try:
        yield
    finally:
        _CPU_ASKED.reset(token)
