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
from fgnb.nn.nts_proposer import Proposer
from fgnb.nn.ranking import ranking_loss, sureness


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


class NTSHeads(Proposer):
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
        super().__init__(n_features, image_size, proposals=proposals, iou=iou)
        if not 1 <= concatenated <= proposals:
            raise ValueError(f"concatenated is {concatenated}, needs 1 to proposals, {proposals}")
        self.concatenated = concatenated
        self.dropout = nn.Dropout(dropout)
        self.raw = nn.Linear(n_features, n_classes)
        self.part = nn.Linear(n_features, n_classes)
        self.concat = nn.Linear(n_features * (concatenated + 1), n_classes)

    @torch.no_grad()
    def start_from(self, weight: Tensor, bias: Tensor, region_share: float = 0.5) -> None:
        """Let all three classifiers begin as one of whole images.

        Args:
            weight: ``Tensor[C, D]``.
            bias: ``Tensor[C]``.
            region_share: as in `start_joint`.
        """
        for head in (self.raw, self.part):
            head.weight.copy_(weight)
            head.bias.copy_(bias)
        self.start_joint(region_share)

    def start_joint(self, region_share: float = 0.5) -> None:
        """Let the classifier of all begin as a mean of what the two others say.

        Args:
            region_share: weight of what is said of the regions, 0 to 1; the rest is the whole's.
        """
        start_as_mean(self.concat, self.raw, self.part, share=region_share, whole_first=False)

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
    part_targets = targets.repeat_interleave(output.part_logits.shape[1])

    def classification(logits: Tensor, truths: Tensor) -> Tensor:
        return cross_entropy(logits, truths, label_smoothing=label_smoothing)

    terms = {
        "raw": classification(output.raw_logits, targets),
        "concat": classification(output.concat_logits, targets),
        "part": classification(output.part_logits.flatten(0, 1), part_targets),
        "rank": ranking_loss(scores, sureness(output.part_logits, targets)),
    }
    return {"loss": torch.stack(list(terms.values())).sum(), **terms}
