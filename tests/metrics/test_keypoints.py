"""PCK, PCP, ceilings and confusions against plain loops, and against what the whole of CUB says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fgnb.data import cub
from fgnb.data.mirror import MIRRORED_PARTS
from fgnb.metrics import (
    confusions,
    grid_ceiling,
    keypoint_hits,
    nearest_centres,
    part_overlaps,
    pck,
    pcp,
)

ALPHAS = (0.02, 0.05, 0.08, 0.10)


def scene(seed, b=9, p=6):
    """Whole pixels, so that distances on the border happen; one box of no size, one part unseen."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 60, (b, p, 2)).astype(float)
    pred = true + rng.integers(-9, 10, (b, p, 2))
    visible = rng.random((b, p)) < 0.6
    corner = rng.integers(0, 30, (b, 2))
    boxes = np.concatenate([corner, corner + rng.integers(1, 60, (b, 2))], axis=1).astype(float)
    boxes[3, 2:] = boxes[3, :2]
    pred[4, 0], visible[4, 0], visible[3], visible[:, 2] = np.nan, True, True, False
    pred[3, 1] = true[3, 1]
    return pred, true, visible, boxes


def is_near(point, other, box, alpha):
    """Whole pixels and hundredths, compared without rounding."""
    if not all(map(math.isfinite, point)):
        return False
    side = max(box[2] - box[0], box[3] - box[1])
    squared = int((point[0] - other[0]) ** 2 + (point[1] - other[1]) ** 2)
    return side > 0 and 10_000 * squared <= round(100 * alpha) ** 2 * int(side) ** 2


def slow_pck(pred, true, visible, boxes, alpha):
    shares = []
    for p in range(true.shape[1]):
        right = [
            is_near(pred[b, p], true[b, p], boxes[b], alpha)
            for b in range(len(true))
            if visible[b, p]
        ]
        shares.append(sum(right) / len(right) if right else math.nan)
    return shares


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("alpha", [0.0, *ALPHAS, 0.29])
def test_pck_is_that_of_a_loop(seed, alpha):
    drawn = scene(seed)
    found = pck(*drawn, alpha)
    np.testing.assert_allclose(found, slow_pck(*drawn, alpha))
    assert math.isnan(found[2])
    hits, visible = keypoint_hits(*drawn, alpha), drawn[2]
    assert not hits[~visible].any()
    assert not hits[3].any(), "a box without size"
    assert not hits[4, 0], "a point that was not found"
    np.testing.assert_allclose(hits.sum(0)[[0, 1]] / visible.sum(0)[[0, 1]], found[:2])


def test_the_border_lies_within_and_the_longer_side_counts():
    box = [[10.0, 0, 60, 100]]  # w 50, h 100
    assert pck([[[6, 8]]], [[[0, 0]]], [[1]], box, 0.1) == [1.0]  # 10 away, 0.1 x 100
    assert pck([[[6, 8.001]]], [[[0, 0]]], [[1]], box, 0.1) == [0.0]
    assert pck([[[29, 0]]], [[[0, 0]]], [[1]], box, 0.29) == [1.0]  # 0.29 x 100 rounds to under 29


def test_what_is_not_visible_may_hold_anything():
    assert pck([[[1, 1]]], [[[np.nan, np.inf]]], [[0]], [[0, 0, 4, 4]], 0.1).shape == (1,)
    empty = pck(np.zeros((0, 3, 2)), np.zeros((0, 3, 2)), np.zeros((0, 3)), np.zeros((0, 4)), 0.1)
    assert np.isnan(empty).tolist() == [True] * 3


@given(st.integers(0, 2**31), st.floats(0.01, 0.5), st.floats(0.25, 8))
@settings(max_examples=40, deadline=None)
def test_pck_never_falls_with_alpha_and_knows_no_size(seed, alpha, scale):
    pred, true, visible, boxes = scene(seed)
    near, far = (keypoint_hits(pred, true, visible, boxes, a) for a in (alpha, 1.5 * alpha))
    assert (near <= far).all()
    larger = keypoint_hits(pred * scale, true * scale, visible, boxes * scale, alpha * 1.001)
    assert (near <= larger).all()


def slow_iou(a, b):
    if not all(map(math.isfinite, a)):
        return 0.0
    cells = [
        {(x, y) for x in range(int(q[0]), int(q[2])) for y in range(int(q[1]), int(q[3]))}
        for q in (a, b)
    ]
    return len(cells[0] & cells[1]) / len(cells[0] | cells[1]) if all(cells) else 0.0


