"""Attention maps and their regions as pictures (focus, Fig. 2 and section 3.2).

Maps lie over the very pixels that the network saw; dark is low. Boxes are coloured by rank, in the
order of the paper's Fig. 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from fgnb.data import ImageSet
from fgnb.focus.attention import smooth
from fgnb.focus.maps import KINDS, ClassMaps
from fgnb.focus.proposals import propose_regions
from fgnb.focus.region_stage import FocusStage
from fgnb.focus.spec import FocusSpec
from fgnb.nn.anchors import BORDERS
from fgnb.report.figures import BLUE, GREEN, ORANGE, RED, Picture, described, literal
from fgnb.report.regions import Regions, framed
from fgnb.report.rows import rows_of

RANK_COLOURS = (RED, GREEN, BLUE, ORANGE)
SHOWN = len(RANK_COLOURS)
_MAP: dict[str, Any] = {"cmap": "cividis", "alpha": 0.75}


def frame(stage: FocusStage, query: int) -> NDArray[np.float32]:
    """A query as the network sees it, float32 ``[S, S, 3]``."""
    size, crop_ratio = stage.spec.image_size, stage.spec.crop_ratio
    return framed(stage.images, int(stage.query_index[query]), size=size, crop_ratio=crop_ratio)


def best_boxes(grid: Tensor, spec: FocusSpec) -> Tensor:
    """The four best boxes of a map ``Tensor[h, w]`` as it is."""
    about = {"image_size": spec.image_size, "box_size": spec.box_size, "border": spec.border}
    return propose_regions(grid[None], count=SHOWN, iou=spec.iou, **about)[0]  # type: ignore[arg-type]


def class_map_steps(
    picture: NDArray[np.float32], maps: Tensor, classes: Sequence[tuple[str, int]], spec: FocusSpec
) -> Picture:
    """From class maps to boxes on one frame: some maps, their maximum, smoothed, four boxes.

    ``maps[C, h, w]`` of all classes are not smoothed and share one colour scale; ``classes`` are
    those to show, as (name, class).
    """
    highest = maps.amax(dim=0)
    smoothed = smooth(highest[None], spec.sigma)[0]
    panels = [(name, maps[number]) for name, number in classes]
    panels += [(f"maximum of {len(maps)}", highest), (f"smoothed, σ = {spec.sigma:g}", smoothed)]
    figure = Picture(figsize=(1.6 * (len(panels) + 1), 2.0), layout="constrained")
    *cells, last = figure.subplots(1, len(panels) + 1)
    for axes, (title, grid) in zip(cells, panels, strict=True):
        _show(axes, picture, title, grid, float(maps.min()), float(maps.max()))
    _show(last, picture, f"best {SHOWN}, IoU {spec.iou:g}")
    _outline(last, best_boxes(smoothed, spec))
    highs = "; ".join(f"{name} up to {float(grid.max()):.2f}" for name, grid in panels)
    return described(figure, f"Maps over one image: {highs}. Last the {SHOWN} boxes chosen.")


def border_rules(picture: NDArray[np.float32], grid: Tensor, spec: FocusSpec) -> Picture:
    """The four best boxes of one smoothed map ``Tensor[h, w]`` under each rule for the border."""
    size, side = len(picture), spec.box_size
    figure = Picture(figsize=(2.1 * len(BORDERS), 2.3), layout="constrained")
    words = []
    for axes, border in zip(figure.subplots(1, len(BORDERS)), BORDERS, strict=True):
        boxes = best_boxes(grid, replace(spec, border=border))
        _show(axes, picture, border)
        _outline(axes, boxes)
        axes.set(xlim=(-side / 2, size + side / 2), ylim=(size + side / 2, -side / 2))
        outside = int(((boxes[:, :2] < 0) | (boxes[:, 2:] > size)).any(dim=1).sum())
        cut = int(((boxes[:, 2:] - boxes[:, :2] - side).abs() >= 1e-3).any(dim=1).sum())
        words.append(f"{border}: {outside} over the border, {cut} cut")
    return described(figure, f"The {SHOWN} best boxes by border rule. " + "; ".join(words) + ".")


def maps_beside(stage: FocusStage, maps: ClassMaps, queries: Sequence[int]) -> Picture:
    """Maps of the predicted and the true class beside the maximum, each with its four boxes.

    A column a query; each map has a colour scale of its own.
    """
    count = len(queries)
    figure = Picture(figsize=(0.9 + 1.7 * count, 1.75 * len(KINDS)), layout="constrained")
    pictures = [frame(stage, query) for query in queries]
    grid = figure.subplots(len(KINDS), count, squeeze=False)
    for kind, cells in zip(KINDS, grid, strict=True):
        boxes = maps.anchors.boxes[maps.chosen(kind, SHOWN)]
        for axes, query, picture in zip(cells, queries, pictures, strict=True):
            draw_regions(axes, picture, maps.of(kind)[query], boxes[query])
        about: Any = {"rotation": 0, "ha": "right", "va": "center", "fontsize": 8, "labelpad": 6}
        cells[0].set_ylabel(literal(kind), **about)
    wrong, kinds = int(maps.wrong[list(queries)].sum()), ", ".join(KINDS)
    words = f"Attention maps of {count} images, {wrong} of them with a wrong predicted class. "
    return described(figure, f"{words}Rows: {kinds}; the {SHOWN} best boxes of each map.")


def ranked_sheet(
    images: ImageSet, regions: Regions, queries: Sequence[int], *, per_row: int = 6
) -> Picture:
    """Fig. 2: pictures of some queries with their four best boxes, coloured by rank."""
    columns = min(per_row, len(queries))
    lines = -(-len(queries) // columns)
    figure = Picture(figsize=(1.65 * columns, 1.65 * lines), layout="constrained")
    cells = figure.subplots(lines, columns, squeeze=False).ravel()
    rows = rows_of(images, regions.ids[list(queries)])
    for axes, query, row in zip(cells, queries, rows, strict=False):
        picture = framed(images, int(row), size=regions.size, crop_ratio=regions.crop_ratio)
        _show(axes, picture, "")
        _outline(axes, regions.boxes[query][:SHOWN])
    for axes in cells[len(queries) :]:
        axes.set_axis_off()
    words = f"{len(queries)} pictures, each with its {SHOWN} best boxes: red, green, blue and "
    return described(figure, f"{words}orange in the order of their rank.")


def draw_regions(axes: Axes, picture: NDArray[np.float32], grid: Tensor, boxes: Tensor) -> None:
    """One map over its frame, and four boxes over both."""
    _show(axes, picture, "", grid, float(grid.min()), float(grid.max()))
    _outline(axes, boxes)


def _show(axes: Axes, picture: NDArray[np.float32], title: str, *over: Any) -> None:
    """The frame, and perhaps over it a map with the limits of its colours."""
    extent = (0, len(picture), len(picture), 0)
    axes.imshow(picture, extent=extent)
    for grid, low, high in [over] if over else ():
        axes.imshow(grid.numpy(), extent=extent, vmin=low, vmax=high, **_MAP)
    axes.set_title(literal(title), fontsize=8)
    axes.set(xticks=[], yticks=[])


def _outline(axes: Axes, boxes: Tensor | NDArray[np.float32]) -> None:
    """Boxes ``[K, 4]`` in the order of their rank; the best is drawn last, on top."""
    outline: Any = [patheffects.withStroke(linewidth=3.2, foreground="white", alpha=0.8)]
    ranked = list(zip(boxes.tolist(), RANK_COLOURS, strict=True))
    for (x1, y1, x2, y2), colour in reversed(ranked):
        box = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, lw=1.7, edgecolor=colour)
        box.set_path_effects(outline)
        axes.add_patch(box)
