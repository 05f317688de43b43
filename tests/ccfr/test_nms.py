"""Scale-separated suppression against a loop over scales and boxes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.ccfr import scale_separated_nms
from fgnb.nn.regions import Anchors, Level, box_overlap, greedy_nms, separated_nms


def slow_separated(boxes, scores, scales, per_scale, iou):
    """For each scale: take the best, cross out what it covers, go on; then the crossed out."""
    picks = []
    for scale in sorted(set(scales)):
        left = [i for i in range(len(boxes)) if scales[i] == scale]
        left.sort(key=lambda i: -scores[i])  # stable: equal scores by row
        ranked, kept = list(left), []
        while left:
            kept.append(left.pop(0))
            left = [i for i in left if covered(boxes[kept[-1]], boxes[i]) <= iou]
        picks += (kept + [i for i in ranked if i not in kept])[:per_scale]
    return picks


def covered(a, b):
    sides = [max(0, min(a[k + 2], b[k + 2]) - max(a[k], b[k])) for k in (0, 1)]
    shared = sides[0] * sides[1]
    whole = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return shared / (whole - shared)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.integers(0, 20)] * 2, st.sampled_from([4, 8, 12]), st.integers(-3, 3)),
        min_size=1,
        max_size=16,
    ),
    st.sampled_from([0.0, 0.25, 1 / 3, 0.6]),
    st.data(),
)
def test_the_choice_is_that_of_the_loop(rows, iou, data):
    boxes = [[x, y, x + side, y + side] for x, y, side, _ in rows]
    scales = [side for _, _, side, _ in rows]
    scores = [float(row[3]) for row in rows]
    per_scale = data.draw(st.integers(1, min(scales.count(side) for side in scales)))
    found = scale_separated_nms(
        torch.tensor(boxes, dtype=torch.float32),
        torch.tensor(scores),
        torch.tensor(scales),
        per_scale=per_scale,
        iou=iou,
    )
    assert found.tolist() == slow_separated(boxes, scores, scales, per_scale, iou)


def test_a_large_box_suppresses_no_small_one():
    boxes = torch.tensor([[0.0, 0, 12, 12], [0, 0, 10, 10], [20, 0, 30, 10], [20, 20, 32, 32]])
    scores = torch.tensor([0.9, 0.8, 0.1, 0.2])
    scales = torch.tensor([12, 10, 10, 12])
    found = scale_separated_nms(boxes, scores, scales)
    assert found.tolist() == [1, 2, 0, 3]
    joint = greedy_nms(scores[None], box_overlap(boxes), count=3, iou=0.25)
    assert joint.tolist() == [[0, 3, 2]]


def test_a_batch_is_chosen_as_image_by_image():
    anchors = Anchors.pyramid(448, [Level(32, 96), Level(64, 192)])
    scores = torch.randn(3, len(anchors), generator=torch.Generator().manual_seed(0))
    batch = separated_nms(scores, anchors, per_scale=2, iou=0.25)
    for row, image in zip(batch, scores, strict=True):
        assert torch.equal(row, scale_separated_nms(anchors.boxes, image, anchors.scales))


def test_no_boxes_are_no_choice():
    found = scale_separated_nms(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0))
    assert found.dtype == torch.int64
    assert found.shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": torch.zeros(2, 5)}, r"boxes has shape \(2, 5\), needs \(A, 4\)"),
        ({"boxes": torch.zeros(2, 4)}, "boxes holds a box without area"),
        ({"scores": torch.zeros(3)}, r"scores has shape \(3,\), needs \(2,\): one for each box"),
        ({"scores": torch.tensor([0.0, math.nan])}, "scores holds nan or infinity"),
        ({"scales": torch.zeros(1)}, r"scales has shape \(1,\), needs \(2,\)"),
        ({"scales": torch.tensor([4.0, math.nan])}, "scales holds nan or infinity"),
        ({"scales": torch.tensor([4, 8])}, "per_scale is 2, needs at most the 1 boxes of scale 4"),
        ({"per_scale": 0}, "per_scale is 0, needs 1 at least"),
        ({"iou": -0.1}, "iou is -0.1, needs a number from 0 to 1"),
    ],
)
def test_bad_input_is_named(change, message):
    boxes = torch.tensor([[0.0, 0, 4, 4], [8, 0, 12, 4]])
    given = {"boxes": boxes, "scores": torch.zeros(2), "scales": torch.tensor([4, 4])}
    with pytest.raises(ValueError, match=message):
        scale_separated_nms(**given | change)
