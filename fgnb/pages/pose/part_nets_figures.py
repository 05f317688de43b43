"""The figures of section 3.6: what is cut out of some pictures, and how well it lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from fgnb.data import load_rgb
from fgnb.pages.pose.keypoint_figures import BOX_COLOURS, draw
from fgnb.pages.pose.part_nets import NETS, true_boxes
from fgnb.pose.found import found_points
from fgnb.pose.part_crops import PARTS
from fgnb.report.figures import BLUE, ORANGE, Picture, bare, described, subplots
from fgnb.report.page import Page


def cut(stages: Mapping[str, Any], count: int) -> Picture:
    """Some queries with their found keypoints and both boxes, and what each network is shown.

    A full line is what is cut out, a broken one the box of the true keypoints.
    """
    nets = {part: stages[row] for part, row in NETS.items()}
    first = nets["head"]
    rows = first.query_index[:count]
    points, size = found_points(first.localiser)[rows], first.spec.image_size
    figure, cells = subplots(1.62 * len(rows), 4.9, 3, len(rows), squeeze=False)
    for place, row in enumerate(rows):
        picture = load_rgb(first.images.path(int(row)))
        draw(cells[0, place], np.asarray(picture), points[place], np.ones(15, bool))
        for line, (part, net) in enumerate(nets.items(), start=1):
            box = np.load(net.crops.root / "boxes.npy")[row]
            (true,) = true_boxes(net.images, np.array([row]), part)
            _frame(cells[0, place], box, part, "-")
            if np.isfinite(true).all():
                _frame(cells[0, place], true, part, "--")
            shown = load_rgb(net.crops.path(int(row))).resize((size, size))
            cells[line, place].imshow(np.asarray(shown))
            bare(cells[line, place])
    for line, name in enumerate(("found keypoints", *(f"the {part}'s network" for part in PARTS))):
        cells[line, 0].set_ylabel(name, fontsize=8)
    words = f"{len(rows)} test pictures with fifteen found keypoints and two boxes; below each the "
    return described(figure, f"{words}crops of head and body, as their networks see them.")


def overlaps(page: Page) -> Picture:
    """How far crops overlap the boxes of the true keypoints: learnt pictures beside test pictures.

    Of recorded photographs where there are any, else of this run.
    """
    known = [sheet for sheet in page.sheets if set(NETS.values()) <= set(sheet.rows)]
    sheet = known[0]
    figure, panels = subplots(7.2, 2.5, 1, len(NETS), sharey=True)
    bins, told = np.linspace(0, 1, 21), []
    for axes, (part, row) in zip(panels, NETS.items(), strict=True):
        for of, colour in (("train", ORANGE), ("test", BLUE)):
            values = sheet.rows[row].arrays[f"overlap_{of}"]
            values = values[np.isfinite(values)]
            weights = np.full(len(values), 100 / max(len(values), 1))
            axes.hist(values, bins, weights=weights, alpha=0.6, color=colour, label=of)
            middle = np.median(values) if len(values) else np.nan
            told.append(f"{part}, {of} pictures: median {middle:.2f}")
        axes.axvline(0.5, color="black", lw=0.8, ls=":")
        axes.set(xlabel=f"{part}: intersection over union", xlim=(0, 1))
    panels[0].set_ylabel("share of the pictures, %")
    panels[0].legend(fontsize=8, title="pictures", title_fontsize=8)
    title = sheet.origin.dataset_title
    figure.suptitle(title, fontsize=9)
    return described(figure, f"{title}. {'; '.join(told)}.")


def _frame(axes: Axes, box: np.ndarray, part: str, style: str) -> None:
    x1, y1, x2, y2 = box
    about: Any = {"fill": False, "lw": 1.5, "ls": style, "ec": BOX_COLOURS[part]}
    axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, **about))
