"""Boxes that nobody learnt: pure functions of the image, spread over all anchors, or central."""

import numpy as np
import pytest
import torch

from fgnb.baselines.boxes import centre_boxes, random_boxes
from fgnb.nn.regions import Anchors, Level


@pytest.fixture
def anchors():
    # the larger scale first, so that the order of scales is seen
    return Anchors.pyramid(64, [Level(stride=16, box_size=32), Level(stride=8, box_size=16)])


def test_an_image_has_its_boxes_whatever_the_batch(anchors):
    together = random_boxes(anchors, [5, 11, 12], seed=3)
    assert together.shape == (3, 4)
    assert together.dtype == torch.int64
    for row, image_id in enumerate([5, 11, 12]):
        assert torch.equal(random_boxes(anchors, [image_id], seed=3)[0], together[row])
    assert torch.equal(random_boxes(anchors, np.array([12, 5]), seed=3), together[[2, 0]])
    assert random_boxes(anchors, [], seed=3).shape == (0, 4)


def test_another_seed_or_image_has_other_boxes(anchors):
    one = random_boxes(anchors, range(50), seed=0)
    assert len(np.unique(one.numpy(), axis=0)) > 45
    assert (random_boxes(anchors, range(50), seed=1) != one).any(dim=1).sum() > 45


def test_scales_ascend_and_no_box_comes_twice(anchors):
    chosen = random_boxes(anchors, range(200), seed=0, per_scale=3)
    assert torch.equal(
        anchors.scales[chosen], anchors.scales.unique().repeat_interleave(3).expand(200, 6)
    )
    assert all(len(set(row)) == 6 for row in chosen.tolist())
    assert torch.equal(chosen[:, [0, 1, 3, 4]], random_boxes(anchors, range(200), seed=0))


def test_each_anchor_of_a_scale_is_as_likely_as_another(anchors):
    chosen = random_boxes(anchors, range(4000), seed=2).flatten()
    counts = torch.bincount(chosen, minlength=len(anchors.boxes)).double()
    for scale in anchors.scales.unique():
        of_scale = counts[anchors.scales == scale]
        expected = 8000 / len(of_scale)
        chi_squared = float(((of_scale - expected) ** 2 / expected).sum())
        freedom = len(of_scale) - 1
        assert abs(chi_squared - freedom) < 4 * (2 * freedom) ** 0.5


def test_all_anchors_of_a_scale_can_be_asked_for(anchors):
    small = anchors.scales == 32
    every = random_boxes(anchors, [1], seed=0, per_scale=int(small.sum()))
    assert set(every[0].tolist()) >= set(torch.where(small)[0].tolist())


def test_centre_boxes_by_loops(anchors):
    expected = []
    for scale in sorted(set(anchors.scales.tolist())):
        distance = []
        for index, (x1, y1, x2, y2) in enumerate(anchors.boxes.tolist()):
            if anchors.scales[index] == scale:
                distance.append((((x1 + x2) / 2 - 32) ** 2 + ((y1 + y2) / 2 - 32) ** 2, index))
        expected += [index for _, index in sorted(distance)[:2]]
    assert centre_boxes(anchors).tolist() == expected


def test_the_middle_of_an_odd_grid_comes_first_and_ties_by_order():
    anchors = Anchors.pyramid(48, [Level(stride=16, box_size=17.3)], border="pad")
    assert centre_boxes(anchors, per_scale=5).tolist() == [4, 1, 3, 5, 7]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: random_boxes(a, [1, -2], seed=0), "ids holds -2, needs 0 or more"),
        (lambda a: random_boxes(a, [1], seed=-1), "seed holds -1"),
        (lambda a: random_boxes(a, [[1]], seed=0), r"ids has shape \(1, 1\), needs \(B,\)"),
        (lambda a: random_boxes(a, [1], seed=0, per_scale=17), "per_scale is 17, but a scale has"),
        (lambda a: centre_boxes(a, per_scale=0), "per_scale is 0, needs 1 or more"),
    ],
)
def test_bad_input_is_named(anchors, call, message):
    with pytest.raises(ValueError, match=message):
        call(anchors)
