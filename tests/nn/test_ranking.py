import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.nn.ranking import ranking_loss


def by_loops(scores, confidence, margin=1.0):
    total = 0.0
    for s, c in zip(scores.tolist(), confidence.tolist(), strict=True):
        for i in range(len(s)):
            for j in range(len(s)):
                if c[i] > c[j]:
                    total += max(0.0, margin - (s[i] - s[j]))
    return total / len(scores)


def test_by_hand():
    scores = torch.tensor([[2.0, 0.0, 1.5], [0.0, 0.0, 0.0]])
    confidence = torch.tensor([[0.9, 0.5, 0.1], [0.2, 0.2, 0.1]])
    # first image: (0, 1) is 2 apart; (0, 2) lacks 0.5; (1, 2) is the wrong way round by 1.5.
    # second image: (0, 1) is a tie, (0, 2) and (1, 2) lack 1 each.
    assert ranking_loss(scores, confidence).item() == pytest.approx((0.5 + 2.5 + 1 + 1) / 2)


# Confidences on a coarse grid, so that ties occur.
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(0, 7), st.floats(0, 3), st.integers(0, 10_000))
def test_equals_the_loops(images, regions, margin, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(images, regions, generator=generator, dtype=torch.float64)
    confidence = torch.randint(4, (images, regions), generator=generator) / 4
    expected = by_loops(scores, confidence, margin)
    assert ranking_loss(scores, confidence, margin).item() == pytest.approx(expected, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_only_the_order_of_confidence_counts(seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(3, 6, generator=generator)
    confidence = torch.rand(3, 6, generator=generator)
    expected = ranking_loss(scores, confidence)
    torch.testing.assert_close(ranking_loss(scores, 10 * confidence - 3), expected)
    shuffle = torch.randperm(6, generator=generator)
    torch.testing.assert_close(ranking_loss(scores[:, shuffle], confidence[:, shuffle]), expected)


def test_gradient_by_differences_and_none_to_the_confidence():
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(2, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    confidence = torch.rand(2, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: ranking_loss(s, confidence.detach()), (scores,))
    ranking_loss(scores, confidence).backward()
    assert confidence.grad is None
    assert scores.grad.abs().sum() > 0


def test_no_pair_gives_no_loss_and_a_gradient_of_zero():
    scores = torch.randn(2, 3, requires_grad=True)
    loss = ranking_loss(scores, torch.full((2, 3), 0.5))
    loss.backward()
    assert loss.item() == 0
    assert not scores.grad.any()
    assert ranking_loss(torch.zeros(2, 1), torch.zeros(2, 1)).item() == 0


def test_a_score_of_minus_infinity_outside_all_pairs_does_no_harm():
    scores = torch.tensor([[float("-inf"), 0.0, 0.25]], requires_grad=True)
    loss = ranking_loss(scores, torch.tensor([[0.0, 0.0, 1.0]]))
    loss.backward()
    assert loss.item() == 0.75
    assert scores.grad.tolist() == [[0.0, 1.0, -1.0]]


@pytest.mark.parametrize(
    ("scores", "confidence", "margin", "message"),
    [
        (torch.zeros(3), torch.zeros(3), 1.0, r"scores has shape \(3,\), needs \[B, M\]"),
        (torch.zeros(0, 3), torch.zeros(0, 3), 1.0, r"scores has shape \(0, 3\)"),
        (torch.zeros(2, 3), torch.zeros(2, 4), 1.0, r"confidence has shape \(2, 4\), needs \(2, 3"),
        (torch.zeros(2, 3), torch.zeros(2, 3), -1.0, r"margin is -1.0"),
        (torch.zeros(2, 3), torch.zeros(2, 3), float("nan"), r"margin is nan"),
        (torch.zeros(1, 2), torch.tensor([[0.0, float("nan")]]), 1.0, r"confidence holds nan"),
    ],
)
def test_bad_input_is_named(scores, confidence, margin, message):
    with pytest.raises(ValueError, match=message):
        ranking_loss(scores, confidence, margin)
