"""Regions from a map, against a greedy list made with loops and exact fractions."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.focus import propose_regions


def slow_boxes(image_size, cells, box_size, border):
    """Boxes of whole pixels round cell centres, rows first."""
    stride = image_size // cells
    found = []
    for row in range(cells):
        for column in range(cells):
            edges = []
            for place in (column, row):
                low = Fraction(2 * place + 1, 2) * stride - Fraction(box_size, 2)
                high = low + box_size
                if border == "shift":
                    move = max(0, -low) - max(0, high - image_size)
                    low, high = low + move, high + move
                if border == "clip":
                    low, high = max(low, 0), min(high, image_size)
                edges.append((low, high))
            (x1, x2), (y1, y2) = edges
            found.append((x1, y1, x2, y2))
    return found


def slow_iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return Fraction(shared) / (sum(areas) - shared)


def slow_list(scores, boxes, count, iou):
    """Greedy suppression, then the best suppressed ones."""
    order = sorted(range(len(boxes)), key=lambda i: -scores[i])  # stable: ties by cell
    kept, closed = [], []
    for i in order:
        open_ = all(slow_iou(boxes[i], boxes[j]) <= iou for j in kept)
        (kept if open_ else closed).append(i)
    return [boxes[i] for i in (kept + closed)[:count]]


def expected(maps, image_size, box_size, count, iou, border):
    boxes = slow_boxes(image_size, maps.shape[1], box_size, border)
    return torch.tensor(
        [
            [[float(v) for v in box] for box in slow_list(m, boxes, count, iou)]
            for m in maps.flatten(1).tolist()
        ]
    )


@pytest.mark.parametrize("border", ["shift", "clip", "pad"])
@pytest.mark.parametrize(("image_size", "box_size"), [(448, 160), (224, 80)])
def test_the_whole_greedy_list(border, image_size, box_size):
    cells = image_size // 32
    maps = torch.randn(3, cells, cells, generator=torch.Generator().manual_seed(1))
    size = {"image_size": image_size, "box_size": box_size, "border": border}
    found = propose_regions(maps, count=6, **size)
    assert torch.equal(found, expected(maps, count=6, iou=Fraction(1, 4), **size))
    every = propose_regions(maps[:1], count=cells**2, **size)
    assert torch.equal(every, expected(maps[:1], count=cells**2, iou=Fraction(1, 4), **size))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 160),
    st.sampled_from([0, Fraction(1, 4), Fraction(1, 2), 1]),
    st.sampled_from(["shift", "clip", "pad"]),
    st.data(),
)
def test_lists_with_many_ties(cells, box_size, iou, border, data):
    size = {"image_size": 32 * cells, "box_size": min(box_size, 32 * cells), "border": border}
    levels = data.draw(st.lists(st.integers(0, 2), min_size=cells**2, max_size=cells**2))
    count = data.draw(st.integers(1, cells**2))
    maps = torch.tensor(levels).float().reshape(1, cells, cells)
    found = propose_regions(maps, count=count, iou=float(iou), **size)
    assert torch.equal(found, expected(maps, count=count, iou=iou, **size))
    if border != "pad":
        assert float(found.min()) >= 0
        assert float(found.max()) <= size["image_size"]


def test_an_overlap_of_exactly_a_quarter_is_kept():
    maps = torch.zeros(1, 14, 14)
    maps[0, 7, 4], maps[0, 7, 7], maps[0, 7, 6] = 3.0, 2.0, 2.5  # three and two cells apart
    found = propose_regions(maps, image_size=448, box_size=160, count=2)
    assert slow_iou(*found[0].tolist()) == Fraction(1, 4)
    assert found[0, :, 0].tolist() == [64.0, 160.0]
    under = propose_regions(maps, image_size=448, box_size=160, count=2, iou=0.2499)
    assert under[0, 1].tolist() != found[0, 1].tolist()


def test_too_few_survivors_are_followed_by_the_best_suppressed():
    maps = torch.tensor([[[0.1, 0.4], [0.3, 0.2]]])
    found = propose_regions(maps, image_size=64, box_size=48, count=4)
    assert found[0, :, :2].tolist() == [[16.0, 0.0], [0.0, 16.0], [16.0, 16.0], [0.0, 0.0]]


def test_equal_cells_go_by_their_order():
    found = propose_regions(torch.zeros(1, 3, 3), image_size=96, box_size=32, count=9)
    corners = [[32.0 * x, 32.0 * y] for y in range(3) for x in range(3)]
    assert found[0, :, :2].tolist() == corners


def test_at_448_at_least_seven_survive_a_hard_map():
    """Notes of the paper: no map leaves fewer than seven of the shifted boxes of 160."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(50, 14, 14, generator=generator)
    found = propose_regions(maps, image_size=448, box_size=160, count=7)
    for boxes in found.tolist():
        for i, box in enumerate(boxes):
            assert all(slow_iou(box, other) <= Fraction(1, 4) for other in boxes[:i])


def test_no_gradient_passes_and_input_stays():
    maps = torch.randn(1, 4, 4, requires_grad=True)
    kept = maps.detach().clone()
    assert not propose_regions(maps, image_size=128, box_size=40, count=2).requires_grad
    assert torch.equal(maps, kept)


@pytest.mark.parametrize(
    ("maps", "changes", "message"),
    [
        (torch.zeros(4, 4), {}, r"maps has shape \(4, 4\), needs \(B, h, h\)"),
        (torch.zeros(1, 4, 5), {}, r"maps has shape \(1, 4, 5\)"),
        (torch.full((1, 4, 4), torch.nan), {}, "maps holds nan"),
        (torch.zeros(1, 4, 4), {"count": 17}, "count is 17, needs 1 to 16"),
        (torch.zeros(1, 4, 4), {"count": 0}, "count is 0"),
        (torch.zeros(1, 4, 4), {"box_size": 129}, "box_size is 129"),
        (torch.zeros(1, 4, 4), {"border": "wrap"}, "border is 'wrap'"),
        (torch.zeros(1, 4, 4), {"iou": 1.5}, "iou is 1.5"),
        (torch.zeros(1, 4, 4), {"image_size": 5}, "image_size is 5, needs a frame of 4 cells"),
    ],
)
def test_bad_input_is_named(maps, changes, message):
    options = {"image_size": 128, "box_size": 40, "count": 2, **changes}
    with pytest.raises(ValueError, match=message):
        propose_regions(maps, **options)
