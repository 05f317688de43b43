"""The multi-level loss (section 3.1, equations 1 to 4): two softmax losses and a constraint.

Equation 3 has neither index nor sum: it is taken for the super class that the picture belongs to,
and all three terms are averaged over the batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgnb.data.arguments import as_number
from fgnb.nn.arguments import as_floats, as_integers, as_probs

CHILDREN = ("mean", "sum")


class MultiLevelLoss(nn.Module):
    """Equation 4: ``l_1 + weight * l_2 + l_h``, averaged over the batch.

    Args:
        parents: the super class of each class, integer ``[C]``; uses each of 0 to P-1.
        weight: ``lambda``, the weight of the super classes' cross-entropy; not negative.
        children: what equation 3 holds against the super class: the ``"mean"`` of its classes'
            probabilities (the paper's) or their ``"sum"``.
        label_smoothing: of equation 1 alone; the paper has none.

    Raises:
        ValueError: a number or a word out of range.
    """

    parents: Tensor

    def __init__(
        self,
        parents: Any,
        weight: float = 1.0,
        children: str = "mean",
        *,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        known = check_parents(parents)
        weight = as_number("weight", weight)
        label_smoothing = as_number("label_smoothing", label_smoothing)
        if not 0.0 <= weight < float("inf"):
            raise ValueError(f"weight is {weight}, needs a finite number that is not negative")
        if children not in CHILDREN:
            raise ValueError(f"children is {children!r}, needs one of {', '.join(CHILDREN)}")
        if not 0.0 <= label_smoothing < 1.0:
            raise ValueError(f"label_smoothing is {label_smoothing}, needs a number in [0, 1)")
        self.register_buffer("parents", known, persistent=False)
        self.weight, self.children_are, self.label_smoothing = weight, children, label_smoothing

    def forward(self, child_logits: Any, parent_logits: Any, target: Any) -> Tensor:
        """The loss, a scalar; arrays and lists will do for tensors.

        Args:
            child_logits: of the classes, ``Tensor[B, C]``.
            parent_logits: of the super classes, ``Tensor[B, P]``.
            target: the true classes, integer ``Tensor[B]``.

        Raises:
            ValueError: a shape, a type or a target that doesn't fit.
        """
        terms = self.terms(child_logits, parent_logits, target)
        return self.total(terms)

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Equation 4 of the three terms."""
        return terms["children"] + self.weight * terms["parents"] + terms["hinge"]

    def terms(self, child_logits: Any, parent_logits: Any, target: Any) -> dict[str, Tensor]:
        """Equations 1 to 3, averaged over the batch: ``children``, ``parents`` and ``hinge``."""
        child_logits = as_floats("child_logits", child_logits)
        device = child_logits.device
        parent_logits = as_floats("parent_logits", parent_logits, device)
        target, parents = as_integers("target", target, device), self.parents.to(device)
        _check(child_logits, parent_logits, target, parents)
        own = parents[target]
        over = _hinge(child_logits.softmax(1), parent_logits.softmax(1), parents, self.children_are)
        smoothing = self.label_smoothing
        return {
            "children": functional.cross_entropy(child_logits, target, label_smoothing=smoothing),
            "parents": functional.cross_entropy(parent_logits, own),
            "hinge": over.gather(1, own[:, None]).mean(),
        }


def hinge(child_probs: Any, parent_probs: Any, parents: Any, children: str = "mean") -> Tensor:
    """Equation 3 of every picture and super class: ``max(0, p_children - p_parent)``.

    >>> child, parent = torch.tensor([[0.7, 0.2, 0.1]]), torch.tensor([[0.6, 0.4]])
    >>> hinge(child, parent, torch.tensor([0, 0, 1])).tolist()
    [[0.0, 0.0]]
    >>> [round(v, 2) for v in hinge(child, parent, torch.tensor([0, 0, 1]), "sum")[0].tolist()]
    [0.3, 0.0]

    Args:
        child_probs: of the classes, ``Tensor[B, C]``, probabilities and no logits.
        parent_probs: of the super classes, ``Tensor[B, P]``, likewise.
        parents: the super class of each class, integer ``Tensor[C]``.
        children: ``"mean"`` or ``"sum"`` of the probabilities of a super class's classes.

    Returns:
        ``Tensor[B, P]``, not negative.

    Raises:
        ValueError: a shape, a type or a word that doesn't fit, or rows that are no probabilities.
    """
    if children not in CHILDREN:
        raise ValueError(f"children is {children!r}, needs one of {', '.join(CHILDREN)}")
    known = check_parents(parents)
    child_probs = as_probs("child_probs", child_probs)
    parent_probs = as_probs("parent_probs", parent_probs, child_probs.device)
    n_parents = int(known.max()) + 1
    rows = len(child_probs)
    for name, values, columns in (
        ("child_probs", child_probs, len(known)),
        ("parent_probs", parent_probs, n_parents),
    ):
        if values.shape != (rows, columns):
            raise ValueError(f"{name} has shape {tuple(values.shape)}, needs ({rows}, {columns})")
    return _hinge(child_probs, parent_probs, known.to(child_probs.device), children)


def _hinge(child_probs: Tensor, parent_probs: Tensor, parents: Tensor, children: str) -> Tensor:
    members = functional.one_hot(parents, parent_probs.shape[1]).to(child_probs)  # [C, P]
    held = child_probs @ members
    if children == "mean":
        held = held / members.sum(0)
    return (held - parent_probs).clamp(min=0)


def check_parents(parents: Any) -> Tensor:
    """The super classes as int64 ``Tensor[C]``.

    Raises:
        ValueError: anything but integers ``[C]`` that use each of 0 to P-1.
    """
    given = as_integers("parents", parents)
    if given.ndim != 1 or len(given) == 0:
        raise ValueError(f"parents has shape {tuple(given.shape)}, needs (C,) with C at least 1")
    present = given.unique()
    if not present.equal(torch.arange(len(present), dtype=given.dtype, device=given.device)):
        raise ValueError(f"parents uses {present.tolist()}, needs each of 0 to P-1: leave no gap")
    return given


def _check(child_logits: Tensor, parent_logits: Tensor, target: Tensor, parents: Tensor) -> None:
    if target.ndim != 1 or len(target) == 0:
        raise ValueError(f"target has shape {tuple(target.shape)}, needs (B,) with B at least 1")
    n_classes, n_parents = len(parents), int(parents.max()) + 1
    for name, logits, columns in (
        ("child_logits", child_logits, n_classes),
        ("parent_logits", parent_logits, n_parents),
    ):
        if logits.shape != (len(target), columns):
            needed = f"({len(target)}, {columns})"
            raise ValueError(f"{name} has shape {tuple(logits.shape)}, needs {needed}")
    if not 0 <= int(target.min()) <= int(target.max()) < n_classes:
        low, high = int(target.min()), int(target.max())
        raise ValueError(
            f"target runs from {low} to {high}, needs classes from 0 to {n_classes - 1}"
        )
