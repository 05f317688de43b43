"""Where chosen boxes lie: on key points more often than chance, how large, and did they move?

ccfr, sections 3.2 and 4.5, say that the chosen boxes are small and sit on parts. A box that lies
anywhere on a large object holds a key point too, so each share stands beside the same share for
boxes drawn evenly from the anchors of the same scale: an exact mean over all of them, no sampling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.data.arguments import as_array, as_flags, as_whole
from fgnb.metrics.checks import as_floats, as_fraction, wrong_shape
from fgnb.metrics.statistics import Interval

_DRAWS = 2000
_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class Coverage:
    """How often chosen boxes hold a group's key point, image by image.

    Attributes:
        rows: int64[M], the images in which a key point of the group is visible, as positions.
        chosen: float64[M], share of the image's K boxes that hold at least one of them.
        chance: float64[M], the same expected of K boxes drawn evenly from the anchors of the same
            scales.
    """

    rows: NDArray[np.int64]
    chosen: NDArray[np.float64]
    chance: NDArray[np.float64]

    @property
    def share(self) -> Interval:
        """The chosen boxes' mean share with its bootstrap interval over images."""
        return mean_interval(self.chosen)

    @property
    def excess(self) -> Interval:
        """Chosen minus chance, paired by image."""
        return mean_interval(self.chosen - self.chance)


def holds_point(boxes: Any, points: Any, visible: Any) -> NDArray[np.bool_]:
    """Which boxes hold at least one visible point.

    Args:
        boxes: Tensor[Q, K, 4], (x1, y1, x2, y2); a point on the left or upper edge lies inside,
            one on the right or lower edge does not.
        points: Tensor[Q, P, 2], (x, y) in the pixels of the boxes.
        visible: Tensor[Q, P], true where a point counts.

    Returns:
        bool[Q, K].

    Raises:
        ValueError: if a shape is wrong, a box is no box, or a visible point is not finite.

    >>> holds_point([[[0, 0, 4, 4], [4, 0, 8, 4]]], [[[4, 1]]], [[True]]).tolist()
    [[False, True]]
    """
    corners = _as_boxes("boxes", boxes, 3)
    xy, seen = _as_points(points, visible, len(corners))
    return np.asarray(_inside(corners[:, :, None], xy[:, None], seen[:, None]).any(axis=2))


def part_coverage(
    boxes: Any,
    scales: Any,
    points: Any,
    visible: Any,
    groups: Mapping[str, Sequence[int]],
    *,
    anchors: Any,
    anchor_scales: Any,
) -> dict[str, Coverage]:
    """Coverage of each group of key points by chosen boxes, against chance.

    Args:
        boxes: Tensor[Q, K, 4], the chosen boxes of each image.
        scales: Tensor[Q, K], the scale of each, a value of `anchor_scales`.
        points: Tensor[Q, P, 2], key points in the pixels of the boxes.
        visible: Tensor[Q, P], true where a key point counts; leave out those beyond the frame.
        groups: name -> which of the P key points belong to it.
        anchors: Tensor[A, 4], all boxes that could have been chosen.
        anchor_scales: Tensor[A], the scale of each.

    Returns:
        name -> `Coverage`, in the order of `groups`.

    Raises:
        ValueError: if a shape is wrong, a chosen scale has no anchor, or a group is empty or names
            a key point that there is not.
    """
    corners = _as_boxes("boxes", boxes, 3)
    every = _as_boxes("anchors", anchors, 2)
    xy, seen = _as_points(points, visible, len(corners))
    given, known = _as_scales(scales, anchor_scales, corners, every)
    found = {}
    for name, members in groups.items():
        columns = as_array(f"group {name!r}", list(members))
        whole = columns.ndim == 1 and len(columns) and columns.dtype.kind in "iu"
        if not whole or columns.min() < 0 or columns.max() >= seen.shape[1]:
            raise ValueError(f"group {name!r} is {columns.tolist()}, needs 0..{seen.shape[1] - 1}")
        shown = seen[:, columns]
        rows = np.flatnonzero(shown.any(axis=1))
        part, counted = xy[rows][:, columns], shown[rows]
        hit = holds_point(corners[rows], part, counted)
        chance = np.zeros(hit.shape)
        for scale in np.unique(given[rows]):
            share = _anchor_share(every[known == scale], part, counted)
            chance = np.where(given[rows] == scale, share[:, None], chance)
        found[name] = Coverage(rows, hit.mean(axis=1), chance.mean(axis=1))
    return found


