"""The box-generating branch: a feature pyramid that scores regions (section 3.2, Fig. 2).

A top-down pathway with lateral connections over two maps of the backbone (strides 16 and 32), one
box scale a level. The paper says "FPN" and names the scales (96 and 192 at 448 px), the aspect
ratio (1:1) and nothing else; levels, width and the single score a cell are chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgnb.nn.regions import Anchors, Level

STRIDES = (16, 32)
SCALES = (96, 192)
REFERENCE = 448
"""Image side that the paper's scales belong to."""


def anchors(image_size: int, *, border: str = "shift") -> Anchors:
    """The paper's boxes at any image size: 96 px on stride 16 and 192 px on stride 32, at 448."""
    levels = [
        Level(stride, scale * image_size / REFERENCE)
        for stride, scale in zip(STRIDES, SCALES, strict=True)
    ]
    return Anchors.pyramid(image_size, levels=levels, border=border)


class Pyramid(nn.Module):
    """Scores of all regions from the backbone's maps at strides 16 and 32.

    Each image's map is brought to mean 0 and variance 1 first: the maps of one network differ in
    scale by depth, those of two networks more, and the ranking loss is a sum over pairs.

    Args:
        channels: of the two maps, finer first.
        width: channels of the pyramid.
    """

    def __init__(self, channels: Sequence[int], width: int = 128) -> None:
        super().__init__()
        self.lateral = nn.ModuleList([nn.Conv2d(count, width, 1) for count in channels])
        self.smooth = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in channels])
        self.score = nn.ModuleList([nn.Conv2d(width, 1, 1) for _ in channels])

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps ``Tensor[B, D, h, w]``, finer first -> scores ``Tensor[B, A]``.

        Scores come in the order of `anchors`: the finer level first, rows first in each.
        """
        level = [F.group_norm(m, 1) for m in maps]
        laterals = [lateral(m) for lateral, m in zip(self.lateral, level, strict=True)]
        above = laterals[-1]
        merged = [above]
        for finer in laterals[-2::-1]:
            above = finer + F.interpolate(above, size=finer.shape[-2:], mode="nearest")
            merged.insert(0, above)
        scores = [
            score(F.relu(smooth(m))).flatten(1)
            for m, smooth, score in zip(merged, self.smooth, self.score, strict=True)
        ]
        return torch.cat(scores, dim=1)
