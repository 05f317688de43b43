"""The ranking loss that teaches a scorer which regions help the classifier (NTS-Net).

Yang et al., "Learning to Navigate for Fine-grained Classification", ECCV 2018, section 3.2: a
region that the classifier is surer of should score higher, by a margin,

    L = sum over (i, j) with c_i > c_j of max(0, margin - (s_i - s_j)).

The paper writes the sum over one image; its public code divides by the number of images and by
nothing else, and so does this.
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from fgnb.data.arguments import as_number
from fgnb.nn.arguments import as_floats

CANDIDATES = ("sampled", "best")
"""What a warm-up ranks: boxes anywhere, anew in each step, or the scorer's own best."""


def check_warm_up(candidates: str, batch_norm: str) -> None:
    """Whether a warm-up, whose extractor is frozen, can be trained so.

    Raises:
        ValueError: none of `CANDIDATES`, or batch normalisation that is trained.
    """
    if candidates not in CANDIDATES:
        raise ValueError(f"candidates is {candidates!r}; it is one of {', '.join(CANDIDATES)}")
    if batch_norm != "stored":
        raise ValueError(
            f"batch_norm is {batch_norm!r}; the extractor is frozen in the warm-up, so it should "
            "be 'stored'"
        )


def sureness(part_logits: Tensor, targets: Tensor) -> Tensor:
    """What a region is worth to the ranking loss: the log-probability of the true class on it.

    Args:
        part_logits: ``Tensor[B, M, C]``, of each region alone.
        targets: int64 ``Tensor[B]``.

    Returns:
        ``Tensor[B, M]``.
    """
    truth = targets[:, None, None].expand(-1, part_logits.shape[1], 1)
    return part_logits.log_softmax(-1).gather(2, truth).squeeze(2)


def ranking_loss(scores: Any, confidence: Any, margin: float = 1.0) -> Tensor:
    """Hinge over the ordered pairs of each image's regions; the mean over images of their sum.

    Args:
        scores: s, ``Tensor[B, M]``: what the scorer says of M regions.
        confidence: c, ``Tensor[B, M]``: how sure the classifier is of each of them, on any scale.
            It is a target: no gradient passes to it. Equal values are no pair.
        margin: how far apart two scores should be, in units of the scores; 0 or more.

    Returns:
        A scalar, 0 or more; 0 (with a gradient of 0) where there is no pair.

    Raises:
        ValueError: shapes that differ or aren't ``[B, M]`` with an image, a margin below 0, or a
            confidence that is nan.

    >>> import torch
    >>> ranking_loss(torch.tensor([[0.0, 0.5]]), torch.tensor([[0.9, 0.1]])).item()
    1.5
    """
    scores = as_floats("scores", scores)
    confidence = as_floats("confidence", confidence, scores.device)
    margin = as_number("margin", margin, "to be finite and 0 or more")
    if scores.ndim != 2 or not len(scores):
        raise ValueError(f"scores has shape {tuple(scores.shape)}, needs [B, M] with B at least 1")
    if confidence.shape != scores.shape:
        raise ValueError(
            f"confidence has shape {tuple(confidence.shape)}, needs {tuple(scores.shape)}, "
            "that of scores"
        )
    if not (margin >= 0 and math.isfinite(margin)):
        raise ValueError(f"margin is {margin}, needs to be finite and 0 or more")
    target = confidence.detach()
    if target.isnan().any():
        raise ValueError("confidence holds nan, needs a number for every region")
    pairs = target[:, :, None] > target[:, None, :]
    hinge = (margin - scores[:, :, None] + scores[:, None, :]).relu()
    return hinge[pairs].sum() / len(scores)
