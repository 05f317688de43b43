"""The pixelwise sigmoid cross-entropy of section 3.1, and what keeps rare positives from drowning.

One output in a map is positive, hundreds are negative. Two options of ours, silent in the paper:
the weight of a positive, and the probability that the scores begin with.
"""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional


def keypoint_loss(scores: Tensor, targets: Tensor, *, positive_weight: float = 1.0) -> Tensor:
    """Cross-entropy of every output, summed over outputs and keypoints, averaged over images.

    As printed, with the minus sign and the sum over keypoints that our copy has lost.

    Args:
        scores: ``Tensor[N, P, H, W]``, before the sigmoid.
        targets: the same shape, in [0, 1].
        positive_weight: of the term of a positive, over 0; 1 is the paper's loss.

    Raises:
        ValueError: shapes that differ, or a weight out of range.
    """
    if scores.shape != targets.shape or scores.ndim != 4:
        raise ValueError(
            f"scores has shape {tuple(scores.shape)}, targets {tuple(targets.shape)}; both need "
            "one shape (N, P, H, W)"
        )
    check_positive_weight(positive_weight)
    each = functional.binary_cross_entropy_with_logits(
        scores, targets, pos_weight=scores.new_tensor(positive_weight), reduction="none"
    )
    return each.sum(dim=(1, 2, 3)).mean()


def check_positive_weight(weight: float) -> None:
    """Refuse a weight that is not over 0."""
    if not 0 < weight < math.inf:
        raise ValueError(f"positive_weight is {weight}, needs a finite number over 0")


def initial_bias(prior: float) -> float:
    """The bias of a score whose sigmoid is ``prior`` where nothing else is known.

    >>> round(initial_bias(0.01), 3)
    -4.595

    Raises:
        ValueError: no probability strictly between 0 and 1.
    """
    if not 0 < prior < 1:
        raise ValueError(f"prior is {prior}, needs a number strictly between 0 and 1")
    return math.log(prior / (1 - prior))
