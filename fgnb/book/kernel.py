"""A notebook's kernel: this interpreter, its own surroundings, no life beyond its parent's.

A killed run must leave no kernel behind, and a kernel that computes does not look whether its
parent lives: on Linux the system itself ends it. Elsewhere ipykernel's own poller does, within a
second.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from jupyter_client import AsyncKernelManager

from fgnb.progress import stopping

_PR_SET_PDEATHSIG = 1


def dies_with_parent(sign: int = signal.SIGKILL) -> Callable[[], None] | None:
    """What a child calls between fork and exec to be sent ``sign`` when its parent dies.

    None where the system has no such thing.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(sign), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def die_with_parent(sign: int = signal.SIGTERM) -> None:
    """Ask for ``sign`` when the parent of this very process dies; Linux alone."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(sign), 0, 0, 0)


def manager(environment: Mapping[str, str]) -> type[AsyncKernelManager]:
    """A kernel manager whose kernels get ``environment`` on top of this process's."""

    class Manager(AsyncKernelManager):
        """Starts ipykernel in this interpreter, whatever kernel specs a user has installed."""

        async def _async_shutdown_kernel(self, now: bool = False, restart: bool = False) -> None:
            """At once where all is stopped: a kernel that computes hears no request."""
            await super()._async_shutdown_kernel(now or stopping.going_on(), restart)

        shutdown_kernel = _async_shutdown_kernel

        def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
            file = os.path.realpath(self.connection_file)
            return [
                sys.executable,
                "-m",
                "ipykernel_launcher",
                "-f",
                file,
                *(extra_arguments or []),
            ]

        async def _async_pre_start_kernel(self, **kw: Any) -> tuple[list[str], dict[str, Any]]:
            command, kw = await super()._async_pre_start_kernel(**kw)
            kw["env"] = {**kw.get("env", os.environ), **environment}
            kw["preexec_fn"] = dies_with_parent()
            return command, kw

    return Manager