@pytest.mark.parametrize("seed", range(5))
def test_pcp_is_that_of_counted_pixels(seed):
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 6, (2, 40, 2))
    boxes = np.concatenate([corner, corner + rng.integers(0, 9, (2, 40, 2))], axis=2).astype(float)
    pred, true = boxes
    present = rng.random(40) < 0.7
    present[:2], pred[0], true[1, 2:] = True, np.nan, true[1, :2]
    true[~present] = np.nan
    slow = [slow_iou(a, b) for a, b, there in zip(pred, true, present, strict=True) if there]
    found = part_overlaps(pred, true, present)
    np.testing.assert_allclose(found[present], slow)
    assert np.isnan(found[~present]).all()
    for iou in (0.0, 0.25, 0.5, 0.75):
        assert pcp(pred, true, present, iou) == np.mean([value > iou for value in slow])


def test_an_overlap_of_exactly_the_threshold_is_wrong_and_no_part_is_nan():
    assert part_overlaps([[0, 0, 4, 4]], [[0, 0, 4, 8]], [1]) == [0.5]
    assert pcp([[0, 0, 4, 4]], [[0, 0, 4, 8]], [1]) == 0.0
    assert pcp([[0, 0, 4, 5]], [[0, 0, 4, 8]], [1]) == 1.0
    assert math.isnan(pcp([[0, 0, 4, 4]], [[0, 0, 4, 8]], [0]))
    point = [[3, 3, 3, 3]]
    assert pcp(point, point, [1], 0.0) == 0.0, "two boxes without area"


@pytest.mark.parametrize("own", [False, True])
def test_the_nearest_centre_is_that_of_a_loop(own, monkeypatch):
    monkeypatch.setattr("fgnb.metrics.keypoints._CELLS_AT_ONCE", 64)  # several steps
    rng = np.random.default_rng(0)
    points, centres = rng.uniform(0, 99, (5, 4, 2)), rng.uniform(0, 99, (5, 7, 2))
    points[2, 1, 0] = np.nan
    found = nearest_centres(points, centres if own else centres[0])
    for b in range(5):
        for p in range(4):
            cells = centres[b if own else 0]
            best = min(cells, key=lambda c: math.dist(c, points[b, p]))
            if (b, p) == (2, 1):
                assert np.isnan(found[b, p]).tolist() == [True, False]
            else:
                assert found[b, p].tolist() == best.tolist()


def test_no_other_cell_does_better_than_the_ceiling():
    rng = np.random.default_rng(1)
    _, true, visible, boxes = scene(1)
    centres = np.stack(np.meshgrid([8.0, 24, 40, 56], [8.0, 24, 40, 56]), axis=-1).reshape(-1, 2)
    for alpha in ALPHAS:
        best = grid_ceiling(true, visible, boxes, centres, alpha)
        for _ in range(20):
            other = centres[rng.integers(len(centres), size=true.shape[:2])]
            kept = ~np.isnan(best)
            assert (pck(other, true, visible, boxes, alpha)[kept] <= best[kept]).all()
    assert grid_ceiling(true, visible, boxes, true[:, :1], 0.0)[0] == pytest.approx(
        np.mean([max(b[2:] - b[:2]) > 0 for b in boxes[visible[:, 0]]])
    )


def test_left_taken_for_right_is_that_of_a_loop():
    pred, true, visible, boxes = scene(7, b=200)
    mirrored = [1, 0, 2, 4, 3, 5]
    true[:, [0, 3]] = true[:, [1, 4]] + np.random.default_rng(0).integers(-9, 10, (200, 2, 2))
    found = confusions(pred, true, visible, boxes, 0.1, mirrored)
    for b in range(200):
        for p, q in enumerate(mirrored):
            counted = p != q and visible[b, p] and visible[b, q]
            swapped = counted and is_near(pred[b, p], true[b, q], boxes[b], 0.1)
            swapped = swapped and not is_near(pred[b, p], true[b, p], boxes[b], 0.1)
            assert found.counted[b, p] == counted
            assert found.confused[b, p] == swapped
    assert found.confused.sum() > 10
    assert np.isnan(found.share).tolist() == [False, False, True, False, False, True]
    assert found.share[0] == found.confused[:, 0].sum() / found.counted[:, 0].sum()


def test_two_sides_within_reach_are_no_confusion():
    """A bird that looks at us has both eyes within reach of each other."""
    true, box = [[[0, 0], [1, 0]]], [[0, 0, 40, 40]]
    found = confusions([[[1, 0], [0, 0]]], true, [[1, 1]], box, 0.1, [1, 0])
    assert found.counted.all()
    assert not found.confused.any()


