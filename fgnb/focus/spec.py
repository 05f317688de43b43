"""What the weights of the region stage depend on, but for the pictures and the code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fgnb.baselines.placement import KINDS
from fgnb.baselines.plain import PlainSpec
from fgnb.baselines.start import check_head_start
from fgnb.nn.heads import check_share
from fgnb.nn.zoomed import Sizes

STRIDE = 32
"""Of the backbone's last map, pixels."""
ATTENTION = ("max", "single")
BOXES = ("attention", *KINDS)
WEIGHTS = ("image_weight", "region_weight", "hybrid_weight")


@dataclass(frozen=True)
class FocusSpec(PlainSpec):
    """The plain recipe, and what regions add to it.

    Attributes:
        source_size: side of the picture that regions are cut from, pixels.
        crop_size: side of a zoomed region, pixels.
        micro_batch: regions that go through the network at a time, or None for all.
        start: the run whose extractor and classifier training begins from (stage, key, spec); None
            is the pretrained extractor with a logistic regression on its features.
        head_start: of `fgnb.baselines.start`: whether the classifier of regions begins as a copy of
            the one of whole images, or is fitted.
        pretrained_rate: rate of the extractor, as a multiple of ``lr``, the classifiers'.
        attention: ``max`` over the maps of all classes, or ``single``: the true class's map in
            training, the predicted one's at test.
        count_bias: whether the classifier's biases count in its maps, even over all cells, so that
            the mean of a class's map is its score; equation 2 has none.
        sigma: width of the Gaussian, in cells of the backbone's last map.
        map_scale: cells of the attention map along a side of a cell of that map; above 1 the map
            is interpolated, and its boxes lie closer together.
        box_size: side of a box, pixels of the whole.
        border: of `fgnb.nn.regions.grid_boxes`.
        iou: overlap above which a region suppresses another.
        boxes: ``attention``, or a control of `fgnb.baselines.placement.KINDS`.
        proposals: m, regions that are classified one by one.
        concatenated: l, the best of them, which join the whole.
        shared_extractor: whether regions go through the extractor of whole images, or one of their
            own, which begins as a copy.
        shared_classifier: whether one classifier judges all regions alone, or the k-th best has
            one of its own, for all k.
        region_share: the regions' weight in the hybrid classifier's start.
        through_positions: whether crops pass a gradient to the attention map (an option of ours).
        image_weight, region_weight, hybrid_weight: of the three softmax losses. At 0 the hybrid
            classifier is left out and the image-level one answers.
    """

    source_size: int
    crop_size: int
    micro_batch: int | None
    start: dict[str, Any] | None
    head_start: str
    pretrained_rate: float
    attention: str
    count_bias: bool
    sigma: float
    map_scale: int
    box_size: float
    border: str
    iou: float
    boxes: str
    proposals: int
    concatenated: int
    shared_extractor: bool
    shared_classifier: bool
    region_share: float
    through_positions: bool
    image_weight: float
    region_weight: float
    hybrid_weight: float

    def __post_init__(self) -> None:
        check_head_start(self.head_start)
        check_share(self.region_share)
        options = {"attention": ATTENTION, "boxes": BOXES}
        for name, known in options.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; it is one of {', '.join(known)}"
                )
        if self.map_scale < 1:
            raise ValueError(f"map_scale is {self.map_scale}; it should be at least 1")
        if not 1 <= self.concatenated <= self.proposals:
            raise ValueError(
                f"concatenated is {self.concatenated}; it should be 1 to proposals, "
                f"{self.proposals}"
            )
        weights = {name: getattr(self, name) for name in WEIGHTS}
        for name, weight in weights.items():
            if weight < 0:
                raise ValueError(f"{name} is {weight}; it should be 0 or more")
        if not any(weights.values()):
            raise ValueError(f"{', '.join(weights)} are all 0; there is nothing to train")

    @property
    def sizes(self) -> Sizes:
        """Whole, source and region."""
        return Sizes(self.image_size, self.source_size, self.crop_size)

    @property
    def hybrid(self) -> bool:
        """Whether there is a hybrid classifier, which then answers."""
        return self.hybrid_weight > 0
