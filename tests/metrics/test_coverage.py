"""Coverage of key points against plain loops, and chance against every anchor counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.metrics.coverage import (
    box_sides,
    boxes_moved,
    centre_coverage,
    holds_point,
    mean_interval,
    part_coverage,
)


def grid(side, stride, size=32):
    corners = np.arange(0, size - side + 1, stride)
    return np.array([[x, y, x + side, y + side] for y in corners for x in corners], dtype=float)


SMALL, LARGE = grid(8, 4), grid(16, 8)
ANCHORS = np.concatenate([SMALL, LARGE])
SCALES = np.array([8.0] * len(SMALL) + [16.0] * len(LARGE), dtype=np.float32)


def scene(seed, q=5, k=3, p=6):
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(ANCHORS), size=(q, k))
    points = rng.integers(-2, 34, size=(q, p, 2)).astype(float)
    return ANCHORS[chosen], SCALES[chosen], points, rng.random((q, p)) < 0.6


def holds(box, points, visible, members):
    """One box, one image, in words of a loop."""
    for p in members:
        x, y = points[p]
        if visible[p] and box[0] <= x < box[2] and box[1] <= y < box[3]:
            return True
    return False


@pytest.mark.parametrize("seed", range(6))
def test_coverage_and_chance_against_loops(seed):
    boxes, scales, points, visible = scene(seed)
    groups = {"head": [0, 3], "wing": [1, 2, 4]}
    found = part_coverage(
        boxes, scales, points, visible, groups, anchors=ANCHORS, anchor_scales=SCALES
    )
    assert list(found) == ["head", "wing"]
    for name, members in groups.items():
        rows = [q for q in range(len(boxes)) if any(visible[q, m] for m in members)]
        assert found[name].rows.tolist() == rows
        for place, q in enumerate(rows):
            seen = points[q], visible[q], members
            hits = [holds(box, *seen) for box in boxes[q]]
            chances = []
            for scale in scales[q]:
                same = [a for a, s in zip(ANCHORS, SCALES, strict=True) if s == scale]
                chances.append(np.mean([holds(a, *seen) for a in same]))
            assert found[name].chosen[place] == pytest.approx(np.mean(hits))
            assert found[name].chance[place] == pytest.approx(np.mean(chances))


@given(st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_boxes_drawn_evenly_meet_their_chance(seed):
    """Choosing every anchor of a scale once gives exactly the chance."""
    _, _, points, visible = scene(seed)
    everything = np.broadcast_to(SMALL, (len(points), *SMALL.shape))
    scales = np.full(everything.shape[:2], 8.0)
    groups = {"any": range(6)}
    found = part_coverage(
        everything, scales, points, visible, groups, anchors=ANCHORS, anchor_scales=SCALES
    )["any"]
    np.testing.assert_allclose(found.chosen, found.chance)


def test_edges_are_half_open_and_hidden_points_do_not_count():
    boxes = [[[0, 0, 4, 4], [4, 0, 8, 4]]]
    assert holds_point(boxes, [[[0, 0]]], [[True]]).tolist() == [[True, False]]
    assert holds_point(boxes, [[[4, 3.9]]], [[True]]).tolist() == [[False, True]]
    assert holds_point(boxes, [[[1, 4]]], [[True]]).tolist() == [[False, False]]
    assert holds_point(boxes, [[[1, 1]]], [[False]]).tolist() == [[False, False]]
    assert holds_point(boxes, np.zeros((1, 0, 2)), np.zeros((1, 0))).tolist() == [[False, False]]


def test_a_group_that_is_nowhere_visible_has_no_images():
    boxes, scales, points, visible = scene(0)
    found = part_coverage(
        boxes,
        scales,
        points,
        np.zeros_like(visible),
        {"tail": [5]},
        anchors=ANCHORS,
        anchor_scales=SCALES,
    )["tail"]
    assert len(found.rows) == len(found.chosen) == len(found.chance) == 0


@pytest.mark.parametrize("seed", range(3))
def test_centres_on_the_object_against_loops(seed):
    boxes, scales, _, _ = scene(seed)
    corner = np.random.default_rng(seed).integers(0, 16, size=(5, 2))
    objects = np.concatenate([corner, corner + np.array([14, 9])], axis=1)
    found = centre_coverage(boxes, scales, objects, anchors=ANCHORS, anchor_scales=SCALES)
    assert found.rows.tolist() == [0, 1, 2, 3, 4]

    def on(box, around):
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return around[0] <= x < around[2] and around[1] <= y < around[3]

    for q in range(5):
        assert found.chosen[q] == np.mean([on(box, objects[q]) for box in boxes[q]])
        chances = [
            np.mean([on(a, objects[q]) for a, s in zip(ANCHORS, SCALES, strict=True) if s == scale])
            for scale in scales[q]
        ]
        assert found.chance[q] == pytest.approx(np.mean(chances))
    with pytest.raises(ValueError, match=r"objects has shape \(4, 4\), needs \(5, 4\)"):
        centre_coverage(boxes, scales, objects[:4], anchors=ANCHORS, anchor_scales=SCALES)


def test_intervals_hold_their_value_and_narrow_with_images():
    rng = np.random.default_rng(3)
    few, many = rng.random(20), rng.random(2000)
    widths = []
    for values in (few, many):
        found = mean_interval(values)
        assert found.value == pytest.approx(values.mean())
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    usual = 2 * 1.96 * few.std() / np.sqrt(20)
    assert widths[0] == pytest.approx(usual, rel=0.1)
    assert widths[1] < widths[0] / 5
    assert mean_interval(few) == mean_interval(few)
    assert mean_interval([0.25]) == (0.25, 0.25, 0.25)


def test_excess_is_paired():
    boxes, scales, points, visible = scene(1)
    found = part_coverage(
        boxes, scales, points, visible, {"a": [0, 1]}, anchors=ANCHORS, anchor_scales=SCALES
    )["a"]
    assert found.excess.value == pytest.approx((found.chosen - found.chance).mean())
    assert found.share.value == pytest.approx(found.chosen.mean())


def test_moved_boxes_are_counted_whatever_their_order():
    boxes, _, _, _ = scene(2)
    assert boxes_moved(boxes, boxes[:, ::-1]).tolist() == [0.0] * 5
    other = boxes.copy()
    other[0, 1] += 0.5
    other[1] += 100
    assert boxes_moved(boxes, other) == pytest.approx([1 / 3, 1, 0, 0, 0])


def test_sides_are_those_of_the_square_of_the_same_area():
    assert box_sides(SMALL[None]).tolist() == [[8.0] * len(SMALL)]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"boxes": np.zeros((5, 4))}, r"boxes has shape \(5, 4\), needs \(Q, K, 4\)"),
        ({"boxes": np.zeros((5, 3, 4))}, "boxes holds a box without area"),
        ({"scales": np.full((5, 3), 9.0)}, "scales holds 9, needs values of anchor_scales"),
        ({"scales": np.zeros((5, 2))}, r"scales has shape \(5, 2\), needs \(5, 3\)"),
        ({"points": np.zeros((4, 6, 2))}, r"points has shape \(4, 6, 2\), needs \(5, P, 2\)"),
        ({"visible": np.zeros((5, 2))}, r"visible has shape \(5, 2\), needs \(5, 6\)"),
        ({"groups": {"x": [6]}}, r"group 'x' is \[6\], needs 0..5"),
        ({"groups": {"x": []}}, r"group 'x' is \[\]"),
        ({"anchor_scales": np.zeros(3)}, r"anchor_scales has shape \(3,\)"),
    ],
)
def test_what_is_wrong_is_named(changed, message):
    names = ("boxes", "scales", "points", "visible")
    arguments = dict(zip(names, scene(0), strict=True))
    arguments |= {"groups": {"x": [0]}, "anchors": ANCHORS, "anchor_scales": SCALES}
    with pytest.raises(ValueError, match=message):
        part_coverage(**(arguments | changed))


def test_means_of_nothing_or_of_nan_are_refused():
    with pytest.raises(ValueError, match=r"values has shape \(0,\)"):
        mean_interval([])
    with pytest.raises(ValueError, match="values holds nan"):
        mean_interval([1.0, np.nan])
    with pytest.raises(ValueError, match=r"after has shape \(1, 2, 4\), needs \(1, 1, 4\)"):
        boxes_moved([[[0, 0, 1, 1]]], [[[0, 0, 1, 1], [0, 0, 1, 1]]])
