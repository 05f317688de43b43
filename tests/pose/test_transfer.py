"""The coordinate transfer layer against a loop, its edges, and where its gradient goes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.pose import CoordinateTransfer, coordinate_transfer


def drawn(seed, shape=(3, 4, 5, 6), parts=7, reach=4.0):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(shape, generator=generator, dtype=torch.float64)
    points = torch.rand(shape[0], parts, 2, generator=generator, dtype=torch.float64)
    return features, points * (2 * reach + max(shape[2:])) - reach


def window_cells(point, height, width, window):
    """The cells of one window that lie on the map, in words of a loop."""
    x, y = (round(v) for v in point.tolist())
    half = window // 2
    return [
        (row, column)
        for row in range(y - half, y + half + 1)
        for column in range(x - half, x + half + 1)
        if 0 <= row < height and 0 <= column < width
    ]


def slow(features, points, window):
    b, d, height, width = features.shape
    out = torch.zeros(b, points.shape[1], d, dtype=features.dtype)
    for i in range(b):
        for p in range(points.shape[1]):
            cells = window_cells(points[i, p], height, width, window)
            for row, column in cells:
                out[i, p] += features[i, :, row, column] / len(cells)
    return out


@given(st.integers(0, 2**31), st.sampled_from([1, 3, 5, 9]), st.integers(1, 7), st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_it_is_the_loop(seed, window, height, width):
    features, points = drawn(seed, (2, 3, height, width))
    found = coordinate_transfer(features, points, window=window)
    torch.testing.assert_close(found, slow(features, points, window))


def test_the_corner_pools_four_cells_the_middle_nine():
    features = torch.arange(30.0).reshape(1, 1, 5, 6)
    points = torch.tensor([[[5.0, 4.0], [0.0, 0.0], [2.0, 1.0], [5.0, 2.0]]])
    found = coordinate_transfer(features, points).flatten()
    corner = (22 + 23 + 28 + 29) / 4
    assert found.tolist() == [corner, (0 + 1 + 6 + 7) / 4, 8.0, (10 + 11 + 16 + 17 + 22 + 23) / 6]


def test_beyond_the_frame_the_window_shrinks_and_then_is_empty():
    features = torch.ones(1, 2, 4, 4)
    points = torch.tensor([[[-1.0, 0.0], [-2.0, 0.0], [4.0, 4.0], [5.0, 4.0], [1e30, -1e30]]])
    found = coordinate_transfer(features, points)
    assert found[0, :, 0].tolist() == [1.0, 0.0, 1.0, 0.0, 0.0]
    nowhere = torch.tensor([[[torch.nan, 1.0], [torch.inf, 1.0], [1.0, -torch.inf]]])
    assert coordinate_transfer(features, nowhere).tolist() == [[[0.0, 0.0]] * 3]


def test_points_are_rounded_halves_to_even():
    features = torch.arange(4.0).reshape(1, 1, 1, 4)
    points = torch.tensor([[[0.49, 0.0], [0.51, 0.0], [0.5, 0.0], [1.5, 0.0], [-0.5, 0.5]]])
    assert coordinate_transfer(features, points, window=1).flatten().tolist() == [0, 1, 0, 2, 0]


def test_what_is_not_finite_elsewhere_on_the_map_does_not_spread():
    features = torch.zeros(1, 1, 6, 6)
    features[0, 0, 5] = torch.nan
    assert coordinate_transfer(features, [[[2, 2]]]).item() == 0.0
    assert coordinate_transfer(features, [[[2, 5]]]).isnan().all()


def test_finite_differences():
    features, points = drawn(3, (2, 2, 4, 3), parts=5)
    points[0, 1] = points[0, 0]  # two keypoints in one cell
    points[1, 0] = torch.tensor([2.0, 3.0])  # the last column and row
    features.requires_grad_()
    for window in (1, 3):
        assert torch.autograd.gradcheck(
            lambda z, k=window: coordinate_transfer(z, points, window=k), (features,)
        )


def test_gradient_is_zero_outside_the_windows_and_the_loops_inside():
    features, points = drawn(5)
    weights = torch.randn(3, 7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    points[0, 1] = points[0, 0] = torch.tensor([2.0, 2.0])
    features.requires_grad_()
    points.requires_grad_()
    (coordinate_transfer(features, points) * weights).sum().backward()
    assert points.grad is None
    expected = torch.zeros_like(features)
    covered = torch.zeros(3, 5, 6, dtype=torch.bool)
    for i in range(3):
        for p in range(7):
            cells = window_cells(points[i, p], 5, 6, 3)
            for row, column in cells:
                expected[i, :, row, column] += weights[i, p] / len(cells)
                covered[i, row, column] = True
    torch.testing.assert_close(features.grad, expected.detach())
    outside = ~covered[:, None].expand_as(features)
    assert outside.any()
    assert (features.grad[outside] == 0).all()
    assert (features.grad[~outside] != 0).all()


def test_two_keypoints_in_one_cell_send_twice_the_gradient():
    features = torch.zeros(1, 1, 3, 3, requires_grad=True)
    coordinate_transfer(features, [[[1, 1], [1, 1]]], window=1).sum().backward()
    assert features.grad[0, 0].tolist() == [[0, 0, 0], [0, 2, 0], [0, 0, 0]]


def test_no_image_and_no_part_are_no_error():
    assert coordinate_transfer(torch.zeros(0, 2, 3, 3), torch.zeros(0, 5, 2)).shape == (0, 5, 2)
    assert coordinate_transfer(torch.zeros(2, 4, 3, 3), torch.zeros(2, 0, 2)).shape == (2, 0, 4)


def test_the_layer_is_the_function():
    features, points = drawn(8)
    layer = CoordinateTransfer(5)
    assert torch.equal(layer(features, points), coordinate_transfer(features, points, window=5))
    assert not list(layer.parameters())
    assert str(layer) == "CoordinateTransfer(window=5)"


def test_what_came_in_stays():
    features, points = drawn(9)
    kept = features.clone(), points.clone()
    coordinate_transfer(features, points)
    assert torch.equal(features, kept[0])
    assert torch.equal(points, kept[1])


def test_what_is_wrong_is_named():
    features, points = drawn(0)
    with pytest.raises(ValueError, match=r"^features has shape \(4, 5, 6\), needs \(B, D, h, w\)"):
        coordinate_transfer(features[0], points)
    with pytest.raises(ValueError, match=r"^points has shape \(2, 7, 2\), needs \(3, P, 2\)"):
        coordinate_transfer(features, points[:2])
    with pytest.raises(ValueError, match=r"^points has shape \(3, 7, 1\), needs"):
        coordinate_transfer(features, points[..., :1])
    for bad in (0, 2, -3):
        with pytest.raises(ValueError, match=rf"^window is {bad}, needs an odd number of cells"):
            coordinate_transfer(features, points, window=bad)
        with pytest.raises(ValueError, match=rf"^window is {bad}, needs an odd number of cells"):
            CoordinateTransfer(bad)
