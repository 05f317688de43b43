"""Keypoints and part boxes found: PCK, PCP, what a grid allows, left taken for right.

Pose paper, section 4.2. Each mean stands beside the array by image that it is a mean of, since a
record holds arrays and an interval needs them. What is not annotated (an invisible keypoint, an
absent part) counts nowhere; what is annotated and was not found (nan) is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.data.arguments import as_array, as_flags, as_number
from fgnb.metrics.checks import as_floats, wrong_shape

ROUNDING = 1e-9  # of a distance on the border, which lies within
_CELLS_AT_ONCE = 4_000_000


def pck(pred: Any, true: Any, visible: Any, boxes: Any, alpha: float) -> NDArray[np.float64]:
    """Percentage of correct keypoints, part by part, as a share (section 4.2, Table 2).

    Args:
        pred: Tensor[B, P, 2], (x, y) in pixels; a point that is not finite was not found.
        true: Tensor[B, P, 2], in the same pixels; what stands where it is invisible is not read.
        visible: Tensor[B, P], true (or 1) where a keypoint is annotated.
        boxes: Tensor[B, 4], the object's box (x1, y1, x2, y2). One without any size (x1 = x2 and
            y1 = y2) leaves no distance to be within: nothing in it is right.
        alpha: a keypoint is right within alpha * max(h, w) of the box, the border included.

    Returns:
        float64[P], shares in [0, 1] of the images where the part is visible; nan where it never
        is.

    Raises:
        ValueError: if a shape is wrong, a visible true point or a box is not finite, a box has
            x1 > x2 or y1 > y2, or alpha is negative or not finite.

    >>> pck([[[3, 4]], [[9, 9]]], [[[0, 0]], [[0, 0]]], [[1], [1]], [[0, 0, 50, 20]] * 2, 0.1)
    array([0.5])
    """
    hits = keypoint_hits(pred, true, visible, boxes, alpha)
    return _shares(hits, as_flags("visible", visible))


def keypoint_hits(
    pred: Any, true: Any, visible: Any, boxes: Any, alpha: float
) -> NDArray[np.bool_]:
    """Which keypoints are right, ``bool[B, P]``; false where invisible. Arguments as in `pck`."""
    found, xy, seen = _as_keypoints(pred, true, visible)
    reach = _reach(boxes, alpha, len(xy))
    return _within(found, xy, reach) & seen


def part_overlaps(pred_boxes: Any, true_boxes: Any, present: Any) -> NDArray[np.float64]:
    """Intersection over union of each image's part box with the true one: float64[B].

    nan where the part is absent. 0 where the predicted box is not finite (none was found) or
    either box has no area: keypoints may lie on a line. Arguments as in `pcp`.

    >>> part_overlaps([[0, 0, 4, 4]], [[0, 2, 4, 6]], [1]).round(3).tolist()
    [0.333]
    """
    there = as_flags("present", present)
    if there.ndim != 1:
        raise wrong_shape("present", there, "(B,)")
    found = _as_boxes("pred_boxes", pred_boxes, len(there))
    true = _as_boxes("true_boxes", true_boxes, len(there))
    if not np.isfinite(true[there]).all():
        raise ValueError("true_boxes holds a present part's box that is not finite")
    for name, box, read in (
        ("pred_boxes", found, np.isfinite(found).all(axis=1)),
        ("true_boxes", true, there),
    ):
        if (box[read, :2] > box[read, 2:]).any():
            raise ValueError(f"{name} holds a box with x1 > x2 or y1 > y2, needs corners in order")
    with np.errstate(invalid="ignore"):
        inner = np.minimum(found[:, 2:], true[:, 2:]) - np.maximum(found[:, :2], true[:, :2])
        shared = inner.clip(min=0).prod(axis=1)
        areas = (found[:, 2:] - found[:, :2]).prod(axis=1), (true[:, 2:] - true[:, :2]).prod(axis=1)
    overlap = np.zeros(len(there))
    np.divide(shared, sum(areas) - shared, out=overlap, where=shared > 0)
    return np.where(there, overlap, np.nan)


def pcp(pred_boxes: Any, true_boxes: Any, present: Any, iou: float = 0.5) -> float:
    """Percentage of correct parts, as a share (section 4.2, Table 3).

    Args:
        pred_boxes: Tensor[B, 4], (x1, y1, x2, y2) in pixels; one that is not finite was not found.
        true_boxes: Tensor[B, 4]; what stands where the part is absent is not read.
        present: Tensor[B], true (or 1) where the part has a true box.
        iou: a part is right where its overlap is over this: exactly this is wrong.

    Returns:
        A number in [0, 1] over the present parts; nan where none is.

    Raises:
        ValueError: if a shape is wrong, a present part's box is not finite, a box has x1 > x2 or
            y1 > y2, or iou is outside [0, 1).

    >>> pcp([[0, 0, 4, 4], [0, 0, 4, 4]], [[0, 0, 4, 5], [0, 0, 4, 8]], [1, 1])
    0.5
    """
    least = as_number("iou", iou, "a number from 0 to below 1")
    if not 0 <= least < 1:
        raise ValueError(f"iou is {least}, needs a number from 0 to below 1")
    overlaps = part_overlaps(pred_boxes, true_boxes, present)
    counted = overlaps[~np.isnan(overlaps)]
    return float(np.mean(counted > least)) if len(counted) else float("nan")


def nearest_centres(points: Any, centres: Any) -> NDArray[np.float64]:
    """The nearest cell to each point: what the best of all predictors on a grid could say.

    Args:
        points: Tensor[B, P, 2], (x, y) in pixels.
        centres: Tensor[K, 2], where the cells of the grid lie, in the same pixels; or
            Tensor[B, K, 2], where each image has its own (a frame warped back to its picture).

    Returns:
        float64[B, P, 2], of equally near ones the first; nan for a point that is not finite.

    Raises:
        ValueError: if a shape is wrong or a centre is not finite.

    >>> nearest_centres([[[3, 9]]], [[0, 0], [0, 8], [8, 8]]).tolist()
    [[[0.0, 8.0]]]
    """
    xy, cells = as_floats("points", points), as_floats("centres", centres)
    if xy.ndim != 3 or xy.shape[2] != 2:
        raise wrong_shape("points", xy, "(B, P, 2)")
    alike = cells.ndim == 2 or (cells.ndim == 3 and len(cells) == len(xy))
    if not alike or cells.shape[-1] != 2 or not cells.shape[-2]:
        raise wrong_shape("centres", cells, f"(K, 2) or ({len(xy)}, K, 2), K of at least 1")
    if not np.isfinite(cells).all():
        raise ValueError("centres holds nan or infinity, needs finite numbers")
    cells = np.broadcast_to(cells, (len(xy), *cells.shape[-2:]))
    nearest = np.full(xy.shape, np.nan)
    step = max(1, _CELLS_AT_ONCE // max(1, xy.shape[1] * cells.shape[1]))
    for start in range(0, len(xy), step):
        some, own = xy[start : start + step], cells[start : start + step]
        apart = ((some[:, :, None] - own[:, None]) ** 2).sum(axis=3)
        best = np.take_along_axis(own, apart.argmin(axis=2)[:, :, None], axis=1)
        nearest[start : start + step] = np.where(np.isfinite(some), best, np.nan)
    return nearest


def grid_ceiling(
    true: Any, visible: Any, boxes: Any, centres: Any, alpha: float
) -> NDArray[np.float64]:
    """The PCK of a perfect predictor that may only name the nearest cell: float64[P].

    No network with these cells can do better without moving its answer inside a cell. `centres` as
    in `nearest_centres`, the rest as in `pck`.

    >>> grid_ceiling([[[1, 1], [9, 9]]], [[1, 1]], [[0, 0, 10, 10]], [[1, 2], [5, 5]], 0.2)
    array([1., 0.])
    """
    xy = _as_keypoints(true, true, visible)[1]
    return pck(nearest_centres(xy, centres), xy, visible, boxes, alpha)


@dataclass(frozen=True, eq=False)
class Confusions:
    """Which parts of a pair were found on the other side, image by image.

    Attributes:
        counted: bool[B, P], true where the part has a twin and both are visible.
        confused: bool[B, P], true where the prediction lies within reach of the twin and not of
            the part itself; false where not counted.
    """

    counted: NDArray[np.bool_]
    confused: NDArray[np.bool_]

    @property
    def share(self) -> NDArray[np.float64]:
        """float64[P], the confused among the counted; nan for a part without a twin."""
        return _shares(self.confused, self.counted)


def confusions(
    pred: Any, true: Any, visible: Any, boxes: Any, alpha: float, mirrored: Any
) -> Confusions:
    """Predictions of a left part that lie on the right one, and of a right part on the left one.

    Args:
        pred: as in `pck`, like the next four.
        true: as there.
        visible: as there.
        boxes: as there.
        alpha: within alpha * max(h, w) of the twin, and not of the part itself.
        mirrored: int[P], the position of each part's twin, its own where it has none
            (`fgnb.data.mirror.MIRRORED_PARTS` for CUB's parts).

    Raises:
        ValueError: as in `pck`; also where `mirrored` is no exchange of pairs.

    >>> both = [[0, 0], [8, 0]]
    >>> found = confusions([[[8, 1], [8, 0]]], [both], [[1, 1]], [[0, 0, 20, 9]], 0.1, [1, 0])
    >>> found.confused.tolist()
    [[True, False]]
    """
    found, xy, seen = _as_keypoints(pred, true, visible)
    twins = as_array("mirrored", mirrored)
    if twins.shape != (xy.shape[1],):
        raise wrong_shape("mirrored", twins, f"({xy.shape[1]},)")
    own = np.arange(len(twins))
    known = np.isin(twins, own).all() and twins.dtype.kind in "iu"
    if not known or not np.array_equal(twins[twins.astype(int)], own):
        raise ValueError(f"mirrored is {twins.tolist()}, needs each part's twin, which has it too")
    twins = twins.astype(int)
    reach = _reach(boxes, alpha, len(xy))
    counted = seen & seen[:, twins] & (twins != own)
    on_twin, on_own = _within(found, xy[:, twins], reach), _within(found, xy, reach)
    return Confusions(counted, counted & on_twin & ~on_own)


def _shares(hits: NDArray[np.bool_], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of the counted that hit, column by column; nan in a column without any."""
    total = counted.sum(axis=0)
    shares = np.full(total.shape, np.nan)
    return np.divide(hits.sum(axis=0), total, out=shares, where=total > 0)


def _within(found: Any, xy: Any, reach: Any) -> Any:
    """False where a point is not finite, or there is no reach at all."""
    with np.errstate(invalid="ignore"):
        apart = np.hypot(*np.moveaxis(found - xy, -1, 0))
        return apart <= reach[:, None] * (1 + ROUNDING)


def _reach(boxes: Any, alpha: Any, n: int) -> NDArray[np.float64]:
    """Alpha * max(h, w) in pixels, float64[n]; -1, which nothing is within, without any size."""
    share = as_number("alpha", alpha, "a finite number, 0 or more")
    if not 0 <= share < np.inf:
        raise ValueError(f"alpha is {share}, needs a finite number, 0 or more")
    corners = _as_boxes("boxes", boxes, n)
    if not np.isfinite(corners).all():
        raise ValueError("boxes holds nan or infinity, needs finite numbers")
    if (corners[:, :2] > corners[:, 2:]).any():
        raise ValueError("boxes holds a box with x1 > x2 or y1 > y2, needs corners in order")
    longer = (corners[:, 2:] - corners[:, :2]).max(axis=1)
    return np.where(longer > 0, share * longer, -1.0)


def _as_keypoints(
    pred: Any, true: Any, visible: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    xy, found = as_floats("true", true), as_floats("pred", pred)
    seen = as_flags("visible", visible)
    if xy.ndim != 3 or xy.shape[2] != 2:
        raise wrong_shape("true", xy, "(B, P, 2)")
    if found.shape != xy.shape:
        raise wrong_shape("pred", found, str(xy.shape))
    if seen.shape != xy.shape[:2]:
        raise wrong_shape("visible", seen, str(xy.shape[:2]))
    if not np.isfinite(xy[seen]).all():
        raise ValueError("true holds a visible keypoint that is not finite, needs finite numbers")
    return found, xy, seen


def _as_boxes(name: str, values: Any, n: int) -> NDArray[np.float64]:
    boxes = as_floats(name, values)
    if boxes.shape != (n, 4):
        raise wrong_shape(name, boxes, f"({n}, 4)")
    return boxes
