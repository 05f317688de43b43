"""The model of section 3.2 (Fig. 2): global features, chosen regions, fusion, embedding, loss.

One extractor sees the whole image and every zoomed region; that regions have one of their own is
an option, for the paper's claim about sharing. Boxes are picked by suppression on the
pyramid's scores; crops of fixed boxes pass no gradient back to the scores, so how the triplet loss
can change which boxes are picked is left open by the paper. `SIGNALS` holds three readings:

- ``none``: literally, and the default; once its warm-up ends, the scorer learns nothing.
- ``gate``: each region's map is weighted by the sigmoid of its score.
- ``margin-rank``: the ranking loss of the warm-up goes on, its targets now each region's own
  triplet margin. The chosen regions are ranked together with rivals from anywhere: among
  themselves they differ so little that their scores would only be drawn together.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgnb.baselines.placement import KINDS
from fgnb.ccfr.fusion import Concatenation, Fusion
from fgnb.ccfr.pyramid import SCALES, Pyramid
from fgnb.ccfr.triplet import region_margins, triplet_loss
from fgnb.nn.backbones import Backbone, global_pool, statistics_kept
from fgnb.nn.ranking import ranking_loss
from fgnb.nn.regions import Anchors, greedy_nms, separated_nms
from fgnb.nn.zoomed import Extractor, Sizes, ZoomedBatch

SIGNALS = ("none", "gate", "margin-rank")
NMS = ("separate", "joint", "joint-equal")
FUSIONS = ("network", "concatenate")
BOXES = ("scored", *KINDS)
_ROUNDING = 1e-6  # of overlaps, whose boxes are float32


class ChosenRegions(NamedTuple):
    """Regions of a batch: places among the anchors ``Tensor[B, K]``, their scores and boxes."""

    places: Tensor
    scores: Tensor
    boxes: Tensor


class RegionOutput(NamedTuple):
    """What the model makes of a batch.

    Attributes:
        scores: of all boxes, ``Tensor[B, A]``.
        embedding: global and local features side by side, ``Tensor[B, F]`` (``x_A`` of eq. 5).
        logits: ``Tensor[B, C]``.
        pooled: mean over space of each region's map, ``Tensor[B, K, D]``.
        chosen: the regions.
    """

    scores: Tensor
    embedding: Tensor
    logits: Tensor
    pooled: Tensor
    chosen: ChosenRegions


@dataclass(frozen=True)
class RegionSelector:
    """How regions are picked from scores (section 3.2; 2 a scale and 0.25 in section 4.2).

    ``nms`` is ``separate`` (on each scale by itself), ``joint`` (over all scales) or
    ``joint-equal``, which closes overlaps of exactly ``iou`` as well, as NTS-Net's public code
    does: a box of half the side inside a larger one has just 0.25, so that only so can a large box
    close a small one.

    Raises:
        ValueError: an unknown kind of ``nms``.
    """

    nms: str = "separate"
    per_scale: int = 2
    iou: float = 0.25

    def __post_init__(self) -> None:
        if self.nms not in NMS:
            raise ValueError(f"nms is {self.nms!r}; it is one of {', '.join(NMS)}")

    @property
    def count(self) -> int:
        """K, regions an image."""
        return self.per_scale * len(SCALES)

    def __call__(self, scores: Tensor, anchors: Anchors) -> Tensor:
        """``scores[B, A]`` -> ``index[B, K]``; ``separate`` gives the finer scale's first."""
        if self.nms == "separate":
            return separated_nms(scores, anchors, per_scale=self.per_scale, iou=self.iou)
        iou = max(self.iou - _ROUNDING, 0.0) if self.nms == "joint-equal" else self.iou
        return greedy_nms(scores, anchors.overlap, count=self.count, iou=iou)


def sample_places(anchors: Anchors, images: int, selector: RegionSelector) -> Tensor:
    """Boxes anywhere, all different: ``index[images, K]``, ``selector.per_scale`` of each scale.

    From PyTorch's random state, which `fgnb.training.fit` sets for each step.
    """
    device = anchors.boxes.device
    picks = []
    for index, _ in anchors.by_scale:
        order = torch.rand(images, len(index), device=device).topk(selector.per_scale, dim=1)
        picks.append(index[order.indices])
    return torch.cat(picks, dim=1)


