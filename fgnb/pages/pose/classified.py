"""What a record of a classifier's row holds: two pages of pose and its recording need it."""

from __future__ import annotations

from typing import Any

import numpy as np

from fgnb.report.records import answers_of

ENDS = {
    "start": "query_logistic_probs",
    "true": "query_true_probs",
    "start_true": "query_logistic_true_probs",
}
"""What a classifier's row keeps besides its answers: after phase 3, and at true keypoints."""


def classified(run: Any) -> dict[str, np.ndarray]:
    """What a classifier's row keeps: its answers, those after phase 3, those at true keypoints."""
    kept = run.predictions
    ends = {name: kept[key] for name, key in ENDS.items() if key in kept}
    return answers_of(run) | {n: probs.argmax(axis=1).astype(np.int16) for n, probs in ends.items()}
