"""What each loss and each open choice of focus is worth (section 3.3), on held-out images.

Two kinds of row. *Trained*: another spec, trained like the default. *Chosen again*: the default's
weights, its regions picked otherwise at test, which says nothing about training with that choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from fgnb import presets
from fgnb.focus import model, recipe, region_answers, rows
from fgnb.focus.spec import FocusSpec
from fgnb.metrics.coverage import boxes_moved
from fgnb.report import kinds
from fgnb.report.figures import BLUE, Picture, described, subplots
from fgnb.report.layout import Line, Step, Table, numbers_table, rows_table
from fgnb.report.page import Page
from fgnb.report.schedule import decay_arrays
from fgnb.report.sheet import Number, entry_of
from fgnb.training import Run

NOTEBOOK = "focus/3-3-training"
CODE = ("fgnb.focus.region_answers", "fgnb.focus.stages")
DEFAULT = rows.DEFAULT
# fmt: off
LOSSES = {
    "without-image": "Image-level loss off",
    "without-region": "Region-level loss off",
    "without-hybrid": "Hybrid loss off, image level answers",
}
CLAIMED = {
    rows.NOT_ZOOMED: ("zoom", "Regions as large as in the whole", "Zooming into regions helps"),
    "separate-extractor":
        ("sharing", "An extractor for regions alone", "Sharing the extractor helps"),
    "separate-classifiers": ("sharing", "A classifier for each rank", "Sharing a classifier helps"),
}
CHOICES = {
    "through-positions": "Crops pass a gradient to the map",
    "two-joined": "l = 2 regions join the whole",
    "all-joined": "l = 6, all regions join the whole",
    "bias-counted": "Biases counted in the map",
    "logistic-start": "From the pretrained network",
}
REGION_CHOICES: dict[str, tuple[str, dict[str, Any]]] = {
    "reselected-sigma-0": ("No smoothing", {"sigma": 0.0}),
    "reselected-sigma-half": ("Smoothing over half a cell", {"sigma": 0.5}),
    "reselected-sigma-2": ("Smoothing over two cells", {"sigma": 2.0}),
    "reselected-clip": ("Boxes cut at the border", {"border": "clip"}),
    "reselected-pad": ("Boxes left over the border", {"border": "pad"}),
    "reselected-strict": ("An overlap of exactly the threshold closed", {"iou": 0.2499}),
    "reselected-half": ("Overlap up to one half", {"iou": 0.5}),
    "reselected-bias-counted": ("Biases counted in the map", {"count_bias": True}),
    "reselected-single": ("Map of the predicted class", {"attention": "single"}),
    "reselected-random": ("Boxes at random", {"boxes": "random"}),
    "reselected-centre": ("Boxes in the centre", {"boxes": "centre"}),
}
# fmt: on


def _minus_default(title: str, claim: str, labels: dict[str, str], **more: Any) -> Table:
    """A row each with its step from the default, of which the paper names no sign."""
    steps = dict.fromkeys(labels, Step(DEFAULT, expect=0))
    return rows_table(title, claim, {DEFAULT: "Default", **labels}, steps, **more)


def _setting(name: str, of: str) -> Number:
    entry, where = entry_of(f"focus.setting.{name}"), "In use" if of[0] == "@" else "Preset paper"
    rule = kinds.exact(f"{DEFAULT}/{of}")
    return Number(entry.id, f"{where}: {entry.text}", rule, unit=entry.unit)


# fmt: off
CLAIMS = Table("Zooming and sharing; each step is the default, minus the row", tuple(
    Line(Number(f"own.focus.choice.trained.{row}.accuracy", label, kinds.accuracy(row)),
         Number(f"focus.claim.{claim}-helps", f"Default, minus: {label}",
                kinds.difference(DEFAULT, row), short))
    for row, (claim, label, short) in CLAIMED.items()
))
ANSWERS = _minus_default("Answers without each loss", "own.focus.loss.{row}.answer", LOSSES)
HEADS = numbers_table("Other classifiers of the same rows", [
    Number(f"own.focus.loss.{row}.{head}", f"{words}: {label}", kind(f"{row}/{head}"))
    for row, label in {DEFAULT: "Default", **LOSSES}.items()
    for head, words, kind in (("image", "Image level", kinds.accuracy),
                              ("region", "Single regions", kinds.mean_share))
    if row != f"without-{head}"  # whose classifier has learnt nothing
])
CHOSEN = _minus_default("Trained with another choice",
                        "own.focus.choice.trained.{row}.accuracy", CHOICES)
AT_TEST = _minus_default(
    "Another choice at test alone", "own.focus.choice.{row}.accuracy",
    {row: label for row, (label, _) in REGION_CHOICES.items()},
    beside=[Number(f"own.focus.choice.{row}.moved", label, kinds.mean_share(f"{row}/moved"))
            for row, (label, _) in REGION_CHOICES.items()])
IN_USE = numbers_table("Settings of section 4.2", [
    _setting("weight-decay", "@weight_decay"),
    _setting("momentum", "@momentum"),
    _setting("epochs", "@epochs"),
    _setting("learning-rate", "@lr"),
    _setting("learning-rate-pretrained", "@pretrained_rate"),
    _setting("learning-rate-step", "decay_learning-rate-step"),
    _setting("learning-rate-factor", "decay_learning-rate-factor"),
])
# fmt: on
TABLES = (CLAIMS, ANSWERS, HEADS, CHOSEN, AT_TEST, IN_USE)


def wanted(p: Any) -> list[str]:
    """The rows to train: the default, and what the notebook's parameters ask for."""
    groups: dict[str, Any] = {"losses": LOSSES, "claims": CLAIMED, "choices": CHOICES}
    return [DEFAULT, *(row for n in groups if getattr(p, f"with_{n}") for row in groups[n])]


