"""Figures of the chapter on compact bilinear features: errors and accuracies by dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fgnb.pages.pose.compact import KEPT, KERNEL_DIMS, LABELS, NAMES
from fgnb.pose.compact import DIMS, FULL, POOLED
from fgnb.report import figures
from fgnb.report.figures import Picture, described, subplots
from fgnb.report.page import Page

_COLOURS = dict(zip(NAMES, (figures.BLUE, figures.ORANGE), strict=True))
_STYLES = {FULL: "-", POOLED: ":"}


def errors(found: Mapping[str, Any]) -> Picture:
    """Error of the kernel's estimate against dimension, beside one over its root."""
    figure, axes = subplots(5.4, 3.3)
    words = []
    for form, name in NAMES.items():
        means = [float(np.mean(found[f"error_{form}_{dim}"])) for dim in KERNEL_DIMS]
        axes.plot(KERNEL_DIMS, means, "o-", color=_COLOURS[form], label=name)
        words.append(f"{name}: " + ", ".join(f"{m:.3f}" for m in means))
        if len(words) == 1:
            line = [means[0] * (KERNEL_DIMS[0] / dim) ** 0.5 for dim in KERNEL_DIMS]
            axes.plot(KERNEL_DIMS, line, "--", color=figures.GREY, label="one over the root of d")
    axes.set(xscale="log", yscale="log", xlabel="numbers, d", ylabel="error, share of the kernel")
    axes.legend(fontsize=8)
    axes.grid(color="#e6e6e6")
    dims = ", ".join(f"{dim:,}" for dim in KERNEL_DIMS)
    return described(figure, f"Error of the estimate at d = {dims}. {'; '.join(words)}.")


def accuracies(page: Page) -> Picture:
    """Accuracy against dimension on each set; the whole feature and the mean as lines."""
    sheets = [sheet for sheet in page.sheets if FULL in sheet.rows]
    figure, panels = subplots(3.6 * len(sheets) + 1.0, 3.3, 1, len(sheets), squeeze=False)
    words = []
    for axes, of in zip(panels.flat, sheets, strict=True):
        frame = page.numbers(KEPT, of)
        lines = {line["label"]: line for line in frame.to_dict("records")}
        for form, name in NAMES.items():
            of_form = [lines[LABELS[f"{form}-{dim}"]] for dim in DIMS]
            values = np.array([line["value"] for line in of_form])
            ends = np.array([[line["low"], line["high"]] for line in of_form]).T
            spread = np.abs(ends - values)
            axes.errorbar(DIMS, values, yerr=spread, fmt="o-", color=_COLOURS[form], label=name)
            words.append(f"{name}: " + ", ".join(f"{value:.1f} %" for value in values))
        for row, style in _STYLES.items():
            line = lines[LABELS[row]]
            axes.axhline(line["value"], color=figures.GREY, linestyle=style, label=LABELS[row])
            words.append(f"{LABELS[row]}: {line['value']:.1f} %")
        axes.set(xscale="log", xlabel="numbers, d", ylabel="right answers, %")
        axes.set_xticks(DIMS, [f"{dim:,}" for dim in DIMS])
        axes.minorticks_off()
        axes.set_title("photographs, recorded" if of.recorded else "this run", fontsize=9)
        axes.grid(color="#e6e6e6")
    panels.flat[-1].legend(fontsize=7)
    return described(figure, f"Accuracy by numbers of a feature. {'; '.join(words)}.")
