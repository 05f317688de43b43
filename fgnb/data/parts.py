"""CUB's 15 parts, and the head and body boxes that part-based papers build of them.

Pose paper, section 4.2 (PCP against Part R-CNN): measured against the published Part R-CNN boxes
of all 11,788 images, these sets of keypoints give them to within one pixel. The throat is in both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fgnb.data.arguments import as_array, as_flags

PART_NAMES = (
    "back",
    "beak",
    "belly",
    "breast",
    "crown",
    "forehead",
    "left eye",
    "left leg",
    "left wing",
    "nape",
    "right eye",
    "right leg",
    "right wing",
    "tail",
    "throat",
)
HEAD_PARTS = ("beak", "crown", "forehead", "left eye", "right eye", "nape", "throat")
BODY_PARTS = (
    "back",
    "belly",
    "breast",
    "left leg",
    "right leg",
    "left wing",
    "right wing",
    "tail",
    "throat",
)
MIN_VISIBLE = 3


def part_boxes(points: Any, visible: Any) -> dict[str, Any]:
    """The tight boxes of head and body around their visible keypoints, without margin.

    Args:
        points: Tensor[15, 2], array or list, (x, y) in pixels, in the order of CUB's parts.txt
            (`PART_NAMES`).
        visible: Tensor[15], true (or 1) where the keypoint is visible.

    Returns:
        `{"head": box, "body": box}`: each box [4] as (min x, min y, max x, max y) in pixels, of
        the kind that `points` was (a torch tensor, else a numpy array); None where two or fewer of
        the part's keypoints are visible.

    Raises:
        ValueError: if a shape or a type is wrong, a value of `visible` is neither 0 nor 1, or a
            visible point is not finite.

    >>> seen = np.isin(np.arange(15), [1, 4, 5])  # beak, crown, forehead
    >>> boxes = part_boxes(np.arange(30.0).reshape(15, 2), seen)
    >>> boxes["head"].tolist(), boxes["body"]
    ([2.0, 3.0, 10.0, 11.0], None)
    """
    xy, seen = as_array("points", points), as_flags("visible", visible)
    for name, array, shape in (("points", xy, (15, 2)), ("visible", seen, (15,))):
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, needs {shape}")
    if not np.isfinite(xy[seen]).all():
        raise ValueError("points holds a visible keypoint that is not finite")
    return {
        "head": _tight_box(points, xy, seen, HEAD_PARTS),
        "body": _tight_box(points, xy, seen, BODY_PARTS),
    }


def _tight_box(points: Any, xy: Any, seen: Any, names: tuple[str, ...]) -> Any:
    chosen = xy[seen & np.isin(PART_NAMES, names)]
    if len(chosen) < MIN_VISIBLE:
        return None
    box = np.concatenate([chosen.min(axis=0), chosen.max(axis=0)])
    return points.new_tensor(box.tolist()) if hasattr(points, "new_tensor") else box
