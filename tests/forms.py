"""The forms in which one argument can come, and what is no such argument; shared by the rooms.

A test names good arguments of each public function once; here they are recast (lists, numpy and
torch types, read-only, with a gradient) and spoiled, and the answer is compared or the refusal
read.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
NO_ARRAYS = {
    "None": None,
    "a string": "abc",
    "a dictionary": {"a": 1},
    "rows of two lengths": [[1.0, 2.0], [3.0]],
    "complex": np.array([[1j]]),
    "objects": np.array([object()]),
}
NO_NUMBERS = {
    "None": None,
    "a string": "3",
    "nan": float("nan"),
    "an array": np.array([1, 2]),
    "a tensor": torch.tensor([1, 2]),
    "complex": 1j,
    "a truth": True,
}
NO_WHOLE_NUMBERS = NO_NUMBERS | {"a share": 0.8, "a float": 2.0, "infinity": float("inf")}


def forms(values: np.ndarray, kinds: str = "") -> Iterator[tuple[str, Any]]:
    """Every form of an array whose values eight bits hold, by name.

    ``kinds`` says what else its values may be: ``f`` floats, ``i`` integers, ``b`` booleans.
    """
    kinds = kinds or values.dtype.kind.replace("u", "i")
    yield "a list", values.tolist()
    frozen = values.copy()
    frozen.flags.writeable = False
    yield "read-only", frozen
    yield "turned", np.ascontiguousarray(values[::-1])[::-1]
    yield "the other byte order", values.astype(values.dtype.newbyteorder(">"))
    if "f" in kinds:
        for name in ("float16", "float32", "float64", "longdouble"):
            yield name, values.astype(name)
        for dtype in FLOATS:
            yield str(dtype), torch.tensor(values.tolist(), dtype=dtype)
        for dtype in FLOATS:
            made = torch.tensor(values.tolist(), dtype=dtype, requires_grad=True)
            yield f"{dtype} with a gradient", made
            yield f"{dtype} inside a graph", made * 1
    if "i" in kinds and not (values % 1).any():
        for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
            if values.min(initial=0) >= 0 or not name.startswith("u"):
                yield name, values.astype(name)
        for dtype in WHOLE:
            if values.min(initial=0) >= 0 or dtype != torch.uint8:
                yield str(dtype), torch.tensor(values.tolist()).to(dtype)
    if "b" in kinds and np.isin(values, (0, 1)).all():
        yield "bool", values.astype(bool)
        yield "torch.bool", torch.tensor(values.tolist()).bool()


def scalars(value: float) -> Iterator[tuple[str, Any]]:
    """Every form of one number."""
    whole = isinstance(value, int)
    types = ("int16", "int64", "uint8") if whole else ("float16", "float32", "float64")
    for name in types:
        if np.dtype(name).type(value) == value:
            yield name, np.dtype(name).type(value)
            yield f"{name}, no axis", np.array(value, name)
    dtype = torch.int64 if whole else torch.float64
    yield "tensor", torch.tensor(value, dtype=dtype)


def copied(value: Any) -> Any:
    """A copy of an argument, to see later that it stayed."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    return value.copy() if isinstance(value, np.ndarray | list) else value


def same(found: Any, expected: Any, tolerance: float = 0.0) -> bool:
    """Whether two answers are equal, axis by axis and field by field; nan equals nan."""
    if isinstance(expected, dict):
        return all(same(found[name], expected[name], tolerance) for name in expected)
    if isinstance(expected, tuple | list):
        pairs = zip(found, expected, strict=True)
        return len(found) == len(expected) and all(same(a, b, tolerance) for a, b in pairs)
    if hasattr(expected, "__dataclass_fields__"):
        return same(vars(found), vars(expected), tolerance)
    if expected is None or isinstance(expected, str):
        return found == expected
    a, b = (
        x.detach().to(torch.float64 if x.is_floating_point() else x.dtype).numpy()
        if isinstance(x, torch.Tensor)
        else np.asarray(x)
        for x in (found, expected)
    )
    return a.shape == b.shape and np.allclose(a, b, tolerance, tolerance, equal_nan=True)


def answers_alike(
    function: Callable[..., Any],
    usual: dict[str, Any],
    name: str,
    kinds: str = "",
    tolerance: float = 0.0,
) -> None:
    """Every form of one argument gives the usual answer and stays as it was."""
    expected, value = function(**usual), usual[name]
    of = forms(value, kinds) if isinstance(value, np.ndarray) else scalars(value)
    for form, given in of:
        kept = copied(given)
        found = function(**(usual | {name: given}))
        assert same(found, expected, tolerance), f"{name} as {form}: {found}, not {expected}"
        assert same(given, kept), f"{name} as {form} was changed"


def refused_by_name(function: Callable[..., Any], usual: dict[str, Any], name: str) -> None:
    """What is no argument of that kind is a ValueError that begins with the argument's name."""
    value = usual[name]
    if isinstance(value, np.ndarray):
        bad = dict(NO_ARRAYS)
    else:
        bad = dict(NO_WHOLE_NUMBERS if isinstance(value, int) else NO_NUMBERS)
    default = inspect.signature(function).parameters[name].default
    for what, given in bad.items():
        if given is None and default is None:
            continue
        with pytest.raises(ValueError, match=rf"^{name} ") as caught:
            function(**(usual | {name: given}))
        assert "\n" not in str(caught.value), f"{name} as {what}: more than one line"