class Scorer(nn.Module):
    """Extractor and pyramid: what proposes regions, shared by warm-up and joint stage."""

    def __init__(
        self,
        backbone: Backbone,
        anchors: Anchors,
        sizes: Sizes,
        cut: int,
        micro_batch: int | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.backbone.trunk.requires_grad_(False)
        self.pyramid = Pyramid(_channels(backbone))
        self.sizes, self.cut, self.micro_batch = sizes, cut, micro_batch
        self._anchors = {torch.device("cpu"): anchors}

    @property
    def extractor(self) -> Extractor:
        """The network that sees whole and regions alike."""
        return Extractor(self.backbone, self.sizes, self.cut, self.micro_batch)

    def anchors(self, device: torch.device) -> Anchors:
        """All boxes, on ``device``."""
        if device not in self._anchors:
            self._anchors[device] = self._anchors[torch.device("cpu")].to(device)
        return self._anchors[device]

    def score(self, maps: list[Tensor]) -> Tensor:
        """Scores ``Tensor[B, A]``; the pyramid sends no gradient into the extractor (as in NTS)."""
        return self.pyramid([m.detach() for m in maps])

    def choose(
        self, scores: Tensor, selector: RegionSelector, places: Tensor | None = None
    ) -> ChosenRegions:
        """Regions by their scores, or those at ``places[B, K]``."""
        anchors = self.anchors(scores.device)
        index = selector(scores.detach(), anchors) if places is None else places
        return ChosenRegions(index, scores.gather(1, index), anchors.boxes[index])


class RegionModel(Scorer):
    """The whole model.

    Args:
        backbone: with the weights of the first stage.
        classes: that ``head`` tells apart; the stage gives it its start.
        anchors: all boxes that can be picked.
        sizes: of whole, source and region.
        selector: how regions are picked.
        fusion: ``network`` or ``concatenate``.
        signal: of `SIGNALS`.
        cut: of the backbone.
        micro_batch: regions at a time, or None for all.
        shared_extractor: whether regions go through the extractor of whole images, or one of
            their own, which begins as a copy.

    Raises:
        ValueError: an unknown fusion or signal, or a fusion network without regions by scale.
    """

    def __init__(
        self,
        backbone: Backbone,
        classes: int,
        anchors: Anchors,
        sizes: Sizes,
        *,
        selector: RegionSelector,
        fusion: str,
        signal: str,
        cut: int,
        micro_batch: int | None = None,
        shared_extractor: bool = True,
    ) -> None:
        super().__init__(backbone, anchors, sizes, cut, micro_batch)
        if fusion not in FUSIONS:
            raise ValueError(f"fusion is {fusion!r}; it is one of {', '.join(FUSIONS)}")
        if signal not in SIGNALS:
            raise ValueError(f"scorer_signal is {signal!r}; it is one of {', '.join(SIGNALS)}")
        if fusion == "network" and selector.nms != "separate":
            raise ValueError(
                "the fusion network joins the regions of a scale: nms must be separate"
            )
        channels, parts = backbone.num_features, selector.count
        self.fusion: nn.Module = Concatenation()
        if fusion == "network":
            self.fusion, parts = Fusion(channels, len(SCALES), selector.per_scale), len(SCALES)
        self.head = nn.Linear(channels * (1 + parts), classes)
        self.selector, self.signal = selector, signal
        self.region_backbone = None if shared_extractor else copy.deepcopy(self.backbone)

    @property
    def region_extractor(self) -> Extractor:
        """The network that sees regions."""
        if self.region_backbone is None:
            return self.extractor
        return Extractor(self.region_backbone, self.sizes, self.cut, self.micro_batch)

    def forward(self, batch: ZoomedBatch, scores: Tensor | None = None) -> RegionOutput:
        """Embed and classify a batch; ``scores[B, A]`` take the place of the pyramid's."""
        maps = self.extractor.whole(batch.inputs)
        scores = self.score(maps) if scores is None else scores
        chosen = self.choose(scores, self.selector)
        regions = self.region_extractor.regions(batch, chosen.boxes)
        pooled = regions.mean(dim=(3, 4))
        if self.signal == "gate":
            regions = regions * chosen.scores.sigmoid()[:, :, None, None, None]
        parts = torch.cat([global_pool(maps[-1])[:, None], self.fusion(regions)], dim=1)
        embedding = parts.flatten(1)
        return RegionOutput(scores, embedding, self.head(embedding), pooled, chosen)

    def ranked(self, batch: ZoomedBatch, output: RegionOutput) -> tuple[Tensor, Tensor]:
        """What `margin-rank` compares: the chosen regions, and one rival of each scale anywhere.

        Returns:
            scores ``Tensor[B, M]`` with a gradient, pooled features ``Tensor[B, M, D]`` without.
        """
        placed = self.anchors(output.scores.device)
        rivals = sample_places(placed, len(output.scores), replace(self.selector, per_scale=1))
        extractor = self.region_extractor
        with torch.no_grad(), statistics_kept(extractor.backbone):
            pooled = extractor.regions(batch, placed.boxes[rivals]).mean(dim=(3, 4))
        scores = torch.cat([output.chosen.scores, output.scores.gather(1, rivals)], dim=1)
        return scores, torch.cat([output.pooled.detach(), pooled], dim=1)


class JointLoss(nn.Module):
    """Equation 7: softmax loss plus mu times the triplet loss; with ``margin-rank`` a third term.

    Args:
        mu: weight of the triplet loss.
        margin: ``a`` of equation 5.
        mining: of `fgnb.ccfr.triplet.MINING`.
        label_smoothing: of the softmax loss, as in the rows that this one is compared with.
    """

    def __init__(self, *, mu: float, margin: float, mining: str, label_smoothing: float) -> None:
        super().__init__()
        self.mu, self.margin, self.mining = mu, margin, mining
        self.label_smoothing = label_smoothing

    def forward(
        self, output: RegionOutput, targets: Tensor, ranked: tuple[Tensor, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """The loss by parts: ``loss``, ``softmax``, ``triplet`` and, with ``ranked``, ``rank``.

        Args:
            output: what the model makes of the batch.
            targets: ``Tensor[B]``.
            ranked: of `RegionModel.ranked`, where the signal is ``margin-rank``.
        """
        softmax = F.cross_entropy(output.logits, targets, label_smoothing=self.label_smoothing)
        triplet = triplet_loss(output.embedding, targets, margin=self.margin, mining=self.mining)
        parts = {"loss": softmax + self.mu * triplet, "softmax": softmax, "triplet": triplet}
        if ranked is not None:
            scores, pooled = ranked
            parts["rank"] = ranking_loss(scores, region_margins(pooled, targets))
            parts["loss"] = parts["loss"] + parts["rank"]
        return parts


@torch.no_grad()
def _channels(backbone: Backbone) -> tuple[int, int]:
    """Channels of the maps at strides 16 and 32."""
    device = next(backbone.parameters()).device
    found = backbone.maps(torch.zeros(1, 3, 64, 64, device=device), (16, 32))
    return found[16].shape[1], found[32].shape[1]
