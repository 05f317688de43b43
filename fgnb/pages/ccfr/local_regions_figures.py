"""Section 3.2 of ccfr in pictures: the model as it runs, and suppression step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fgnb.ccfr.region_stages import RegionStage
from fgnb.data import ImageSet
from fgnb.nn.backbones import NO_CUT
from fgnb.pages.ccfr.local_regions import Look
from fgnb.report import regions
from fgnb.report.figures import Picture, described
from fgnb.report.rows import rows_of
from fgnb.report.trace import Call, trace


def trace_model(stage: RegionStage) -> list[Call]:
    """Fig. 2 from one pass over a stage's first query; a frozen trunk's map of it is cached."""
    frozen = {"backbone.trunk": "trunk", "backbone.tail": "tail"}
    parts = {"backbone": "extractor"} if stage.spec.cut == NO_CUT else frozen
    names = {**parts, "pyramid": "pyramid", "fusion": "fusion", "head": "classifier"}
    views = next(iter(stage.zoomed.batches(stage.query_index[:1])))
    with torch.random.fork_rng(devices=[]):
        return trace(stage.module().model, views, parts=names)


def suppression(images: ImageSet, look: Look, query: int) -> Picture:
    """One image, step by step: scores of both scales, then the boxes under three rules of NMS."""
    own, asked = look.regions, look.proposals
    query = min(query, len(own) - 1)
    place = int(rows_of(images, own.ids[[query]])[0])
    picture = regions.framed(images, place, size=own.size, crop_ratio=own.crop_ratio)
    scores, levels = asked.scores[query].numpy(), asked.anchors.levels.numpy()
    figure = Picture(figsize=(9.0, 2.3), layout="constrained")
    panels = figure.subplots(1, 5)
    for level, axes in enumerate(panels[:2]):
        values = scores[levels == level]
        cells = round(len(values) ** 0.5)
        drawn: Any = {"extent": (0, cells, cells, 0)}
        axes.imshow(picture, **drawn)
        drawn |= {"cmap": "cividis", "alpha": 0.75, "vmin": scores.min(), "vmax": scores.max()}
        axes.imshow(values.reshape(cells, cells), **drawn)
        side = float(asked.anchors.scales[levels == level][0])
        axes.set_title(f"scores of {cells}×{cells} boxes\nof {side:.0f} px", fontsize=8)
    rules = {
        "on each scale": asked.separate(),
        "over all scales": asked.joint(),
        "over all scales,\nequal overlap closed": asked.joint(drop_equal=True),
    }
    every = np.unique(asked.anchors.scales.numpy())
    for axes, (name, index) in zip(panels[2:], rules.items(), strict=True):
        axes.imshow(picture, extent=(0, own.size, own.size, 0))
        boxes = asked.anchors.boxes[index[query]].numpy()
        regions.draw_boxes(axes, boxes, asked.anchors.scales[index[query]].numpy(), every)
        axes.set_title(name, fontsize=8)
    for axes in panels:
        axes.set(xticks=[], yticks=[])
    small = [f"{name}: {asked.small(index)[query].sum()}" for name, index in rules.items()]
    words = "; ".join(small).replace("\n", " ")
    what = "Scores of all boxes of two scales on one image, and the four boxes chosen"
    return described(figure, f"{what}; of them are small, by rule: {words}.")
