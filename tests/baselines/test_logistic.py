"""Logistic regression: the folded scaling, two classes, and the choice of C."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fgnb.baselines.logistic import choose_c, fit_logistic


def clusters(classes, each=12, spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, 5)) * 2
    labels = np.repeat(np.arange(classes), each)
    return (centres[labels] + spread * rng.normal(size=(len(labels), 5))).astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 4])
def test_probabilities_are_those_of_the_scaled_pipeline(classes):
    features, labels = clusters(classes)
    features = features * 7 + 3  # scaling matters
    ours = fit_logistic(features, labels, c=0.1, threads=1).probs(features)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    expected = pipeline.fit(features, labels).predict_proba(features)
    np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_c_is_chosen_on_the_held_out_part_alone():
    features, labels = clusters(4, each=20, spread=1.0)
    held_out = np.tile([False, False, False, True], 20)
    best, accuracy = choose_c(features, labels, held_out, threads=1, grid=(1e-6, 0.1))
    assert best == 0.1
    assert set(accuracy) == {1e-6, 0.1}
    slow = LogisticRegression(C=0.1, max_iter=500)
    scaler = StandardScaler().fit(features[~held_out])
    slow.fit(scaler.transform(features[~held_out]), labels[~held_out])
    expected = slow.score(scaler.transform(features[held_out]), labels[held_out])
    assert accuracy[0.1] == pytest.approx(expected)


def test_a_class_without_an_image_is_refused():
    with pytest.raises(ValueError, match="labels holds 2 of 3 classes"):
        fit_logistic(np.zeros((2, 3), np.float32), np.array([0, 2]), c=1.0, threads=1)


def test_an_all_but_constant_feature_gets_no_giant_weight():
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 20)
    features = generator.normal(size=(60, 5)) + labels[:, None]
    features[:, 4] = 1e-6 * features[:, 4]
    found = fit_logistic(features, labels, c=0.3, threads=1)
    assert np.abs(found.weight[:, 4]).max() < 1
    assert (found.probs(features).argmax(1) == labels).mean() > 0.8
    doubled = fit_logistic(2 * features, labels, c=0.3, threads=1)
    np.testing.assert_allclose(2 * doubled.weight, found.weight, rtol=1e-3, atol=1e-4)
