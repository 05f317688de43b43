"""What answering one picture costs, by this method and by NTS, which has a network to find regions.

The whole goes through the extractor, regions are found, those that are joined go through the same
extractor, and the last classifier answers. Both methods join as many regions; they differ in what
finds them. Counted on the meta device, where networks have shapes and no numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from torch import nn

from fgnb.focus.spec import STRIDE
from fgnb.nn.backbones import NO_CUT
from fgnb.nn.cost import META, Part, head_part, meta_backbone, step_cost, whole_part
from fgnb.nn.nts_proposer import ProposalNetwork

METHODS = {"focus": "focus", "nts": "NTS"}
STEPS = {
    "whole": "Whole picture through the extractor",
    "finder": "Finding regions",
    "regions": "Regions through the extractor",
    "classifier": "Classifier of all together",
}


@dataclass(frozen=True)
class Network:
    """What a cost depends on: extractor, pixels, classes and joined regions."""

    backbone: str
    image_size: int
    crop_size: int
    classes: int
    joined: int = 4

    @classmethod
    def of(cls, spec: Any, classes: int) -> Network:
        """The network of a `fgnb.focus.spec.FocusSpec`."""
        return cls(spec.backbone, spec.image_size, spec.crop_size, classes, spec.concatenated)


PAPER = Network("resnet50", 448, 224, 200)
"""Section 4.2, on CUB-200-2011."""


class Cost(NamedTuple):
    """Weights and operations (multiplications and additions)."""

    weights: int
    operations: int


@lru_cache(maxsize=16)
def answer_cost(method: str, network: Network) -> dict[str, Cost]:
    """Of each of `STEPS`, in their order; weights that an earlier step has count nothing.

    Raises:
        ValueError: a method that is none of `METHODS`.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}, needs one of {', '.join(METHODS)}")
    backbone = meta_backbone(network.backbone, cut=NO_CUT)
    width, cells = backbone.num_features, -(-network.image_size // STRIDE)
    with META:
        finder, shape = (
            (nn.Linear(width, network.classes), (cells**2, width))
            if method == "focus"
            else (ProposalNetwork(width), (width, cells, cells))
        )
    crop, size = (3, network.crop_size, network.crop_size), network.image_size
    parts = (
        whole_part(backbone, image_size=size, cut=NO_CUT, items=1, backward=False),
        Part(finder, (shape,), 1, backward=False),
        Part(backbone, (crop,), network.joined, backward=False),
        head_part(width * (1 + network.joined), network.classes, 1),
    )
    weights = [sum(p.numel() for p in part.module.parameters()) for part in parts]
    weights[2] = 0  # the extractor of the whole
    forward = [step_cost([part]).forward for part in parts]
    return dict(zip(STEPS, map(Cost, weights, forward), strict=True))


def total(costs: dict[str, Cost]) -> Cost:
    """The sum over the steps."""
    return Cost(*map(sum, zip(*costs.values(), strict=True)))
