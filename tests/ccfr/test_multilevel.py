"""Equations 1 to 4 against loops over samples and classes, in both readings of equation 3."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.ccfr import MultiLevelLoss, hinge

PARENTS = [0, 1, 0, 2, 1, 0]  # the third super class has a single class


def softmax(row):
    exp = [math.exp(v) for v in row]
    return [v / sum(exp) for v in exp]


def slow_hinge(child, parent, parents, children):
    """Equation 3 of one picture, for each super class."""
    found = []
    for j in range(max(parents) + 1):
        held = [p for p, k in zip(child, parents, strict=True) if k == j]
        value = sum(held) / (len(held) if children == "mean" else 1)
        found.append(max(0.0, value - parent[j]))
    return found


def slow_loss(child_logits, parent_logits, target, parents, weight, children):
    """Equation 4, sample by sample."""
    total = 0.0
    for child_row, parent_row, c in zip(child_logits, parent_logits, target, strict=True):
        child, parent = softmax(child_row), softmax(parent_row)
        first = -sum(math.log(p) for i, p in enumerate(child) if i == c)
        second = -sum(math.log(p) for j, p in enumerate(parent) if j == parents[c])
        third = slow_hinge(child, parent, parents, children)[parents[c]]
        total += first + weight * second + third
    return total / len(target)


def made(seed, parents=PARENTS, batch=5, scale=2.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    child = scale * torch.randn(batch, len(parents), generator=generator, dtype=dtype)
    parent = scale * torch.randn(batch, max(parents) + 1, generator=generator, dtype=dtype)
    target = torch.randint(len(parents), (batch,), generator=generator)
    return child, parent, target


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    parents=st.sampled_from([PARENTS, [0], [0, 0, 0], [0, 1, 2], [1, 0]]),
    children=st.sampled_from(["mean", "sum"]),
    weight=st.sampled_from([0.0, 1.0, 0.3]),
)
def test_the_loss_is_that_of_a_loop_over_samples(seed, parents, children, weight):
    child, parent, target = made(seed, parents)
    expected = slow_loss(
        child.tolist(), parent.tolist(), target.tolist(), parents, weight, children
    )
    found = MultiLevelLoss(parents, weight, children)(child, parent, target)
    assert found.ndim == 0
    assert found.item() == pytest.approx(expected, rel=1e-10, abs=1e-12)
    single = MultiLevelLoss(torch.tensor(parents), weight, children)
    assert single(child.float(), parent.float(), target.int()).dtype == torch.float32
    assert single(child.float(), parent.float(), target).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("children", ["mean", "sum"])
def test_the_hinge_is_that_of_a_loop_over_super_classes(children):
    child, parent, _ = made(1, batch=40)
    child, parent = child.softmax(1), parent.softmax(1)
    expected = [
        slow_hinge(c, p, PARENTS, children)
        for c, p in zip(child.tolist(), parent.tolist(), strict=True)
    ]
    found = hinge(child, parent, torch.tensor(PARENTS), children)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))
    assert (found > 0).any()
    assert (found == 0).any()


def test_a_case_by_hand():
    child = torch.tensor([[0.5, 0.4, 0.1]])
    parent = torch.tensor([[0.3, 0.7]])
    parents = torch.tensor([0, 0, 1])
    assert hinge(child, parent, parents)[0].tolist() == pytest.approx([0.15, 0.0])
    assert hinge(child, parent, parents, "sum")[0].tolist() == pytest.approx([0.6, 0.0])
    loss = MultiLevelLoss(parents)(child.log(), parent.log(), torch.tensor([1]))
    assert loss.item() == pytest.approx(-math.log(0.4) - math.log(0.3) + 0.15)


def test_the_constraint_is_that_of_the_pictures_own_super_class():
    child = torch.tensor([[0.9, 0.05, 0.05]])
    parent = torch.tensor([[0.1, 0.9]])
    loss = MultiLevelLoss([0, 0, 1])
    assert loss.terms(child.log(), parent.log(), torch.tensor([0]))["hinge"] > 0.3
    assert loss.terms(child.log(), parent.log(), torch.tensor([2]))["hinge"] == 0


@pytest.mark.parametrize("children", ["mean", "sum"])
def test_a_probability_that_equals_the_super_class_costs_nothing(children):
    child = torch.tensor([[0.25, 0.75]], dtype=torch.float64)
    assert hinge(child, child, torch.tensor([0, 1]), children).eq(0).all()
    assert hinge(child, torch.ones(1, 1).double(), torch.tensor([0, 0]), children).eq(0).all()


@pytest.mark.parametrize("children", ["mean", "sum"])
def test_gradients_are_those_of_differences(children):
    child, parent, target = made(3, batch=12)
    child.requires_grad_(True)
    parent.requires_grad_(True)
    loss = MultiLevelLoss(PARENTS, 0.7, children)
    assert loss.terms(child, parent, target)["hinge"] > 0
    assert torch.autograd.gradcheck(lambda c, p: loss(c, p, target), (child, parent))


def test_a_firing_constraint_raises_the_super_class_and_lowers_its_classes():
    child = torch.tensor([[2.0, 1.0, -1.0]], requires_grad=True)
    parent = torch.tensor([[-2.0, 2.0]], requires_grad=True)
    MultiLevelLoss([0, 0, 1]).terms(child, parent, torch.tensor([0]))["hinge"].backward()
    assert parent.grad[0, 0] < 0 < parent.grad[0, 1]
    assert child.grad[0, :2].sum() > 0 > child.grad[0, 2]


def test_label_smoothing_is_that_of_equation_1_alone():
    child, parent, target = made(4)
    plain = MultiLevelLoss(PARENTS).terms(child, parent, target)
    smooth = MultiLevelLoss(PARENTS, label_smoothing=0.1).terms(child, parent, target)
    rows = [child[i].log_softmax(0) for i in range(len(target))]
    expected = sum(-0.9 * r[c] - 0.1 * r.mean() for r, c in zip(rows, target, strict=True))
    torch.testing.assert_close(smooth["children"], expected / len(target))
    assert smooth["parents"] == plain["parents"]
    assert smooth["hinge"] == plain["hinge"]


def test_inputs_stay_and_no_buffer_enters_the_state():
    child, parent, target = made(5)
    copies = child.clone(), parent.clone(), target.clone()
    loss = MultiLevelLoss(PARENTS)
    loss(child, parent, target)
    assert all(torch.equal(a, b) for a, b in zip(copies, (child, parent, target), strict=True))
    assert not loss.state_dict()
    assert torch.isfinite(loss(1e4 * child, 1e4 * parent, target))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"parents": [0, 2]}, r"parents uses \[0, 2\], needs each of 0 to P-1"),
        ({"parents": [1, 1]}, r"parents uses \[1\]"),
        ({"parents": []}, r"parents has shape \(0,\)"),
        ({"parents": [[0, 1]]}, r"parents has shape \(1, 2\), needs \(C,\)"),
        ({"parents": [0.0, 1.0]}, "parents has dtype torch.float64, needs integers"),
        ({"weight": -1.0}, "weight is -1.0, needs a finite number"),
        ({"weight": math.nan}, "weight is nan"),
        ({"children": "max"}, "children is 'max', needs one of mean, sum"),
        ({"label_smoothing": 1.0}, r"label_smoothing is 1.0, needs a number in \[0, 1\)"),
    ],
)
def test_a_loss_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiLevelLoss(**({"parents": [0, 1]} | arguments))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: torch.zeros(2, 5)}, r"child_logits has shape \(2, 5\), needs \(2, 6\)"),
        ({1: torch.zeros(3, 3)}, r"parent_logits has shape \(3, 3\), needs \(2, 3\)"),
        ({2: torch.zeros(2)}, "target has dtype torch.float32, needs integers"),
        ({2: torch.tensor([0, 6])}, "target runs from 0 to 6, needs classes from 0 to 5"),
        ({2: torch.tensor([-1, 0])}, "target runs from -1 to 0"),
        ({2: torch.zeros(0, dtype=torch.long)}, r"target has shape \(0,\)"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(change, message):
    usual = {0: torch.zeros(2, 6), 1: torch.zeros(2, 3), 2: torch.tensor([0, 5])}
    with pytest.raises(ValueError, match=message):
        MultiLevelLoss(PARENTS)(*(usual | change).values())


def test_a_hinge_that_cannot_be_is_refused():
    child, parent, parents = torch.zeros(2, 6), torch.zeros(2, 3), torch.tensor(PARENTS)
    with pytest.raises(ValueError, match=r"parent_probs has shape \(1, 3\), needs \(2, 3\)"):
        hinge(child, parent[:1], parents)
    with pytest.raises(ValueError, match=r"child_probs has shape \(2, 4\)"):
        hinge(child[:, :4], parent, parents)
    with pytest.raises(ValueError, match="children is 'average'"):
        hinge(child, parent, parents, "average")
