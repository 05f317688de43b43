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
from fgnb.data.frame import Frame
from fgnb.data.transforms import EvalTransform
from fgnb.metrics.coverage import Coverage
from fgnb.report import figures
from fgnb.report.figures import Picture, described, literal, subplots

SCALE_COLOURS = (figures.ORANGE, figures.BLUE, figures.GREEN, figures.RED)
METHOD_COLOURS = (figures.GREY, figures.BLUE, figures.ORANGE, figures.GREEN, figures.PURPLE)
SIDE = 1.55  # of a picture, inches
CHANCE: Any = {"color": figures.RED, "linestyle": "--", "lw": 1.2}
LINES = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class Regions:
    """The boxes that a run chose on its queries, in frame pixels."""

    ids: NDArray[np.int64]  # official ids [Q]
    boxes: NDArray[np.float32]  # [Q, K, 4]
    scores: NDArray[np.float32]  # [Q, K]
    scales: NDArray[np.float32]  # [Q, K], side of each box's scale
    size: int  # side of the frame
    framing: Frame  # how a picture became it

    @classmethod
    def of(cls, run: Any) -> Regions:
        """The boxes kept in a run of a stage with regions."""
        names = ("ids", "boxes", "box_scores", "box_scales")
        ids, boxes, scores, scales = (run.predictions[f"query_{name}"] for name in names)
        return cls(ids, boxes, scores, scales, int(run.spec["image_size"]), Frame.of(run.spec))

    def __len__(self) -> int:
        return len(self.ids)

    def best(self, count: int) -> Regions:
        """The first ``count`` boxes of each image."""
        names = ("boxes", "scores", "scales")
        return replace(self, **{name: getattr(self, name)[:, :count] for name in names})


class SheetRow(NamedTuple):
    """A row of a sheet: what it is called, and boxes over pictures of some queries.

    ``scales`` are all that there are, each with a colour of its own; None: those that were chosen.
    """

    label: str
    images: ImageSet
    regions: Regions
    queries: Sequence[int]
    scales: Any = None


def framed(images: ImageSet, row: int, *, size: int, framing: Frame) -> NDArray[np.float32]:
    """The frame of an image as the network sees it, float32 ``[size, size, 3]`` in [0, 1]."""
    show = EvalTransform(size, (0.0,) * 3, (1.0,) * 3, "bilinear", framing, flip=False)
    return show(load_rgb(images.path(row))).permute(1, 2, 0).numpy().clip(0, 1)


def sheet(rows: Sequence[SheetRow]) -> Picture:
    """Pictures with their chosen boxes, a row a method or a set.

    Raises:
        ValueError: no row, no query, or rows with different numbers of queries.
    """
    counts = {len(row.queries) for row in rows}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(f"rows have {sorted(counts)} queries, need one number of at least 1")
    count = counts.pop()
    size = (1.0 + SIDE * count, SIDE * len(rows))
    figure, grid = subplots(*size, len(rows), count, squeeze=False)
    for cells, (label, images, regions, queries, every) in zip(grid, rows, strict=True):
        places = images.rows_of(regions.ids[list(queries)])
        frame = regions.size
        for axes, query, place in zip(cells, queries, places, strict=True):
            picture = framed(images, int(place), size=frame, framing=regions.framing)
            axes.imshow(picture, extent=(0, frame, frame, 0))
            figures.bare(axes)
            best = np.argsort(-regions.scores[query], kind="stable")
            of = regions.boxes[query][best], regions.scales[query][best]
            draw_boxes(axes, *of, regions.scales if every is None else every)
        cells[0].set_ylabel(literal(label), **figures.ROW_LABEL, labelpad=6)
    scales, per_image = rows[-1].regions.scales, rows[-1].regions.boxes.shape[1]
    names = "; ".join(row.label.replace("\n", " ") for row in rows)
    what = f"{count} pictures a row with the {per_image} boxes chosen on each"
    colours = f"{len(np.unique(scales))} scales in colours of their own"
    return described(figure, f"{what}, {colours}. Rows: {names}.")


def coverage_chart(found: Mapping[str, Mapping[str, Coverage]]) -> Picture:
    """Share of chosen boxes that hold a key point, by method and group, beside chance.

    ``found`` is method -> group -> coverage; ``object`` is left out: it counts centres, and so is
    a group of which no image shows a part.
    """
    first = next(iter(found.values()))
    groups = [group for group, on in first.items() if group != "object" and len(on.rows)]
    unseen = ", ".join(group for group in first if group not in ("object", *groups))
    with sns.axes_style("whitegrid"):
        figure, axes = subplots(7.2, 3.5)
    places, words = np.arange(len(groups)), []
    for number, (method, on) in enumerate(found.items()):
        value, low, high = 100 * np.array([on[group].share for group in groups]).reshape(-1, 3).T
        place = places + (number - (len(found) - 1) / 2) * 0.7 / len(found)
        style: Any = {"color": METHOD_COLOURS[number % len(METHOD_COLOURS)], "capsize": 3}
        ends = np.abs([low - value, high - value])
        axes.errorbar(place, value, ends, fmt="o", label=literal(method), **style)
        words += [f"{method}, {g}: {v:.1f} %" for g, v in zip(groups, value, strict=True)]
        chance = [100 * on[group].chance.mean() for group in groups]
        axes.hlines(chance, place - 0.35 / len(found), place + 0.35 / len(found), **CHANCE)
    axes.plot([], [], label="chance, all boxes of the method alike", **CHANCE)
    axes.set_xticks(places, groups)
    axes.set(ylabel="boxes that hold a key point, %", ylim=(0, 100), xlim=(-0.6, len(groups) - 0.4))
    axes.set_title(f"seen in no image: {unseen}" * bool(unseen), fontsize=9)
    axes.legend(fontsize=8, framealpha=0.9, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3)
    words += [f"chance, {group}: {100 * first[group].chance.mean():.1f} %" for group in groups]
    words += [
        f"chance, {method}, {group}: {100 * on[group].chance.mean():.1f} %"
        for method, on in found.items()
        for group in groups
        if on[group].chance.mean() != first[group].chance.mean()
    ]
    words += [f"seen in no image: {unseen}"] * bool(unseen)
    return described(figure, "Share of chosen boxes that hold a key point. " + "; ".join(words))


def draw_boxes(axes: Axes, boxes: Any, scales: Any, every: Any) -> None:
    """Boxes in the order of their scores; colour by scale of ``every``, line by place within."""
    known = np.unique(every).tolist()
    seen = dict.fromkeys(known, 0)
    outline = [patheffects.withStroke(linewidth=3.2, foreground="white", alpha=0.8)]
    for (x1, y1, x2, y2), scale in zip(boxes.tolist(), scales.tolist(), strict=True):
        style: Any = {
            "edgecolor": SCALE_COLOURS[known.index(scale) % len(SCALE_COLOURS)],
            "linestyle": LINES[seen[scale] % len(LINES)],
            "path_effects": outline,
        }
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, lw=1.7, **style))
        seen[scale] += 1


def spread(
    rows: Sequence[tuple[str, ImageSet, Regions]],
    count: int,
    scales: Mapping[str, Any] | None = None,
) -> Picture:
    """Chosen boxes, a row a label, on at most ``count`` pictures from all over a set's order.

    ``scales`` are of `SheetRow`, by label.
    """
    count = min(count, *(len(own) for *_, own in rows))
    return sheet(
        [
            SheetRow(*row, [i * len(row[2]) // count for i in range(count)], of)
            for row in rows
            for of in [(scales or {}).get(row[0])]
        ]
    )