def centre_coverage(
    boxes: Any, scales: Any, objects: Any, *, anchors: Any, anchor_scales: Any
) -> Coverage:
    """How often the centre of a chosen box lies on the object, for sets without key points.

    Args:
        boxes: Tensor[Q, K, 4], the chosen boxes of each image.
        scales: Tensor[Q, K], the scale of each, a value of `anchor_scales`.
        objects: Tensor[Q, 4], the box of each image's object.
        anchors: Tensor[A, 4], all boxes that could have been chosen.
        anchor_scales: Tensor[A], the scale of each.

    Raises:
        ValueError: if a shape is wrong or a chosen scale has no anchor.
    """
    corners, every = _as_boxes("boxes", boxes, 3), _as_boxes("anchors", anchors, 2)
    around = _as_boxes("objects", objects, 2)
    if len(around) != len(corners):
        raise wrong_shape("objects", around, f"({len(corners)}, 4)")
    given, known = _as_scales(scales, anchor_scales, corners, every)
    hit = _inside(around[:, None], _centres(corners), np.True_)
    on = _inside(around[:, None], _centres(every)[None], np.True_)  # [Q, A]
    chance = np.zeros(hit.shape)
    for scale in np.unique(given):
        share = on[:, known == scale].mean(axis=1)
        chance = np.where(given == scale, share[:, None], chance)
    return Coverage(np.arange(len(corners)), hit.mean(axis=1), chance.mean(axis=1))


def mean_interval(
    values: Any, *, minus: Any = None, level: float = 0.95, seed: int = 0
) -> Interval:
    """The mean of one value an image, with the percentile interval of a bootstrap over images.

    Args:
        values: Tensor[N], N of at least 1, finite.
        minus: Tensor[N], taken from `values` first, image by image, in float32 at least: narrow
            integers would overflow.
        level: the confidence, in (0, 1).
        seed: of the resampling.

    >>> mean_interval([2.0, 2.0, 2.0])
    Interval(value=2.0, low=2.0, high=2.0)
    """
    given = as_array("values", values)
    if minus is not None:
        other = as_array("minus", minus)
        if other.shape != given.shape:
            raise wrong_shape("minus", other, str(given.shape))
        given = np.subtract(given, other, dtype=np.result_type(given, other, np.float32))
    given = given.astype(np.float64, copy=False)
    if given.ndim != 1 or not len(given):
        raise wrong_shape("values", given, "(N,) with N of at least 1")
    if not np.isfinite(given).all():
        raise ValueError("values holds nan or infinity, needs finite numbers")
    level, seed = as_fraction("level", level), as_whole("seed", seed, 0)
    means = _index_counts(len(given), seed) @ given / len(given)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    value = float(given.mean())
    return Interval(value, min(float(low), value), max(float(high), value))


