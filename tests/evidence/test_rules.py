"""Rules: each by its own definition, on boxes that all share."""

import numpy as np
import pytest
import torch

from fgnb.evidence.rules import EVERY, IOU, RULES, TAUGHT, TOLD, WHOLE
from fgnb.evidence.split import Fit


def fit(number=0, seed=0):
    return Fit(number, seed, 0, np.arange(2), np.arange(2, 4))


@pytest.fixture
def chooser(toy):
    made = toy().made
    n, a = made.found.regions.shape[:2]

    def scores(scorer, lesson):
        rng = np.random.default_rng((len(scorer), len(lesson)))
        return rng.normal(size=(n, a)).astype(np.float32)

    made.scorer_scores = scores
    return made.chooser


ROWS = np.arange(3, 40)
APART = [name for name, rule in RULES.items() if rule.apart and rule.count]


@pytest.mark.parametrize("name", RULES)
def test_each_gives_its_number_of_different_boxes(chooser, name):
    places, count = chooser.places(name, fit(), ROWS), RULES[name].count
    assert places.shape == (len(ROWS), len(chooser.found.anchors) if count is None else count)
    assert all(len(set(own)) == len(own) for own in places.tolist())


@pytest.mark.parametrize("name", APART)
def test_the_best_box_comes_first_and_closes_what_overlaps_it(chooser, name):
    scores, overlap = chooser.scores(name, fit(), ROWS), chooser.found.anchors.overlap
    for own, picked in zip(scores, chooser.places(name, fit(), ROWS), strict=True):
        chosen: list[int] = []
        for box in sorted(range(len(own)), key=lambda k: (-float(own[k]), k)):
            if all(float(overlap[box, other]) <= IOU for other in chosen):
                chosen.append(box)
        shown = min(len(chosen), len(picked))
        assert picked[:shown].tolist() == chosen[:shown]


@pytest.mark.parametrize("name", RULES)
def test_boxes_are_drawn_anew_where_the_rule_says_so(chooser, name):
    first, again, other = (
        chooser.places(name, given, ROWS) for given in (fit(), fit(1), fit(0, seed=1))
    )
    assert np.array_equal(first, again) == np.array_equal(first, other) != RULES[name].anew


def test_random_boxes_are_even_and_those_on_the_object_lie_on_it(chooser):
    counts = np.zeros(16)
    for number in range(60):
        places = chooser.places("random-overlapping", fit(number), ROWS)
        counts += np.bincount(places.ravel(), minlength=16)
    assert counts.min() > 0.85 * counts.mean()
    centres = chooser.found.anchors.boxes.reshape(-1, 2, 2).mean(dim=1).numpy()
    objects = chooser.objects[ROWS]
    inside = ((centres >= objects[:, None, :2]) & (centres <= objects[:, None, 2:])).all(axis=2)
    best = chooser.places("random-on-object", fit(), ROWS)[:, 0]
    told = inside.any(axis=1)
    assert inside[np.arange(len(ROWS)), best][told].all()


def test_corners_and_centre(chooser):
    boxes = chooser.found.anchors.boxes[chooser.places("five-crops", fit(), ROWS)[0]]
    size = chooser.spec.box_size
    corners = {(round(x1), round(y1)) for x1, y1, *_ in boxes[:4].tolist()}
    assert corners == {
        (0, 0),
        (0, round(64 - size)),
        (round(64 - size), 0),
        (round(64 - size),) * 2,
    }
    middle = (boxes[4, :2] + boxes[4, 2:]) / 2
    assert ((middle - 32).abs() <= 64 / 4 / 2 + 1e-3).all()


def test_the_oracle_takes_the_box_with_most_key_points(chooser):
    points, seen = chooser.points
    best = chooser.places("oracle", fit(), ROWS)[:, 0]
    boxes = chooser.found.anchors.boxes.numpy()
    for row, picked in zip(ROWS, best, strict=True):
        held = [
            sum(
                bool(on) and x1 <= x <= x2 and y1 <= y <= y2
                for (x, y), on in zip(points[row], seen[row], strict=True)
            )
            for x1, y1, x2, y2 in boxes
        ]
        assert held[picked] == max(held)


@pytest.mark.parametrize("name", ["maximum-map", "single-map"])
def test_class_maps_are_equation_2_of_focus_by_a_loop(chooser, name):
    weight = chooser.taught.whole.weight.astype(float)
    scores = chooser.scores(name, fit(), ROWS[:4])
    vars(chooser)["sigma"] = 0.0
    scores = chooser.scores(name, fit(), ROWS[:4])
    for row, own in zip(ROWS[:4], scores, strict=True):
        cells = chooser.found.cells[row].astype(float)
        maps = cells @ weight.T  # [A, C]
        predicted = maps.mean(axis=0).argmax()
        wanted = maps.max(axis=1) if name == "maximum-map" else maps[:, predicted]
        assert torch.allclose(own.double(), torch.from_numpy(wanted), atol=1e-4)


def test_groups_of_rules_are_told_apart():
    assert not set(TAUGHT) & set(TOLD)
    assert {*TAUGHT, *TOLD, WHOLE, EVERY} <= set(RULES)
    trained = {rule.scorer for rule in RULES.values() if rule.scorer}
    assert len(trained) == 4


def test_a_rule_without_scores_says_so(chooser):
    with pytest.raises(ValueError, match="'every-box' gives no scores"):
        chooser.scores(EVERY, fit(), ROWS)
