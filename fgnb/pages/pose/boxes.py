"""Head and body boxes of many pictures: two pages of pose hold found boxes against true ones."""

from __future__ import annotations

import numpy as np

from fgnb.data import part_boxes

SIDES = ("head", "body")


def side_boxes(points: np.ndarray, visible: np.ndarray) -> dict[str, np.ndarray]:
    """The tight boxes of either side, ``[n, 4]``; nan where too few keypoints are visible.

    Args:
        points: ``[n, 15, 2]``.
        visible: bool ``[n, 15]``.
    """
    none = np.full(4, np.nan)
    made = [part_boxes(xy, seen) for xy, seen in zip(points, visible, strict=True)]
    return {side: np.array([none if b[side] is None else b[side] for b in made]) for side in SIDES}
