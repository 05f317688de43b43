"""Figures of the chapter on choosing: accuracies, what boxes hold, and boxes on pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import seaborn as sns

from fgnb.evidence.experiment import Answered, Experiment
from fgnb.evidence.parts import GROUPS, NOTHING
from fgnb.evidence.rules import TAUGHT, TOLD
from fgnb.pages.evidence.choosing import ACCURACY, LABELS, ORACLE, RANDOM, queries
from fgnb.report import figures
from fgnb.report.figures import Picture, described, literal, subplots
from fgnb.report.page import Page
from fgnb.report.regions import Regions, SheetRow, sheet

SHOWN = ("maximum-map", "pyramid-none", "nts", RANDOM, ORACLE)


def _colour(row: str) -> str:
    return figures.BLUE if row in TAUGHT else figures.ORANGE if row in TOLD else figures.GREY


def accuracies(page: Page) -> Picture:
    """Every rule's accuracy on each set, random boxes and the oracle as lines.

    Blue rules learn from labels, orange ones are told annotations, grey ones know nothing.
    """
    sheets = page.sheets
    figure, panels = subplots(7.4, 4.2, 1, len(sheets), sharey=True, squeeze=False)
    words = []
    for axes, of in zip(panels.flat, sheets, strict=True):
        frame = page.numbers(ACCURACY, of)
        lines = {line["label"]: line for line in frame.to_dict("records")}
        shown = [row for row in LABELS if LABELS[row] in lines]
        for place, row in enumerate(shown):
            line = lines[LABELS[row]]
            ends = [[line["value"] - line["low"]], [line["high"] - line["value"]]]
            axes.errorbar(line["value"], place, xerr=ends, fmt="o", color=_colour(row), ms=4)
            words.append(f"{LABELS[row]}: {line['value']:.1f} %")
        for row, style in ((RANDOM, ":"), (ORACLE, "--")):
            if row in shown:
                axes.axvline(lines[LABELS[row]]["value"], color=_colour(row), linestyle=style, lw=1)
        axes.set_yticks(range(len(shown)), [literal(LABELS[row]) for row in shown], fontsize=8)
        axes.set_title("photographs, recorded" if of.recorded else "this run", fontsize=9)
        axes.set_xlabel("right answers, %")
        axes.grid(axis="x", color="#e6e6e6")
    panels.flat[0].invert_yaxis()
    return described(figure, f"Accuracy by rule. {'; '.join(words)}.")


def parts_chart(made: Mapping[str, Mapping[str, Any]]) -> Picture:
    """Share of each rule's boxes on head, wing, body and on nothing, beside chance.

    ``made`` is rule -> what `fgnb.pages.evidence.choosing.arrays` keeps of it.
    """
    rows = [row for row in LABELS if NOTHING in made.get(row, {})]
    groups = (*GROUPS, NOTHING)
    with sns.axes_style("whitegrid"):
        figure, panels = subplots(7.4, 3.6, 1, len(groups), sharey=True)
    words = []
    for axes, group in zip(panels, groups, strict=True):
        values = [100 * float(np.mean(made[row][group])) for row in rows]
        chance = 100 * float(np.mean(made[rows[0]][f"{group}_chance"]))
        axes.barh(range(len(rows)), values, color=[_colour(row) for row in rows], height=0.65)
        axes.axvline(chance, color=figures.RED, linestyle="--", lw=1.2)
        axes.set_yticks(range(len(rows)), [literal(LABELS[row]) for row in rows], fontsize=8)
        axes.set(xlim=(0, 100), title=group)
        named = zip(rows, values, strict=True)
        told = ", ".join(f"{LABELS[row]} {value:.0f} %" for row, value in named)
        words.append(f"{group}: chance {chance:.0f} %, {told}")
    panels[0].invert_yaxis()
    figure.supxlabel("boxes, %", fontsize=9)
    return described(figure, f"What boxes hold, the line is chance. {'; '.join(words)}.")


def boxes_sheet(made: Experiment, answers: Mapping[str, Answered], count: int) -> Picture:
    """Test pictures at even distances with the boxes of five rules, a row a rule."""
    rows = []
    for row in SHOWN:
        places = answers[row].places[0]
        scores = np.broadcast_to(-np.arange(places.shape[1], dtype=np.float32), places.shape)
        chosen = Regions(
            ids=made.images.ids[made.split.test],
            boxes=made.found.anchors.boxes.numpy()[places],
            scores=scores,
            scales=np.full(places.shape, made.spec.box_size, np.float32),
            size=made.spec.image_size,
            framing=made.spec.framing,
        )
        label = LABELS[row].replace(", ", ",\n").replace(" (", "\n(").replace(" of all", "\nof all")
        rows.append(SheetRow(label, made.images, chosen, queries(made, count)))
    return sheet(rows)
