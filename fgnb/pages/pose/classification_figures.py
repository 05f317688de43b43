"""The figures of Table 1: accuracies by supervision, and which species parts mend."""

from __future__ import annotations

import numpy as np

from fgnb.pages.pose.classification import NAMES, TABLE1, WITH_KEYPOINTS
from fgnb.pose.rows import PLAIN, TRANSFER
from fgnb.report import across, render
from fgnb.report.figures import BLUE, GREY, ORANGE, Picture, described, subplots
from fgnb.report.page import Page
from fgnb.report.sheet import Sheet, published_value

MOST = 12  # species that are drawn


def accuracies(page: Page) -> Picture:
    """Each row's accuracy with its interval beside the published one, coloured by supervision.

    Of recorded photographs where there are any, else of this run.
    """
    sheet = _sheet(page)
    frame, told = page.numbers(TABLE1, sheet), []
    figure, axes = subplots(7.2, 3.0)
    for place, (row, line) in enumerate(zip(NAMES.values(), TABLE1.lines, strict=False)):
        own = render.pick(frame, line.number)
        colour = BLUE if row in WITH_KEYPOINTS else GREY
        printed = published_value(line.number, line.number.claim, "cub")
        axes.plot(printed, place, "D", mfc="none", mec=colour, ms=7)
        text = f"{line.number.label}: published {printed:.2f}"
        if own is not None:
            ends = [[own["value"] - own["low"]], [own["high"] - own["value"]]]
            axes.errorbar(own["value"], place, xerr=ends, fmt="o", color=colour, capsize=3)
            text += f", here {own['value']:.2f} ({own['low']:.1f} to {own['high']:.1f})"
        told.append(text)
    labels = [line.number.label for line in TABLE1.lines[: len(NAMES)]]
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("accuracy, %")
    axes.grid(axis="x", color="#e6e6e6")
    axes.set_title(f"{_title(sheet)}: dots; published: open diamonds", fontsize=9)
    for colour, words in ((GREY, "taught classes"), (BLUE, "taught classes and keypoints")):
        axes.plot([], [], "o", color=colour, label=words)
    axes.legend(fontsize=8, loc="lower left")
    return described(figure, f"{_title(sheet)}. {'; '.join(told)}.")


def mended(page: Page) -> Picture | str:
    """Answers that parts mend and spoil of the plain backbone's, species by species.

    Of more than `MOST` species those with the largest balance either way; a sentence without both
    rows.
    """
    sheet = _sheet(page)
    if not {PLAIN, TRANSFER} <= set(sheet.rows):
        return "The step from the plain backbone to parts was not measured."
    labels = sheet.rows[PLAIN].arrays["labels"]
    before, after = (sheet.rows[row].arrays["classes"] == labels for row in (PLAIN, TRANSFER))
    names = _names(page, sheet, int(labels.max()) + 1)
    mends, spoils = (np.bincount(labels[of], minlength=len(names))
                     for of in (after & ~before, before & ~after))  # fmt: skip
    order = np.argsort(spoils - mends, kind="stable")
    half = MOST // 2
    shown = order if len(order) <= MOST else np.r_[order[:half], order[-half:]]
    figure, axes = subplots(7.2, 0.6 + 0.24 * len(shown))
    places, own = range(len(shown)), [names[c] for c in shown]
    axes.barh(places, mends[shown], color=BLUE, label="mended by parts")
    axes.barh(places, -spoils[shown], color=ORANGE, label="spoiled")
    axes.set_yticks(places, own, fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0, color="black", lw=0.6)
    axes.set_xlabel("test images")
    axes.legend(fontsize=8)
    which = "" if len(shown) == len(names) else f", {len(shown)} of {len(names)} species"
    axes.set_title(f"{_title(sheet)}{which}", fontsize=9)
    told = "; ".join(f"{name}: {mends[c]} mended, {spoils[c]} spoiled"
                     for name, c in zip(own, shown, strict=True))  # fmt: skip
    return described(figure, f"{_title(sheet)}{which}. {told}.")


def _sheet(page: Page) -> Sheet:
    """The first of photographs that has the plain row, else this run's."""
    return next((s for s in page.sheets if PLAIN in s.rows), page.sheets[-1])


def _title(sheet: Sheet) -> str:
    return f"{sheet.origin.dataset_title}, n = {len(sheet.rows[PLAIN].arrays['labels']):,}"


def _names(page: Page, sheet: Sheet, count: int) -> list[str]:
    """The classes' names, of this run's set or as a record keeps them; else their numbers."""
    known = across.class_names(sheet.origin.manifest) if sheet.recorded else page.images.classes
    if known is None or len(known) < count:
        return [f"species {c + 1}" for c in range(count)]
    return [str(name).partition(".")[2].replace("_", " ") or str(name) for name in known]
