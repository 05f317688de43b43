"""What a caller gave as a tensor, made one: the door of every function that computes with torch.

A tensor stays itself, with its gradient; lists and arrays become tensors of their own precision
(Python's floats are float64). What is no such thing is refused by the argument's name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fgnb.data.arguments import BELOW_ZERO, ROW_SUM, as_array, no_probabilities


def as_tensor(name: str, values: Any, device: torch.device | None = None) -> Tensor:
    """Numbers as a tensor of their own type, on ``device`` or where they are.

    Args:
        name: of the argument, for the message.
        values: tensor, array, list or number.
        device: where the other arguments are.

    Raises:
        ValueError: no numbers; complex ones.

    >>> as_tensor("boxes", [[0, 0, 4, 4]]).dtype
    torch.int64
    """
    if isinstance(values, Tensor):
        if values.is_complex():
            raise ValueError(f"{name} is of dtype {values.dtype}, needs real numbers")
        return values if device is None else values.to(device)
    array = as_array(name, values)
    kind, size = array.dtype.kind, array.dtype.itemsize
    dtype = array.dtype.newbyteorder("=")
    if kind == "u" and size > 1:
        dtype = np.dtype(np.int64)  # torch counts little in wider unsigned integers
    elif kind == "f" and size > 8:
        dtype = np.dtype(np.float64)
    return torch.from_numpy(np.require(array, dtype, ["C", "W"])).to(device)


def as_floats(name: str, values: Any, device: torch.device | None = None) -> Tensor:
    """Numbers as a tensor of floats: of their own precision, integers and truth in float64."""
    tensor = as_tensor(name, values, device)
    return tensor if tensor.is_floating_point() else tensor.double()


def as_integers(name: str, values: Any, device: torch.device | None = None) -> Tensor:
    """Whole numbers as an int64 tensor.

    Raises:
        ValueError: floats and booleans: neither counts classes.
    """
    tensor = as_tensor(name, values, device)
    if not isinstance(values, Tensor | np.ndarray) and not tensor.numel():
        return tensor.long()  # an empty list has no type of its own
    if tensor.is_floating_point() or tensor.dtype == torch.bool:
        raise ValueError(f"{name} has dtype {tensor.dtype}, needs integers")
    return tensor.long()


def as_probs(name: str, values: Any, device: torch.device | None = None) -> Tensor:
    """Rows of probabilities ``Tensor[Q, C]`` of any float type.

    A row may be cut to its best classes (a sum under 1), and half precision may have rounded it;
    logits are refused, for whatever is computed of them is another number.

    Raises:
        ValueError: another shape or type, a number that is not finite, an entry out of [0, 1], or
            a row whose sum is over 1.
    """
    probs = as_tensor(name, values, device)
    if probs.ndim != 2 or probs.shape[1] == 0:
        raise ValueError(f"{name} has shape {tuple(probs.shape)}, needs (Q, C) with C at least 1")
    if not probs.is_floating_point():
        raise ValueError(f"{name} has dtype {probs.dtype}, needs floating point")
    if not probs.isfinite().all():
        raise ValueError(f"{name} holds nan or infinity, needs finite numbers")
    known = probs.detach()
    if not known.numel():
        return probs
    low, high = (float(end) for end in known.aminmax())
    least, most = (float(end) for end in known.sum(dim=1, dtype=torch.float64).aminmax())
    if low < -BELOW_ZERO or most > 1 + ROW_SUM:
        raise ValueError(no_probabilities(name, low, high, least, most))
    return probs
