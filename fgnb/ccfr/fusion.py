"""From region maps to local features: the fusion network of section 3.2, or concatenation.

"For each scale, we concatenate the local features along the channel direction and fuse them with
1x1 convolution filters"; without it the pooled features are concatenated (section 4.4, row 4 of
Table 3). The output's width is not given; here it is the extractor's.

No nonlinearity is named between the convolution and the pooling after it, so the two are one linear
map of the concatenated features: to the softmax, which is linear too, the fusion network adds no
function that row 4 lacks. What it can change is the training, and the space in which the triplet
loss and the retrieval compare.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Fusion(nn.Module):
    """Per scale: concatenate the regions' maps by channel, convolve 1x1, pool.

    It starts as the mean of a scale's regions, so that training begins from features that the
    extractor knows.

    Args:
        channels: D of a region's map.
        scales: number of scales.
        per_scale: regions a scale.
    """

    def __init__(self, channels: int, scales: int, per_scale: int) -> None:
        super().__init__()
        self.per_scale = per_scale
        layers = [nn.Linear(channels * per_scale, channels, bias=False) for _ in range(scales)]
        start = torch.eye(channels).repeat(1, per_scale) / per_scale
        for layer in layers:
            with torch.no_grad():
                layer.weight.copy_(start)
        self.mix = nn.ModuleList(layers)

    def forward(self, regions: Tensor) -> Tensor:
        """``Tensor[B, K, D, h, w]``, a scale's regions side by side -> ``Tensor[B, scales, D]``.

        Pooled first: with nothing between them, convolution 1x1 and mean over space can change
        places, and in this order the convolution is a matrix, ``h * w`` times cheaper.
        """
        pooled = regions.mean(dim=(3, 4)).unflatten(1, (len(self.mix), self.per_scale)).flatten(2)
        mixed = [layer(pooled[:, i]) for i, layer in enumerate(self.mix)]
        return torch.stack(mixed, dim=1)


class Concatenation(nn.Module):
    """The pooled features of every region, side by side: what the fusion network is held against.

    ``Tensor[B, K, D, h, w]`` -> ``Tensor[B, K, D]``.
    """

    def forward(self, regions: Tensor) -> Tensor:
        """Mean over space of each region's map."""
        return regions.mean(dim=(3, 4))
