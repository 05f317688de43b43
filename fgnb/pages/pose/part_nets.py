"""Part nets of pose (section 3.6): what is cut out, what its context is worth, what it adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fgnb.baselines.recipe import known
from fgnb.data import PART_NAMES
from fgnb.data.parts import HEAD_PARTS
from fgnb.metrics.keypoints import part_overlaps
from fgnb.pages.pose.boxes import side_boxes
from fgnb.pages.pose.classified import classified
from fgnb.pose.classifier_recipe import MODEL
from fgnb.pose.part_crops import PARTS as CUT_OUT
from fgnb.pose.part_net_stage import PartNetStage
from fgnb.pose.rows import (
    BODY_NET,
    COMPACT,
    CROPS,
    HEAD_NET,
    PART_NETS,
    PARTS,
    POOLED_NETS,
    TRANSFER,
    WHOLE_NETS,
)
from fgnb.report import kinds
from fgnb.report.layout import Line, Table, numbers_table
from fgnb.report.page import Page
from fgnb.report.sheet import Number, Sheet

NOTEBOOK = "pose/3-6-part-nets"
CODE = ("fgnb.pose.part_net_stage",)
IOU = 0.5
CUT = "cut"
OF_HEAD = np.isin(PART_NAMES, HEAD_PARTS)
"""Which keypoints make the head's box, bool ``[15]``."""
NETS = {"head": HEAD_NET, "body": BODY_NET}
TRAINED = (PARTS, COMPACT, *NETS.values(), CROPS, PART_NETS, WHOLE_NETS)
OURS = (TRANSFER, POOLED_NETS)
ROWS = (*TRAINED, *OURS)
CROPPED = (*NETS.values(), CROPS, PART_NETS, POOLED_NETS)
"""Rows with a margin around their boxes."""


def _row(row: str, label: str, end: str = "", step: Number | None = None) -> Line:
    name = f"{row}{f'.{end}' * bool(end)}"
    about = kinds.accuracy(f"{row}{f'/{end}' * bool(end)}")
    return Line(Number(f"own.pose.part-nets.{name}", label, about), step)


def _over(
    row: str, other: str, words: str, claim: str = "", short: str = "", expect: int = 1
) -> Number:
    claim = claim or f"own.pose.part-nets.{row}.over-{other}".replace("/", "-")
    return Number(claim, words, kinds.difference(row, other), short, expect)


# fmt: off
BOXES = numbers_table("What is cut out", [
    Number("pose.setting.part-crops", "Part images a picture", kinds.exact(f"{CUT}/parts"),
           unit="count"),
    *(number for part in CUT_OUT for number in (
        Number(f"own.pose.crop.{part}.context",
               f"{part.capitalize()} crop, as many times the window at a keypoint",
               kinds.mean(f"{CUT}/{part}_context"), unit="ratio"),
        Number(f"own.pose.crop.{part}.test",
               f"{part.capitalize()} crops that overlap the true box by half, test pictures",
               kinds.share(f"{CUT}/{part}_test")),
        Number(f"own.pose.crop.{part}.train", "The same, pictures that the localiser learnt from",
               kinds.share(f"{CUT}/{part}_train")),
    )),
])
CONTEXT = Table("Windows at keypoints, and crops; none sees the whole picture", (
    _row(PARTS, "Windows at fifteen keypoints, one network"),
    _row(HEAD_NET, "The head's crop, one network", "", _over(
        HEAD_NET, PARTS, "Head crop, minus the windows", expect=0)),
    _row(BODY_NET, "The body's crop, one network", "", _over(
        BODY_NET, PARTS, "Body crop, minus the windows", expect=0)),
    _row(CROPS, "Both crops, two networks joined", "", _over(
        CROPS, PARTS, "Both crops, minus the windows", "pose.claim.transfer-lacks-context",
        "Crops have the context that windows at keypoints lack")),
))
JOINED = Table("Beside the model of whole and parts", (
    _row(COMPACT, "Whole (compact bilinear) and parts, one network"),
    _row(PART_NETS, "With head and body crops: mean of three classifiers", "start", _over(
        f"{PART_NETS}/start", COMPACT, "Mean of three classifiers, minus one",
        short="Part nets add to the model: mean of the classifiers")),
    _row(PART_NETS, "With head and body crops: one classifier, tuned", "", _over(
        PART_NETS, f"{PART_NETS}/start", "Tuned, minus the mean of three", expect=0)),
    _row(WHOLE_NETS, "With two networks of the whole in place of crops (control)", "", _over(
        PART_NETS, WHOLE_NETS, "Crops, minus two more networks of the whole",
        short="Crops add more than two more networks of the whole picture")),
))
POOLED = Table("Ours: the mean of the last map in place of the compact form", (
    _row(TRANSFER, "Whole (pooled) and parts, one network"),
    _row(POOLED_NETS, "With head and body crops", "", _over(
        POOLED_NETS, TRANSFER, "With crops, minus without", expect=0)),
))
# fmt: on
TABLES = (BOXES, CONTEXT, JOINED, POOLED)


def derive(sheet: Sheet, p: Any) -> None:
    """Add what is counted of the crops."""
    if not set(NETS.values()) <= set(sheet.rows):
        return
    found: dict[str, Any] = {"parts": [len(CUT_OUT)]}
    for part, row in NETS.items():
        arrays = sheet.rows[row].arrays
        found[f"{part}_context"] = arrays["context"]
        for of in ("test", "train"):
            overlap = arrays[f"overlap_{of}"]
            found[f"{part}_{of}"] = overlap[np.isfinite(overlap)] > IOU
    sheet.derive(CUT, NETS["head"], **found)


def wanted(p: Any) -> tuple[str, ...]:
    """The rows to train; ours too where the parameters ask for them."""
    return TRAINED + OURS * p.with_ours


def add(page: Page, stages: Mapping[str, Any], runs: Mapping[str, Any]) -> Sheet:
    """Put the runs of some stages on the page."""
    return page.add(runs, {row: arrays_of(stages[row], run) for row, run in runs.items()})


def arrays_of(stage: Any, run: Any) -> dict[str, np.ndarray]:
    """What is kept of a row by image: its answers, and of a part's network what it was shown."""
    return classified(run) | (cut_out(stage) if isinstance(stage, PartNetStage) else {})


def cut_out(stage: PartNetStage) -> dict[str, np.ndarray]:
    """How the crops of a part's network lie to the true boxes.

    Returns:
        ``context[Q]``, how many times as large as the coordinate transfer's window a query's crop
        is; ``overlap_test[Q]`` and ``overlap_train[T]``, intersection over union with the box of
        the true keypoints, nan where fewer than three of them are visible.
    """
    cut = cut_boxes(stage).astype(float)
    recipe = known(MODEL)
    window = (recipe["window"] * recipe["map_stride"]) ** 2  # in pixels of the network's input
    own, asked = stage.localiser.frames_at(stage.query_index), cut[stage.query_index]
    sides = (asked[:, 2:] - asked[:, :2]) * own.scale
    kept = {"context": (sides.prod(axis=1) / window).astype(np.float32)}
    for name, rows in (("test", stage.query_index), ("train", stage.train_index)):
        images = stage.images
        true = side_boxes(images.parts[rows], images.visible[rows])[stage.spec.part]
        present = np.isfinite(true).all(axis=1)
        kept[f"overlap_{name}"] = part_overlaps(cut[rows], true, present).astype(np.float32)
    return kept


def cut_boxes(stage: PartNetStage) -> np.ndarray:
    """What was cut out of every picture of the set, int64 ``[N, 4]`` in its pixels."""
    return np.load(stage.crops.root / "boxes.npy")
