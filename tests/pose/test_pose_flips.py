"""A mirrored picture exchanges left and right, in labels and in predictions."""

import numpy as np
import pytest
import torch

from fgnb.data import PART_NAMES
from fgnb.pose import (
    decode,
    grid_of,
    keypoint_targets,
    mirror_maps,
    mirror_points,
    symmetric_scores,
)

SIZE = 64
PAIRS = [("left eye", "right eye"), ("left leg", "right leg"), ("left wing", "right wing")]


@pytest.fixture
def points():
    return np.random.default_rng(3).uniform(0, SIZE, (4, 15, 2))


def test_the_left_eye_of_a_mirrored_bird_is_its_right_one(points):
    visible = np.arange(15) % 3 > 0
    turned, seen = mirror_points(points, np.tile(visible, (4, 1)), SIZE)
    for pair in PAIRS:
        for one, other in (pair, pair[::-1]):
            here, there = PART_NAMES.index(one), PART_NAMES.index(other)
            assert np.allclose(turned[:, here, 0], SIZE - points[:, there, 0])
            assert np.array_equal(turned[:, here, 1], points[:, there, 1])
            assert (seen[:, here] == visible[there]).all()
    tail = PART_NAMES.index("tail")
    assert np.allclose(turned[:, tail, 0], SIZE - points[:, tail, 0])


def test_twice_mirrored_is_the_same_for_arrays_and_tensors(points):
    visible = points[..., 0] > 20
    before = points.copy()
    again = mirror_points(*mirror_points(points, visible, SIZE), SIZE)
    assert np.allclose(again[0], points)
    assert np.array_equal(again[1], visible)
    assert np.array_equal(points, before)
    xy, seen = torch.from_numpy(points), torch.from_numpy(visible)
    tensors = mirror_points(xy, seen, SIZE)
    arrays = mirror_points(points, visible, SIZE)
    assert np.allclose(tensors[0].numpy(), arrays[0])
    assert np.array_equal(tensors[1].numpy(), arrays[1])


def test_targets_of_the_mirrored_points_are_the_mirrored_targets(points):
    grid, visible = grid_of("stride-8", SIZE), np.ones((4, 15), bool)
    turned, seen = mirror_points(points, visible, SIZE)
    found = keypoint_targets(turned, seen, grid, image_size=SIZE)
    maps = keypoint_targets(points, visible, grid, image_size=SIZE)
    assert torch.equal(found, mirror_maps(maps))
    assert torch.equal(mirror_maps(mirror_maps(maps)), maps)


class Bright:
    """A network whose maps of a picture are its own cells: left parts see red, right ones green."""

    def __call__(self, images):
        cells = torch.nn.functional.avg_pool2d(images, 8)
        side = [0 if "left" in name else 1 if "right" in name else 2 for name in PART_NAMES]
        return cells[:, side]


def test_symmetric_scores_average_with_what_the_mirror_image_says():
    images = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    network, grid = Bright(), grid_of("stride-8", SIZE)
    found = symmetric_scores(network, images, grid, image_size=SIZE)
    eyes = [PART_NAMES.index(f"{side} eye") for side in ("left", "right")]
    maps = network(images)
    # The mirrored left eye is the right one, which looks at green: the mean of red and green.
    assert torch.allclose(found[:, eyes[0]], maps[:, eyes].mean(dim=1), atol=1e-6)
    tail = PART_NAMES.index("tail")
    assert torch.allclose(found[:, tail], maps[:, tail], atol=1e-6)
    # A picture and its mirror image then get the same answer, left and right exchanged.
    turned = symmetric_scores(network, images.flip(-1), grid, image_size=SIZE)
    assert torch.allclose(mirror_maps(turned), found, atol=1e-6)
    assert torch.equal(decode(mirror_maps(turned)).cells, decode(found).cells)


def test_a_mirror_that_moves_the_cells_is_refused():
    with pytest.raises(ValueError, match="image_size is 500; its grid has centres from 16 to 496"):
        symmetric_scores(
            Bright(), torch.zeros(1, 3, 500, 500), grid_of("stride-32", 500), image_size=500
        )


@pytest.mark.parametrize("parts", [14, 16])
def test_other_numbers_of_parts_are_refused(parts):
    with pytest.raises(ValueError, match=r"points has shape .* needs \(\.\.\., 15, 2\)"):
        mirror_points(np.zeros((parts, 2)), np.zeros(parts), SIZE)
    with pytest.raises(ValueError, match="scores has shape"):
        mirror_maps(torch.zeros(1, parts, 2, 2))
