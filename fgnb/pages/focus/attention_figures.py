"""Attention maps and their regions as pictures (focus, section 3.2 and Fig. 2), also with dials.

Maps lie over the very pixels that the network saw; dark is low. Boxes are coloured by rank, in the
order of the paper's Fig. 2.
"""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.image import imsave
from matplotlib.patches import Rectangle
from torch import Tensor

from fgnb.data import ImageSet
from fgnb.focus.attention import smooth
from fgnb.focus.maps import KINDS, ClassMaps, every_class_map
from fgnb.focus.proposals import propose_regions
from fgnb.focus.region_stage import FocusStage
from fgnb.focus.spec import FocusSpec
from fgnb.nn.anchors import BORDERS
from fgnb.report import figures
from fgnb.report.embed import embedded, filled
from fgnb.report.figures import Picture, bare, described, literal, subplots
from fgnb.report.regions import Regions, framed
from fgnb.training import Run

RANK_COLOURS = (figures.RED, figures.GREEN, figures.BLUE, figures.ORANGE)
SHOWN = len(RANK_COLOURS)
SIGMAS, IOUS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0), (0.05, 0.15, 0.25, 0.4, 0.6)
START = (SIGMAS.index(1.0), IOUS.index(0.25))
_OUTLINE: Any = [patheffects.withStroke(linewidth=3.2, foreground="white", alpha=0.8)]


def frame(stage: FocusStage, query: int) -> np.ndarray:
    """A query as the network sees it, float32 ``[S, S, 3]`` in [0, 1]."""
    size, framing = stage.spec.image_size, stage.spec.framing
    return framed(stage.images, int(stage.query_index[query]), size=size, framing=framing)


def best_boxes(grid: Tensor, spec: FocusSpec) -> Tensor:
    """The four best boxes of a map ``Tensor[h, w]`` as it is."""
    about: Any = {"image_size": spec.image_size, "box_size": spec.box_size, "border": spec.border}
    return propose_regions(grid[None], count=SHOWN, iou=spec.iou, **about)[0]


def class_map_steps(stage: FocusStage, run: Run, query: int) -> Picture:
    """From class maps to boxes on one frame: two maps, the maximum, that smoothed, four boxes.

    The maps are those of the true class and of another one; all share one colour scale.
    """
    picture, maps, spec = frame(stage, query), every_class_map(stage, run, query), stage.spec
    highest, limits = maps.amax(dim=0), {"vmin": float(maps.min()), "vmax": float(maps.max())}
    truth = int(stage.images.labels[stage.query_index[query]])
    smoothed = smooth(highest[None], spec.sigma)[0]
    panels = [("true class", maps[truth]), ("another class", maps[(truth + 1) % len(maps)])]
    panels += [(f"maximum of {len(maps)}", highest), (f"smoothed, σ = {spec.sigma:g}", smoothed)]
    figure, (*cells, last) = subplots(1.6 * (len(panels) + 1), 2.0, 1, len(panels) + 1)
    for axes, (name, grid) in zip(cells, panels, strict=True):
        _draw(axes, picture, grid=grid, title=name, **limits)
    _draw(last, picture, best_boxes(smoothed, spec), title=f"best {SHOWN}, IoU {spec.iou:g}")
    highs = "; ".join(f"{name} up to {float(grid.max()):.2f}" for name, grid in panels)
    return described(figure, f"Maps over one image: {highs}. Last the {SHOWN} boxes chosen.")


def border_rules(stage: FocusStage, query: int, grid: Tensor) -> Picture:
    """The four best boxes of one smoothed map ``Tensor[h, w]`` under each rule for the border."""
    picture, spec = frame(stage, query), stage.spec
    figure, cells = subplots(2.1 * len(BORDERS), 2.3, 1, len(BORDERS))
    (low, high), words = (-spec.box_size / 2, len(picture) + spec.box_size / 2), []
    for axes, border in zip(cells, BORDERS, strict=True):
        boxes = best_boxes(grid, replace(spec, border=border))
        _draw(axes, picture, boxes, title=border)
        axes.set(xlim=(low, high), ylim=(high, low))
        outside = ((boxes < 0) | (boxes > len(picture))).any(dim=1).sum()
        cut = ((boxes[:, 2:] - boxes[:, :2] - spec.box_size).abs() >= 1e-3).any(dim=1).sum()
        words.append(f"{border}: {outside} over the border, {cut} cut")
    return described(figure, f"The {SHOWN} best boxes by border rule. {'; '.join(words)}.")


