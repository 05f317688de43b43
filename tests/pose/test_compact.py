"""The classifier behind every form, and the rows of the experiment on compact features."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fgnb.pose import compact
from fgnb.pose.compact import DIMS, FORMS, FULL, POOLED, ROWS, STRENGTHS, Experiment, ridge_path

LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 1])


def test_ridge_is_that_of_the_features_themselves():
    """Centred by the training images, solved for weights instead of inner products."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(10, 6)) + 3.0
    train, asked = np.arange(7), np.arange(7, 10)
    found = ridge_path(features @ features.T, LABELS, train, asked)
    targets = np.eye(3)[LABELS[train]]
    mean, bias = features[train].mean(axis=0), targets.mean(axis=0)
    centred = features[train] - mean
    size = np.trace(centred @ centred.T) / len(train)
    for scores, strength in zip(found, STRENGTHS, strict=True):
        ridge = centred.T @ centred + strength * size * np.eye(6)
        weights = np.linalg.solve(ridge, centred.T @ (targets - bias))
        np.testing.assert_allclose(scores, (features[asked] - mean) @ weights + bias, rtol=1e-6)


def test_the_scale_of_a_feature_changes_no_answer():
    rng = np.random.default_rng(1)
    kernel = (lambda x: x @ x.T)(rng.normal(size=(10, 4)))
    paths = [ridge_path(c * kernel, LABELS, np.arange(7), np.arange(7, 10)) for c in (1.0, 1e4)]
    np.testing.assert_allclose(*paths, rtol=1e-6)


@pytest.fixture
def made():
    """Sixty images of two classes, whose channels fire together in one of them alone."""
    rng = np.random.default_rng(0)
    n = 60
    labels = np.arange(n) % 2
    maps = rng.normal(size=(n, 6, 4, 4)).astype(np.float32)
    maps[labels == 1, 1] = maps[labels == 1, 0]
    taught, asked = np.arange(40), np.arange(40, n)
    held_out = np.isin(np.arange(n), range(12))
    images = SimpleNamespace(labels=labels, held_out=lambda seed: held_out)
    frozen = SimpleNamespace(
        images=images,
        taught=taught,
        asked=asked,
        maps=lambda rows: torch.from_numpy(maps[rows]),
        spec=SimpleNamespace(seed=0, threads=1),
        described={"fold": "all"},
    )
    return Experiment(frozen, projections=2)


def test_rows_are_the_mean_the_whole_and_each_form_at_each_dimension():
    assert ROWS[:2] == (POOLED, FULL)
    assert len(ROWS) == 2 + len(FORMS) * len(DIMS)


@pytest.mark.parametrize("row", ["full", "random-maclaurin-1000", "tensor-sketch-1000"])
def test_pairs_of_channels_tell_what_their_means_do_not(made, row):
    answered = made.answers(row)
    assert answered.classes.shape == (2, 20)
    right = answered.classes == made.images.labels[40:]
    assert right.mean() >= 0.85
    assert (made.answers(POOLED).classes[0] == made.images.labels[40:]).mean() < 0.85
    dim = 36 if row == "full" else 1000
    assert answered.spec["dim"] == dim
    assert answered.spec["strength"] in STRENGTHS
    assert answered.spec["form"] == row.removesuffix("-1000")


def test_what_is_not_random_answers_every_time_alike(made):
    classes = made.answers(FULL).classes
    assert np.array_equal(classes[0], classes[1])


def test_the_strength_is_chosen_without_the_test_images(made, monkeypatch):
    before = {row: made.answers(row).strength for row in (FULL, POOLED)}
    made.images.labels[40:] = 1 - made.images.labels[40:]
    assert {row: made.answers(row).strength for row in (FULL, POOLED)} == before


def test_held_out_images_choose_and_then_teach(made, monkeypatch):
    asked = []
    monkeypatch.setattr(
        compact,
        "ridge_path",
        lambda kernel, labels, train, held: (
            asked.append((sorted(train), sorted(held))) or ridge_path(kernel, labels, train, held)
        ),
    )
    made.answers(POOLED)
    assert asked[0] == (list(range(12, 40)), list(range(12)))
    assert asked[1] == (list(range(40)), list(range(40, 60)))
