"""What the weights of the region stages depend on, but for the pictures and the code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fgnb.data.frame import Frame
from fgnb.nn.ranking import check_warm_up
from fgnb.nn.zoomed import Sizes


@dataclass(frozen=True)
class ZoomSpec:
    """Fields that the ranking warm-up and the joint stage share.

    ``start`` describes the run whose extractor and head training begins from (stage, key, spec).
    Sizes are in pixels: of the whole image, of the source that regions are cut from, of a zoomed
    region. ``frame`` and ``crop_ratio`` are of `fgnb.data.frame.Frame`, ``decay``, ``clip_norm``
    and ``batch_norm`` as in `fgnb.baselines.plain`.
    """

    backbone: str
    weights_tag: str
    weights_sha256: str
    image_size: int
    source_size: int
    crop_size: int
    frame: str
    crop_ratio: float
    cut: int
    fold: str
    fold_seed: int
    start: dict[str, Any]
    border: str
    iou: float
    per_scale: int
    epochs: int
    max_steps: int | None
    lr: float
    decay: str
    decay_every: int
    momentum: float
    weight_decay: float
    clip_norm: float
    batch_norm: str
    batch_size: int
    micro_batch: int | None
    seed: int
    threads: int

    @property
    def framing(self) -> Frame:
        """How a picture becomes a square."""
        return Frame(self.frame, self.crop_ratio)

    @property
    def sizes(self) -> Sizes:
        """The three sizes together."""
        return Sizes(self.image_size, self.source_size, self.crop_size)


@dataclass(frozen=True)
class WarmUpSpec(ZoomSpec):
    """The ranking warm-up; ``per_scale`` counts the regions that are ranked.

    ``candidates`` is ``sampled`` (anywhere, anew in each step) or ``best`` (the scorer's own).
    """

    candidates: str

    def __post_init__(self) -> None:
        check_warm_up(self.candidates, self.batch_norm)


@dataclass(frozen=True)
class RegionSpec(ZoomSpec):
    """The joint stage.

    ``warm_up`` describes the run whose pyramid scores the boxes, as ``start`` does; None where
    no network places boxes. ``boxes`` is ``scored``, or a control of
    `fgnb.baselines.placement.KINDS`. Regions go through the extractor of whole images
    (``shared_extractor``), or one of their own. ``region_share`` is the regions' weight in the
    head's start. ``new_layers`` multiplies the rate of fusion and head. A batch holds
    ``batch_size / images_per_class`` classes.
    """

    warm_up: dict[str, Any] | None
    boxes: str
    nms: str
    fusion: str
    scorer_signal: str
    shared_extractor: bool
    region_share: float
    mu: float
    margin: float
    mining: str
    images_per_class: int
    label_smoothing: float
    new_layers: float
    average: float
