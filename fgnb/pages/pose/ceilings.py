"""PCK by alpha, and what a perfect predictor reaches that may only name the nearest cell."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from fgnb.data.frame import Frames
from fgnb.metrics.keypoints import keypoint_hits
from fgnb.pose.grids import grid_of
from fgnb.report import kinds, render
from fgnb.report.layout import Table
from fgnb.report.sheet import Sheet

ALPHAS = (0.02, 0.05, 0.08, 0.10)
COLUMNS = ("", *(f"α = {alpha:.2f}" for alpha in ALPHAS))
TRUTH = ("true", "visible", "boxes")


def nearest_points(
    arrays: Mapping[str, np.ndarray], kind: str, image_size: int, of_size: int
) -> np.ndarray:
    """The centre nearest to every true keypoint, float32 ``[Q, 15, 2]`` in pixels of the pictures.

    Args:
        arrays: a record's ``true``, ``scale`` and ``offset``.
        kind: of `fgnb.pose.grids.LEVELS`.
        image_size: side of the input that the grid lies over, pixels.
        of_size: side of the input that scale and offset are of; the same frame is taken at the
            other size.
    """
    ratio, grid = image_size / of_size, grid_of(kind, image_size)
    frames = Frames(image_size, ratio * arrays["scale"], ratio * arrays["offset"])
    cells = grid.nearest(torch.from_numpy(frames.points(arrays["true"])))
    return frames.points_back(grid.pixels(cells)).astype(np.float32)


def pck_rule(row: str, alpha: float, part: int | None = None) -> kinds.Rule:
    """PCK of the points of a row, of one part or the mean over all."""
    arrays = [f"{row}/{name}" for name in ("points", *TRUTH)]
    if part is None:
        return kinds.mean_pck(*arrays, alpha=alpha)
    return kinds.pck(*arrays, alpha=alpha, part=part)


def with_truth(arrays: Mapping[str, np.ndarray], points: np.ndarray) -> dict[str, Any]:
    """Points beside what the kind `fgnb.report.kinds.pck` holds them against."""
    return {"points": points, **{name: arrays[name] for name in TRUTH}}


def found_share(arrays: Mapping[str, np.ndarray], points: np.ndarray, alpha: float) -> np.ndarray:
    """Share of an image's visible keypoints that those points find, float64 ``[Q]``.

    An image that shows none counts as 0.
    """
    true, visible, boxes = (arrays[name] for name in TRUTH)
    hits = keypoint_hits(points, true, visible, boxes, alpha)
    return np.asarray(hits.sum(axis=1) / np.maximum(visible.sum(axis=1), 1))


def by_alpha(table: Table, frames: render.Frames) -> str:
    """A table of PCK with a column an alpha, whose lines are in the order of `ALPHAS`."""
    return open_first(table, frames, lambda *of: _by_alpha(table, *of))


def open_first(
    table: Table, frames: render.Frames, draw: Callable[[Sheet, pd.DataFrame], str]
) -> str:
    """A table a sheet: recorded photographs stand open, what else is measured under a fold."""
    known = [(sheet, frame) for sheet, frame in frames if len(frame)]
    if not known:
        return f'<p class="fgnb-note">{html.escape(table.title)}: nothing was measured here.</p>'
    titles = (render.column_of(sheet).partition(":")[0] for sheet, _ in known)
    shown, *others = (
        (f"{table.title}: {title}", draw(*of)) for title, of in zip(titles, known, strict=True)
    )
    return shown[1] + "".join(render.fold(*of) for of in others)


def _by_alpha(table: Table, sheet: Sheet, frame: pd.DataFrame) -> str:
    rows: dict[str, list[str]] = {}
    for line in table.lines:
        own = render.pick(frame, line.number)
        label = html.escape(line.number.label.rpartition(",")[0])
        rows.setdefault(label, []).append(render.value(own) if own else "")
    caption = f"{html.escape(table.title)}. {render.column_of(sheet, frame)}"
    shown = [[label, *cells] for label, cells in rows.items() if any(cells)]
    return render.grid(COLUMNS, shown, caption=caption, kind="fgnb-rows")
