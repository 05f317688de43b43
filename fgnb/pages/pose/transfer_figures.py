"""Pictures of the coordinate transfer layer (pose, Fig. 2) and of the gradient that it sends."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from fgnb.data import PART_NAMES
from fgnb.pose import coordinate_transfer
from fgnb.pose.correspondence import Gradients, prototypes
from fgnb.pose.frozen import FrozenMaps
from fgnb.report import figures
from fgnb.report.figures import Picture, bare, described, literal, subplots
from fgnb.report.regions import framed

SHOWN = 4  # parts under each other


def fig2(made: FrozenMaps, query: int, window: int) -> Picture:
    """Fig. 2 on one asked image: heat map, window, pooled vector, a line a visible part.

    The heat map is each cell's likeness to the part's prototype; white is the window round its
    highest cell, which is pooled; the cross is the true keypoint.
    """
    row = made.asked[query]
    maps, points, known = made.maps(row[None]), made.points[row], prototypes(made, window)
    heat = known.heat(maps)[0]
    seen = np.flatnonzero(np.isfinite(points).all(axis=1))
    parts = seen[np.linspace(0, len(seen) - 1, min(SHOWN, len(seen))).round().astype(int)]
    highest = [np.unravel_index(int(heat[p].argmax()), heat[p].shape)[::-1] for p in parts]
    pooled = coordinate_transfer(maps, [np.array(highest, float)], window=window)[0]
    energy = (maps[0].movedim(0, -1) - known.cells).norm(dim=-1)
    figure, lines = subplots(7.2, 1.55 * len(parts) + 0.3, len(parts), 4, squeeze=False)
    words = []
    for line, part, cell, vector in zip(lines, parts, highest, pooled, strict=True):
        picture, hot, strong, strip = line
        picture.imshow(_frame(made, int(row)))
        _cross(picture, points[part], made)
        hot.imshow(heat[part], cmap="cividis")
        strong.imshow(energy, cmap="magma")
        for axes in (hot, strong):
            _window(axes, cell, window)
        hot.plot(*points[part], "x", color=figures.RED, ms=6)
        strip.imshow(_strip(vector), cmap="viridis", aspect="auto")
        picture.set_ylabel(literal(PART_NAMES[part]), **figures.ROW_LABEL)
        off = np.abs(np.round(points[part]) - cell).max()
        words.append(f"{PART_NAMES[part]}, highest {off:.0f} cells from the true one")
    titles = ("picture", "heat map", "feature map, window", f"pooled, {pooled.shape[1]} numbers")
    for axes, title in zip(lines[0], titles, strict=True):
        axes.set_title(title, fontsize=9)
    for axes in lines.flat:
        bare(axes)
    return described(figure, f"The layer on one picture. {'; '.join(words)}.")


def gradient_maps(made: FrozenMaps, query: int, found: Gradients) -> Picture:
    """Where the error of one asked image flows: parts alone, and with the whole image joined."""
    row, inside = int(made.asked[query]), found.inside[query]
    figure, (first, *cells) = subplots(6.6, 2.3, 1, 3)
    first.imshow(_frame(made, row))
    for point in made.points[row][np.isfinite(made.points[row]).all(axis=1)]:
        _cross(first, point, made)
    first.set_title("keypoints", fontsize=9)
    words = []
    for axes, name, flow in zip(
        cells, ("parts alone", "parts and whole"), (found.parts, found.joint), strict=True
    ):
        shown = flow[query]
        shown = torch.where(shown > 0, (shown / shown.max()).clamp(min=1e-4).log10(), torch.nan)
        drawn = axes.imshow(shown, cmap="magma", vmin=-4, vmax=0)
        axes.set_facecolor("#bbbbbb")
        axes.contour(inside, levels=[0.5], colors="white", linewidths=1.0)
        axes.set_title(name, fontsize=9)
        words.append(f"{name}: {int((flow[query] == 0).sum())} of {inside.numel()} cells zero")
    figure.colorbar(drawn, ax=cells, label="log10, of the largest", shrink=0.8)
    for axes in (first, *cells):
        bare(axes)
    return described(figure, f"Gradient of the error by cell. {'; '.join(words)}.")


def _frame(made: FrozenMaps, row: int) -> Any:
    return framed(made.images, row, size=made.spec.image_size, framing=made.framing)


def _cross(axes: Axes, point: np.ndarray, made: FrozenMaps) -> None:
    x, y = (point + 0.5) * made.spec.image_size / made.shape[2]
    axes.plot(x, y, "x", color=figures.RED, ms=6)


def _window(axes: Axes, cell: Any, window: int) -> None:
    corner = np.array(cell) - window / 2
    axes.add_patch(Rectangle(tuple(corner), window, window, fill=False, ec="white", lw=1.6))


def _strip(vector: torch.Tensor) -> np.ndarray:
    """A vector in rows as nearly square as its length allows."""
    rows = max(n for n in range(1, int(len(vector) ** 0.5) + 1) if len(vector) % n == 0)
    return vector.reshape(rows, -1).numpy()
