"""What choosing is worth: rules on frozen features, with ridge regression and nothing else.

No paper asks these questions in this form, so every number is of our own (`own.evidence...`): the
rows are rules, `fgnb.evidence.rules`, and the answers of a row are those of all its fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.data import PART_NAMES
from fgnb.evidence.experiment import Answered, Experiment
from fgnb.evidence.joined import joined_regions
from fgnb.evidence.parts import GROUPS, NOTHING, on_parts
from fgnb.evidence.rules import EVERY, RULES, TAUGHT, WHOLE
from fgnb.report import kinds
from fgnb.report.layout import Line, Table, numbers_table
from fgnb.report.page import Page
from fgnb.report.sheet import Number

NOTEBOOK = "evidence/1-choosing-regions"
CODE = ("fgnb.evidence.experiment", "fgnb.evidence.parts")
RANDOM, FIVE, ORACLE = "random", "random-five", "oracle"
# fmt: off
LABELS = {
    WHOLE: "The whole picture alone",
    "maximum-map": "Maximum of all class maps (focus)",
    "single-map": "Map of the predicted class",
    "pyramid-none": "Pyramid of ccfr, as written",
    "pyramid-margin-rank": "Pyramid, ranked by margins (our repair)",
    "pyramid-gate": "Pyramid, gate (our repair)",
    "nts": "NTS, after the same warm-up",
    RANDOM: "Random, without overlap",
    "random-overlapping": "Random, overlap allowed",
    "random-on-object": "Random on the object, told its box",
    "centre": "Centre",
    FIVE: "Five at random, without overlap",
    "five-crops": "Five crops: corners and centre",
    ORACLE: "Oracle, told the true key points",
    EVERY: "All boxes, nothing chosen",
}
_BESIDE = {  # row -> what it is held against, and the sign that the question expects
    RANDOM: (WHOLE, 1),
    "random-overlapping": (RANDOM, -1),
    "random-on-object": (RANDOM, 1),
    "centre": (RANDOM, 0),
    "five-crops": (FIVE, 0),
    FIVE: (RANDOM, 0),
    ORACLE: (RANDOM, 1),
    EVERY: (RANDOM, 0),
    **dict.fromkeys(TAUGHT, (RANDOM, 1)),
}
_SHORT = {
    RANDOM: "Zoomed regions help even at random",
    "maximum-map": "The maximum of all class maps beats boxes at random",
    "single-map": "The map of the predicted class beats boxes at random",
    "pyramid-none": "ccfr's scorer, as written, beats boxes at random",
    "nts": "NTS's scorer beats boxes at random",
    ORACLE: "Boxes on the true key points beat boxes at random",
}
_ROOM = "There is room left: the key points beat the maximum map"
_HEAD = "The maximum map sits on the head more often than chance"


def _accuracy(row: str) -> Number:
    return Number(f"own.evidence.choosing.{row}", LABELS[row], kinds.fits_accuracy(row))


def _step(row: str, other: str, expect: int, short: str = "") -> Number:
    label = f"{LABELS[row]}, minus: {LABELS[other]}"
    claim = f"own.evidence.choosing.{row}-minus-{other}"
    return Number(claim, label, kinds.fits_difference(row, other), short, expect)


def _line(row: str) -> Line:
    if row not in _BESIDE:
        return Line(_accuracy(row))
    return Line(_accuracy(row), _step(row, *_BESIDE[row], _SHORT.get(row, "")))


def _on(row: str, group: str) -> Number:
    label = f"{LABELS[row]}: {'on ' * (group != NOTHING)}{group}"
    rule = kinds.mean_share(f"{row}/{group}")
    return Number(f"own.evidence.choosing.on-{group}.{row}", label, rule)


def _over_chance(row: str, group: str) -> Number:
    rule = kinds.excess(f"{row}/{group}", f"{row}/{group}_chance")
    expect = int(row in TAUGHT and group in ("head", "wing"))
    short = _HEAD * (row == "maximum-map" and group == "head")
    claim = f"own.evidence.choosing.over-chance-on-{group}.{row}"
    return Number(claim, f"{LABELS[row]}: {group}, over chance", rule, short, expect)


ACCURACY = Table(
    "Accuracy by rule, and its step from random boxes without overlap (theirs: from the whole)",
    tuple(map(_line, RULES)),
)
ROOM = Table("What is left for a better choice: the oracle, minus a rule that learns",
             tuple(Line(_step(ORACLE, row, 1, _ROOM * (row == "maximum-map"))) for row in TAUGHT))
PARTS = Table("Head and wing: share of a taught rule's boxes on one, and its step from chance",
              tuple(Line(_on(row, group), _over_chance(row, group))
                    for row in TAUGHT for group in ("head", "wing")))
ELSEWHERE = Table("What the boxes of each rule hold",
                  tuple(Line(_on(row, group), _over_chance(row, group))
                        for row in LABELS if row != WHOLE for group in (*GROUPS, NOTHING)
                        if not (row in TAUGHT and group in ("head", "wing"))))
HELD_OUT = numbers_table("Held-out accuracy with the settings chosen, five folds of each seed", [
    Number(f"own.evidence.choosing.held-out.{row}", LABELS[row],
           kinds.fits_accuracy(f"{row}/held_out_classes")) for row in LABELS])
SETUP = numbers_table("What the numbers rest on", [
    Number(f"own.evidence.choosing.setup.{name}", label, kinds.exact(f"{RANDOM}/@{name}"),
           unit="count")
    for name, label in (("taught", "Images that teach maps and scorers"),
                        ("folded", "Images that classifiers are fitted on"),
                        ("folds", "Folds"), ("fits", "Fits of each rule"),
                        ("candidates", "Boxes to choose from"), ("boxes", "K, boxes chosen"),
                        ("test_reads", "Times that the test answers of a rule were read"))])
# fmt: on
TABLES = (ACCURACY, ROOM, PARTS, SETUP, HELD_OUT, ELSEWHERE)


def experiment(page: Page) -> Experiment:
    """The experiment on the page's set, at its scale.

    Raises:
        ValueError: a set without CUB's fifteen parts, which the oracle needs.
    """
    if page.images.parts.shape[1] != len(PART_NAMES):
        raise ValueError(f"{page.images.title} has no part locations, which the oracle needs")
    return Experiment(page.images, page.scale, **page.options)


def arrays(made: Experiment, answered: Answered) -> dict[str, NDArray[Any]]:
    """What a record keeps of a rule: answers of all fits, and what its boxes hold."""
    images, split = made.images, made.split
    kept: dict[str, NDArray[Any]] = {
        "ids": images.ids[split.test],
        "labels": images.labels[split.test].astype(np.int16),
        "classes": answered.classes,
        "held_out_ids": images.ids[split.folded],
        "held_out_labels": images.labels[split.folded].astype(np.int16),
        "held_out_classes": answered.held_out,
    }
    if answered.places.shape[2]:
        kept |= on_parts(made, answered.places)
    return kept


def features(made: Experiment, rule: str, join: str) -> tuple[NDArray[np.float32], ...]:
    """What the first fit's classifier is taught on: wholes ``[N, D]`` and joined regions.

    Of the folds' images, then the test images.
    """
    places = made.chooser.places(rule, made.split.fits[0], made.split.asked)
    return made.whole, joined_regions(made.regions(places), join)


def settings(answers: Mapping[str, Answered]) -> dict[str, str]:
    """What was chosen for each rule on held-out images."""
    return {
        row: f"{of.setting.join}, share {of.setting.share:g}, strength {of.setting.strength:g}"
        for row, of in answers.items()
    }


def queries(made: Experiment, count: int) -> Sequence[int]:
    """Places of test images at even distances."""
    test = len(made.split.test)
    return [i * test // min(count, test) for i in range(min(count, test))]
