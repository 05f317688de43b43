"""The triplet loss on cosine similarity (section 3.2, equations 5 to 7).

Equations 5 and 6 give one triplet's loss, ``max(0, a - sim(A, P) + sim(A, N))``. The paper is
silent on the margin ``a`` and on which triplets of a batch count: both are options here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from fgnb.data.arguments import as_number
from fgnb.nn.arguments import as_floats, as_tensor

MINING = ("batch-hard", "batch-all")


def triplet_loss(
    embeddings: Any, targets: Any, *, margin: float = 0.1, mining: str = "batch-hard"
) -> Tensor:
    """Mean of equation 6 over a batch's triplets.

    ``batch-hard`` takes for each anchor its least similar positive and its most similar negative;
    ``batch-all`` takes every triplet. An anchor without a positive or without a negative forms
    none; a batch without triplets has a loss of 0.

    Args:
        embeddings: ``Tensor[B, F]``, of any length; compared by cosine similarity.
        targets: class of each, ``Tensor[B]``.
        margin: ``a`` of equation 5, in units of cosine similarity.
        mining: ``batch-hard`` or ``batch-all``.

    Raises:
        ValueError: shapes or types that don't fit, or an unknown mining.
    """
    embeddings = as_floats("embeddings", embeddings)
    targets, margin = _targets(targets, embeddings), as_number("margin", margin)
    if embeddings.ndim != 2 or targets.shape != embeddings.shape[:1]:
        raise ValueError(
            f"embeddings is {tuple(embeddings.shape)}, targets {tuple(targets.shape)}; "
            "[B, F] and [B] are needed"
        )
    if mining not in MINING:
        raise ValueError(f"mining is {mining!r}; it is one of {', '.join(MINING)}")
    unit = F.normalize(embeddings, dim=1)
    sims = unit @ unit.T
    positive, negative = pairs(targets)
    if mining == "batch-hard":
        usable = positive.any(1) & negative.any(1)
        if not usable.any():
            return sims.sum() * 0.0
        hardest = sims.masked_fill(~positive, torch.inf).min(1).values
        nearest = sims.masked_fill(~negative, -torch.inf).max(1).values
        return F.relu(margin - hardest[usable] + nearest[usable]).mean()
    triplets = positive[:, :, None] & negative[:, None, :]  # [anchor, positive, negative]
    if not triplets.any():
        return sims.sum() * 0.0
    return F.relu(margin - sims[:, :, None] + sims[:, None, :])[triplets].mean()


def region_margins(regions: Any, targets: Any) -> Tensor:
    """Each region's own triplet margin: what `margin-rank` teaches the scorer.

    A region is compared with another image by its most similar region there. Its margin is the
    mean similarity to the other images of its class minus that to the images of other classes:
    high for a region that tells its class from the others of the batch, about 0 for one that shows
    nothing of it. (With the hardest pairs of the loss in place of the means, a telling region has
    a negative margin and the background, alike everywhere, wins.)

    Args:
        regions: pooled features of K regions an image, ``Tensor[B, K, D]``.
        targets: ``Tensor[B]``.

    Returns:
        ``Tensor[B, K]`` in [-2, 2]; 0 for the regions of an image without a positive or without a
        negative in the batch.

    Raises:
        ValueError: shapes or types that don't fit.
    """
    regions = as_floats("regions", regions)
    targets = _targets(targets, regions)
    if regions.ndim != 3 or targets.shape != regions.shape[:1]:
        raise ValueError(
            f"regions is {tuple(regions.shape)}, targets {tuple(targets.shape)}; "
            "[B, K, D] and [B] are needed"
        )
    unit = F.normalize(regions, dim=2)
    sims = torch.einsum("ikd,jld->ikjl", unit, unit).amax(3)  # [B, K, B]
    positive, negative = (mask[:, None, :].to(sims) for mask in pairs(targets))
    own = (sims * positive).sum(2) / positive.sum(2).clamp(min=1)
    other = (sims * negative).sum(2) / negative.sum(2).clamp(min=1)
    usable = (positive.sum(2) > 0) & (negative.sum(2) > 0)
    return torch.where(usable, own - other, torch.zeros_like(own))


def _targets(targets: Any, like: Tensor) -> Tensor:
    given = as_tensor("targets", targets, like.device)
    if given.dtype == torch.bool:
        raise ValueError("targets has dtype torch.bool, needs integers")
    return given


def pairs(targets: Tensor) -> tuple[Tensor, Tensor]:
    """Which images are positives and which negatives of each: two boolean ``Tensor[B, B]``."""
    same = targets[:, None] == targets[None, :]
    return same & ~torch.eye(len(targets), dtype=torch.bool, device=targets.device), ~same