def test_what_is_wrong_is_named():
    pred, true, visible, boxes = scene(0)
    with pytest.raises(ValueError, match=r"^pred has shape \(9, 5, 2\), needs \(9, 6, 2\)"):
        pck(pred[:, :5], true, visible, boxes, 0.1)
    with pytest.raises(ValueError, match=r"^visible has shape \(6, 9\), needs \(9, 6\)"):
        pck(pred, true, visible.T, boxes, 0.1)
    with pytest.raises(ValueError, match=r"^boxes has shape \(9, 2\), needs \(9, 4\)"):
        pck(pred, true, visible, boxes[:, :2], 0.1)
    with pytest.raises(ValueError, match=r"^boxes holds a box with x1 > x2"):
        pck(pred, true, visible, boxes[:, [2, 1, 0, 3]], 0.1)
    with pytest.raises(ValueError, match=r"^alpha is -0\.1, needs a finite number, 0 or more"):
        pck(pred, true, visible, boxes, -0.1)
    with pytest.raises(ValueError, match=r"^true holds a visible keypoint that is not finite"):
        pck(pred, np.where(visible[..., None], np.nan, true), visible, boxes, 0.1)
    with pytest.raises(ValueError, match=r"^mirrored is \[1, 2, 0, 3, 4, 5\], needs each"):
        confusions(pred, true, visible, boxes, 0.1, [1, 2, 0, 3, 4, 5])
    with pytest.raises(ValueError, match=r"^iou is 1, needs a number from 0 to below 1"):
        pcp(boxes, boxes, visible[:, 0], 1)
    with pytest.raises(ValueError, match=r"^true_boxes holds a present part's box that is not"):
        pcp(boxes, boxes * np.nan, visible[:, 0])
    with pytest.raises(ValueError, match=r"^centres has shape \(0, 2\), needs \(K, 2\) or"):
        nearest_centres(true, np.zeros((0, 2)))


def test_tensors_will_do():
    pred, true, visible, boxes = scene(2)
    tensors = [torch.from_numpy(array) for array in (pred, true, visible, boxes)]
    np.testing.assert_array_equal(pck(*tensors, 0.1), pck(pred, true, visible, boxes, 0.1))


# Measured on the 5,794 test images warped to 500 x 500, pooled over all visible keypoints, PCK in
# the pixels of the pictures: cell centres of an even 10 x 10 partition, of the receptive fields of
# a 10 x 10 map, and of a 16 x 16 map at stride 32 over the whole image.
CEILINGS = {
    "even": (50 * np.arange(10) + 25.0, (6.33, 38.41, 75.32, 88.11)),
    "receptive fields": (111.5 + 32 * np.arange(10), (13.35, 65.90, 90.07, 95.09)),
    "whole image": (15.5 + 32 * np.arange(16), (15.40, 73.48, 95.35, 98.61)),
}


@pytest.fixture(scope="module")
def whole_cub(real_data):
    """Points, visibility, boxes and picture sizes of CUB's official test images."""
    images = cub.load(real_data / "CUB_200_2011")
    rows = np.flatnonzero(~images.train)
    if images.protocol != "official":
        pytest.skip(f"FGNB_DATA holds {images.title}, not the whole of CUB-200-2011")
    sizes = []
    for row in rows:
        with Image.open(images.path(int(row))) as picture:
            sizes.append(picture.size)
    return images.parts[rows], images.visible[rows], images.boxes[rows], np.array(sizes)


@pytest.mark.parametrize("grid", CEILINGS)
def test_the_ceilings_of_the_whole_of_cub(whole_cub, grid):
    points, visible, boxes, sizes = whole_cub
    places, published = CEILINGS[grid]
    cells = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
    nearest = nearest_centres(points, cells * sizes[:, None] / 500)
    for alpha, expected in zip(ALPHAS, published, strict=True):
        hits = keypoint_hits(nearest, points, visible, boxes, alpha)
        assert 100 * hits.sum() / visible.sum() == pytest.approx(expected, abs=0.01)
        parts = grid_ceiling(points, visible, boxes, cells * sizes[:, None] / 500, alpha)
        assert parts @ visible.sum(0) / visible.sum() == pytest.approx(expected / 100, abs=1e-4)


def test_cubs_own_pairs_will_do():
    rng = np.random.default_rng(0)
    points, visible = rng.uniform(0, 99, (4, 15, 2)), np.ones((4, 15), bool)
    swapped = points[:, list(MIRRORED_PARTS)]
    found = confusions(swapped, points, visible, [[0, 0, 99, 99]] * 4, 0.001, MIRRORED_PARTS)
    assert np.flatnonzero(found.confused.all(0)).tolist() == [6, 7, 8, 10, 11, 12]
