"""How a process on a CPU keeps memory for its next tensors."""

from __future__ import annotations

import ctypes
import functools
import platform

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of glibc's mallopt


@functools.cache
def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, for its next tensors; the same bits.

    glibc gives a large block back to the system at once, and each new one is then paid for page by
    page: half the time of a network on a CPU. Elsewhere this does nothing.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_MAX, 0)
        libc.mallopt(_TRIM_THRESHOLD, -1)
