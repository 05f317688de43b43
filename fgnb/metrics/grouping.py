"""Agreement of two groupings of the same items."""

from __future__ import annotations

from typing import Any

import numpy as np

from fgnb.data.arguments import as_array


def adjusted_rand(groups: Any, others: Any) -> float:
    """The adjusted Rand index of Hubert and Arabie (1985), at most 1.

    1 for equal groupings, 0 on average for random ones of the same sizes. Names of groups don't
    matter. Two groupings that leave nothing to chance (both all in one, or all apart) give 1.

    >>> adjusted_rand([0, 0, 1, 1], ["b", "b", "a", "a"])
    1.0

    Args:
        groups: the group of each item, ``[N]``.
        others: the same items' groups in the other grouping, ``[N]``.

    Raises:
        ValueError: shapes that differ or are no ``[N]``, no item, or one without a group.
    """
    first, second = (
        as_array(name, given, "biufSU") for name, given in (("groups", groups), ("others", others))
    )
    if first.ndim != 1 or first.shape != second.shape or len(first) == 0:
        raise ValueError(
            f"groups has shape {first.shape} and others {second.shape}; both need (N,), N over 0"
        )
    for name, given in (("groups", first), ("others", second)):
        if given.dtype.kind == "f" and np.isnan(given).any():
            raise ValueError(f"{name} holds nan, needs a group for each item")
    rows, columns = (np.unique(g, return_inverse=True)[1] for g in (first, second))
    table = np.zeros((rows.max() + 1, columns.max() + 1), dtype=np.int64)
    np.add.at(table, (rows, columns), 1)
    together = _pairs(table)
    in_first, in_second = _pairs(table.sum(axis=1)), _pairs(table.sum(axis=0))
    expected = in_first * in_second / max(_pairs(np.array([len(first)])), 1)
    most = (in_first + in_second) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def _pairs(counts: np.ndarray) -> int:
    """How many pairs lie within groups of these sizes."""
    return int((counts * (counts - 1) // 2).sum())
