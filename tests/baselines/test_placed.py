"""Rules that place boxes: against loops, and as a stage with regions sees them."""

import numpy as np
import pytest
import torch

from fgnb import presets
from fgnb.baselines.placed import centre_scores, on_object, oracle_scores, random_scores
from fgnb.baselines.placement import Placement
from fgnb.data import open_images
from fgnb.data.frame import Frame, frames_of
from fgnb.nn.regions import Anchors, Level, greedy_nms
from fgnb.nn.zoomed import ZoomedBatch


@pytest.fixture(scope="module")
def anchors():
    return Anchors.pyramid(64, [Level(16, 20.0), Level(32, 40.0)], border="shift")


@pytest.fixture(scope="module")
def drawn_birds():
    return open_images("drawn", preset=presets.get("smoke"))


@pytest.fixture(scope="module")
def drawn_cars():
    return open_images("drawn-cars", preset=presets.get("smoke"))


def test_random_scores_are_a_function_of_seed_image_and_draw(anchors):
    together = random_scores(anchors, [5, 11], 3)
    assert torch.equal(random_scores(anchors, [11], 3)[0], together[1])
    assert not torch.equal(random_scores(anchors, [5, 11], 3, draw=1), together)
    assert not torch.equal(random_scores(anchors, [5, 11], 4), together)


def test_every_box_is_as_likely_to_be_the_best(anchors):
    best = random_scores(anchors, range(4000), 2).argmax(1)
    share = torch.bincount(best, minlength=len(anchors)) / 4000
    assert share.min() > 0.5 / len(anchors) and share.max() < 1.6 / len(anchors)  # noqa: PT018


def test_centre_boxes_do_not_repeat_each_other(anchors):
    scores = centre_scores(anchors)
    middle = ((anchors.boxes[:, :2] + anchors.boxes[:, 2:]) / 2 - 32).pow(2).sum(1)
    assert torch.equal(scores.argsort(descending=True, stable=True), middle.argsort(stable=True))
    chosen = greedy_nms(scores[None], anchors.overlap, count=3, iou=0.25)[0]
    among = anchors.overlap[chosen[:, None], chosen]
    assert float(among.fill_diagonal_(0).max()) <= 0.25


def test_boxes_on_the_object_come_before_all_others(anchors):
    objects = torch.tensor([[0.0, 0, 30, 30], [40, 40, 64, 64]])
    scores = on_object(anchors, random_scores(anchors, [1, 2], 0), objects)
    for row, (x1, y1, x2, y2) in enumerate(objects.tolist()):
        inside = [
            x1 <= (a + c) / 2 <= x2 and y1 <= (b + d) / 2 <= y2
            for a, b, c, d in anchors.boxes.tolist()
        ]
        own = scores[row]
        assert own[torch.tensor(inside)].min() > own[~torch.tensor(inside)].max()


def test_the_oracle_counts_key_points_by_loops(anchors):
    rng = np.random.default_rng(0)
    points = torch.from_numpy(rng.uniform(0, 64, (6, 5, 2)))
    visible = torch.from_numpy(rng.random((6, 5)) < 0.7)
    visible[5] = False
    scores = oracle_scores(anchors, points, visible)
    for image in range(6):
        for place, (x1, y1, x2, y2) in enumerate(anchors.boxes.tolist()):
            held = sum(
                bool(seen) and x1 <= x <= x2 and y1 <= y <= y2
                for (x, y), seen in zip(points[image].tolist(), visible[image], strict=True)
            )
            least = held - 1 if held else -1.001
            assert least < scores[image, place] <= held


def test_among_equal_counts_the_box_centred_on_the_points_is_best(anchors):
    points = torch.tensor([[[24.0, 24.0]]])
    best = oracle_scores(anchors, points, torch.ones(1, 1, dtype=torch.bool)).argmax()
    x1, y1, x2, y2 = anchors.boxes[best].tolist()
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == (24.0, 24.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda a: random_scores(a, [-1], 0), "holds -1, needs 0 or more"),
        (lambda a: oracle_scores(a, torch.zeros(2, 3), torch.zeros(2, 3)), "points has shape"),
        (lambda a: on_object(a, torch.zeros(2, 1), torch.zeros(2, 4)), "scores has shape"),
    ],
)
def test_wrong_arguments(anchors, wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong(anchors)


def batch_of(rows, views):
    empty = torch.empty(len(rows), 0)
    return ZoomedBatch(empty, empty, torch.tensor(rows), torch.zeros(len(rows)), views)


def test_the_oracle_follows_a_mirrored_and_a_moved_view(drawn_birds, anchors):
    placed = Placement(
        "oracle", anchors, drawn_birds, image_size=64, frame=Frame("crop", 0.875), seed=0
    )
    rows = [0, 1, 2]
    plain = placed(batch_of(rows, torch.zeros(3, 3)))
    mirrored = placed(batch_of(rows, torch.tensor([[0.0, 0.0, 1.0]] * 3)))
    opposite = anchors.boxes[:, [2, 1, 0, 3]] * torch.tensor([-1.0, 1, -1, 1])
    opposite += torch.tensor([64.0, 0, 64, 0])
    twin = (anchors.boxes[None] - opposite[:, None]).abs().sum(2).argmin(1)
    assert torch.allclose(mirrored[:, twin], plain, atol=1e-4)
    moved = placed(batch_of(rows, torch.tensor([[7.0, -3.0, 0.0]] * 3)))
    frames = frames_of(drawn_birds, rows, image_size=64, frame=Frame("crop", 0.875))
    points = torch.from_numpy(frames.points(drawn_birds.parts[rows])) - torch.tensor([7.0, -3.0])
    inside = ((points >= 0) & (points <= 64)).all(2)
    seen = torch.from_numpy(drawn_birds.visible[rows]) & inside
    assert torch.allclose(moved, oracle_scores(anchors, points, seen), atol=1e-4)


def test_random_boxes_are_drawn_anew_in_training_alone(drawn_birds, anchors):
    placed = Placement("random", anchors, drawn_birds, image_size=64, frame=Frame(), seed=0)
    batch = batch_of([3, 1], torch.zeros(2, 3))
    assert not torch.equal(placed(batch), placed(batch))
    placed.eval()
    assert torch.equal(placed(batch), placed(batch))
    assert torch.equal(placed(batch)[1], random_scores(anchors, drawn_birds.ids[[1]], 0)[0])


def test_a_set_without_key_points_has_no_oracle(drawn_cars, anchors):
    with pytest.raises(ValueError, match="has no key points"):
        Placement("oracle", anchors, drawn_cars, image_size=64, frame=Frame(), seed=0)
