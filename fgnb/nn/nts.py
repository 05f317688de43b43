"""NTS-Net: a proposal network taught by a classifier of regions, and what classifies with them.

Yang et al., "Learning to Navigate for Fine-grained Classification", ECCV 2018. The numbers are
those of the authors' public code at 448 px. Departures from it: dropout is a module, so that it
is off at test (the public code makes it anew inside ``forward``, where it stays on, and the
published accuracy varies from run to run); a box whose IoU is exactly 0.25 survives suppression;
box edges are not truncated to whole pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fgnb.nn.backbones import global_pool
from fgnb.nn.heads import start_as_mean
from fgnb.nn.ranking import ranking_loss
from fgnb.nn.regions import Anchors, Level, greedy_nms

FRAME = 448  # pixels; the sizes below are of a frame of this side
SIDES = {
    32: (48 * 2 ** (1 / 3), 48 * 2 ** (2 / 3)),
    64: (96 * 2 ** (1 / 3), 96 * 2 ** (2 / 3)),
    128: (192.0, 192 * 2 ** (1 / 3), 192 * 2 ** (2 / 3)),
}
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


@dataclass(frozen=True)
class NTSOutput:
    """What the three classifiers say, and what they saw.

    Attributes:
        raw_logits: ``Tensor[B, C]``, from the whole image.
        concat_logits: ``Tensor[B, C]``, from the best regions and the whole image: the answer.
        part_logits: ``Tensor[B, M, C]``, from each region alone.
        embedding: ``Tensor[B, (K + 1) * F]``, best region first, whole image last.
    """

    raw_logits: Tensor
    concat_logits: Tensor
    part_logits: Tensor
    embedding: Tensor


class NTSHeads(nn.Module):
    """All of NTS but the backbone, which sees the whole image and then each region.

    Args:
        n_features: D, channels of the backbone's last map.
        n_classes: C.
        image_size: side of the frame, pixels.
        proposals: M, regions that are classified (6).
        concatenated: K, of them whose features the last classifier sees (4).
        iou: overlap above which a proposal suppresses another (0.25).
        dropout: share of pooled features that are dropped in training (0.5).
    """

    boxes: Tensor
    overlap: Tensor

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        image_size: int,
        *,
        proposals: int = 6,
        concatenated: int = 4,
        iou: float = 0.25,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if not 1 <= concatenated <= proposals:
            raise ValueError(f"concatenated is {concatenated}, needs 1 to proposals, {proposals}")
        anchors = nts_anchors(image_size)
        if proposals > len(anchors.boxes):
            raise ValueError(
                f"proposals is {proposals}, but there are {len(anchors.boxes)} anchors"
            )
        self.register_buffer("boxes", anchors.boxes, persistent=False)
        self.register_buffer("overlap", anchors.overlap, persistent=False)
        self.proposals, self.concatenated, self.iou = proposals, concatenated, iou
        self.proposal_network = ProposalNetwork(n_features)
        self.dropout = nn.Dropout(dropout)
        self.raw = nn.Linear(n_features, n_classes)
        self.part = nn.Linear(n_features, n_classes)
        self.concat = nn.Linear(n_features * (concatenated + 1), n_classes)

    @torch.no_grad()
    def start_from(self, weight: Tensor, bias: Tensor) -> None:
        """Let all three classifiers begin as one of whole images.

        Args:
            weight: ``Tensor[C, D]``.
            bias: ``Tensor[C]``.
        """
        for head in (self.raw, self.part):
            head.weight.copy_(weight)
            head.bias.copy_(bias)
        self.start_joint()

    def start_joint(self) -> None:
        """Let the classifier of all begin as the mean of what the two others say."""
        start_as_mean(self.concat, self.raw, self.part, whole_first=False)

    def propose(self, feature_map: Tensor) -> Proposals:
        """The best boxes of each image after suppression; no gradient passes to the map.

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
        index = greedy_nms(scores.detach(), self.overlap, count=self.proposals, iou=self.iou)
        return Proposals(index, self.boxes[index], scores.gather(1, index))

    def forward(self, feature_map: Tensor, region_maps: Tensor) -> NTSOutput:
        """Classify from the whole images and their proposed regions.

        Args:
            feature_map: ``Tensor[B, D, h, w]``, of the whole images.
            region_maps: ``Tensor[B * M, D, h', w']``, of the regions, those of an image together,
                best first.
        """
        batch = len(feature_map)
        whole = self.dropout(global_pool(feature_map))
        parts = self.dropout(global_pool(region_maps)).unflatten(0, (batch, self.proposals))
        embedding = torch.cat([parts[:, : self.concatenated].flatten(1), whole], dim=1)
        return NTSOutput(self.raw(whole), self.concat(embedding), self.part(parts), embedding)


def nts_losses(
    output: NTSOutput, scores: Tensor, targets: Tensor, *, label_smoothing: float = 0.0
) -> dict[str, Tensor]:
    """The four terms of NTS, each of weight 1, and ``"loss"``, their sum.

    ``raw``, ``concat`` and ``part`` are cross-entropies (``part`` the mean over images and
    regions); ``rank`` is the ranking loss of the proposals' scores against the log-probability
    that the part classifier gives the true class.

    Args:
        output: what the classifiers say.
        scores: ``Tensor[B, M]`` of the proposals.
        targets: int64 ``Tensor[B]``.
        label_smoothing: of the cross-entropies; the public code has none.
    """
    regions = output.part_logits.shape[1]
    truth = targets[:, None, None].expand(-1, regions, 1)
    confidence = output.part_logits.log_softmax(-1).gather(2, truth).squeeze(2)
    part_targets = targets.repeat_interleave(regions)

    def classification(logits: Tensor, truths: Tensor) -> Tensor:
        return cross_entropy(logits, truths, label_smoothing=label_smoothing)

    terms = {
        "raw": classification(output.raw_logits, targets),
        "concat": classification(output.concat_logits, targets),
        "part": classification(output.part_logits.flatten(0, 1), part_targets),
        "rank": ranking_loss(scores, confidence),
    }
    return {"loss": torch.stack(list(terms.values())).sum(), **terms}
