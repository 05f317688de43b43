"""Attention maps and their regions, step by step (focus, section 3.2).

Maps lie over the very pixels that the network saw; dark is low. Boxes are coloured by rank, in the
order of the paper's Fig. 2.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from fgnb.nn.anchors import BORDERS
from fgnb.report.figures import BLUE, GREEN, ORANGE, RED, Picture, described, literal
from fgnb.report.regions import Regions, framed
from fgnb.report.rows import rows_of

RANK_COLOURS = (RED, GREEN, BLUE, ORANGE)
SHOWN = len(RANK_COLOURS)
_MAP: dict[str, Any] = {"cmap": "cividis", "alpha": 0.75}


def class_map_steps(
    picture: NDArray[np.float32],
    maps: Tensor,
    classes: Sequence[tuple[str, int]],
    *,
    box_size: float,
    sigma: float = 1.0,
    iou: float = 0.25,
    border: str = "shift",
) -> Picture:
    """From class maps to boxes on one image: some maps, their maximum, smoothed, four boxes.

    All maps share one colour scale.

    Args:
        picture: the frame, float32 ``[S, S, 3]``.
        maps: of all classes, unsmoothed, ``Tensor[C, h, w]``.
        classes: those to show, as (name, class); one at least.
        box_size: side of a box in pixels of the frame.
        sigma: of the smoothing, in cells.
        iou: of the suppression.
        border: of the boxes.

    Raises:
        ValueError: no class to show.
    """
    if not classes:
        raise ValueError("classes is empty, needs one to show at least")
    highest = maps.amax(dim=0)
    smoothed = smooth(highest[None], sigma)
    boxes = propose_regions(
        smoothed,
        image_size=len(picture),
        box_size=box_size,
        count=SHOWN,
        iou=iou,
        border=border,
    )[0]
    panels = [(name, maps[number]) for name, number in classes]
    panels += [(f"maximum of {len(maps)}", highest), (f"smoothed, σ = {sigma:g}", smoothed[0])]
    figure = Picture(figsize=(1.6 * (len(panels) + 1), 2.0), layout="constrained")
    cells = figure.subplots(1, len(panels) + 1)
    limits = float(maps.min()), float(maps.max())
    for axes, (title, grid) in zip(cells, panels, strict=False):
        _show(axes, picture, title, grid, limits)
    _show(cells[-1], picture, f"best {SHOWN}, IoU {iou:g}")
    _outline(cells[-1], boxes)
    told = "; ".join(f"{name} up to {float(grid.max()):.2f}" for name, grid in panels)
    return described(figure, f"Maps over one image: {told}. Last the {SHOWN} boxes chosen.")


def border_rules(
    picture: NDArray[np.float32], grid: Tensor, *, box_size: float, iou: float = 0.25
) -> Picture:
    """The four best boxes of one smoothed map ``Tensor[h, w]`` under each rule for the border."""
    size = len(picture)
    figure = Picture(figsize=(2.1 * len(BORDERS), 2.3), layout="constrained")
    told = []
    for axes, border in zip(figure.subplots(1, len(BORDERS)), BORDERS, strict=True):
        boxes = propose_regions(
            grid[None],
            image_size=size,
            box_size=box_size,
            count=SHOWN,
            iou=iou,
            border=border,
        )[0]
        _show(axes, picture, border)
        _outline(axes, boxes)
        axes.set_xlim(-box_size / 2, size + box_size / 2)
        axes.set_ylim(size + box_size / 2, -box_size / 2)
        outside = int(((boxes[:, :2] < 0) | (boxes[:, 2:] > size)).any(dim=1).sum())
        whole = ((boxes[:, 2:] - boxes[:, :2] - box_size).abs() < 1e-3).all(dim=1)
        told.append(f"{border}: {outside} over the border, {SHOWN - int(whole.sum())} cut")
    return described(figure, f"The {SHOWN} best boxes by border rule. " + "; ".join(told) + ".")


def maps_beside(
    images: ImageSet, found: ClassMaps, queries: Sequence[int], *, size: int, crop_ratio: float
) -> Picture:
    """Maps of the predicted and the true class beside the maximum, each with its four boxes.

    Each map has a colour scale of its own.

    Args:
        images: the set.
        found: of `fgnb.focus.maps.class_maps`.
        queries: columns; places among the queries.
        size: side of the frame in pixels.
        crop_ratio: of the transform that made it.

    Raises:
        ValueError: no query.
    """
    if not len(queries):
        raise ValueError("queries is empty, needs one at least")
    count = len(queries)
    figure = Picture(figsize=(0.9 + 1.7 * count, 1.75 * len(KINDS)), layout="constrained")
    grid = figure.subplots(len(KINDS), count, squeeze=False)
    rows = rows_of(images, found.ids[list(queries)])
    pictures = [framed(images, int(row), size=size, crop_ratio=crop_ratio) for row in rows]
    boxes = found.anchors.boxes
    for kind, cells in zip(KINDS, grid, strict=True):
        chosen = found.chosen(kind, SHOWN)
        for axes, query, picture in zip(cells, queries, pictures, strict=True):
            draw_regions(axes, picture, found.of(kind)[query], boxes[chosen[query]], title="")
        cells[0].set_ylabel(
            literal(kind), rotation=0, ha="right", va="center", fontsize=8, labelpad=6
        )
    wrong = int(found.wrong[list(queries)].sum())
    return described(
        figure,
        f"Attention maps of {count} images, {wrong} of them with a wrong predicted class. Rows: "
        f"{', '.join(KINDS)}; the {SHOWN} best boxes of each map.",
    )


def ranked_sheet(
    images: ImageSet, found: Regions, queries: Sequence[int], *, per_row: int = 6
) -> Picture:
    """Fig. 2: pictures of some queries with their four best boxes, coloured by rank.

    Args:
        images: the set.
        found: boxes, best first, four an image at least.
        queries: places among the queries, one picture each.
        per_row: pictures a row.

    Raises:
        ValueError: no query.
    """
    if not len(queries):
        raise ValueError("queries is empty, needs one at least")
    columns = min(per_row, len(queries))
    lines = -(-len(queries) // columns)
    figure = Picture(figsize=(1.65 * columns, 1.65 * lines), layout="constrained")
    cells = figure.subplots(lines, columns, squeeze=False).ravel()
    rows = rows_of(images, found.ids[list(queries)])
    for axes, query, row in zip(cells, queries, rows, strict=False):
        picture = framed(images, int(row), size=found.size, crop_ratio=found.crop_ratio)
        _show(axes, picture, "")
        _outline(axes, found.boxes[query][:SHOWN])
    for axes in cells[len(queries) :]:
        axes.set_axis_off()
    return described(
        figure,
        f"{len(queries)} pictures, each with its {SHOWN} best boxes: red, green, blue and orange "
        "in the order of their rank.",
    )


def draw_regions(
    axes: Axes, picture: NDArray[np.float32], grid: Tensor, boxes: Tensor, *, title: str
) -> None:
    """One map over its frame, and four boxes over both."""
    _show(axes, picture, title, grid, (float(grid.min()), float(grid.max())))
    _outline(axes, boxes)


def _show(
    axes: Axes,
    picture: NDArray[np.float32],
    title: str,
    grid: Tensor | None = None,
    limits: tuple[float, float] = (0.0, 1.0),
) -> None:
    """The frame, and a map over it, in pixels of the frame."""
    extent = (0, len(picture), len(picture), 0)
    axes.imshow(picture, extent=extent)
    if grid is not None:
        axes.imshow(grid.numpy(), extent=extent, vmin=limits[0], vmax=limits[1], **_MAP)
    axes.set_title(literal(title), fontsize=8)
    axes.set_xticks([])
    axes.set_yticks([])


def _outline(axes: Axes, boxes: Tensor | NDArray[np.float32]) -> None:
    """Boxes ``[K, 4]`` in the order of their rank; the best is drawn last, on top."""
    outline: Any = [patheffects.withStroke(linewidth=3.2, foreground="white", alpha=0.8)]
    ranked = list(zip(boxes.tolist(), RANK_COLOURS, strict=True))
    for (x1, y1, x2, y2), colour in reversed(ranked):
        box = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, lw=1.7, edgecolor=colour)
        box.set_path_effects(outline)
        axes.add_patch(box)