def head_arrays(runs: Mapping[str, Run], p: Any) -> dict[str, dict[str, np.ndarray]]:
    """Row -> what its other classifiers answer: a class an image, the share of regions right.

    With the default stands how the preset `paper` lowers the rate, whose steps few passes lack.
    """
    arrays = {}
    for row, run in runs.items():
        kept = run.predictions
        right = kept["query_region_probs"].argmax(axis=2) == kept["query_labels"][:, None]
        image = kept["query_image_probs"].argmax(axis=1).astype(np.int16)
        arrays[row] = {"image": image, "region": right.mean(axis=1)}
    chosen = {"backbone": p.backbone, "weights": p.weights, "seed": p.seed, "fold": "held-out"}
    arrays[DEFAULT] |= decay_arrays(recipe.region_spec(presets.get("paper"), **chosen))
    return arrays


def reselected(stage: Any, run: Run) -> dict[str, dict[str, np.ndarray]]:
    """Row -> the default's answers with regions chosen otherwise, and the boxes that moved."""
    settings, arrays = {row: changes for row, (_, changes) in REGION_CHOICES.items()}, {}
    answers = region_answers.answers_under(stage, run, {DEFAULT: {}, **settings})
    for row in REGION_CHOICES:
        moved = boxes_moved(answers[DEFAULT].boxes, answers[row].boxes)
        classes = answers[row].probs.argmax(axis=1).astype(np.int16)
        arrays[row] = {"classes": classes, "moved": moved}
    return arrays


def library_loss(scores: Sequence[np.ndarray], labels: np.ndarray, spec: FocusSpec) -> float:
    """The library's loss of scores ``[B, C]``, ``[B, m, C]`` and ``[B, C]``."""
    names = ("image_logits", "region_logits", "hybrid_logits")
    output: Any = SimpleNamespace(**dict(zip(names, map(torch.from_numpy, scores), strict=True)))
    return float(model.losses(output, torch.from_numpy(labels).long(), spec)["loss"])


def moved_chart(page: Page) -> Picture:
    """Boxes that each choice at test moves, beside what that does to the accuracy."""
    lines = page.numbers(AT_TEST, page.sheets[len(page.recorded)])
    choices = lines.loc[lines["kind"] == "mean_share", "label"]
    figure, panels = subplots(7.2, 3.4, 1, 2, sharey=True)
    shown = {"mean_share": "boxes that differ, %", "difference": "step of accuracy, points"}
    words = []
    for axes, (kind, label) in zip(panels, shown.items(), strict=True):
        of_kind = lines[lines["kind"] == kind]
        ends = [of_kind["value"] - of_kind["low"], of_kind["high"] - of_kind["value"]]
        axes.errorbar(of_kind["value"], choices, xerr=ends, fmt="o", color=BLUE)
        axes.set_xlabel(label)
        axes.grid(color="#e6e6e6")
        words.append(f"{label}: " + ", ".join(f"{value:.1f}" for value in of_kind["value"]))
    return described(figure, f"Choices at test: {', '.join(choices)}. {'; '.join(words)}.")
