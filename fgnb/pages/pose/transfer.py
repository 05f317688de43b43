"""The coordinate transfer layer (pose, section 3.2): what it pools, and where errors flow."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fgnb.nn.backbones import global_pool
from fgnb.nn.maps import seeded_backbone
from fgnb.pose import CoordinateTransfer, decode
from fgnb.pose.correspondence import Gradients, correspondence, error_gradients
from fgnb.pose.frozen import FrozenMaps
from fgnb.pose.localiser_stage import localiser_of
from fgnb.pose.recipe import localiser_spec
from fgnb.report import kinds
from fgnb.report.layout import numbers_table
from fgnb.report.page import Page
from fgnb.report.sheet import Number
from fgnb.report.trace import Call, trace, weights_of
from fgnb.report.trace import block_diagram as block_diagram
from fgnb.training import environment
from fgnb.training.counted import Counted

NOTEBOOK = "pose/3-2-coordinate-transfer"
CODE = ("fgnb.pose.correspondence", "fgnb.pose.frozen", "fgnb.pose.transfer")
ROW = "transfer-layer"
# fmt: off
FLOW = numbers_table("Where the classification error flows", [
    Number("own.pose.transfer.area", "Cells in any window", kinds.mean_share(f"{ROW}/area")),
    Number("own.pose.transfer.inside", "Gradient inside the windows",
           kinds.mean_share(f"{ROW}/inside_parts")),
    Number("pose.claim.gradient-to-window", "Gradient inside, minus cells in any window",
           kinds.excess(f"{ROW}/inside_parts", f"{ROW}/area"),
           "The error flows to the pooled regions: gradient inside, over their share of cells"),
    Number("own.pose.transfer.zero-outside", "Cells outside whose gradient is exactly zero",
           kinds.mean_share(f"{ROW}/zero_outside")),
    Number("own.pose.transfer.inside-joint", "Gradient inside, with the whole image joined",
           kinds.mean_share(f"{ROW}/inside_joint")),
    Number("own.pose.transfer.excess-joint", "The same, minus cells in any window",
           kinds.excess(f"{ROW}/inside_joint", f"{ROW}/area"),
           "With the whole image joined: gradient inside, over their share of cells"),
])
MEETING = numbers_table("What pooling at keypoints brings together", [
    Number("own.pose.transfer.nearest", "Pooled parts most like their own prototype",
           kinds.mean_share(f"{ROW}/nearest")),
    Number("own.pose.transfer.nearest-excess", "The same, over one in the number of parts",
           kinds.excess(f"{ROW}/nearest", f"{ROW}/nearest_chance"),
           "A pooled part is most like the mean of its own kind, over chance"),
    Number("own.pose.transfer.hit", "Heat maps that are highest in the true window",
           kinds.mean_share(f"{ROW}/hit")),
    Number("own.pose.transfer.hit-excess", "The same, over the window's share of cells",
           kinds.excess(f"{ROW}/hit", f"{ROW}/hit_chance")),
])
FIGURES = numbers_table("Sizes under the figures", [
    Number("pose.fig1", "Weights in Fig. 1", kinds.exact(f"{ROW}/weights"), unit="count"),
    Number("pose.fig2", "Numbers that the layer stacks, parts times channels",
           kinds.exact(f"{ROW}/stacked"), unit="count"),
])
# fmt: on
TABLES = (FLOW, MEETING, FIGURES)


def frozen(page: Page) -> FrozenMaps:
    """Frozen maps of the page's set.

    Raises:
        ValueError: a set without keypoints.
    """
    if not page.images.visible.shape[1]:
        raise ValueError(f"{page.images.title} has no keypoints, which the layer pools at")
    return FrozenMaps(page.images, page.scale, **page.options)


def measured(
    page: Page, made: FrozenMaps, window: int
) -> tuple[Counted, dict[str, Any], Gradients]:
    """What a record keeps: where it comes from, and its arrays; and where the errors flow."""
    began, flow = time.monotonic(), error_gradients(made, window)
    arrays = correspondence(made, window) | flow.arrays()
    points, (depth, *_) = made.points, made.shape
    arrays |= {"stacked": np.array([points.shape[1] * depth])}
    arrays |= {"weights": np.array([weights_of(trace_model(page, made))])}
    around = environment.describe(made.spec.threads, time.monotonic() - began)
    described = made.described | {"window": window}
    return Counted(spec=described, environment=around, code_of=CODE), arrays, flow


class Network(nn.Module):
    """Fig. 1: where to look, then what is there, with the classifier's own map."""

    def __init__(self, page: Page, made: FrozenMaps, window: int = 3) -> None:
        super().__init__()
        images, spec = page.images, made.spec
        about: Any = {"phase": "all", "fold": spec.fold, "seed": spec.seed}
        of = localiser_spec(page.scale, spec.backbone, spec.weights, **about)
        own = seeded_backbone(spec.backbone, spec.weights, cut=of.cut, seed=spec.seed)
        self.localiser = localiser_of(own, of)
        self.where = _Highest()
        self.extractor = made.network
        self.transfer = CoordinateTransfer(window)
        depth, parts = made.shape[0], images.visible.shape[1]
        width = parts * depth + made.network.num_features
        self.classifier = nn.Linear(width, len(images.classes))

    def forward(self, pictures: Tensor) -> Tensor:
        """``Tensor[B, 3, H, W]`` -> logits ``Tensor[B, C]``."""
        scores = self.localiser(pictures)
        maps = self.extractor.trunk(pictures)
        points = self.where(scores, maps)
        parts = self.transfer(maps, points).flatten(1)
        whole = global_pool(self.extractor.tail(maps))
        return self.classifier(torch.cat([parts, whole], dim=1))


class _Highest(nn.Module):
    """The highest output of each score map, in cells of another map."""

    def forward(self, scores: Tensor, maps: Tensor) -> Tensor:
        ratio = maps.shape[-1] / scores.shape[-1]
        return (decode(scores).cells + 0.5) * ratio - 0.5


def trace_model(page: Page, made: FrozenMaps) -> list[Call]:
    """Fig. 1 from one pass over a blank picture, its weights at random where none are trained."""
    names = {
        "localiser": "localisation network",
        "extractor.trunk": "classifier's trunk",
        "where": "highest output",
        "transfer": "coordinate transfer",
        "extractor.tail": "classifier's tail",
        "classifier": "classifier of all",
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Network(page, made)
    side = made.spec.image_size
    return trace(network, torch.zeros(1, 3, side, side), parts=names)
