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
from fgnb.report.figures import BLUE, RED, Picture, described
from fgnb.report.layout import Line, Step, Table, numbers_table, rows_table
from fgnb.report.page import Page
from fgnb.report.schedule import decay_arrays
from fgnb.report.sheet import Number
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


_TRAINED, _AGAIN = "own.focus.choice.trained.{row}.accuracy", "own.focus.choice.{row}.accuracy"
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
CHOSEN = _minus_default("Trained with another choice", _TRAINED, CHOICES)
_MOVED = [
    Number(f"own.focus.choice.{row}.moved", label, kinds.mean_share(f"{row}/moved"))
    for row, label in RESELECTED.items()
]
AT_TEST = _minus_default("Another choice at test alone", _AGAIN, RESELECTED, beside=_MOVED)
_USED = {
    "weight-decay": ("Weight decay", "@weight_decay", "none"),
    "momentum": ("Momentum of SGD", "@momentum", "none"),
    "epochs": ("Epochs", "@epochs", "count"),
    "learning-rate": ("Base learning rate", "@lr", "none"),
    "learning-rate-pretrained": ("Rate of pretrained layers, x base", "@pretrained_rate", "ratio"),
    "learning-rate-step": ("Preset paper: epochs to a step", "decay_learning-rate-step", "count"),
    "learning-rate-factor": (
        "Preset paper: factor of a step",
        "decay_learning-rate-factor",
        "none",
    ),
}
SETTINGS_TABLE = numbers_table(
    "Settings of section 4.2 and those in use",
    [
        Number(f"focus.setting.{name}", label, kinds.exact(f"{DEFAULT}/{of}"), unit=unit)
        for name, (label, of, unit) in _USED.items()
    ],
)
TABLES = (CLAIMS, ANSWERS, HEADS, CHOSEN, AT_TEST, SETTINGS_TABLE)


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
    paper, seed = presets.get("paper"), p.seed
    found[DEFAULT] |= decay_arrays(
        region_spec(paper, p.backbone, p.weights, fold="held-out", seed=seed)
    )
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
    """Boxes that a choice at test moves, against what happens to the accuracy."""
    lines = page.numbers(AT_TEST, page.sheets[len(page.recorded)])
    steps, moved = (lines[lines["kind"] == kind] for kind in ("difference", "mean_share"))
    figure = Picture(figsize=(6.4, 3.6), layout="constrained")
    axes, told = figure.subplots(), []
    ends = [steps["value"] - steps["low"], steps["high"] - steps["value"]]
    axes.errorbar(moved["value"], steps["value"], yerr=ends, fmt="o", color=BLUE, lw=1)
    axes.axhline(0, color=RED, lw=1, linestyle="--")
    for x, y, label in zip(moved["value"], steps["value"], moved["label"], strict=True):
        axes.annotate(label, (x, y), (4, 4), textcoords="offset points", fontsize=7)
        told.append(f"{label}: {x:.0f} % moved, {y:+.1f} points")
    axes.set(xlabel="boxes that differ, %", ylabel="accuracy minus the default's, points")
    return described(figure, f"Boxes moved against accuracy gained. {'; '.join(told)}.")