def maps_beside(stage: FocusStage, maps: ClassMaps, queries: Sequence[int]) -> Picture:
    """Maps of the predicted and the true class beside the maximum, each with its four boxes.

    A column a query; each map has a colour scale of its own.
    """
    count, lines, wrong = len(queries), len(KINDS), int(maps.wrong[list(queries)].sum())
    figure, cells = subplots(0.9 + 1.7 * count, 1.75 * lines, lines, count, squeeze=False)
    for kind, line in zip(KINDS, cells, strict=True):
        boxes = maps.anchors.boxes[maps.chosen(kind, SHOWN)]
        for axes, query in zip(line, queries, strict=True):
            _draw(axes, frame(stage, query), boxes[query], maps.of(kind)[query])
        line[0].set_ylabel(literal(kind), **figures.ROW_LABEL, labelpad=6)
    words = f"Attention maps of {count} images, {wrong} of them with a wrong predicted class. "
    rows = f"Rows: {', '.join(KINDS)}; the {SHOWN} best boxes of each map."
    return described(figure, words + rows)


def ranked_sheet(images: ImageSet, regions: Regions, queries: Sequence[int]) -> Picture:
    """Fig. 2: pictures of some queries with their four best boxes, coloured by rank."""
    columns, lines = min(6, len(queries)), math.ceil(len(queries) / 6)
    figure, cells = subplots(1.65 * columns, 1.65 * lines, lines, columns, squeeze=False)
    rows = images.rows_of(regions.ids[list(queries)])
    for axes, query, row in zip(cells.flat, queries, rows, strict=False):
        picture = framed(images, int(row), size=regions.size, framing=regions.framing)
        _draw(axes, picture, regions.boxes[query][:SHOWN])
    for axes in cells.flat[len(queries) :]:
        axes.set_axis_off()
    words = f"{len(queries)} pictures, each with its {SHOWN} best boxes: red, green, blue and "
    return described(figure, f"{words}orange in the order of their rank.")


class RegionDial:
    """The map of one query and its boxes under every width of the Gaussian and overlap.

    All are computed by the library; the script of dial.html only picks among them.
    """

    def __init__(self, stage: FocusStage, run: Run, query: int) -> None:
        self.image, specs = frame(stage, query), [replace(stage.spec, iou=iou) for iou in IOUS]
        highest = every_class_map(stage, run, query).amax(dim=0, keepdim=True)
        self.maps = [smooth(highest, sigma)[0] for sigma in SIGMAS]
        self.boxes = [[best_boxes(grid, spec) for spec in specs] for grid in self.maps]
        choices = len({str(boxes.tolist()) for row in self.boxes for boxes in row})
        self.alt = (
            f"An attention map and its {SHOWN} best boxes at sigma {SIGMAS[START[0]]:g} and IoU "
            f"{IOUS[START[1]]:g}. Over {len(SIGMAS)} widths and {len(IOUS)} overlaps there are "
            f"{choices} choices of boxes."
        )

    @property
    def print_face(self) -> Picture:
        """The starting setting as a figure, for paper and for readers without script."""
        (figure, axes), (row, column) = subplots(3.2, 3.2), START
        _draw(axes, self.image, self.boxes[row][column], self.maps[row])
        return described(figure, self.alt)

    def packed(self) -> dict[str, Any]:
        """What the page's script picks from; colours of cells, boxes as shares of the frame."""
        maps, size = np.stack(self.maps), len(self.image)
        shades = matplotlib.colormaps["cividis"]((maps - maps.min()) / (np.ptp(maps) or 1.0))
        cells = [[[to_hex(cell) for cell in line] for line in grid] for grid in shades]
        boxes = [[(b / size).round(decimals=4).tolist() for b in row] for row in self.boxes]
        settings = {"sigmas": SIGMAS, "ious": IOUS, "colours": RANK_COLOURS}
        return {**settings, "cells": cells, "boxes": boxes}

    def html(self) -> str:
        """The page face: two sliders beside the map; nothing is fetched."""
        png = io.BytesIO()
        imsave(png, self.image, format="png")
        pngs = {"frame": png.getvalue(), "print": self.print_face.png()}
        dials = {"sigma": START[0], "iou": START[1]}
        dials |= {"last_sigma": len(SIGMAS) - 1, "last_iou": len(IOUS) - 1}
        words = {name: str(place) for name, place in dials.items()}
        words |= {name: base64.b64encode(data).decode() for name, data in pngs.items()}
        words |= {"alt": html.escape(self.alt), "data": embedded(self.packed())}
        return filled("fgnb.pages.focus", "dial.html", **words)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        data, about = self.print_face._repr_mimebundle_()
        return {"text/html": self.html(), **data}, about


def _draw(
    axes: Axes, picture: np.ndarray, boxes: Any = (), grid: Any = None, title: str = "", **look: Any
) -> None:
    """A frame, over it perhaps a map ``Tensor[h, w]``, and boxes, the best on top."""
    extent = (0, len(picture), len(picture), 0)
    axes.imshow(picture, extent=extent)
    if grid is not None:
        axes.imshow(grid.numpy(), extent=extent, cmap="cividis", alpha=0.75, **look)
    axes.set_title(literal(title), fontsize=8)
    bare(axes)
    ranked = np.asarray(boxes).tolist()
    for (x1, y1, x2, y2), colour in list(zip(ranked, RANK_COLOURS, strict=False))[::-1]:
        box = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, lw=1.7, edgecolor=colour)
        box.set_path_effects(_OUTLINE)
        axes.add_patch(box)
