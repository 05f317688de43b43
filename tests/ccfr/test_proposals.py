"""Suppression over all scales and on each: which small boxes survive, by loops."""

import numpy as np
import pytest
import torch

from fgnb.ccfr.proposals import Proposals
from fgnb.ccfr.pyramid import anchors


@pytest.fixture(params=[64, 224, 448])
def made(request):
    placed = anchors(request.param)
    scores = torch.from_numpy(np.random.default_rng(1).random((5, len(placed)))).float()
    return Proposals(scores + 0.3 * (placed.scales > placed.scales.min()), placed, 0.25, 2)


def loop_nms(scores, overlap, count, closes):
    alive, picked = list(range(len(scores))), []
    while alive and len(picked) < count:
        best = max(alive, key=lambda a: (scores[a], -a))
        picked.append(best)
        alive = [a for a in alive if a != best and not closes(overlap[best][a])]
    return picked


def test_joint_suppression_by_a_loop_with_either_rule_for_an_equal_overlap(made):
    overlap = made.anchors.overlap.numpy()
    rules = {False: lambda o: o > 0.25 + 1e-7, True: lambda o: o >= 0.25 - 1e-7}
    for drop_equal, closes in rules.items():
        if not drop_equal and made.anchors.boxes.frac().any():
            continue  # in float32 an overlap may lie on either side of a quarter
        found = made.joint(drop_equal=drop_equal)
        for image, row in enumerate(found.tolist()):
            scores = made.scores[image].tolist()
            assert row == loop_nms(scores, overlap, 4, closes)


def test_a_box_of_half_the_side_overlaps_by_a_quarter_and_never_more(made):
    fits = len(made.anchors) > 100  # at 64 px no small box lies whole inside a large one
    assert made.across() == pytest.approx(0.25, abs=1e-6) if fits else made.across() < 0.25


def test_small_boxes_that_survive_are_counted(made):
    alone, joint = made.separate(), made.joint(drop_equal=True)
    for image, share in enumerate(made.surviving(joint)):
        mine = [a for a in alone[image].tolist() if made.anchors.levels[a] == 0]
        assert share == sum(a in joint[image].tolist() for a in mine) / len(mine)
    assert made.surviving(alone).tolist() == [1.0] * 5
    assert made.small(alone).mean(axis=1).tolist() == [0.5] * 5
    assert made.small(joint).sum() == (made.anchors.levels[joint] == 0).sum()


def test_only_at_an_equal_overlap_does_a_large_box_close_a_small_one():
    placed = anchors(448)
    small = placed.boxes[placed.levels == 0]
    large = placed.boxes[placed.levels == 1]
    inside = (small[:, None, :2] >= large[None, :, :2]) & (small[:, None, 2:] <= large[None, :, 2:])
    s, t = np.argwhere(inside.all(dim=2).numpy())[0]
    scores = torch.full((1, len(placed)), -1.0)
    scores[0, t + len(small)], scores[0, s] = 2.0, 1.0
    made = Proposals(scores, placed, 0.25, 2)
    assert s in made.joint()[0].tolist()
    assert s not in made.joint(drop_equal=True)[0].tolist()
    assert s in made.separate()[0].tolist()
