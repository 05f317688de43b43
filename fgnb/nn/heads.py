"""A start for a classifier that sees a whole image and its regions."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def start_as_mean(
    joint: nn.Linear, whole: nn.Linear, region: nn.Linear, *, whole_first: bool = True
) -> None:
    """Let a classifier of all begin as the mean of what two others say.

    Half of it is what ``whole`` says of the whole image, the rest, evenly, what ``region`` says of
    each region.

    Args:
        joint: over the whole's feature and those of P regions, side by side; changed in place.
        whole: over one feature.
        region: over one feature.
        whole_first: whether the whole's feature stands before the regions', or after them.
    """
    parts = joint.in_features // whole.in_features - 1
    blocks = [whole.weight / 2, *[region.weight / (2 * parts)] * parts]
    joint.weight.copy_(torch.cat(blocks if whole_first else [*blocks[1:], blocks[0]], dim=1))
    joint.bias.copy_((whole.bias + region.bias) / 2)
