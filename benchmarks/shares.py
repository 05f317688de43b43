"""Shares of right answers, as the records here hold them."""

from __future__ import annotations

from typing import Any

import numpy as np

from fgnb import metrics


def accuracy(right: np.ndarray) -> dict[str, Any]:
    """In percent, with its Wilson interval."""
    low, high = metrics.wilson(int(right.sum()), len(right))
    return {
        "accuracy": round(100 * float(right.mean()), 2),
        "interval": [round(100 * low, 2), round(100 * high, 2)],
    }
