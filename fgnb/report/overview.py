"""focus as it runs (Fig. 1), what it costs beside NTS, and which classifiers an answer needs.

Costs are of answering one picture: the whole through the extractor, finding regions, the regions
that are joined through the same extractor, and the last classifier. Both methods join as many
regions; they differ in what finds them. Counted on the meta device, so no network is trained or
even filled with numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fgnb.focus.region_answers import RegionAnswers
from fgnb.focus.region_stage import FocusStage
from fgnb.focus.spec import STRIDE
from fgnb.metrics.coverage import boxes_moved
from fgnb.nn.backbones import NO_CUT
from fgnb.nn.cost import META, Part, head_part, meta_backbone, step_cost, whole_part
from fgnb.nn.nts import ProposalNetwork
from fgnb.report.derive import measure
from fgnb.report.markup import Cell, Table
from fgnb.report.provenance import Provenance
from fgnb.report.results import OWN, Result
from fgnb.report.trace import Call, trace

METHODS = {"focus": "focus", "nts": "NTS"}
PIECES = {
    "whole": "Whole picture through the extractor",
    "finder": "Finding regions",
    "regions": "Regions through the extractor",
    "classifier": "Classifier of all together",
}
HEADS = ("image", "region")
_WHOLE = "model"


@dataclass(frozen=True)
class Scene:
    """What a cost depends on: extractor, pixels, classes and joined regions."""

    backbone: str
    image_size: int
    crop_size: int
    classes: int
    joined: int = 4

    @classmethod
    def of(cls, stage: FocusStage) -> Scene:
        """The scene of a stage."""
        spec, classes = stage.spec, len(stage.images.classes)
        return cls(spec.backbone, spec.image_size, spec.crop_size, classes, spec.concatenated)


PAPER = Scene("resnet50", 448, 224, 200)
"""Section 4.2, on CUB-200-2011."""


@dataclass(frozen=True)
class Piece:
    """Weights and operations (multiplications and additions) of a piece of an answer."""

    weights: int
    operations: int


def trace_model(stage: FocusStage) -> list[Call]:
    """Fig. 1 from one pass of a stage's model over its first query.

    The attention map is a product of the last map and the image-level classifier's weights, and no
    module: its step is made from the shapes that the pass returned. With a frozen trunk the whole
    picture's map comes from the cache, so its pass through the trunk is not among the steps.
    """
    model = stage.module().model
    cached = {"backbone.trunk": "trunk", "backbone.tail": "tail"}
    names = {"": _WHOLE, **({"backbone": "extractor"} if stage.spec.cut == NO_CUT else cached)}
    heads = {"image": "image-level classifier", "region": "region-level classifier"}
    names |= {**heads, "hybrid": "hybrid classifier"}
    views = next(iter(stage.zoomed.batches(stage.query_index[:1])))
    with torch.random.fork_rng(devices=[]):
        whole, *steps = trace(model, views, parts=names)
    maps, _, _, boxes = whole.shapes[-4:]
    cells = math.prod(maps) // stage.spec.map_scale**2
    found = Call("attention map, boxes", (maps, boxes), 0, cells * model.image.weight.numel(), True)
    place = 1 + next(i for i, step in enumerate(steps) if step.name == heads["image"])
    return [*steps[:place], found, *steps[place:]]


def answer_cost(method: str, scene: Scene) -> dict[str, Piece]:
    """Of each of `PIECES`, in their order; weights that an earlier piece has count nothing.

    Raises:
        ValueError: a method that is none of `METHODS`.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}, needs one of {', '.join(METHODS)}")
    backbone = meta_backbone(scene.backbone, cut=NO_CUT)
    width, cells = backbone.num_features, -(-scene.image_size // STRIDE)
    with META:
        finder, shape = (
            (nn.Linear(width, scene.classes), (cells**2, width))
            if method == "focus"
            else (ProposalNetwork(width), (width, cells, cells))
        )
    crop = (3, scene.crop_size, scene.crop_size)
    whole = whole_part(backbone, image_size=scene.image_size, cut=NO_CUT, items=1, backward=False)
    parts = {
        "whole": whole,
        "finder": Part(finder, (shape,), 1, backward=False),
        "regions": Part(backbone, (crop,), scene.joined, backward=False),
        "classifier": head_part(width * (1 + scene.joined), scene.classes, 1),
    }
    return {
        name: Piece(
            0 if name == "regions" else sum(p.numel() for p in part.module.parameters()),
            step_cost([part]).forward,
        )
        for name, part in parts.items()
    }


def cost_table(scene: Scene) -> Table:
    """A line a piece and their sum, for both methods: weights and operations."""
    costs = {method: answer_cost(method, scene) for method in METHODS}
    lines = [
        (Cell(words), *(cell for m in METHODS for cell in _cells(costs[m][name])))
        for name, words in PIECES.items()
    ]
    lines.append((Cell("Sum"), *(c for m in METHODS for c in _cells(_sum(costs[m]), strong=True))))
    columns = ("Piece", *(f"{m}, {w}" for m in METHODS.values() for w in _WORDS))
    caption = (
        f"{scene.backbone} at {scene.image_size} px, {scene.joined} regions of {scene.crop_size} "
        f"px, {scene.classes} classes."
    )
    return Table(columns, tuple(lines), frozenset(columns[1:]), caption)


def cost_arrays(scenes: Mapping[str, Scene]) -> dict[str, NDArray[Any]]:
    """Sums of both methods in each scene, and what focus saves of NTS's in percent."""
    arrays: dict[str, NDArray[Any]] = {}
    for scene, given in scenes.items():
        sums = {method: _sum(answer_cost(method, given)) for method in METHODS}
        for what in ("weights", "operations"):
            ours, theirs = (float(getattr(sums[method], what)) for method in METHODS)
            found = {"focus": ours, "nts": theirs, "saved": 100 * (1 - ours / theirs)}
            arrays |= {f"{scene}_{name}_{what}": np.array([v]) for name, v in found.items()}
    return arrays


def cost_results(
    arrays: Mapping[str, NDArray[Any]], scenes: Sequence[str], *, provenance: Provenance
) -> list[Result]:
    """The claim that the method is compact, as shares saved, and the sums behind it."""
    results = []
    for scene in scenes:
        for what in ("weights", "operations"):
            rows = {"saved": ("focus.claim.compact", f"Saved of NTS's {what}: {scene}", "percent")}
            for method, words in METHODS.items():
                claim = f"{OWN}focus.cost.{scene}.{method}.{what}"
                rows[method] = (claim, f"{words}, {what} of an answer: {scene}", "count")
            for name, (claim, label, unit) in rows.items():
                rule = {"kind": "mean", "of": f"{scene}_{name}_{what}"}
                about: dict[str, Any] = {"provenance": provenance, "label": label, "unit": unit}
                results.append(measure(claim, rule, arrays, **about))
    return results


def head_arrays(
    steps: Sequence[Call], found: Mapping[str, RegionAnswers]
) -> dict[str, NDArray[Any]]:
    """What removing a classifier changes on each held-out image, and the weights under Fig. 1.

    Args:
        steps: of `trace_model`.
        found: answers ``as trained``, and by each of `HEADS` those without it.
    """
    kept = found["as trained"]
    weights = sum(step.parameters for step in steps if not step.again)
    arrays: dict[str, NDArray[Any]] = {"weights": np.array([weights], dtype=float)}
    for head in HEADS:
        probs = found[head].probs
        arrays[f"{head}_changed"] = probs.argmax(axis=1) != kept.probs.argmax(axis=1)
        arrays[f"{head}_moved"] = boxes_moved(kept.boxes, found[head].boxes)
    return arrays


def head_results(arrays: Mapping[str, NDArray[Any]], *, provenance: Provenance) -> list[Result]:
    """Fig. 1's weights, and the claim about classifiers that serve training alone."""
    rows: list[tuple[str, str, dict[str, str], str | None]] = [
        ("focus.fig1", "Weights of the traced model", {"kind": "mean", "of": "weights"}, "count")
    ]
    claim = "focus.claim.image-and-region-heads-train-only"
    for head in HEADS:
        removed = f"without the {head}-level classifier"
        share = {"kind": "share", "of": f"{head}_changed"}
        moved = {"kind": "mean-share", "of": f"{head}_moved"}
        rows.append((claim, f"Held-out answers that change {removed}", share, None))
        rows.append((claim, f"Regions that differ {removed}", moved, None))
    return [
        measure(claim, rule, arrays, provenance=provenance, label=label, unit=unit)
        for claim, label, rule, unit in rows
    ]


def _sum(pieces: Mapping[str, Piece]) -> Piece:
    found = pieces.values()
    return Piece(sum(p.weights for p in found), sum(p.operations for p in found))


def _cells(piece: Piece, *, strong: bool = False) -> tuple[Cell, Cell]:
    return (
        Cell("shared" if not piece.weights else f"{piece.weights / 1e3:,.1f}", strong=strong),
        Cell(f"{piece.operations / 1e6:,.1f}", strong=strong),
    )


_WORDS = ("weights, thousands", "operations, millions")
