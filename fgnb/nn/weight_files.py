"""Weight files: what lies in them, whatever saved them, and never a line of their code.

A file is told by its first bytes, not by its name. Training programs wrap the weights in a
dictionary of their own; common wrappers are opened, the moving average first, as timm does.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

WRAPPERS = (
    *("state_dict_ema", "model_ema", "ema_state_dict"),
    *("state_dict", "model_state_dict", "model_state", "model", "module", "network", "net"),
    *("weights", "params", "backbone", "encoder"),
)
DEPTH = 4  # of wrappers in wrappers


class WeightsError(RuntimeError):
    """Weights that are missing, damaged or of another architecture."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors or PyTorch file by name, out of their wrappers.

    Raises:
        WeightsError: no file, or one that is empty, damaged, no weight file, or that holds Python
            objects besides tensors; several networks or none.
    """
    found = _read(path)
    for _ in range(DEPTH):
        if not isinstance(found, Mapping):
            raise WeightsError(
                f"{path.name} holds a {type(found).__name__}, needs a dictionary of tensors by "
                "name; save a state_dict()"
            )
        inner = {name: part for name, part in found.items() if _is_state(part)}
        known = next((name for name in WRAPPERS if _is_wrapper(found.get(name))), None)
        if known is not None:
            found = found[known]
        elif len(inner) == 1 and not _is_state(found):
            (found,) = inner.values()
        elif inner and not _is_state(found):
            names = ", ".join(map(str, list(inner)[:4]))
            raise WeightsError(f"{path.name} holds several networks: {names}; save one of them")
        else:
            break
    tensors = {str(name): part for name, part in found.items() if isinstance(part, Tensor)}
    if not tensors:
        names = ", ".join(map(str, list(found)[:4])) or "nothing"
        raise WeightsError(
            f"{path.name} holds no tensors by name, but {names}; save a state_dict()"
        )
    return tensors


def _is_state(part: Any) -> bool:
    return isinstance(part, Mapping) and any(isinstance(value, Tensor) for value in part.values())


def _is_wrapper(part: Any) -> bool:
    return _is_state(part) or (isinstance(part, Mapping) and any(map(_is_state, part.values())))


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError as error:
        raise WeightsError(f"there is no weight file {path}") from error
    except OSError as error:
        raise WeightsError(f"the weight file {path} can't be read: {error.strerror}") from error
    if not head:
        raise WeightsError(f"the weight file {path} is empty; fetch it again")
    if head.startswith(b"version https://git-lfs"):
        raise WeightsError(f"{path} is a pointer of Git LFS, not the weights; run git lfs pull")
    if all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head):
        begins = head.decode("ascii").strip()[:40].splitlines() or [""]
        raise WeightsError(
            f"{path} is text ({begins[0]!r} and so on), no weights; fetch the file itself"
        )
    try:
        if head[8:9] == b"{":  # after the length of its header
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd pickle protocols and of scripts: refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise anything
        raise WeightsError(_why(path, error)) from error


def _why(path: Path, error: Exception) -> str:
    text = str(error)
    objects = re.search(r"GLOBAL ([\w.]+)", text)
    if objects or "TorchScript" in text:
        what = objects[1] if objects else "a script"
        return (
            f"{path} holds Python objects besides tensors ({what}), and a weight file's code is "
            "never run; save the weights alone: torch.save(model.state_dict(), file)"
        )
    line = (text.strip().splitlines() or [type(error).__name__])[0][:120]
    line = type(error).__name__ if line.startswith("Weights only load failed") else line
    return f"the weight file {path} is damaged or of another format ({line}); fetch it again"
