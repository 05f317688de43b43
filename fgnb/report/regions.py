"""Pictures of chosen regions, and a chart of what they lie on.

Boxes are drawn in the frame, the very pixels that the network saw: one colour a scale, the best of
a scale in a full line and its next in a broken one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import seaborn as sns
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from fgnb.data import ImageSet, load_rgb
from fgnb.data.transforms import EvalTransform
from fgnb.metrics.coverage import Coverage
from fgnb.report.figures import BLUE, GREEN, GREY, ORANGE, RED, Picture, described, literal
from fgnb.report.rows import rows_of

SCALE_COLOURS = (ORANGE, BLUE, GREEN, RED)
METHOD_COLOURS = (GREY, BLUE, ORANGE, GREEN)
LINES: tuple[Any, ...] = ("-", "--", ":", "-.")
GRID = {"axes.grid": True, "grid.color": "#e6e6e6", "axes.axisbelow": True}


@dataclass(frozen=True)
class Regions:
    """The boxes that a run chose on its queries.

    Attributes:
        ids: official ids ``[Q]``.
        boxes: float32 ``[Q, K, 4]`` in frame pixels.
        scores: float32 ``[Q, K]``.
        scales: float32 ``[Q, K]``, side of each box's scale.
        size: side of the frame.
        crop_ratio: of the transform that made it.
    """

    ids: NDArray[np.int64]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    scales: NDArray[np.float32]
    size: int
    crop_ratio: float

    @classmethod
    def of(cls, run: Any) -> Regions:
        """The boxes kept in a run of a stage with regions."""
        kept = run.predictions
        return cls(
            ids=kept["query_ids"],
            boxes=kept["query_boxes"],
            scores=kept["query_box_scores"],
            scales=kept["query_box_scales"],
            size=int(run.spec["image_size"]),
            crop_ratio=float(run.spec["crop_ratio"]),
        )

    def __len__(self) -> int:
        return len(self.ids)

    def best(self, count: int) -> Regions:
        """The first ``count`` boxes of each image."""
        names = ("boxes", "scores", "scales")
        return replace(self, **{name: getattr(self, name)[:, :count] for name in names})


class SheetRow(NamedTuple):
    """A row of a sheet: what it is called, and boxes over pictures of some queries."""

    label: str
    images: ImageSet
    regions: Regions
    queries: Sequence[int]


def framed(images: ImageSet, row: int, *, size: int, crop_ratio: float) -> NDArray[np.float32]:
    """The frame of an image as the network sees it, float32 ``[size, size, 3]`` in [0, 1]."""
    show = EvalTransform(size, (0.0,) * 3, (1.0,) * 3, "bilinear", crop_ratio, flip=False)
    return show(load_rgb(images.path(row))).permute(1, 2, 0).numpy().clip(0, 1)


def sheet(rows: Sequence[SheetRow], *, side: float = 1.55) -> Picture:
    """Pictures with their chosen boxes, a row a method or a set.

    Args:
        rows: at least one, each with the same number of queries.
        side: inches a picture.

    Raises:
        ValueError: no row, no query, or rows of different lengths.
    """
    counts = {len(row.queries) for row in rows}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(f"rows have {sorted(counts)} queries, need one number of at least 1")
    count = counts.pop()
    figure = Picture(figsize=(1.0 + side * count, side * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), count, squeeze=False)
    for cells, row in zip(grid, rows, strict=True):
        places = rows_of(row.images, row.regions.ids[list(row.queries)])
        for axes, query, place in zip(cells, row.queries, places, strict=True):
            _picture(axes, row, int(place))
            _boxes(axes, row.regions, query)
        cells[0].set_ylabel(
            literal(row.label), rotation=0, ha="right", va="center", fontsize=8, labelpad=6
        )
    kinds = len(np.unique(rows[0].regions.scales))
    per_image = rows[0].regions.boxes.shape[1]
    names = "; ".join(row.label.replace("\n", " ") for row in rows)
    return described(
        figure,
        f"{count} pictures a row with the {per_image} boxes chosen on each, {kinds} scales in "
        f"colours of their own. Rows: {names}.",
    )


def coverage_chart(found: Mapping[str, Mapping[str, Coverage]]) -> Picture:
    """Share of chosen boxes that hold a key point, by method and group, beside chance.

    Args:
        found: method -> group -> coverage; chance is marked a group. ``object`` is left out: it
            counts centres, no key points.
    """
    groups = [group for group in next(iter(found.values())) if group != "object"]
    figure = Picture(figsize=(7.2, 3.5), layout="constrained")
    with sns.axes_style("white", rc=GRID):
        axes = figure.subplots()
    width, words = 0.7 / max(1, len(found)), []
    for number, (method, by_group) in enumerate(found.items()):
        colour = METHOD_COLOURS[number % len(METHOD_COLOURS)]
        shares = [by_group[group].share for group in groups]
        place = np.arange(len(groups)) + (number - (len(found) - 1) / 2) * width
        values = np.array([100 * share.value for share in shares])
        ends = 100 * np.array([(share.low, share.high) for share in shares])
        axes.errorbar(
            place,
            values,
            yerr=np.abs(ends.T - values),
            fmt="o",
            color=colour,
            capsize=3,
            label=literal(method),
        )
        words += [f"{method}, {g}: {v:.1f} %" for g, v in zip(groups, values, strict=True)]
    for column, group in enumerate(groups):
        for by_group in found.values():
            chance = 100 * by_group[group].chance.mean()
            axes.hlines(chance, column - 0.42, column + 0.42, color=RED, linestyle="--", lw=1.2)
    axes.plot([], [], color=RED, linestyle="--", label="chance, all boxes alike")
    axes.set_xticks(range(len(groups)), groups)
    axes.set(ylabel="boxes that hold a key point, %", ylim=(0, 100))
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.legend(fontsize=8, framealpha=0.9, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3)
    chances = [100 * next(iter(found.values()))[group].chance.mean() for group in groups]
    words += [f"chance, {g}: {c:.1f} %" for g, c in zip(groups, chances, strict=True)]
    return described(figure, "Share of chosen boxes that hold a key point. " + "; ".join(words))


def _picture(axes: Axes, row: SheetRow, place: int) -> None:
    size = row.regions.size
    picture = framed(row.images, place, size=size, crop_ratio=row.regions.crop_ratio)
    axes.imshow(picture, extent=(0, size, size, 0))
    axes.set_xticks([])
    axes.set_yticks([])


def _boxes(axes: Axes, regions: Regions, query: int) -> None:
    order = np.argsort(-regions.scores[query], kind="stable")
    draw_boxes(axes, regions.boxes[query][order], regions.scales[query][order], regions.scales)


def draw_boxes(axes: Axes, boxes: Any, scales: Any, every: Any) -> None:
    """Boxes in the order of their scores; colour by scale of ``every``, line by place within."""
    known = np.unique(every).tolist()
    seen = dict.fromkeys(known, 0)
    outline: Any = [patheffects.withStroke(linewidth=3.2, foreground="white", alpha=0.8)]
    for (x1, y1, x2, y2), scale in zip(boxes.tolist(), scales.tolist(), strict=True):
        box = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, lw=1.7)
        box.set_edgecolor(SCALE_COLOURS[known.index(scale) % len(SCALE_COLOURS)])
        box.set_linestyle(LINES[seen[scale] % len(LINES)])
        box.set_path_effects(outline)
        seen[scale] += 1
        axes.add_patch(box)
