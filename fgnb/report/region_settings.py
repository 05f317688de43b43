"""The region model's settings beside the paper's, and its parts as they run (ccfr, Fig. 2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fgnb.ccfr.fusion import Fusion
from fgnb.ccfr.region_stages import RegionStage
from fgnb.nn.backbones import NO_CUT
from fgnb.report.derive import measure
from fgnb.report.provenance import Provenance
from fgnb.report.results import Result
from fgnb.report.setting import setting_result
from fgnb.report.trace import Call, trace


def trace_model(stage: RegionStage) -> list[Call]:
    """Fig. 2 from one pass of a stage's model over its first query.

    With a frozen trunk the whole image's map comes from the cache, so its pass through the trunk
    is not among the steps.
    """
    model = stage.module().model
    if stage.spec.cut == NO_CUT:
        parts = {"backbone": "extractor"}
    else:
        parts = {"backbone.trunk": "trunk", "backbone.tail": "tail"}
    names = {**parts, "pyramid": "pyramid", "fusion": "fusion", "head": "classifier"}
    views = next(iter(stage.zoomed.batches(stage.query_index[:1])))
    with torch.random.fork_rng(devices=[]):
        return trace(model, views, parts=names)


def setting_arrays(stage: RegionStage, steps: list[Call]) -> dict[str, NDArray[Any]]:
    """The settings in use that section 3.2 and 4.2 state, each an array of one number."""
    spec, anchors = stage.spec, stage.anchors
    sides = anchors.boxes[:, 2:] - anchors.boxes[:, :2]
    scales = np.unique(anchors.scales.numpy())
    found = {
        "image-size": spec.image_size,
        "box-scale-small": scales[0],
        "box-scale-large": scales[-1],
        "aspect-ratio": float((sides[:, 0] / sides[:, 1]).mean()),
        "region-size": spec.crop_size,
        "mu": spec.mu,
        "scales": len(scales),
        "regions-per-scale": spec.per_scale,
        "nms-iou": spec.iou,
        "learning-rate": spec.lr,
        "weight-decay": spec.weight_decay,
        "batch-size": spec.batch_size,
    }
    if spec.fusion == "network":
        found["fusion-kernel"] = _kernel(Fusion(1, 1, 1))
    arrays = {f"setting_{name}": np.array([value], dtype=float) for name, value in found.items()}
    weights = sum(step.parameters for step in steps if not step.again)
    return {**arrays, "weights": np.array([weights], dtype=float)}


def setting_results(arrays: Mapping[str, NDArray[Any]], *, provenance: Provenance) -> list[Result]:
    """Each setting in use beside the paper's, and the number of weights under Fig. 2."""
    results = [
        setting_result(
            f"ccfr.setting.{name.removeprefix('setting_')}", name, arrays, provenance=provenance
        )
        for name in arrays
        if name.startswith("setting_")
    ]
    fig2 = measure(
        "ccfr.fig2",
        {"kind": "mean", "of": "weights"},
        arrays,
        provenance=provenance,
        label="Weights of the traced model",
        unit="count",
    )
    return [fig2, *results]


def _kernel(fusion: Fusion) -> int:
    """Side of the fusion network's filters: the root of the weights between two channels."""
    weight = next(fusion.parameters())
    return math.isqrt(weight.numel() // (weight.shape[0] * weight.shape[1]))
