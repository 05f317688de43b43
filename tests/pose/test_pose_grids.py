"""Where cells lie, which of them is positive, and what a score map says; loops as oracles."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.data import PART_NAMES
from fgnb.pose import decode, grid_of, keypoint_loss, keypoint_targets, refine
from fgnb.pose.grids import LEVELS, Grid
from fgnb.pose.loss import initial_bias


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_literal_grid_is_the_papers():
    grid = grid_of("valid", 500)
    # Ten cells; a window of 404 pixels round pixel 111.5, so that its centre is 112 from the edge.
    assert (grid.cells, grid.stride, grid.offset) == (10, 32, 112)
    assert grid.centres[:3].tolist() == [[112, 112], [144, 112], [176, 112]]
    assert grid.centres[-1].tolist() == [400, 400]


@pytest.mark.parametrize(("kind", "cells", "first"), [("stride-32", 16, 16), ("stride-8", 63, 4)])
def test_a_grid_over_the_whole_image(kind, cells, first):
    grid = grid_of(kind, 500)
    assert (grid.cells, grid.offset) == (cells, first)
    assert len(grid.centres) == cells**2


@given(st.integers(64, 512), st.sampled_from(["stride-32", "stride-16", "stride-8"]))
def test_no_pixel_is_further_than_half_a_stride_from_a_centre(size, kind):
    grid = grid_of(kind, size)
    line = grid.offset + grid.stride * np.arange(grid.cells)
    pixels = np.linspace(0, size, 97)
    assert np.abs(pixels[:, None] - line).min(axis=1).max() <= grid.stride / 2 + 1e-9


@pytest.mark.parametrize(
    ("kind", "size", "words"),
    [
        ("valid", 192, "image_size is 192; the grid valid needs .* at least 193 pixels"),
        ("10x10", 500, "grid is '10x10'; it is one of valid, stride-32"),
    ],
)
def test_a_grid_that_can_not_be(kind, size, words):
    with pytest.raises(ValueError, match=words):
        grid_of(kind, size)


def targets_by_loops(points, visible, grid, image_size):
    """The nearest of all centres, one keypoint at a time; the last of equally near ones."""
    maps = torch.zeros(*visible.shape, grid.cells, grid.cells)
    for b, part in np.ndindex(*visible.shape):
        x, y = points[b, part].tolist()
        if not visible[b, part] or not (0 <= x <= image_size and 0 <= y <= image_size):
            continue
        best = (math.inf, 0, 0)
        for row in range(grid.cells):
            for column in range(grid.cells):
                away = abs(x - grid.offset - grid.stride * column)
                down = abs(y - grid.offset - grid.stride * row)
                if (away + down) <= best[0]:
                    best = (away + down, row, column)
        maps[b, part, best[1], best[2]] = 1
    return maps


@pytest.mark.parametrize("kind", LEVELS)
def test_targets_are_those_of_loops(kind):
    size, grid = 256, grid_of(kind, 256)
    points = torch.rand(4, 15, 2, generator=rng()) * 300 - 20
    visible = torch.rand(4, 15, generator=rng(1)) > 0.3
    found = keypoint_targets(points, visible, grid, image_size=size)
    assert torch.equal(found, targets_by_loops(points, visible, grid, size))


def test_targets_by_hand():
    grid, size = Grid(4, 8, 4), 32
    # First and last pixel, the very last edge, a border between two cells, one outside, one hidden.
    points = [[0, 0], [31.9, 31.9], [32, 20], [8, 16], [33, 5], [5, 5], [5, 6]]
    visible = [1, 1, 1, 1, 1, 0, 1]
    maps = keypoint_targets([points], [visible], grid, image_size=size)[0]
    places = [tuple(np.argwhere(one.numpy())[0]) if one.any() else None for one in maps]
    assert places == [(0, 0), (3, 3), (2, 3), (2, 1), None, None, (0, 0)]
    assert maps.sum() == 5  # the first and the last share a cell, each on a map of its own


def test_an_invisible_keypoint_may_be_anything_and_is_negative_everywhere():
    grid = grid_of("stride-32", 128)
    points = torch.full((1, 15, 2), math.nan)
    assert not keypoint_targets(points, torch.zeros(1, 15), grid, image_size=128).any()
    with pytest.raises(ValueError, match="points holds a visible keypoint that is not finite"):
        keypoint_targets(points, torch.ones(1, 15), grid, image_size=128)


@pytest.mark.parametrize(
    ("points", "visible", "words"),
    [
        (torch.zeros(15, 2), torch.zeros(15), r"points has shape \(15, 2\), needs \(B, P, 2\)"),
        (torch.zeros(2, 15, 2), torch.zeros(2, 14), r"visible has shape \(2, 14\), needs \(2, 15"),
    ],
)
def test_targets_refuse_other_shapes(points, visible, words):
    with pytest.raises(ValueError, match=words):
        keypoint_targets(points, visible, grid_of("stride-8", 64), image_size=64)


def loss_by_loops(scores, targets, weight):
    total = 0.0
    for n in range(len(scores)):
        for score, target in zip(
            scores[n].flatten().tolist(), targets[n].flatten().tolist(), strict=True
        ):
            p = 1 / (1 + math.exp(-score))
            total -= weight * target * math.log(p) + (1 - target) * math.log(1 - p)
    return total / len(scores)


@pytest.mark.parametrize("weight", [1.0, 7.5])
def test_the_loss_is_that_of_loops(weight):
    scores = torch.randn(3, 4, 5, 6, generator=rng(), dtype=torch.float64)
    targets = (torch.rand(3, 4, 5, 6, generator=rng(1)) > 0.9).double()
    found = float(keypoint_loss(scores, targets, positive_weight=weight))
    assert found == pytest.approx(loss_by_loops(scores, targets, weight), rel=1e-12)


def test_the_loss_by_hand_and_at_its_extremes():
    scores = torch.zeros(1, 1, 2, 2)
    targets = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    assert float(keypoint_loss(scores, targets)) == pytest.approx(4 * math.log(2))
    sure = 1e4 * (2 * targets - 1)
    assert float(keypoint_loss(sure, targets)) == 0
    assert math.isfinite(float(keypoint_loss(-sure, targets)))


@pytest.mark.parametrize("weight", [0.0, -1.0, math.inf, math.nan])
def test_the_loss_refuses_weights(weight):
    maps = torch.zeros(1, 1, 2, 2)
    with pytest.raises(ValueError, match="positive_weight is"):
        keypoint_loss(maps, maps, positive_weight=weight)
    with pytest.raises(ValueError, match="both need one shape"):
        keypoint_loss(maps, maps[0])


def test_the_initial_bias():
    assert float(torch.tensor(initial_bias(1 / 784)).sigmoid()) == pytest.approx(1 / 784)
    with pytest.raises(ValueError, match="prior is 1, needs"):
        initial_bias(1)


def decoded_by_loops(maps):
    cells, refined, scores = [], [], []
    for one in maps.double():
        for grid in one:
            height, width = grid.shape
            best = max((float(grid[r, c]), -r, -c) for r in range(height) for c in range(width))
            row, column = -best[1], -best[2]
            p = grid.sigmoid()
            total = x = y = 0.0
            for r in range(max(0, row - 1), min(height, row + 2)):
                for c in range(max(0, column - 1), min(width, column + 2)):
                    total, x, y = total + p[r, c], x + p[r, c] * c, y + p[r, c] * r
            cells.append((column, row))
            refined.append((float(x / total), float(y / total)))
            scores.append(1 - math.prod((1 - p).flatten().tolist()))
    shape = maps.shape[:2]
    return (
        torch.tensor(cells).reshape(*shape, 2),
        torch.tensor(refined).reshape(*shape, 2),
        torch.tensor(scores).reshape(shape),
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.integers(1, 6), st.integers(1, 6))
def test_decoding_a_batch_is_decoding_by_loops(seed, height, width):
    maps = 3 * torch.randn(2, 3, height, width, generator=rng(seed))
    cells, refined, scores = decode(maps)
    for found, expected in zip((cells, refined, scores), decoded_by_loops(maps), strict=True):
        assert torch.allclose(found.double(), expected.double(), atol=1e-5)


def test_equally_high_outputs_give_the_first_row_by_row():
    maps = torch.zeros(1, 1, 3, 4)
    maps[0, 0, 1, 3] = maps[0, 0, 2, 0] = 5
    assert decode(maps).cells.tolist() == [[[3, 1]]]


def test_a_keypoint_between_two_cells_lands_between_them():
    maps = torch.full((1, 1, 5, 5), -30.0)
    maps[0, 0, 2, 2], maps[0, 0, 2, 3] = 1.0, 0.9999
    column, row = decode(maps).refined[0, 0].tolist()
    assert (column, row) == (pytest.approx(2.5, abs=1e-3), pytest.approx(2.0, abs=1e-3))
    corner = torch.full((1, 1, 5, 5), -200.0)  # sigmoids of zero in float32
    corner[0, 0, 4, 4] = -150
    assert refine(corner, decode(corner).cells).tolist() == [[[4, 4]]]


def test_decoding_gives_the_targets_back():
    grid, size = grid_of("stride-8", 128), 128
    points = torch.rand(3, 15, 2, generator=rng()) * size
    maps = keypoint_targets(points, torch.ones(3, 15), grid, image_size=size)
    cells, refined, scores = decode(40 * maps - 20)
    assert ((grid.pixels(cells) - points).abs() <= grid.stride / 2 + 1e-4).all()
    assert torch.allclose(refined, cells.float(), atol=1e-4)
    assert (scores > 0.99).all()
    assert (decode(torch.full((1, 15, 16, 16), -20.0)).scores < 0.01).all()


@pytest.mark.parametrize("maps", [torch.zeros(2, 3, 4), torch.zeros(1, 2, 0, 3)])
def test_decoding_refuses_what_is_no_batch_of_maps(maps):
    with pytest.raises(ValueError, match=r"scores has shape .* needs"):
        decode(maps)
    with pytest.raises(ValueError, match="scores holds nan"):
        decode(torch.full((1, 1, 2, 2), math.nan))


def test_all_parts_have_a_map():
    assert len(PART_NAMES) == 15
