"""Equations 5 to 7 against loops over samples."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.ccfr import region_margins, triplet_loss


def cosine(a, b):
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))


def slow(embeddings, targets, margin, mining):
    """Equation 6 triplet by triplet."""
    losses = []
    n = len(targets)
    for i in range(n):
        own = [
            cosine(embeddings[i], embeddings[j])
            for j in range(n)
            if j != i and targets[j] == targets[i]
        ]
        other = [cosine(embeddings[i], embeddings[j]) for j in range(n) if targets[j] != targets[i]]
        if not own or not other:
            continue
        if mining == "batch-hard":
            losses.append(max(0.0, -(min(own) - max(other) - margin)))
        else:
            losses += [max(0.0, -(p - q - margin)) for p in own for q in other]
    return sum(losses) / len(losses) if losses else 0.0


def slow_margin(regions, targets, i, k):
    """The margin of region k of image i, image by image and region by region."""
    best = {}
    for j in range(len(targets)):
        if j != i:
            best[j] = max(cosine(regions[i, k], other) for other in regions[j])
    own = [best[j] for j in best if targets[j] == targets[i]]
    other = [best[j] for j in best if targets[j] != targets[i]]
    return np.mean(own) - np.mean(other) if own and other else 0.0


def test_a_hand_worked_triplet():
    # Angles 0, 60 and 90 degrees: the anchors' hardest pairs are known.
    angles = torch.tensor([0.0, math.pi / 3, math.pi / 2], dtype=torch.float64)
    points = 5 * torch.stack([angles.cos(), angles.sin()], dim=1)
    loss = triplet_loss(points, torch.tensor([0, 0, 1]), margin=0.1)
    first = max(0.0, 0.1 - 0.5 + 0.0)
    second = 0.1 - 0.5 + math.cos(math.pi / 6)
    assert loss.item() == pytest.approx((first + second) / 2)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(2, 9),
    st.integers(1, 4),
    st.sampled_from(["batch-hard", "batch-all"]),
    st.floats(0, 0.6),
    st.integers(0, 10_000),
)
def test_it_equals_the_loop(n, classes, mining, margin, seed):
    rng = np.random.default_rng(seed)
    points, targets = rng.normal(size=(n, 3)), rng.integers(classes, size=n) * 7  # with gaps
    found = triplet_loss(torch.tensor(points), torch.tensor(targets), margin=margin, mining=mining)
    assert found.item() == pytest.approx(slow(points, targets, margin, mining), abs=1e-9)


@pytest.mark.parametrize("targets", [[3, 3, 3], [0, 1, 2]])
def test_without_a_triplet_it_is_zero_with_a_zero_gradient(targets):
    points = torch.randn(3, 4, requires_grad=True)
    for mining in ("batch-hard", "batch-all"):
        loss = triplet_loss(points, torch.tensor(targets), mining=mining)
        assert loss.item() == 0
        (gradient,) = torch.autograd.grad(loss, points)
        assert not gradient.any()


def test_length_does_not_matter_and_equal_points_are_ties():
    points, targets = torch.randn(6, 5, dtype=torch.float64), torch.tensor([0, 0, 1, 1, 2, 2])
    long = points * torch.arange(1, 7)[:, None]
    assert triplet_loss(points, targets).item() == pytest.approx(triplet_loss(long, targets).item())
    same = torch.ones(4, 3)
    assert triplet_loss(same, torch.tensor([0, 0, 1, 1]), margin=0.1).item() == pytest.approx(0.1)


@pytest.mark.parametrize("seed", range(5))
def test_margins_equal_the_loop(seed):
    rng = np.random.default_rng(seed)
    regions, targets = rng.normal(size=(5, 3, 4)), rng.integers(3, size=5)
    found = region_margins(torch.tensor(regions), torch.tensor(targets)).numpy()
    oracle = [[slow_margin(regions, targets, i, k) for k in range(3)] for i in range(5)]
    np.testing.assert_allclose(found, oracle, atol=1e-12)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"embeddings is \(2, 3, 4\)"):
        triplet_loss(torch.zeros(2, 3, 4), torch.zeros(2))
    with pytest.raises(ValueError, match="mining is 'easy'"):
        triplet_loss(torch.zeros(2, 3), torch.zeros(2), mining="easy")
    with pytest.raises(ValueError, match=r"regions is \(2, 3\)"):
        region_margins(torch.zeros(2, 3), torch.zeros(2))


def test_a_telling_region_is_worth_more_than_the_background():
    # Region 0 shows the class, with noise; region 1 the same background in every image.
    torch.manual_seed(0)
    targets = torch.arange(4).repeat_interleave(2)
    telling = torch.nn.functional.one_hot(targets, 6).float() + 0.3 * torch.randn(8, 6)
    background = torch.tensor([0.0, 0, 0, 0, 1, 1]).expand(8, 6)
    worth = region_margins(torch.stack([telling, background], dim=1), targets)
    assert (worth[:, 0] > worth[:, 1]).float().mean() > 0.8
