"""Regions against plain loops: grids, overlap, greedy suppression, crops."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from fgnb.nn.regions import (
    Anchors,
    Level,
    box_overlap,
    crop_and_resize,
    greedy_nms,
    grid_boxes,
    separated_nms,
)


def slow_grid(image_size, stride, width, height, border):
    boxes = []
    for row, column in itertools.product(range(math.ceil(image_size / stride)), repeat=2):
        x, y = (column + 0.5) * stride, (row + 0.5) * stride
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        for axis in (0, 1):
            low, high = box[axis], box[axis + 2]
            if border == "shift":
                move = max(0, -low) - max(0, high - image_size)
                box[axis], box[axis + 2] = low + move, high + move
            elif border == "clip":
                box[axis], box[axis + 2] = max(low, 0), min(high, image_size)
        boxes.append(box)
    return boxes


def slow_overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = width * height if width > 0 and height > 0 else 0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return shared / (sum(areas) - shared)


def slow_nms(scores, overlap, count, iou):
    """Sort, then walk down; the dropped ones follow when too few are left."""
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    kept = []
    for i in order:
        if all(overlap[j][i] <= iou for j in kept):
            kept.append(i)
    return (kept[:count] + [i for i in order if i not in kept])[:count]


def slow_crop(image, box, size):
    """One pixel after the other: the triangle's weights over the image's own pixels."""
    channels, height, width = image.shape
    x1, y1, x2, y2 = (float(number) for number in box)
    crop = torch.zeros(channels, size, size, dtype=torch.float64)
    for i, j in itertools.product(range(size), repeat=2):
        y, x = y1 + (i + 0.5) * (y2 - y1) / size, x1 + (j + 0.5) * (x2 - x1) / size
        if not (0 <= x <= width and 0 <= y <= height):
            continue
        reach_x, reach_y = max(1, (x2 - x1) / size), max(1, (y2 - y1) / size)
        total = 0.0
        for row, column in itertools.product(range(height), range(width)):
            near_y = max(0.0, 1 - abs(row + 0.5 - y) / reach_y)
            near_x = max(0.0, 1 - abs(column + 0.5 - x) / reach_x)
            total += near_x * near_y
            crop[:, i, j] += near_x * near_y * image[:, row, column].double()
        crop[:, i, j] /= total
    return crop


@pytest.mark.parametrize("border", ["shift", "clip", "pad"])
@pytest.mark.parametrize(("size", "stride", "side", "ratio"), [(64, 16, 24, 1), (50, 16, 20, 1.5)])
def test_grid_is_that_of_the_loop(size, stride, side, ratio, border):
    found = grid_boxes(size, stride=stride, box_size=side, ratio=ratio, border=border)
    width, height = side * math.sqrt(ratio), side / math.sqrt(ratio)
    expected = torch.tensor(slow_grid(size, stride, width, height, border))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    if border != "pad":
        assert found.min() >= 0
        assert found.max() <= size


def test_the_cells_of_focus_and_the_anchors_of_nts():
    padded = grid_boxes(448, stride=32, box_size=160, border="pad")
    crossing = (padded.min(dim=1).values < 0) | (padded.max(dim=1).values > 448)
    assert len(padded) == 196
    assert int(crossing.sum()) == 96
    levels = [
        Level(stride, side * 2 ** (k / 3), ratio)
        for stride, side, powers in ((32, 48, (1, 2)), (64, 96, (1, 2)), (128, 192, (0, 1, 2)))
        for k in powers
        for ratio in (2 / 3, 1, 3 / 2)
    ]
    anchors = Anchors.pyramid(448, levels, border="pad")
    assert len(anchors) == 1614
    assert anchors.levels.bincount().tolist() == [196] * 6 + [49] * 6 + [16] * 9


def test_a_pyramid_lists_level_after_level():
    anchors = Anchors.pyramid(64, [Level(32, 24), Level(16, 12, 0.5)])
    first = grid_boxes(64, stride=32, box_size=24)
    second = grid_boxes(64, stride=16, box_size=12, ratio=0.5)
    assert torch.equal(anchors.boxes, torch.cat([first, second]))
    assert anchors.scales.tolist() == [24.0] * 4 + [12.0] * 16
    assert anchors.levels.tolist() == [0] * 4 + [1] * 16
    boxes = anchors.boxes.tolist()
    expected = [[slow_overlap(a, b) for b in boxes] for a in boxes]
    torch.testing.assert_close(anchors.overlap, torch.tensor(expected, dtype=torch.float64))
    moved = anchors.to("cpu")
    assert all(torch.equal(getattr(moved, n), getattr(anchors, n)) for n in vars(anchors))


def test_a_quarter_of_overlap_is_met_exactly():
    """A shift of three cells of 32 between boxes of 160: 64 / 256."""
    boxes = torch.tensor([[0.0, 0, 160, 160], [96, 0, 256, 160]])
    assert box_overlap(boxes)[0, 1].item() == 0.25


def test_a_box_at_the_threshold_is_kept_and_one_over_it_is_dropped():
    boxes = torch.tensor([[0.0, 0, 160, 160], [95, 0, 255, 160], [96, 0, 256, 160]])
    scores = torch.tensor([[0.9, 0.8, 0.7]])
    overlap = box_overlap(boxes)
    assert greedy_nms(scores, overlap, count=2, iou=0.25).tolist() == [[0, 2]]
    assert greedy_nms(scores, overlap, count=2, iou=0.2499).tolist() == [[0, 1]]


def test_equal_scores_go_by_anchor_and_the_best_dropped_fill_up():
    overlap = box_overlap(torch.tensor([[0.0, 0, 8, 8]]).repeat(5, 1))
    scores = torch.tensor([[1.0, 1.0, 1.0, 1.0, 1.0], [0.1, 0.5, 0.3, 0.5, 0.2]])
    found = greedy_nms(scores, overlap, count=4, iou=0.25)
    assert found.tolist() == [[0, 1, 2, 3], [1, 3, 2, 4]]
    # At a threshold of one nothing drops anything, itself included.
    assert greedy_nms(scores, overlap, count=5, iou=1.0)[1].tolist() == [1, 3, 2, 4, 0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(1, 8)] * 2, st.integers(-3, 3)),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]),
    st.data(),
)
def test_greedy_choice_is_that_of_the_loop(rows, iou, data):
    boxes = [[x, y, x + width, y + height] for x, y, width, height, _ in rows]
    scores = [float(row[4]) for row in rows]
    count = data.draw(st.integers(1, len(rows)))
    overlap = [[slow_overlap(a, b) for b in boxes] for a in boxes]
    batch = torch.tensor([scores, scores[::-1]])
    found = greedy_nms(batch, box_overlap(torch.tensor(boxes)), count=count, iou=iou)
    assert found[0].tolist() == slow_nms(scores, overlap, count, iou)
    assert found[1].tolist() == slow_nms(scores[::-1], overlap, count, iou)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_suppression_changes_nothing_and_passes_no_gradient(dtype):
    scores = torch.randn(2, 16, generator=torch.Generator().manual_seed(0)).to(dtype)
    scores.requires_grad_()
    before = scores.detach().clone()
    anchors = Anchors.pyramid(64, [Level(16, 24)])
    overlap = anchors.overlap.clone()
    found = greedy_nms(scores, anchors.overlap, count=3, iou=0.25)
    assert not found.requires_grad
    assert torch.equal(scores.detach(), before)
    assert torch.equal(anchors.overlap, overlap)


def test_each_scale_is_suppressed_by_itself_scales_ascending():
    levels = [Level(32, 40), Level(16, 16), Level(16, 16, 2.0)]  # the larger scale comes first
    anchors = Anchors.pyramid(64, levels)
    scores = torch.randn(5, len(anchors), generator=torch.Generator().manual_seed(1))
    found = separated_nms(scores, anchors, per_scale=3, iou=0.25)
    for image, picks in zip(scores.tolist(), found.tolist(), strict=True):
        expected = []
        for scale in (16.0, 40.0):
            members = [i for i in range(len(anchors)) if anchors.scales[i] == scale]
            overlap = anchors.overlap[members][:, members].tolist()
            best = slow_nms([image[i] for i in members], overlap, 3, 0.25)
            expected += [members[i] for i in best]
        assert picks == expected


def test_a_batch_without_images_has_no_boxes_and_no_crops():
    anchors = Anchors.pyramid(64, [Level(16, 24)])
    assert greedy_nms(torch.zeros(0, 16), anchors.overlap, count=2, iou=0.25).shape == (0, 2)
    assert separated_nms(torch.zeros(0, 16), anchors, per_scale=2, iou=0.25).shape == (0, 2)
    assert crop_and_resize(torch.zeros(0, 3, 8, 8), torch.zeros(0, 2, 4), 4).shape == (0, 3, 4, 4)
    assert crop_and_resize(torch.zeros(2, 3, 8, 8), torch.zeros(2, 0, 4), 4).shape == (0, 3, 4, 4)


@pytest.mark.parametrize("size", [96, 48, 31, 8, 1])
def test_the_whole_image_is_resized_as_by_interpolate(size):
    images = torch.rand(2, 3, 48, 40, generator=torch.Generator().manual_seed(2))
    whole = torch.tensor([0.0, 0.0, 40.0, 48.0]).expand(2, 1, 4)
    expected = F.interpolate(images, (size, size), mode="bilinear", antialias=True)
    torch.testing.assert_close(crop_and_resize(images, whole, size), expected, atol=2e-5, rtol=0)
    bare = F.interpolate(images, (size, size), mode="bilinear")
    found = crop_and_resize(images, whole, size, antialias=False)
    torch.testing.assert_close(found, bare, atol=2e-5, rtol=0)


BOXES = [
    [[2.0, 3.0, 6.0, 9.5], [0.25, 0.75, 11.0, 9.5]],  # both grow; one shrinks along both axes
    [[-4.0, -2.0, 3.0, 3.0], [5.0, 1.0, 16.0, 4.0]],  # over the border; shrinks along x alone
    [[-9.0, -9.0, -1.0, -1.0], [-20.0, -20.0, 40.0, 40.0]],  # outside; around everything
]


def test_crops_are_those_of_the_loop():
    images = torch.rand(3, 2, 10, 12, generator=torch.Generator().manual_seed(3))
    crops = crop_and_resize(images, torch.tensor(BOXES), 7)
    assert crops.shape == (6, 2, 7, 7)
    pairs = itertools.product(range(3), range(2))
    expected = torch.stack([slow_crop(images[i], BOXES[i][k], 7) for i, k in pairs])
    torch.testing.assert_close(crops, expected.float(), atol=1e-5, rtol=0)
    assert not crops[4].any()
    double = crop_and_resize(images.double(), torch.tensor(BOXES).double(), 7)
    torch.testing.assert_close(double, expected_in_double(images), atol=1e-12, rtol=0)


def expected_in_double(images):
    pairs = itertools.product(range(3), range(2))
    return torch.stack([slow_crop(images[i].double(), BOXES[i][k], 7) for i, k in pairs])


def test_a_crop_knows_nothing_of_the_other_boxes():
    images = torch.rand(3, 3, 10, 12, generator=torch.Generator().manual_seed(4))
    boxes = torch.tensor(BOXES)
    together = crop_and_resize(images, boxes, 5).unflatten(0, (3, 2))
    for i, k in itertools.product(range(3), range(2)):
        alone = crop_and_resize(images[i : i + 1], boxes[i : i + 1, k : k + 1], 5)
        torch.testing.assert_close(together[i, k], alone[0])


def test_fine_stripes_turn_grey_when_they_shrink():
    stripes = torch.arange(64).remainder(2).float().expand(1, 3, 64, 64)
    whole = torch.tensor([[[0.0, 0.0, 64.0, 64.0]]])
    assert (crop_and_resize(stripes, whole, 16) - 0.5).abs().max() < 0.05
    assert crop_and_resize(stripes, whole, 21, antialias=False).std() > 0.2


@pytest.mark.parametrize("size", [3, 20])
def test_types_of_images(size):
    values = torch.randint(0, 256, (1, 3, 9, 9), generator=torch.Generator().manual_seed(5))
    boxes = torch.tensor([[[1.0, 1.0, 8.0, 9.0]]])
    from_bytes = crop_and_resize(values.byte(), boxes, size)
    assert from_bytes.dtype == torch.float32
    assert torch.equal(from_bytes, crop_and_resize(values.float(), boxes, size))
    half = crop_and_resize(values.bfloat16(), boxes.double(), size)
    assert half.dtype == torch.bfloat16
    assert torch.equal(half, from_bytes.bfloat16())


@pytest.mark.parametrize("size", [3, 14])
def test_boxes_get_a_gradient_only_when_asked(size):
    generator = torch.Generator().manual_seed(6)
    images = torch.rand(1, 1, 9, 9, generator=generator, dtype=torch.float64, requires_grad=True)
    boxes = torch.tensor([[[1.13, 1.27, 7.71, 8.07]]], dtype=torch.float64, requires_grad=True)
    crop_and_resize(images, boxes, size).square().sum().backward()
    assert boxes.grad is None
    assert images.grad.any()
    assert torch.autograd.gradcheck(
        lambda i, b: crop_and_resize(i, b, size, gradient=True), (images, boxes)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": 0}, "stride is 0, needs a positive number"),
        ({"box_size": math.nan}, "box_size is nan, needs a positive number"),
        ({"ratio": -1.0}, r"ratio is -1.0, needs a positive number"),
        ({"image_size": -8}, "image_size is -8, needs a positive number"),
        ({"border": "wrap"}, "border is 'wrap', needs one of shift, clip, pad"),
        ({"box_size": 60, "ratio": 2.0}, r"box_size is 60 \(ratio 2.0\), needs a box that fits"),
    ],
)
def test_a_bad_grid_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        grid_boxes(**{"image_size": 64, "stride": 16, "box_size": 24} | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": torch.zeros(1, 2)}, r"scores has shape \(1, 2\), needs \(B, 3\)"),
        ({"scores": torch.zeros(1, 3).long()}, "scores has dtype torch.int64, needs floating"),
        ({"scores": torch.tensor([[0.0, math.nan, 0.0]])}, "scores holds nan or infinity"),
        ({"scores": torch.tensor([[0.0, -math.inf, 0.0]])}, "scores holds nan or infinity"),
        ({"overlap": torch.zeros(3, 2)}, r"overlap has shape \(3, 2\), needs \(A, A\)"),
        ({"count": 4}, "count is 4, needs 1 to 3"),
        ({"count": 0}, "count is 0, needs 1 to 3"),
        ({"iou": 1.5}, "iou is 1.5, needs a number from 0 to 1"),
        ({"iou": math.nan}, "iou is nan, needs a number from 0 to 1"),
    ],
)
def test_a_bad_choice_is_named(change, message):
    given = {"scores": torch.zeros(1, 3), "overlap": torch.eye(3), "count": 2, "iou": 0.25}
    with pytest.raises(ValueError, match=message):
        greedy_nms(**given | change)


def test_bad_boxes_levels_and_scales_are_named():
    with pytest.raises(ValueError, match=r"boxes has shape \(2, 3\), needs \(A, 4\)"):
        box_overlap(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="levels is empty, needs a Level at least"):
        Anchors.pyramid(64, [])
    anchors = Anchors.pyramid(64, [Level(16, 16), Level(64, 48)])
    message = "per_scale is 2, needs at most the 1 boxes of scale 48"
    with pytest.raises(ValueError, match=message):
        separated_nms(torch.zeros(1, 17), anchors, per_scale=2, iou=0.25)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": torch.zeros(3, 8, 8)}, r"images has shape \(3, 8, 8\), needs \(B, 3, H, W\)"),
        ({"boxes": torch.zeros(1, 4)}, r"boxes has shape \(1, 4\), needs \(2, K, 4\)"),
        ({"boxes": torch.zeros(1, 1, 4)}, r"boxes has shape \(1, 1, 4\), needs \(2, K, 4\)"),
        ({"boxes": torch.zeros(2, 1, 4)}, "boxes holds a box without area, needs x1 < x2"),
        ({"boxes": torch.full((2, 1, 4), math.inf)}, "boxes holds nan or infinity"),
        ({"size": 0}, "size is 0, needs 1 at least"),
    ],
)
def test_a_bad_crop_is_named(change, message):
    boxes = torch.tensor([0.0, 0.0, 4.0, 4.0]).expand(2, 1, 4)
    given = {"images": torch.zeros(2, 3, 8, 8), "boxes": boxes, "size": 4}
    with pytest.raises(ValueError, match=message):
        crop_and_resize(**given | change)
