"""The model of Fig. 1: one extractor, three linear classifiers, and a map that picks regions.

The image-level classifier's own weights make the attention map, so nothing is added to find
regions. Departures: the classifiers have biases, which equation 1 lacks (and equation 2 leaves out
unless ``count_bias`` asks for them); they begin from one classifier of whole images, or that of
regions from a fit on regions; the hybrid one always begins as a weighted mean of what one says of
the whole and the other of the regions (``region_share``, evenly).
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgnb.focus.attention import attention_map
from fgnb.focus.positions import attached_boxes, attached_regions
from fgnb.focus.proposals import cell_boxes, choose
from fgnb.focus.spec import STRIDE, FocusSpec
from fgnb.nn.backbones import Backbone, global_pool
from fgnb.nn.heads import start_as_mean
from fgnb.nn.regions import Anchors
from fgnb.nn.zoomed import Extractor, ZoomedBatch


class ChosenRegions(NamedTuple):
    """Regions of a batch, best first.

    Attributes:
        maps: M, ``Tensor[B, h, w]``.
        places: cells of the map, rows first, ``Tensor[B, K]``.
        scores: the map there, ``Tensor[B, K]``.
        boxes: pixels of the frame, ``Tensor[B, K, 4]``.
    """

    maps: Tensor
    places: Tensor
    scores: Tensor
    boxes: Tensor


class FocusOutput(NamedTuple):
    """What the model makes of a batch.

    Attributes:
        image_logits: ``Tensor[B, C]``, equation 1.
        region_logits: ``Tensor[B, K, C]``, of each region alone.
        regions: what they are linear functions of, ``Tensor[B, K, D]``.
        hybrid_logits: ``Tensor[B, C]``, of the whole and the best regions, or None.
        embedding: what the answer is a linear function of: the whole's feature and, with the
            hybrid classifier, those of the best regions after it, ``Tensor[B, F]``.
        chosen: the regions.
    """

    image_logits: Tensor
    region_logits: Tensor
    regions: Tensor
    hybrid_logits: Tensor | None
    embedding: Tensor
    chosen: ChosenRegions

    @property
    def logits(self) -> Tensor:
        """The answer: the hybrid classifier's, or the image-level one's where there is none."""
        return self.image_logits if self.hybrid_logits is None else self.hybrid_logits


def region_boxes(spec: FocusSpec) -> Anchors:
    """The boxes of all cells of the attention map, at the stride of the backbone's last map.

    At 448 px that map is 14 x 14, at 224 px 7 x 7; ``map_scale`` puts more boxes between.
    """
    cells = -(-spec.image_size // STRIDE) * spec.map_scale
    return cell_boxes(spec.image_size, cells, spec.box_size, spec.border)


class FocusModel(nn.Module):
    """Section 3.

    Args:
        backbone: the extractor.
        head: the classifier of whole images that all three begin from.
        spec: sizes, and how regions are found.
    """

    def __init__(self, backbone: Backbone, head: nn.Linear, spec: FocusSpec) -> None:
        super().__init__()
        backbone.normalise_by(spec.batch_norm)
        self.backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.backbone.trunk.requires_grad_(False)
        self.spec = spec
        self.region_backbone = None if spec.shared_extractor else copy.deepcopy(self.backbone)
        self.extractor = Extractor(self.backbone, spec.sizes, spec.cut, spec.micro_batch)
        self.region_extractor = self.extractor
        if self.region_backbone is not None:
            self.region_extractor = Extractor(
                self.region_backbone, spec.sizes, spec.cut, spec.micro_batch
            )
        width, classes = head.in_features, head.out_features
        self.image = nn.Linear(width, classes)
        self.region = nn.Linear(width, classes)
        self.by_rank: nn.ModuleList | None = None
        if not spec.shared_classifier:
            self.by_rank = nn.ModuleList(nn.Linear(width, classes) for _ in range(spec.proposals))
            self.region.requires_grad_(False)  # only the start of these
        self.hybrid = nn.Linear(width * (1 + spec.concatenated), classes) if spec.hybrid else None
        for own in (self.image, self.region):
            own.load_state_dict(head.state_dict())
        self.start_others()
        self._anchors = {torch.device("cpu"): region_boxes(spec)}

    def forward(
        self,
        batch: ZoomedBatch,
        *,
        classes: Tensor | None = None,
        scores: Tensor | None = None,
        count: int | None = None,
    ) -> FocusOutput:
        """Look at whole images, then at their regions.

        Args:
            batch: the images.
            classes: whose maps ``attention="single"`` takes, ``Tensor[B]``; None: the predicted.
            scores: of the cells, in place of the map, to choose regions by, ``Tensor[B, A]``.
            count: regions to look at, None for m; under l only without a hybrid classifier.
        """
        feature_map = self.extractor.whole(batch.inputs)[-1]
        whole = global_pool(feature_map)
        image_logits = self.image(whole)
        if self.spec.attention == "max":
            classes = None
        elif classes is None:
            classes = image_logits.argmax(dim=1)
        chosen = self.choose(self.attend(feature_map, classes), scores, count)
        regions = self.look_at(batch, chosen, whole)
        embedding, hybrid_logits = whole, None
        if self.hybrid is not None:
            best = regions[:, : self.spec.concatenated].flatten(1)
            embedding = torch.cat([whole, best], dim=1)
            hybrid_logits = self.hybrid(embedding)
        return FocusOutput(
            image_logits, self.judge(regions), regions, hybrid_logits, embedding, chosen
        )

    def attend(
        self, feature_map: Tensor, classes: Tensor | None = None, *, sigma: float | None = None
    ) -> Tensor:
        """The attention map of ``feature_map[B, D, h, w]``: ``Tensor[B, h, w]``.

        That of ``classes[B]``, or of all; ``sigma`` in place of the spec's.

        Biases count as the weights of one more channel that is 1 everywhere. No gradient passes,
        but where ``through_positions`` asks for it.
        """
        spec, weight = self.spec, self.image.weight
        if spec.count_bias:
            feature_map = F.pad(feature_map, (0, 0, 0, 0, 0, 1), value=1.0)
            weight = torch.cat([weight, self.image.bias[:, None]], dim=1)
        with torch.set_grad_enabled(torch.is_grad_enabled() and spec.through_positions):
            maps = attention_map(
                feature_map,
                weight,
                sigma=spec.sigma if sigma is None else sigma,
                reduce="max" if classes is None else "class",
                classes=classes,
            )
            if spec.map_scale > 1:
                maps = F.interpolate(maps[:, None], scale_factor=spec.map_scale, mode="bilinear")
                maps = maps[:, 0]
            return maps

    def choose(
        self, maps: Tensor, scores: Tensor | None = None, count: int | None = None
    ) -> ChosenRegions:
        """The best regions of ``maps[B, h, w]``, or by ``scores[B, A]`` in their place.

        Raises:
            ValueError: a map that has not one cell a box.
        """
        anchors = self.anchors(maps.device)
        count = self.spec.proposals if count is None else count
        if maps[0].numel() != len(anchors):
            raise ValueError(
                f"maps has shape {tuple(maps.shape)}, needs {len(anchors)} cells, one a box"
            )
        judged = maps if scores is None else scores.view_as(maps)
        places = choose(judged, anchors, count=max(count, 1), iou=self.spec.iou)[:, :count]
        strength = maps.detach().flatten(1).gather(1, places)
        return ChosenRegions(maps, places, strength, anchors.boxes[places])

    def look_at(self, batch: ZoomedBatch, chosen: ChosenRegions, whole: Tensor) -> Tensor:
        """Features of the zoomed regions, ``Tensor[B, K, D]``."""
        if not chosen.places.shape[1]:
            return whole.new_zeros(len(whole), 0, whole.shape[1])
        if self.spec.through_positions and chosen.maps.requires_grad:
            anchors = self.anchors(whole.device)
            step = self.spec.image_size / chosen.maps.shape[-1]
            boxes = attached_boxes(chosen.maps, chosen.places, anchors, reach=1.01 * step)
            return attached_regions(self.region_extractor, batch, boxes).mean(dim=(3, 4))
        return self.region_extractor.regions(batch, chosen.boxes).mean(dim=(3, 4))

    def judge(self, regions: Tensor) -> Tensor:
        """What the region-level classifier says of ``regions[B, K, D]``: ``Tensor[B, K, C]``."""
        if self.by_rank is None or not regions.shape[1]:
            return self.region(regions)
        heads = list(self.by_rank)[: regions.shape[1]]
        return torch.stack([head(regions[:, k]) for k, head in enumerate(heads)], dim=1)

    def anchors(self, device: torch.device) -> Anchors:
        """All boxes, on ``device``."""
        if device not in self._anchors:
            self._anchors[device] = self._anchors[torch.device("cpu")].to(device)
        return self._anchors[device]

    def start_others(self) -> None:
        """Let the hybrid classifier begin as a weighted mean of the image's and the regions' one.

        Those of single ranks, where there are any, begin as copies of the regions' one.
        """
        for own in self.by_rank or ():
            own.load_state_dict(self.region.state_dict())
        if self.hybrid is not None:
            start_as_mean(self.hybrid, self.image, self.region, share=self.spec.region_share)


def losses(output: FocusOutput, targets: Tensor, spec: FocusSpec) -> dict[str, Tensor]:
    """Section 3.3: softmax losses alone, and ``loss``, their weighted sum.

    ``image``, ``region`` (the mean over images and regions) and ``hybrid``; one whose weight is 0
    is left out.

    Args:
        output: what the model says.
        targets: ``Tensor[B]``.
        spec: the weights, and the label smoothing of all three.
    """
    regions = output.region_logits.shape[1]
    said = {
        "image": (spec.image_weight, output.image_logits, targets),
        "region": (
            spec.region_weight,
            output.region_logits.flatten(0, 1),
            targets.repeat_interleave(regions),
        ),
        "hybrid": (spec.hybrid_weight, output.hybrid_logits, targets),
    }
    parts, total = {}, targets.new_zeros((), dtype=torch.float32)
    for name, (weight, logits, truth) in said.items():
        if weight and logits is not None:
            parts[name] = F.cross_entropy(logits, truth, label_smoothing=spec.label_smoothing)
            total = total + weight * parts[name]
    return {"loss": total, **parts}
