"""The figures of section 3.6: what is cut out of some pictures, and how well it lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fgnb.data import load_rgb
from fgnb.pages.pose.boxes import side_boxes
from fgnb.pages.pose.keypoint_figures import draw, draw_box
from fgnb.pages.pose.part_nets import NETS, cut_boxes
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
    found = {part: cut_boxes(net)[rows] for part, net in nets.items()}
    true = side_boxes(first.images.parts[rows], first.images.visible[rows])
    figure, cells = subplots(1.62 * len(rows), 4.9, 3, len(rows), squeeze=False)
    for place, row in enumerate(rows):
        picture = load_rgb(first.images.path(int(row)))
        draw(cells[0, place], np.asarray(picture), points[place], np.ones(15, bool))
        for line, (part, net) in enumerate(nets.items(), start=1):
            draw_box(cells[0, place], found[part][place], part)
            if np.isfinite(true[part][place]).all():
                draw_box(cells[0, place], true[part][place], part, "--")
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
    sheet = next(sheet for sheet in page.sheets if set(NETS.values()) <= set(sheet.rows))
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
