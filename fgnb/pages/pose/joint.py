"""Whole and parts side by side (pose, section 3.3): what either says alone, and both together.

Every row is looked at on held-out images, at the keypoints that the localiser finds.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch

from fgnb import training
from fgnb.baselines.regime import TWIN
from fgnb.data import PART_NAMES, ImageSet
from fgnb.pages.pose.classified import classified
from fgnb.pose.classifier_stage import ClassifierStage
from fgnb.pose.decode import decode
from fgnb.pose.rows import COMPACT, COMPACT_WHOLE, PARTS, PLAIN, TRANSFER
from fgnb.report import kinds
from fgnb.report.figures import BLUE, GREY, Picture, described, subplots
from fgnb.report.layout import Line, Table, numbers_table
from fgnb.report.sheet import Number, Sheet
from fgnb.training.settings import deterministic

NOTEBOOK = "pose/3-3-joint-representation"
CODE = ("fgnb.pose.classifier_stage",)
LABELS = {
    PLAIN: "The whole alone, mean of the last map",
    PARTS: "Fifteen parts alone",
    TRANSFER: "The whole and the parts",
    COMPACT_WHOLE: "The whole alone, compact bilinear",
    COMPACT: "The whole, compact bilinear, and the parts",
}
SUPERVISION = {
    PLAIN: "classes",
    PARTS: "classes, keypoints",
    TRANSFER: "classes, keypoints",
    COMPACT_WHOLE: "classes",
    COMPACT: "classes, keypoints",
}
"""What each row is given in training; at test none is given anything but the picture."""
ROWS = tuple(f"{row}{TWIN}" for row in LABELS)
_PLAIN, _PARTS, _BOTH, _COMPACT_WHOLE, _COMPACT = ROWS
CHECK = "checked"
_STEPS = {
    PARTS: (_PLAIN, "Parts alone, minus the whole alone", "", 0),
    TRANSFER: (_PLAIN, "With parts, minus the whole alone", "Parts add to the whole", 1),
    COMPACT_WHOLE: (_PLAIN, "Compact bilinear, minus the mean of the last map", "", 0),
    COMPACT: (
        _COMPACT_WHOLE,
        "With parts, minus the whole alone, both compact bilinear",
        "Parts add to a compact bilinear whole",
        1,
    ),
}


def _line(row: str, end: str = "") -> Line:
    twin, about = f"{row}{TWIN}", f".{end}" * bool(end)
    array = f"/{end}" * bool(end)
    label = f"{LABELS[row]} ({SUPERVISION[row]})"
    value = Number(f"own.pose.joint.{row}{about}", label, kinds.accuracy(f"{twin}{array}"))
    if row not in _STEPS:
        return Line(value)
    above, words, short, expect = _STEPS[row]
    step = kinds.difference(f"{twin}{array}", f"{above}{array}")
    short = "" if end else short
    return Line(value, Number(f"own.pose.joint.{row}{about}.step", words, step, short, expect))


# fmt: off
FIXED = Table("Features fixed: one linear classifier on each",
              tuple(_line(row, "start") for row in LABELS))
TUNED = Table("All layers above the frozen trunk tuned", tuple(map(_line, LABELS)))
COST = numbers_table("What the localiser costs the joint row", [
    Number("own.pose.joint.true-points", "The whole and the parts, at true keypoints",
           kinds.accuracy(f"{_BOTH}/true")),
    Number("own.pose.joint.true-minus-found", "At true keypoints, minus at found ones",
           kinds.difference(f"{_BOTH}/true", _BOTH), expect=0),
])
GIVEN = numbers_table("Nothing is given at test", [
    Number("pose.claim.no-annotations-at-test",
           "Answers that stay when keypoints and boxes of the pictures are erased",
           kinds.share(f"{CHECK}/same")),
])
# fmt: on
TABLES = (TUNED, FIXED, COST, GIVEN)


def derive(sheet: Sheet, p: Any) -> None:
    """Add the check of what is given at test, where the joint row holds it."""
    if _BOTH in sheet.rows and "same" in sheet.rows[_BOTH].arrays:
        sheet.derive(CHECK, _BOTH, same=sheet.rows[_BOTH].arrays["same"])


def arrays_of(stages: Mapping[str, Any], runs: Mapping[str, Any]) -> dict[str, Any]:
    """Row -> what is kept of it by image; the joint row with the check of what is given."""
    found = {row: classified(run) for row, run in runs.items()}
    found[_BOTH]["same"] = same_without_annotations(stages[_BOTH], runs[_BOTH])
    return found


def same_without_annotations(stage: ClassifierStage, run: Any) -> np.ndarray:
    """Which queries get the same answer from a set whose annotations of them are erased.

    Args:
        stage: a row with parts.
        run: its run.

    Returns:
        bool ``[Q]``.
    """
    assert stage.localiser is not None
    own, finder, rows = copy.copy(stage), copy.copy(stage.localiser), stage.query_index
    finder.pictures = copy.copy(finder.pictures)
    own.images = finder.images = finder.pictures.images = erased(stage.images, rows)
    scores = finder.score_maps(training.fit(stage.localiser, progress=False), rows)
    cells = own.cells(finder.spec.cells.pixels(decode(scores).cells))
    module = stage.module()
    run.load_weights(module)
    with deterministic(stage.spec.threads):
        (probs,) = own.probs_at(module, cells)
    return np.asarray(probs.argmax(axis=1) == run.predictions["query_probs"].argmax(axis=1))


def erased(images: ImageSet, rows: np.ndarray) -> ImageSet:
    """The same set with no keypoint, no box and no class known of some pictures."""
    known = np.ones(len(images), bool)
    known[rows] = False
    return replace(
        images,
        parts=np.where(known[:, None, None], images.parts, 0),
        visible=images.visible & known[:, None],
        boxes=np.where(known[:, None], images.boxes, 0),
        labels=np.where(known, images.labels, 0),
    )


class Look(NamedTuple):
    """What the joint row's classifier makes its answers of, over the held-out images."""

    whole: np.ndarray  # F_I: [Q, D], at the localiser's keypoints
    parts: np.ndarray  # F_P: [Q, 15, d]
    weight: np.ndarray  # [C, D + 15 d]
    bias: np.ndarray  # [C]
    scores: np.ndarray  # [Q, C]
    labels: np.ndarray  # [Q]

    @classmethod
    def of(cls, stage: ClassifierStage, run: Any) -> Look:
        """Of a row with parts, and its run."""
        module = stage.module()
        run.load_weights(module)
        module.eval()
        with deterministic(stage.spec.threads), torch.inference_mode():
            vectors = stage.vectors(module.joint, stage.query_index, stage.found_cells)
            scores = module.head(vectors).numpy()
        whole, parts = (half.numpy() for half in vectors.split(module.joint.dims, dim=1))
        weight, bias = (of.detach().numpy() for of in (module.head.weight, module.head.bias))
        labels = stage.images.labels[stage.query_index]
        return cls(whole, _by_part(parts), weight, bias, scores, labels)

    def said(self) -> tuple[np.ndarray, np.ndarray]:
        """What the whole and each part say for the true class, over the mean of all classes.

        Returns:
            ``[Q]`` and ``[Q, 15]``, in units of the score. They add up to the score's lead over the
            mean, but for the bias.
        """
        own = self.weight[self.labels] - self.weight.mean(axis=0)  # [Q, D + 15 d]
        of_whole, of_parts = np.split(own, [self.whole.shape[1]], axis=1)
        by_part = (self.parts * _by_part(of_parts)).sum(axis=2)
        return (self.whole * of_whole).sum(axis=1), by_part


def _by_part(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), len(PART_NAMES), -1)


def speakers(whole: np.ndarray, parts: np.ndarray) -> Picture:
    """Who speaks for the true class: the whole and each part, mean over the queries."""
    names = ["the whole", *PART_NAMES]
    each = np.column_stack([whole, parts])
    mean = each.mean(axis=0)
    half = 1.96 * each.std(axis=0, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else 0 * mean
    figure, axes = subplots(6.4, 3.6)
    colours = [GREY, *[BLUE] * len(PART_NAMES)]
    axes.barh(names, mean, xerr=half, color=colours, error_kw={"lw": 0.8})
    axes.invert_yaxis()
    axes.set_xlabel("said for the true class, over the mean of all classes")
    axes.grid(axis="x", color="#e6e6e6")
    words = ", ".join(f"{name} {value:.2f}" for name, value in zip(names, mean, strict=True))
    return described(figure, f"Mean of what each says for the true class, 95 % bars: {words}.")
