"""Who teaches and who is folded: no image in two parts, every class in each."""

from dataclasses import replace

import numpy as np
import pytest

from fgnb.data import cub
from fgnb.evidence.split import split_of


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=3, train=9, test=2))


@pytest.mark.parametrize("seed", [0, 7])
def test_parts_are_disjoint_and_the_halves_are_of_each_class(images, seed):
    split = split_of(images, seed=seed, seeds=2, folds=3)
    every = np.concatenate([split.taught, split.folded, split.test])
    assert sorted(every) == list(range(len(images)))
    assert images.train[split.taught].all()
    assert images.train[split.folded].all()
    assert not images.train[split.test].any()
    for label in range(3):
        counts = [(images.labels[rows] == label).sum() for rows in (split.taught, split.folded)]
        assert abs(counts[0] - counts[1]) <= 1
    assert list(split.asked) == [*split.folded, *split.test]


def test_each_seed_holds_every_image_out_once_and_folds_are_even(images):
    split = split_of(images, seed=3, seeds=4, folds=3)
    labels = images.labels[split.folded]
    assert [fit.number for fit in split.fits] == list(range(12))
    for seed in (3, 4, 5, 6):
        own = [fit for fit in split.fits if fit.seed == seed]
        assert sorted(np.concatenate([fit.held_out for fit in own])) == list(range(len(labels)))
        for fit in own:
            assert sorted([*fit.train, *fit.held_out]) == list(range(len(labels)))
            for label in range(3):
                share = (labels[fit.held_out] == label).sum()
                assert abs(share - (labels == label).sum() / 3) < 1
    assert {fit.seed for fit in split.first} == {3}
    partitions = {
        tuple(map(tuple, (f.held_out for f in split.fits if f.seed == s))) for s in (3, 4)
    }
    assert len(partitions) == 2, "folds are drawn anew"


def test_labels_of_test_images_change_nothing(images):
    first = split_of(images, seed=0, seeds=1, folds=2)
    labels = images.labels.copy()
    labels[~images.train] = labels[~images.train][::-1]
    again = split_of(replace(images, labels=labels), seed=0, seeds=1, folds=2)
    assert all(
        np.array_equal(getattr(first, part), getattr(again, part))
        for part in ("taught", "folded", "test")
    )


def test_few_images_have_fewer_folds_and_too_few_are_said(images):
    assert len(split_of(images, seed=0, seeds=1, folds=9).fits) == 4, "nine images, five teach"
    with pytest.raises(ValueError, match="seeds is 0"):
        split_of(images, seed=0, seeds=0, folds=2)
    with pytest.raises(ValueError, match="folds 1"):
        split_of(images, seed=0, seeds=1, folds=1)
