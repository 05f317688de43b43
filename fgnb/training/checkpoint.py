"""Checkpoints that are whole or not used: each file carries its own hash, the former one stays.

A file is the SHA-256 of its content in hexadecimal, a line feed, and what ``torch.save`` writes. A
kill at any moment leaves at least one sound file; a truncated one is told from a sound one.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from fgnb.store import write_atomic

LAST, FORMER = "last.ckpt", "former.ckpt"


class DamagedCheckpoint(RuntimeError):
    """A checkpoint whose content is not what was written."""


def write(folder: Path, state: dict[str, Any]) -> None:
    """Make ``state`` the last checkpoint in ``folder``; the last becomes the former."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    head = hashlib.sha256(content).hexdigest().encode() + b"\n"
    last = folder / LAST
    if last.exists():
        last.replace(folder / FORMER)
    write_atomic(last, head + content)


def read(path: Path) -> dict[str, Any]:
    """The state in ``path``, tensors on the CPU, never unpickling code.

    Raises:
        DamagedCheckpoint: the content does not match its hash.
    """
    head, _, content = path.read_bytes().partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != head:
        raise DamagedCheckpoint(f"{path.name} is damaged")
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def find(folder: Path) -> tuple[Path | None, dict[str, Any] | None, list[str]]:
    """The newest sound checkpoint: its file, its state, and the damaged ones, now deleted."""
    damaged: list[str] = []
    for path in (folder / LAST, folder / FORMER):
        if not path.exists():
            continue
        try:
            return path, read(path), damaged
        except DamagedCheckpoint:
            damaged.append(path.name)
            path.unlink()
    return None, None, damaged
