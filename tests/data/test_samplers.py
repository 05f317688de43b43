"""P x K batches: what each holds, what an epoch covers, and that order follows (seed, epoch)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.data import PKSampler


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=7),
    p=st.integers(1, 7),
    k=st.integers(1, 5),
    seed=st.integers(0, 99),
    epoch=st.integers(0, 9),
)
def test_each_batch_holds_p_distinct_classes_with_k_images(counts, p, k, seed, epoch):
    p = min(p, len(counts))
    labels = np.repeat(np.arange(len(counts)) * 10 + 3, counts)
    labels = np.random.default_rng(0).permutation(labels)
    sampler = PKSampler(labels, p, k, seed)
    batches = sampler.batches(epoch)
    assert len(batches) == len(sampler)
    for batch in batches:
        per_class = Counter(labels[batch].tolist())
        assert len(per_class) == p
        assert set(per_class.values()) == {k}
        for label in per_class:
            images = [i for i in batch if labels[i] == label]
            assert len(set(images)) == min(k, int((labels == label).sum()))
    assert set(labels[np.concatenate(batches)]) == set(labels)


def test_classes_and_images_repeat_only_after_all_others():
    labels = np.repeat(np.arange(5), 6)
    batches = PKSampler(labels, 2, 2, seed=1).batches(0)
    drawn = Counter(labels[np.concatenate(batches)].tolist())
    assert len(batches) == 8
    assert max(drawn.values()) - min(drawn.values()) <= 2
    images = Counter(np.concatenate(PKSampler(labels, 5, 3, seed=1).batches(3)).tolist())
    assert set(images.values()) == {1}
    assert len(images) == 30


def test_the_length_is_about_the_images_and_enough_for_every_class():
    assert len(PKSampler(np.repeat(np.arange(40), 30), 4, 4, 0)) == 75
    assert len(PKSampler(np.arange(10), 3, 4, 0)) == 4


def test_order_is_a_function_of_seed_and_epoch():
    labels = np.repeat(np.arange(4), 5)
    sampler = PKSampler(labels, 2, 3, seed=5)
    sampler.set_epoch(2)
    second = list(sampler)
    list(sampler)
    assert list(sampler) == second
    assert PKSampler(labels, 2, 3, seed=5).batches(2) == second
    assert sampler.batches(3) != second
    assert PKSampler(labels, 2, 3, seed=6).batches(2) != second
    assert all(isinstance(i, int) for i in second[0])
    assert second[0] == [0, 4, 1, 7, 9, 5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1, 2]], 1, 1, 0), r"labels has shape \(1, 2\), needs \(N,\)"),
        (([], 1, 1, 0), r"labels has shape \(0,\)"),
        (([1, 2], 3, 1, 0), "classes_per_batch is 3, needs 1 to 2"),
        (([1, 2], 0, 1, 0), "classes_per_batch is 0"),
        (([1, 2], 1, 0, 0), "images_per_class is 0"),
        (([1, 2], 1, 1, -1), "seed is -1"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        PKSampler(*arguments)


def test_a_negative_epoch_is_refused():
    with pytest.raises(ValueError, match="epoch is -1"):
        PKSampler([1, 2], 1, 1, 0).set_epoch(-1)
