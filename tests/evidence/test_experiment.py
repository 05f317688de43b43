"""The experiment: a rule that finds the box that tells wins, and test labels decide nothing."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from fgnb.evidence import recipe
from fgnb.evidence.experiment import Experiment
from fgnb.evidence.joined import joined_regions
from fgnb.evidence.rules import RULES, WHOLE

pytestmark = pytest.mark.usefixtures("few_repeats")
UNTRAINED = [name for name, rule in RULES.items() if not rule.scorer]


def telling_first(made, telling):
    """Scores of a scorer that knows the box that tells."""
    scores = np.random.default_rng(3).random(made.found.regions.shape[:2], np.float32)
    scores[np.arange(len(telling)), telling] = 2.0
    return lambda scorer, lesson: scores


@pytest.fixture
def known(toy):
    own = toy()
    own.made.scorer_scores = telling_first(own.made, own.telling)
    return own


def test_the_box_that_tells_beats_random_ones_and_the_whole(known):
    truth = known.images.labels[known.made.split.test]
    share = {
        rule: float((known.made.answers(rule).classes == truth).mean())
        for rule in ("nts", "random", WHOLE)
    }
    assert share["nts"] > share["random"] + 0.1
    assert share["random"] > 0.25
    assert share["nts"] > share[WHOLE] + 0.1


@pytest.mark.parametrize("rule", ["nts", "random", "centre", "every-box", WHOLE])
def test_answers_are_those_of_ridge_regression_on_the_joint_feature(known, rule):
    made, answered = known.made, known.made.answers(rule)
    split, how = made.split, answered.setting
    labels = known.images.labels[split.folded]
    for fit in split.fits:
        places = made.chooser.places(rule, fit, split.asked)
        parts = [(1 - how.share) ** 0.5 * made.whole, np.ones((len(split.asked), 1))]
        if places.shape[1]:
            parts.append(how.share**0.5 * joined_regions(made.regions(places), how.join))
        features = np.hstack(parts).astype(float)
        model = Ridge(alpha=how.strength, fit_intercept=False, solver="svd")
        model.fit(features[fit.train], np.eye(4)[labels[fit.train]])
        said = model.predict(features).argmax(axis=1)
        assert np.array_equal(answered.classes[fit.number], said[len(split.folded) :])
        seeds = sorted({f.seed for f in split.fits})
        held = answered.held_out[seeds.index(fit.seed)][fit.held_out]
        assert np.array_equal(held, said[fit.held_out])


def test_a_setting_is_the_best_on_the_folds_of_the_first_seed(known, monkeypatch):
    best = known.made.answers("centre")
    accuracies = {}
    for strength in recipe.STRENGTHS:
        monkeypatch.setattr(recipe, "STRENGTHS", (strength,))
        answered = known.made.answers("centre")
        labels = known.images.labels[known.made.split.folded]
        assert answered.accuracy == pytest.approx((answered.held_out[0] == labels).mean())
        accuracies[strength] = answered.accuracy
    assert best.accuracy == pytest.approx(max(accuracies.values()))
    assert accuracies[best.setting.strength] == pytest.approx(best.accuracy)


@pytest.mark.parametrize("rule", UNTRAINED)
def test_labels_of_test_images_decide_nothing(toy, rule, monkeypatch, tmp_path):
    own = toy()
    labels = own.images.labels.copy()
    test = np.flatnonzero(~own.images.train)
    labels[test] = np.roll(labels[test], 7)
    other = Experiment(replace(own.images, labels=labels), own.made.preset, weights="random")
    vars(other)["found"] = own.made.found
    first = own.made.answers(rule)
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "other"))  # nothing is found in the store
    again = other.answers(rule)
    assert first.setting == again.setting
    assert np.array_equal(first.classes, again.classes)
    assert np.array_equal(first.places, again.places)


def test_answers_are_kept(known, monkeypatch):
    first = known.made.answers("centre")
    monkeypatch.setattr(Experiment, "_choose", None)  # called by nobody
    again = known.made.answers("centre")
    assert first.key == again.key
    assert first.setting == again.setting
    assert first.environment == again.environment
    for name in ("places", "classes", "held_out", "scores"):
        assert np.array_equal(getattr(first, name), getattr(again, name))


def test_what_a_row_was_set_to_is_told(known):
    spec = known.made.answers("random").spec
    assert spec["seeds"] == (0, 1)
    told = ("fits", "folds", "taught", "folded", "boxes", "candidates", "drawn_anew")
    assert [spec[name] for name in told] == [6, 3, 40, 40, 4, 16, True]
    assert spec["join"] in ("mean", "ranks")
