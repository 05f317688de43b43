"""What proposes regions in NTS-Net: its anchors, a network that scores them, the choice.

The numbers are those of the authors' public code at 448 px; `fgnb.nn.nts` has the rest of the model
and how both depart from that code.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fgnb.nn.regions import Anchors, Level, greedy_nms

FRAME = 448  # pixels; the sizes below are of a frame of this side
SIDES = {
    32: (48 * 2 ** (1 / 3), 48 * 2 ** (2 / 3)),
    64: (96 * 2 ** (1 / 3), 96 * 2 ** (2 / 3)),
    128: (192.0, 192 * 2 ** (1 / 3), 192 * 2 ** (2 / 3)),
}
LEAST_STRIDE = min(SIDES)
RATIOS = (2 / 3, 1.0, 3 / 2)
CHANNELS = 128


def nts_anchors(image_size: int) -> Anchors:
    """The anchors of all cells of three maps: 6, 6 and 9 a cell, 1,614 in all at 448 px.

    Strides 32, 64 and 128; sides scale with ``image_size / 448``; width over height 2/3, 1 and
    3/2. Boxes over the border are left as they are: a region reads zeros outside. The order is
    that of `ProposalNetwork`'s scores: level, side, ratio, then cells, rows first.
    """
    factor = image_size / FRAME
    levels = [
        Level(stride=stride, box_size=side * factor, ratio=ratio)
        for stride, sides in SIDES.items()
        for side in sides
        for ratio in RATIOS
    ]
    return Anchors.pyramid(image_size, levels, border="pad")


class ProposalNetwork(nn.Module):
    """Scores of all anchors from the backbone's last map (the navigator).

    A 3x3 convolution to 128 channels, two more at stride 2, and a 1x1 convolution on each of the
    three maps.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            [
                nn.Conv2d(in_channels if stride == 1 else CHANNELS, CHANNELS, 3, stride, 1)
                for stride in (1, 2, 2)
            ]
        )
        self.score = nn.ModuleList(
            [nn.Conv2d(CHANNELS, len(sides) * len(RATIOS), 1) for sides in SIDES.values()]
        )

    def forward(self, feature_map: Tensor) -> Tensor:
        """``Tensor[B, D, h, w]`` at stride 32 -> scores ``Tensor[B, A]``, in anchor order."""
        scores, out = [], feature_map
        for down, score in zip(self.down, self.score, strict=True):
            out = down(out).relu()
            scores.append(score(out).flatten(1))
        return torch.cat(scores, dim=1)


@dataclass(frozen=True)
class Proposals:
    """M boxes of each image, best score first.

    Attributes:
        index: int64 ``Tensor[B, M]``, of the anchors.
        boxes: float32 ``Tensor[B, M, 4]``, pixels of the frame.
        scores: ``Tensor[B, M]``, with the proposal network's gradient.
    """

    index: Tensor
    boxes: Tensor
    scores: Tensor


class Proposer(nn.Module):
    """The proposal network with its anchors, and the choice among them.

    Args:
        n_features: D, channels of the backbone's last map.
        image_size: side of the frame, pixels.
        proposals: M, regions an image (6).
        iou: overlap above which a proposal suppresses another (0.25).
    """

    boxes: Tensor
    overlap: Tensor
    scales: Tensor

    def __init__(
        self, n_features: int, image_size: int, *, proposals: int = 6, iou: float = 0.25
    ) -> None:
        super().__init__()
        anchors = nts_anchors(image_size)
        if not 1 <= proposals <= len(anchors.boxes):
            raise ValueError(
                f"proposals is {proposals}, but there are {len(anchors.boxes)} anchors"
            )
        for name in ("boxes", "overlap", "scales"):
            self.register_buffer(name, getattr(anchors, name), persistent=False)
        self.proposals, self.iou = proposals, iou
        self.proposal_network = ProposalNetwork(n_features)

    def score(self, feature_map: Tensor) -> Tensor:
        """Scores of all anchors, ``Tensor[B, A]``; no gradient passes to the map.

        Args:
            feature_map: ``Tensor[B, D, h, w]``, the backbone's last map of the whole images.

        Raises:
            ValueError: a map of another size than the anchors were made for.
        """
        scores = self.proposal_network(feature_map.detach())
        if scores.shape[1] != len(self.boxes):
            raise ValueError(
                f"feature_map has shape {tuple(feature_map.shape)}, which gives {scores.shape[1]} "
                f"scores; the frame has {len(self.boxes)} anchors"
            )
        return scores

    def propose(self, feature_map: Tensor) -> Proposals:
        """The best boxes of each image after suppression; as `score`."""
        scores = self.score(feature_map)
        index = greedy_nms(scores.detach(), self.overlap, count=self.proposals, iou=self.iou)
        return Proposals(index, self.boxes[index], scores.gather(1, index))

    def sample(self, feature_map: Tensor) -> Proposals:
        """Boxes anywhere, all different, from PyTorch's random state; as `score`.

        Each of the seven sides is as likely, however many cells it has: by number, nearly three
        anchors of four are of the two smallest.
        """
        scores = self.score(feature_map)
        share = (self.scales[:, None] == self.scales).sum(1)  # anchors of the same side
        keys = torch.rand_like(scores).log() * share  # the largest: drawn without replacement
        index = keys.topk(self.proposals, dim=1).indices
        return Proposals(index, self.boxes[index], scores.gather(1, index))
