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
from fgnb.focus import rows
from fgnb.focus.model import losses
from fgnb.focus.recipe import region_spec
from fgnb.focus.region_answers import answers_under
from fgnb.focus.spec import FocusSpec
from fgnb.metrics.coverage import boxes_moved
from fgnb.report import kinds
from fgnb.report.figures import BLUE, Picture, described
from fgnb.report.layout import Line, Step, Table, numbers_table, rows_table
from fgnb.report.page import Page
from fgnb.report.schedule import decay_arrays
from fgnb.report.sheet import Number, entry_of
from fgnb.training import Run

NOTEBOOK = "focus/3-3-training"
CODE = ("fgnb.focus.region_answers", "fgnb.focus.stages")
DEFAULT = rows.DEFAULT
LOSSES = {
    "without-image": "Image-level loss off",
    "without-region": "Region-level loss off",
    "without-hybrid": "Hybrid loss off, image level answers",
}
CLAIMED = {
    rows.NOT_ZOOMED: ("zoom", "Regions as large as in the whole", "Zooming into regions helps"),
    "separate-extractor": (
        "sharing",
        "An extractor for regions alone",
        "Sharing the extractor helps",
    ),
    "separate-classifiers": ("sharing", "A classifier for each rank", "Sharing a classifier helps"),
}
CHOICES = {
    "through-positions": "Crops pass a gradient to the map",
    "two-joined": "l = 2 regions join the whole",
    "all-joined": "l = 6, all regions join the whole",
    "bias-left-out": "Biases left out of the map",
    "logistic-start": "From the pretrained network",
}
AGAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "sigma-0": ("No smoothing", {"sigma": 0.0}),
    "sigma-half": ("Smoothing over half a cell", {"sigma": 0.5}),
    "sigma-2": ("Smoothing over two cells", {"sigma": 2.0}),
    "clip": ("Boxes cut at the border", {"border": "clip"}),
    "pad": ("Boxes left over the border", {"border": "pad"}),
    "strict": ("An overlap of exactly the threshold closed", {"iou": 0.2499}),  # just under 0.25
    "half": ("Overlap up to one half", {"iou": 0.5}),
    "bias-left-out": ("Biases left out of the map", {"count_bias": False}),
    "single": ("Map of the predicted class", {"attention": "single"}),
    "random": ("Boxes at random", {"boxes": "random"}),
    "centre": ("Boxes in the centre", {"boxes": "centre"}),
}
RESELECTED = {f"reselected-{name}": label for name, (label, _) in AGAIN.items()}
_CHANGES = {DEFAULT: {}, **{f"reselected-{name}": to for name, (_, to) in AGAIN.items()}}
_HEADS = {"image": ("Image level", kinds.accuracy), "region": ("Single regions", kinds.mean_share)}
_UNTRAINED = {("without-image", "image"), ("without-region", "region")}


def _minus_default(title: str, claim: str, labels: dict[str, str], **more: Any) -> Table:
    """A row each with its step from the default, of which the paper names no sign."""
    steps = dict.fromkeys(labels, Step(DEFAULT, expect=0))
    return rows_table(title, claim, {DEFAULT: "Default", **labels}, steps, **more)


def _without(row: str, claim: str, label: str, short: str) -> Line:
    step = f"focus.claim.{claim}-helps", f"Default, minus: {label}", kinds.difference(DEFAULT, row)
    number = Number(f"own.focus.choice.trained.{row}.accuracy", label, kinds.accuracy(row))
    return Line(number, Number(*step, short))


_ROW = "own.focus.choice.{row}.accuracy"
CLAIMS = Table(
    "Zooming and sharing; each step is the default, minus the row",
    tuple(_without(row, *words) for row, words in CLAIMED.items()),
)
ANSWERS = _minus_default("Answers without each loss", "own.focus.loss.{row}.answer", LOSSES)
HEADS = numbers_table(
    "Other classifiers of the same rows",
    [
        Number(f"own.focus.loss.{row}.{head}", f"{words}: {label}", kind(f"{row}/{head}"))
        for row, label in {DEFAULT: "Default", **LOSSES}.items()
        for head, (words, kind) in _HEADS.items()
        if (row, head) not in _UNTRAINED
    ],
)
CHOSEN = _minus_default(
    "Trained with another choice", _ROW.replace("{row}", "trained.{row}"), CHOICES
)
_MOVED = [
    Number(f"own.focus.choice.{row}.moved", label, kinds.mean_share(f"{row}/moved"))
    for row, label in RESELECTED.items()
]
AT_TEST = _minus_default("Another choice at test alone", _ROW, RESELECTED, beside=_MOVED)
_USED = {
    "weight-decay": "@weight_decay",
    "momentum": "@momentum",
    "epochs": "@epochs",
    "learning-rate": "@lr",
    "learning-rate-pretrained": "@pretrained_rate",
    "learning-rate-step": "decay_learning-rate-step",
    "learning-rate-factor": "decay_learning-rate-factor",
}


