"""Where and with what a training ran."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgnb import paths

if TYPE_CHECKING:
    import torch

KEYED = ("torch", "torchvision", "timm")
NOTED = (*KEYED, "pytorch-lightning", "numpy")


def versions(names: tuple[str, ...] = KEYED) -> dict[str, str]:
    """Versions without build tags: a CPU and a GPU build of one release count as one."""
    return {name: version(name).partition("+")[0] for name in names}


def describe(threads: int, seconds: float) -> dict[str, Any]:
    """The contents of environment.json for a training that took ``seconds`` here."""
    return {
        **versions(NOTED),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device_name(),
        "cpu": cpu_model(),
        "threads": threads,
        "commit": commit(),
        "seconds": round(seconds, 1),
    }


def device() -> torch.device:
    """Where trainings run here: `fgnb.nn.device.device`."""
    from fgnb.nn.device import device

    return device()


def device_name() -> str:
    """Make and model of what computes: the CPU's, or the GPU's."""
    import torch

    if device().type == "cpu":
        return f"cpu ({cpu_model()})"
    return f"gpu ({torch.cuda.get_device_name(device())})"


def cpu_model() -> str:
    """The CPU's name, as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def commit() -> str:
    """The checkout's commit, with ``+`` if files differ from it; ``unknown`` without git."""
    try:
        root = paths.project_root()
        head = _git(root, "rev-parse", "HEAD")
        return head + ("+" if _git(root, "status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.strip()
