"""Section 3.1 of pose: score maps over a picture, what one score sees, what a grid can reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fgnb.nn.backbones import NO_CUT
from fgnb.nn.cost import META, meta_backbone
from fgnb.pages.pose.ceilings import (
    ALPHAS,
    by_alpha,
    found_share,
    nearest_points,
    pck_rule,
    with_truth,
)
from fgnb.pose.answers import localised
from fgnb.pose.field import field, layers_of
from fgnb.pose.grids import VALID, Grid, grid_of
from fgnb.pose.localiser import Localiser
from fgnb.pose.localiser_stage import LocaliserStage
from fgnb.pose.recipe import PUBLISHED, SIZE, VGG
from fgnb.pose.rows import LOCALISER
from fgnb.report import kinds
from fgnb.report.layout import Table, numbers_table
from fgnb.report.page import Page
from fgnb.report.render import Html
from fgnb.report.sheet import Number, Sheet
from fgnb.training import Run

NOTEBOOK = "pose/3-1-keypoints"
CODE = ("fgnb.pose.answers", "fgnb.pose.field")
ROWS = (LOCALISER,)
LITERAL, REACH, ALPHA = "literal", "reach", 0.10
SMALL = 224
"""Side of the input that VGG was made for, pixels (section 3.1)."""
SIZES = (SMALL, 250, 333, 500, 640)
"""Inputs that the literal network is given, pixels."""
GRIDS = {
    "valid-224": (VALID, SMALL, "The literal network at 224 px"),
    "valid-500": (VALID, SIZE.value, "The literal network at 500 px, 10 x 10 cells"),
    "whole-500": ("stride-32", SIZE.value, "The same over the whole image, 16 x 16"),
}


def _reach(row: str, alpha: float, label: str) -> Number:
    claim = f"own.pose.grid.{row}.pck{round(100 * alpha):02d}"
    return Number(claim, f"{label}, {alpha:.2f}", pck_rule(row, alpha))


# fmt: off
_OWN = {f"cells-{kind}": kind for kind in ("stride-32", "stride-16", "stride-8")}
_LABELS = {row: label for row, (_, _, label) in GRIDS.items()} | {
    row: f"At this page's input, {kind}" for row, kind in _OWN.items()
}
REFINES = numbers_table("What finer maps could give at best", [
    Number("pose.claim.upsampling-refines",
           "Keypoints within reach of a cell, 500 px minus 224 px; alpha 0.10",
           kinds.excess(f"{REACH}/valid-500", f"{REACH}/valid-224"),
           "An input of 500 pixels gives finer positions: keypoints within reach of a cell"),
    Number("own.pose.whole-over-literal", "Whole image minus 10 x 10 cells, both at 500 px",
           kinds.excess(f"{REACH}/whole-500", f"{REACH}/valid-500"),
           "A map over the whole image reaches more than the literal 10 x 10 (ours)"),
    Number("own.pose.trained", "Keypoints that the trained localiser finds; alpha 0.10",
           kinds.mean_share(f"{REACH}/found"),
           "Keypoints that a localiser trained on our default grid finds at 0.10"),
])
CEILINGS = numbers_table("PCK of a perfect predictor that names the nearest cell", [
    _reach(row, alpha, label) for row, label in _LABELS.items() for alpha in ALPHAS
])
SETTINGS = numbers_table("Settings of section 3.1, counted on the network that they describe", [
    *(Number(f"pose.setting.{name}", label, kinds.exact(f"{LITERAL}/{name}"), unit=unit)
      for name, label, unit in (
        ("vgg-input", "Side at which VGG's map has the window of its fc6", "pixels"),
        ("receptive-field", "Side of the last layer's receptive field", "pixels"),
        ("input", "Side of the input", "pixels"),
        ("map", "Cells on a side of the last map", "count"),
        ("map-channels", "Channels of the last map", "count"),
        ("score-kernel", "Side of the convolution that scores", "count"),
        ("converted-layers", "Fully connected layers that became convolutions", "count"),
    )),
    Number("pose.claim.any-input-size", f"Inputs taken, of {len(SIZES)} sizes",
           kinds.share(f"{LITERAL}/taken")),
])
# fmt: on
TABLES: tuple[Table, ...] = (REFINES, SETTINGS, CEILINGS)


def derive(sheet: Sheet, p: Any) -> None:
    """Add what each grid could reach on the pictures that a localiser answered."""
    if LOCALISER not in sheet.rows:
        return
    record = sheet.rows[LOCALISER]
    arrays, size = record.arrays, int(record.origin.spec["image_size"])
    grids = {row: (kind, at) for row, (kind, at, _) in GRIDS.items()}
    grids |= {row: (kind, size) for row, kind in _OWN.items()}
    reach = {"found": found_share(arrays, arrays["points"], ALPHA)}
    for row, (kind, at) in grids.items():
        points = nearest_points(arrays, kind, at, size)
        sheet.derive(row, LOCALISER, **with_truth(arrays, points))
        reach[row] = found_share(arrays, points, ALPHA)
    sheet.derive(REACH, LOCALISER, **reach)


def ceilings(page: Page) -> Html:
    """What each grid could reach, a column an alpha."""
    return page.drawn(CEILINGS, lambda frames: by_alpha(CEILINGS, frames))


def literal_network() -> Localiser:
    """VGG-16 and its fc6 and fc7 as section 3.1 has them, without its numbers."""
    backbone = meta_backbone(VGG, cut=NO_CUT)
    channels, kernel = PUBLISHED["channels"].value, PUBLISHED["kernel"].value
    with META:
        return Localiser(backbone, VALID, channels=channels, kernel=kernel, prior=0.01).eval()


def literal_arrays() -> dict[str, np.ndarray]:
    """The settings of section 3.1, counted on `literal_network`; which sizes it takes."""
    network, size = literal_network(), SIZE.value
    shapes: dict[str, torch.Size] = {}
    network.head.fc7.register_forward_hook(lambda _, __, out: shapes.update(fc7=out.shape))
    with torch.no_grad():
        taken = []
        for side in SIZES:
            cells = grid_of(VALID, side).cells
            scores = network(torch.empty(1, 3, side, side, device=META))
            taken.append(scores.shape[2:] == (cells, cells))
        layers = layers_of(network, torch.empty(1, 3, size, size, device=META))
    converted = [network.head.fc6[0], network.head.fc7]
    counted = {
        "vgg-input": next(side for side in range(32, size) if _window(side)),
        "receptive-field": field(layers)[0],
        "input": size,
        "map": shapes["fc7"][-1],
        "map-channels": shapes["fc7"][1],
        "score-kernel": network.head.score.kernel_size[0],
        "converted-layers": len(converted),
    }
    return {name: np.array([value]) for name, value in counted.items()} | {"taken": np.array(taken)}


def _window(side: int) -> bool:
    """Whether VGG's own pooling, which drops what is left over, ends in fc6's window."""
    return side // 32 == PUBLISHED["kernel"].value


def literal_field() -> tuple[Grid, int]:
    """The literal grid at 500 pixels, and the side of the window that each of its cells sees."""
    with torch.no_grad():
        size = SIZE.value
        layers = layers_of(literal_network(), torch.empty(1, 3, size, size, device=META))
    return grid_of(VALID, size), field(layers)[0]


def add(page: Page, stage: LocaliserStage, run: Run) -> None:
    """Put a localiser's run, and the literal network's settings, on the page."""
    page.add({LOCALISER: run}, {LOCALISER: localised(stage, run)})
    page.count(LITERAL, literal_arrays(), dataset=page.p.dataset, images=page.images)
