"""Super classes: k-means over class means, against a search of all groupings; its refusals."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.ccfr import build_hierarchy, class_means


def slow_means(features, labels):
    """Class means at unit length, image by image."""
    out = []
    for c in range(max(labels) + 1):
        rows = [row for row, label in zip(features, labels, strict=True) if label == c]
        mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        length = sum(v * v for v in mean) ** 0.5
        out.append([v / length for v in mean])
    return out


def spread(means, parents):
    """Sum of squared distances to the centres of the groups, number by number."""
    total = 0.0
    for group in set(parents):
        rows = [row for row, parent in zip(means, parents, strict=True) if parent == group]
        centre = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        total += sum((v - m) ** 2 for row in rows for v, m in zip(row, centre, strict=True))
    return total


def planted(seed, groups=3, each=3, images=4):
    """Images around class directions that lie around group directions, with mixed classes."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(groups * each)
    centres = np.eye(groups, 6)[order % groups]
    kinds = centres + 0.15 * rng.normal(size=(groups * each, 6))
    labels = np.repeat(np.arange(groups * each), images)
    features = rng.uniform(0.5, 4, (len(labels), 1)) * kinds[labels]
    mixed = rng.permutation(len(labels))
    return features[mixed], labels[mixed], order % groups


def test_class_means_are_those_of_a_loop():
    features, labels, _ = planted(0)
    expected = slow_means(features.tolist(), labels.tolist())
    np.testing.assert_allclose(class_means(features, labels), expected, atol=1e-12)


def test_the_grouping_is_the_best_of_all_groupings():
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(12, 3)), np.repeat(np.arange(6), 2)
    means = slow_means(features.tolist(), labels.tolist())
    best = min(
        (p for p in itertools.product(range(2), repeat=6) if len(set(p)) == 2),
        key=lambda p: spread(means, p),
    )
    found = build_hierarchy(features, labels, 2).tolist()
    assert spread(means, found) == pytest.approx(spread(means, best))
    assert found == [int(p != best[0]) for p in best]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_planted_groups_are_found_whatever_the_order_and_length_of_features(seed):
    features, labels, groups = planted(seed)
    found = build_hierarchy(features, labels, 3, seed=seed % 7).tolist()
    pairs = set(zip(found, groups.tolist(), strict=True))
    assert len(pairs) == 3


def test_super_classes_are_numbered_by_their_first_class():
    features, labels, _ = planted(3)
    found = build_hierarchy(features, labels, 3).tolist()
    assert list(dict.fromkeys(found)) == [0, 1, 2]


def test_tensors_and_arrays_of_either_precision_agree_and_repeat():
    features, labels, _ = planted(4)
    first = build_hierarchy(features, labels, 4, seed=5)
    assert first.dtype == torch.int64
    again = build_hierarchy(
        torch.tensor(features, dtype=torch.float32, requires_grad=True),
        torch.tensor(labels, dtype=torch.int32),
        4,
        seed=5,
    )
    assert torch.equal(first, again)


def test_one_super_class_and_as_many_as_classes():
    features, labels, _ = planted(5)
    assert build_hierarchy(features, labels, 1).tolist() == [0] * 9
    assert build_hierarchy(features, labels, 9).tolist() == list(range(9))
    assert build_hierarchy([[1.0, 2.0]], [0], 1).tolist() == [0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [0, 2, 5, 5]}, r"labels holds 3 classes from 0 to 5, needs each of 0 to C-1"),
        ({"labels": [-1, 0, 1, 2]}, r"labels holds 4 classes from -1 to 2"),
        ({"labels": [0, 1, 2]}, r"labels has shape \(3,\), needs \(4,\)"),
        ({"labels": [0.0, 1.0, 2.0, 2.0]}, "labels has dtype float64, needs integers"),
        ({"features": np.ones(4)}, r"features has shape \(4,\), needs \(N, D\)"),
        ({"features": np.empty((0, 2)), "labels": []}, r"features has shape \(0, 2\)"),
        ({"features": [[1, 0], [0, 1], [np.nan, 1], [1, 1]]}, "features holds nan"),
        ({"n_parents": 0}, "n_parents is 0, needs 1 to 3, the number of different class means"),
        ({"n_parents": 4}, "n_parents is 4, needs 1 to 3"),
        ({"n_parents": 2.0}, "n_parents is 2.0, needs a whole number"),
        ({"features": [[1, 0], [1, 0], [2, 0], [1, 1]], "labels": [0, 1, 2, 3], "n_parents": 3},
         "n_parents is 3, needs 1 to 2, the number of different class means"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(change, message):
    usual = {"features": [[1, 0], [0, 1], [1, 2], [1, 1]], "labels": [0, 1, 2, 2], "n_parents": 2}
    with pytest.raises(ValueError, match=message):
        build_hierarchy(**(usual | change))
