"""What a caller gave as numbers, made numpy's or Python's own: one place that says no by name.

Lists, arrays and torch tensors of any float type, on any device, with a gradient or without,
are the same numbers; text, None, objects and rows of different lengths are none. Nothing is
changed in place. torch is not imported.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

BELOW_ZERO = 1e-6  # how far rounding may push a probability out of its range
ROW_SUM = 1e-2  # ... and a row's sum from 1: twice what 200 classes in bfloat16 lose


def as_array(name: str, values: Any, kinds: str = "biuf") -> NDArray[Any]:
    """Numbers as a numpy array of their own type; bfloat16 becomes float32, which holds it.

    Args:
        name: of the argument, for the message.
        values: array, list, tensor or number.
        kinds: numpy's letters of the types that will do.

    Raises:
        ValueError: no such numbers.

    >>> as_array("scores", [[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if hasattr(values, "detach"):  # a torch tensor
        tensor = values.detach().cpu()
        narrow = tensor.is_floating_point() and tensor.element_size() <= 2
        array = np.asarray(tensor.float() if narrow else tensor)
    else:
        try:
            array = np.asarray(values)
        except (ValueError, TypeError, RuntimeError) as error:
            raise ValueError(
                f"{name} is no array of numbers: rows of one length are needed, and tensors in a "
                "list without a gradient"
            ) from error
    if array.dtype.kind not in kinds:
        what = "None" if values is None else f"of dtype {array.dtype}"
        raise ValueError(f"{name} is {what}, needs numbers")
    return array


def as_flags(name: str, values: Any) -> NDArray[np.bool_]:
    """Booleans, or zeros and ones of any type, as booleans.

    Raises:
        ValueError: other numbers, or none.
    """
    flags = as_array(name, values)
    if not ((flags == 0) | (flags == 1)).all():
        raise ValueError(f"{name} holds values besides 0 and 1, needs true (1) or false (0)")
    return flags.astype(bool)


def as_number(name: str, value: Any, needs: str = "a number") -> int | float:
    """One number as Python's own: of Python, numpy or torch, an array or tensor without axes.

    Raises:
        ValueError: anything else; nan; a truth value.

    >>> as_number("alpha", np.float16(0.5))
    0.5
    """
    if getattr(value, "shape", ()) != ():
        raise ValueError(
            f"{name} has shape {tuple(value.shape)}, needs {needs.replace('a', 'one', 1)}"
        )
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, bool) or not isinstance(plain, Real) or plain != plain:
        raise ValueError(f"{name} is {plain!r}, needs {needs}")
    return plain if isinstance(plain, int) else float(plain)


def as_whole(name: str, value: Any, least: int | None = None) -> int:
    """A count or another whole number, as Python's int, so that narrow integers can't overflow.

    A float is refused even where it is whole: 1.0 for a count may well be a share.

    Raises:
        ValueError: no integer, or one under ``least``.

    >>> as_whole("n", np.uint8(250)) + 250
    500
    """
    number = as_number(name, value, "a whole number")
    if not isinstance(number, int):
        raise ValueError(f"{name} is {number}, needs a whole number (an integer, no share)")
    if least is not None and number < least:
        raise ValueError(f"{name} is {number}, needs at least {least}")
    return number


def no_probabilities(name: str, low: float, high: float, least: float, most: float) -> str:
    """What to say of rows that are no probabilities: their range and that of their sums."""
    return (
        f"{name} runs from {low:.4g} to {high:.4g} with row sums from {least:.4g} to {most:.4g}, "
        "needs rows of probabilities: in [0, 1], with a sum of 1 (a softmax, not its logits)"
    )
