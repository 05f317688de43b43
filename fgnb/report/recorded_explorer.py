"""The explorer over recorded predictions: names and numbers of photographs, never the pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fgnb.report.results import Result


def explorer_html(results: Sequence[Result], arrays: Mapping[str, np.ndarray]) -> str | None:
    """The explorer; None where the arrays hold no neighbours."""
    return None
