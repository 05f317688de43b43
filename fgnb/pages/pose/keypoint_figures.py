"""Keypoints on pictures: score maps, truth beside prediction (Fig. 3), errors, a photograph.

Points lie over the very pixels that the network saw. A colour belongs to a keypoint, the same in
every figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from PIL import Image
from torch import Tensor

from fgnb.data import PART_NAMES, load_rgb
from fgnb.pose.grids import Grid
from fgnb.pose.keypoints import Keypoints, Pose
from fgnb.pose.localiser_stage import LocaliserStage
from fgnb.report import figures
from fgnb.report.figures import Picture, bare, described, literal, subplots
from fgnb.report.regions import framed
from fgnb.training import Run

COLOURS = dict(zip(PART_NAMES, sns.color_palette("husl", len(PART_NAMES)), strict=True))
BOX_COLOURS = {"head": figures.RED, "body": figures.BLUE}


def frame(stage: LocaliserStage, query: int) -> np.ndarray:
    """A query as the network sees it, float32 ``[S, S, 3]`` in [0, 1]."""
    size, framing = stage.spec.image_size, stage.spec.framing
    return framed(stage.images, int(stage.query_index[query]), size=size, framing=framing)


def score_maps(stage: LocaliserStage, run: Run, query: int) -> Picture:
    """The fifteen score maps of a query over its picture; a ring where a keypoint is annotated."""
    row, picture, grid = int(stage.query_index[query]), frame(stage, query), stage.spec.cells
    maps = stage.score_maps(run, np.array([row])).sigmoid()[0].numpy()
    figure, cells = subplots(7.6, 4.8, 3, 5)
    side = grid.stride * grid.cells
    low = grid.offset - grid.stride / 2
    extent = (low, low + side, low + side, low)
    for axes, part, name in zip(cells.flat, range(len(PART_NAMES)), PART_NAMES, strict=True):
        axes.imshow(picture, extent=(0, len(picture), len(picture), 0))
        axes.imshow(maps[part], extent=extent, cmap="cividis", alpha=0.7)
        if stage.images.visible[row, part]:
            x, y = stage.framed_points[row, part]
            axes.plot(x, y, "o", ms=8, mfc="none", mec="white", mew=1.8)
        axes.set(xlim=(0, len(picture)), ylim=(len(picture), 0))
        axes.set_title(f"{name} {maps[part].max():.2f}", fontsize=8)
        bare(axes)
    seen = [n for n, v in zip(PART_NAMES, stage.images.visible[row], strict=True) if v]
    words = f"Score maps of {len(PART_NAMES)} keypoints over one picture, each with its highest "
    return described(figure, f"{words}probability; rings mark the {len(seen)} that are annotated.")


def truth_and_prediction(
    stage: LocaliserStage, run: Run, queries: Sequence[int], threshold: float
) -> Picture:
    """Fig. 3: the annotated keypoints of each query on the left, the predicted ones on its right.

    Predicted keypoints are drawn where they are called visible, at the threshold.
    """
    kept, count = run.predictions, len(queries)
    columns = min(3, count)
    lines = -(-count // columns)
    figure, cells = subplots(2.6 * columns, 1.42 * lines, lines, 2 * columns, squeeze=False)
    for axes in cells.flat:
        axes.set_axis_off()
    for place, query in enumerate(queries):
        row = int(stage.query_index[query])
        truth = stage.framed_points[row], stage.images.visible[row]
        found = in_frame(stage, row, kept["query_points"][query])
        pair = (truth, (found, kept["query_scores"][query] >= threshold))
        line, column = divmod(place, columns)
        for side, (points, seen) in enumerate(pair):
            axes = cells[line, 2 * column + side]
            draw(axes, frame(stage, query), points, seen)
            if line == 0:
                axes.set_title(("annotated", "predicted")[side], fontsize=8)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=8, fontsize=7, frameon=False)
    words = f"{count} pictures twice: with their annotated keypoints, and with the predicted ones. "
    return described(figure, f"{words}A colour a keypoint, the same on both.")


def confused(stage: LocaliserStage, run: Run, swapped: np.ndarray, most: int = 6) -> Picture | str:
    """Queries with a left part found on the right one, or the reverse; a line to the true place.

    ``swapped`` is bool ``[Q, 15]``. A sentence where there is none.
    """
    queries = np.flatnonzero(swapped.any(axis=1))[:most]
    if not len(queries):
        return "No left part was found on its right twin, and none the other way round."
    figure, cells = subplots(1.6 * len(queries), 1.9, 1, len(queries), squeeze=False)
    for axes, query in zip(cells[0], queries, strict=True):
        row = int(stage.query_index[query])
        found = in_frame(stage, row, run.predictions["query_points"][query])
        draw(axes, frame(stage, int(query)), found, swapped[query])
        for part in np.flatnonzero(swapped[query]):
            ends = np.stack([found[part], stage.framed_points[row, part]])
            axes.plot(*ends.T, "-", color="white", lw=2.2)
            axes.plot(*ends.T, "-", color=COLOURS[PART_NAMES[part]], lw=1.2)
        parts = ", ".join(PART_NAMES[part] for part in np.flatnonzero(swapped[query])[:2])
        axes.set_title(literal(parts), fontsize=7)
    words = f"{len(queries)} of the {int(swapped.any(axis=1).sum())} pictures with such a confusion"
    return described(figure, f"{words}: the prediction, and a line to the annotated place.")


def visibility(scores: np.ndarray, visible: np.ndarray) -> Picture:
    """How sure the localiser is of keypoints that are annotated, and of those that are not."""
    with sns.axes_style("whitegrid"):
        figure, axes = subplots(6.4, 2.5)
    bins = np.linspace(0, 1, 26)
    for name, of, colour in (
        ("visible", visible, figures.BLUE),
        ("not visible", ~visible, figures.ORANGE),
    ):
        label = f"{name}, n = {int(of.sum()):,}"
        weights = np.full(int(of.sum()), 1 / max(int(of.sum()), 1))
        axes.hist(scores[of], bins, weights=weights, color=colour, alpha=0.6, label=label)
    axes.set(xlabel="probability to be visible", ylabel="share of the keypoints", xlim=(0, 1))
    axes.legend(frameon=False, fontsize=8)
    means = [float(scores[of].mean()) if of.any() else np.nan for of in (visible, ~visible)]
    words = f"mean {means[0]:.2f} where visible, {means[1]:.2f} where not"
    return described(figure, f"Probability to be visible, by annotation: {words}.")


def grid_and_field(
    picture: np.ndarray, size: int, grid: Grid, side: int, cell: tuple[int, int]
) -> Picture:
    """Centres of a grid over its input, and the window that one of them sees.

    Args:
        picture: the input at any resolution, float ``[S, S, 3]``.
        size: side of the input, pixels.
        grid: its cells.
        side: of the receptive field, pixels.
        cell: column and row of the cell whose window is drawn.
    """
    figure, axes = subplots(4.2, 4.2)
    axes.imshow(picture, extent=(0, size, size, 0))
    axes.plot(*grid.centres.T, ".", color="white", ms=7)
    axes.plot(*grid.centres.T, ".", color=figures.BLUE, ms=4)
    x, y = (grid.offset + grid.stride * place for place in cell)
    axes.plot(x, y, "o", color=figures.RED, ms=6)
    window = Rectangle((x - side / 2, y - side / 2), side, side, fill=False, lw=1.8)
    window.set_edgecolor(figures.RED)
    axes.add_patch(window)
    low, high = min(0.0, x - side / 2) - 4, max(float(size), x + side / 2) + 4
    axes.set(xlim=(low, high), ylim=(high, low))
    bare(axes)
    words = f"{grid.cells} x {grid.cells} centres over {size} pixels; one cell sees {side} pixels."
    return described(figure, words)


def influence_map(picture: np.ndarray, strength: Tensor, point: Sequence[float]) -> Picture:
    """A picture, and how strongly each of its pixels moves one score of the trained localiser."""
    figure, (left, right) = subplots(6.0, 3.0, 1, 2)
    shown = strength.cpu().numpy()
    for axes, image, look in ((left, picture, {}), (right, shown**0.5, {"cmap": "cividis"})):
        axes.imshow(image, extent=(0, len(picture), len(picture), 0), **look)
        axes.plot(*point, "o", ms=7, mfc="none", mec=figures.RED, mew=1.8)
        bare(axes)
    ranked = np.sort(shown.ravel())[::-1].cumsum()
    half = float((ranked < ranked[-1] / 2).mean())
    words = f"half of all influence lies in {100 * half:.0f} % of the pixels"
    return described(figure, f"A picture, and the influence of its pixels on one score: {words}.")


def photograph(find: Keypoints, image: Any) -> Picture:
    """What a localiser finds in any image file or PIL image: keypoints, head and body."""
    picture = image if isinstance(image, Image.Image) else load_rgb(image)
    found: Pose = find(picture)
    width, height = picture.size
    figure, axes = subplots(4.6, min(6.0, 4.6 * height / width))
    draw(axes, np.asarray(picture.convert("RGB")) / 255, found.points, found.visible)
    for name, box in found.parts.items():
        if box is not None:
            draw_box(axes, box, name)
    seen = [name for name, shown in zip(found.names, found.visible, strict=True) if shown]
    boxes = [name for name, box in found.parts.items() if box is not None]
    words = f"{len(seen)} of {len(found.names)} keypoints are called visible"
    return described(figure, f"{words}; boxes of {' and '.join(boxes) or 'no part'}.")


def in_frame(stage: LocaliserStage, row: int, points: np.ndarray) -> np.ndarray:
    """Points ``[15, 2]`` in pixels of a picture of the set, in those of the network's input."""
    return stage.frames_at(np.array([row])).points(points[None])[0]


def draw(axes: Axes, picture: np.ndarray, points: Any, seen: Any) -> None:
    """A picture with those keypoints that are seen."""
    height, width = picture.shape[:2]
    axes.imshow(picture, extent=(0, width, height, 0))
    for name, (x, y), shown in zip(PART_NAMES, points, seen, strict=True):
        if shown:
            axes.plot(x, y, "o", ms=4.6, mec="white", mew=0.7, color=COLOURS[name])
    axes.set(xlim=(0, width), ylim=(height, 0))
    bare(axes)


def draw_box(axes: Axes, box: Any, part: str, line: str = "-") -> None:
    """The box of a part, (x1, y1, x2, y2), in the part's colour."""
    x1, y1, x2, y2 = box
    about: Any = {"fill": False, "lw": 1.8, "ls": line, "edgecolor": BOX_COLOURS[part]}
    axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, **about))


def _legend() -> list[Line2D]:
    about: Any = {"marker": "o", "ls": "", "ms": 4.6}
    return [Line2D([], [], color=colour, label=name, **about) for name, colour in COLOURS.items()]