@lru_cache(maxsize=8)
def _index_counts(n: int, seed: int) -> NDArray[np.float32]:
    """How often each of n images is drawn in n draws with replacement, ``[draws, n]``."""
    rng = np.random.default_rng(seed)
    counts = np.empty((_DRAWS, n), np.float32)
    step = max(1, _CELLS_AT_ONCE // n)
    for done in range(0, _DRAWS, step):
        drawn = rng.integers(n, size=(min(step, _DRAWS - done), n))
        rows = np.arange(len(drawn))[:, None] * n + drawn
        counts[done : done + len(drawn)] = np.bincount(rows.ravel(), minlength=drawn.size).reshape(
            len(drawn), n
        )
    return counts


def box_sides(boxes: Any) -> NDArray[np.float64]:
    """Side of a square of the same area as each box ``[Q, K, 4]``: float64[Q, K].

    >>> box_sides([[[0, 0, 8, 2]]]).tolist()
    [[4.0]]
    """
    corners = _as_boxes("boxes", boxes, 3)
    return np.sqrt((corners[..., 2] - corners[..., 0]) * (corners[..., 3] - corners[..., 1]))


def boxes_moved(before: Any, after: Any) -> NDArray[np.float64]:
    """Share of each image's boxes ``[Q, K, 4]`` that are not among those chosen before.

    The order of an image's boxes does not matter; boxes are the same when all four edges are.

    Returns:
        float64[Q], in [0, 1].

    >>> boxes_moved([[[0, 0, 1, 1], [2, 2, 3, 3]]], [[[2, 2, 3, 3], [4, 4, 5, 5]]]).tolist()
    [0.5]
    """
    old, new = _as_boxes("before", before, 3), _as_boxes("after", after, 3)
    if old.shape != new.shape:
        raise wrong_shape("after", new, str(old.shape))
    same = (new[:, :, None] == old[:, None]).all(axis=3).any(axis=2)
    return np.asarray(1.0 - same.mean(axis=1))


def _anchor_share(
    anchors: NDArray[np.float64], points: NDArray[np.float64], visible: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Share of the anchors that hold a visible point of each image: float64[Q]."""
    inside = np.zeros((len(points), len(anchors)), dtype=bool)
    for p in range(points.shape[1]):  # the key points are few, images and anchors many
        inside |= _inside(anchors[None], points[:, None, p], visible[:, None, p])
    return np.asarray(inside.mean(axis=1))


def _inside(boxes: Any, points: Any, visible: Any) -> Any:
    """Half-open containment, over shapes that broadcast."""
    x, y = points[..., 0], points[..., 1]
    across = (boxes[..., 0] <= x) & (x < boxes[..., 2])
    return across & (boxes[..., 1] <= y) & (y < boxes[..., 3]) & visible


def _as_boxes(name: str, values: Any, ndim: int) -> NDArray[np.float64]:
    boxes = as_floats(name, values)
    if boxes.ndim != ndim or boxes.shape[-1] != 4 or 0 in boxes.shape[-2:]:
        raise wrong_shape(name, boxes, "(A, 4)" if ndim == 2 else "(Q, K, 4)")
    if not np.isfinite(boxes).all():
        raise ValueError(f"{name} holds nan or infinity, needs finite numbers")
    if not ((boxes[..., 0] < boxes[..., 2]) & (boxes[..., 1] < boxes[..., 3])).all():
        raise ValueError(f"{name} holds a box without area, needs x1 < x2 and y1 < y2")
    return boxes


def _centres(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def _as_scales(
    scales: Any, anchor_scales: Any, boxes: NDArray[np.float64], anchors: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[Any]]:
    given, known = as_array("scales", scales), as_array("anchor_scales", anchor_scales)
    if given.shape != boxes.shape[:2]:
        raise wrong_shape("scales", given, str(boxes.shape[:2]))
    if known.shape != (len(anchors),):
        raise wrong_shape("anchor_scales", known, f"({len(anchors)},)")
    unlike = np.setdiff1d(given, known)
    if len(unlike):
        raise ValueError(f"scales holds {unlike[0]:g}, needs values of anchor_scales")
    return given, known


def _as_points(points: Any, visible: Any, n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    xy, seen = as_floats("points", points), as_flags("visible", visible)
    if xy.ndim != 3 or xy.shape[0] != n or xy.shape[2] != 2:
        raise wrong_shape("points", xy, f"({n}, P, 2)")
    if seen.shape != xy.shape[:2]:
        raise wrong_shape("visible", seen, str(xy.shape[:2]))
    if not np.isfinite(xy[seen]).all():
        raise ValueError("points holds a visible point that is not finite, needs finite numbers")
    return xy, seen