def _setting(name: str, of: str) -> Number:
    entry, where = entry_of(f"focus.setting.{name}"), "In use" if of[0] == "@" else "Preset paper"
    rule = kinds.exact(f"{DEFAULT}/{of}")
    return Number(entry.id, f"{where}: {entry.text}", rule, unit=entry.unit)


IN_USE = numbers_table("Settings of section 4.2", [_setting(*pair) for pair in _USED.items()])
TABLES = (CLAIMS, ANSWERS, HEADS, CHOSEN, AT_TEST, IN_USE)


def wanted(p: Any) -> list[str]:
    """The rows to train: the default, and what the notebook's parameters ask for."""
    groups: dict[str, Any] = {"losses": LOSSES, "claims": CLAIMED, "choices": CHOICES}
    return [DEFAULT, *(row for n in groups if getattr(p, f"with_{n}") for row in groups[n])]


def head_arrays(runs: Mapping[str, Run], p: Any) -> dict[str, dict[str, np.ndarray]]:
    """Row -> what its other classifiers answer: a class an image, the share of regions right.

    With the default stands how the preset `paper` lowers the rate; in a few passes its steps would
    never come.
    """
    found = {}
    for row, run in runs.items():
        kept = run.predictions
        right = kept["query_region_probs"].argmax(axis=2) == kept["query_labels"][:, None]
        image = kept["query_image_probs"].argmax(axis=1).astype(np.int16)
        found[row] = {"image": image, "region": right.mean(axis=1)}
    chosen = {"backbone": p.backbone, "weights": p.weights, "seed": p.seed, "fold": "held-out"}
    found[DEFAULT] |= decay_arrays(region_spec(presets.get("paper"), **chosen))
    return found


def reselected(stage: Any, run: Run) -> dict[str, dict[str, np.ndarray]]:
    """Row -> the default's answers with regions chosen otherwise, and the boxes that moved."""
    answers, found = answers_under(stage, run, _CHANGES), {}
    for row in RESELECTED:
        probs = answers[row].probs
        moved = boxes_moved(answers[DEFAULT].boxes, answers[row].boxes)
        found[row] = {"classes": probs.argmax(axis=1).astype(np.int16), "moved": moved}
    return found


def library_loss(scores: Sequence[np.ndarray], labels: np.ndarray, spec: FocusSpec) -> float:
    """The library's loss of scores ``[B, C]``, ``[B, m, C]`` and ``[B, C]``."""
    names = ("image_logits", "region_logits", "hybrid_logits")
    tensors = dict(zip(names, map(torch.from_numpy, scores), strict=True))
    output: Any = SimpleNamespace(**tensors)
    return float(losses(output, torch.from_numpy(labels).long(), spec)["loss"])


def moved_chart(page: Page) -> Picture:
    """Boxes that each choice at test moves, beside what that does to the accuracy."""
    lines = page.numbers(AT_TEST, page.sheets[len(page.recorded)])
    moved, steps = (lines[lines["kind"] == kind] for kind in ("mean_share", "difference"))
    figure = Picture(figsize=(7.2, 3.4), layout="constrained")
    panels, told = figure.subplots(1, 2, sharey=True), []
    words = ("boxes that differ, %", "step of accuracy, points")
    for axes, found, label in zip(panels, (moved, steps), words, strict=True):
        value, low, high = (found[name].to_numpy() for name in ("value", "low", "high"))
        axes.errorbar(value, moved["label"], xerr=[value - low, high - value], fmt="o", color=BLUE)
        axes.set_xlabel(label)
        axes.grid(color="#e6e6e6")
        told.append(f"{label}: " + ", ".join(f"{v:.1f}" for v in value))
    choices = ", ".join(moved["label"])
    return described(figure, f"Choices at test: {choices}. {'; '.join(told)}.")
