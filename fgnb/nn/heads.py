"""A start for a classifier that sees a whole image and its regions."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def start_as_mean(
    joint: nn.Linear,
    whole: nn.Linear,
    region: nn.Linear,
    *,
    share: float = 0.5,
    whole_first: bool = True,
) -> None:
    """Let a classifier of all begin as a weighted mean of what two others say.

    ``share`` of it is, evenly, what ``region`` says of each region, the rest what ``whole`` says of
    the whole image.

    Args:
        joint: over the whole's feature and those of P regions, side by side; changed in place.
        whole: over one feature.
        region: over one feature.
        share: weight of the regions, 0 to 1.
        whole_first: whether the whole's feature stands before the regions', or after them.

    Raises:
        ValueError: a share out of range.
    """
    check_share(share)
    parts = joint.in_features // whole.in_features - 1
    regions = [region.weight * (share / parts)] * parts
    blocks = [whole.weight * (1 - share), *regions]
    joint.weight.copy_(torch.cat(blocks if whole_first else [*blocks[1:], blocks[0]], dim=1))
    joint.bias.copy_(whole.bias * (1 - share) + region.bias * share)


def check_share(share: float) -> None:
    """Whether the regions' weight in a start lies between 0 and 1.

    Raises:
        ValueError: it doesn't.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"region_share is {share}, needs a number from 0 to 1")
