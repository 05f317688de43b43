"""The four phases of pose (section 3.4), and what each is worth, on held-out images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import default_collate

from fgnb.baselines.regime import TWIN
from fgnb.pages.pose.ceilings import found_share
from fgnb.pages.pose.classified import classified
from fgnb.pose.answers import localised
from fgnb.pose.loss import keypoint_loss
from fgnb.pose.rows import (
    AT_ONCE,
    BASELINE,
    HEAD,
    LOCALISER,
    PLAIN,
    RANDOM_HEAD,
    SHARED,
    TRANSFER,
)
from fgnb.pose.shared_stage import SharedStage
from fgnb.pose.targets import keypoint_targets
from fgnb.report import kinds
from fgnb.report.figures import BLUE, RED, Picture, described, subplots
from fgnb.report.layout import Line, Table, numbers_table
from fgnb.report.sheet import Number, Sheet
from fgnb.training.settings import deterministic

NOTEBOOK = "pose/3-4-training"
CODE = ("fgnb.pose.answers",)
ALPHA = 0.10
MET, MEETINGS = "met", 8
"""A derived row, and the batches that it is counted on."""
LOCALISERS = tuple(f"{row}{TWIN}" for row in (HEAD, LOCALISER, AT_ONCE))
CLASSIFIERS = tuple(f"{row}{TWIN}" for row in (TRANSFER, RANDOM_HEAD, BASELINE, PLAIN, SHARED))
ROWS = (*LOCALISERS, *CLASSIFIERS)
_HEAD, _WHOLE, _AT_ONCE = (f"found-{row}/found" for row in LOCALISERS)
_OURS, _RANDOM, _BASELINE, _PLAIN, _SHARED = CLASSIFIERS


def _line(name: str, label: str, rule: Any, step: Number | None = None) -> Line:
    return Line(Number(f"own.pose.phase.{name}", label, rule), step)


# fmt: off
KEYPOINTS = Table("Keypoints found within a tenth of the bird's box, share of an image's visible", (
    _line("keypoints.head", "Phase 1: score layers, features fixed", kinds.mean_share(_HEAD)),
    _line("keypoints.all", "Phase 2: all layers, smaller rate", kinds.mean_share(_WHOLE),
          Number("own.pose.phase-2-helps", "Phase 2, minus phase 1",
                 kinds.excess(_WHOLE, _HEAD), "Tuning all layers finds more keypoints")),
    _line("keypoints.at-once", "All layers at once", kinds.mean_share(_AT_ONCE),
          Number("pose.claim.staged-training-avoids-divergence", "Two phases, minus all at once",
                 kinds.excess(_WHOLE, _AT_ONCE), "Keypoints: two phases beat all at once")),
))
CLASSES = Table("Classes, at the localiser's keypoints", (
    _line("classes.fixed", "Phase 3: classifier, features fixed", kinds.accuracy(f"{_OURS}/start")),
    _line("classes.tuned", "Phase 4: all layers, smaller rate", kinds.accuracy(_OURS),
          Number("own.pose.phase-4-helps", "Phase 4, minus phase 3",
                 kinds.difference(_OURS, f"{_OURS}/start"), "Tuning all layers names more birds")),
    _line("classes.at-once", "Phase 4 without phase 3: classifier at random",
          kinds.accuracy(_RANDOM),
          Number("own.pose.phase-3-helps", "Phase 4 after phase 3, minus without it",
                 kinds.difference(_OURS, _RANDOM), "Classes: phase 3 first beats all at once")),
))
POINTS = Table("Trained at true keypoints: answers at true ones, and at found ones", (
    _line("points.found", "After phase 4, at found keypoints", kinds.accuracy(_OURS)),
    _line("points.true", "After phase 4, at true keypoints", kinds.accuracy(f"{_OURS}/true"),
          Number("own.pose.true-points-help", "At true keypoints, minus at found ones",
                 kinds.difference(f"{_OURS}/true", _OURS), "True keypoints name more birds")),
    _line("points.start-true", "After phase 3, at true keypoints",
          kinds.accuracy(f"{_OURS}/start_true"),
          Number("own.pose.true-points-help-start", "After phase 3: at true, minus at found",
                 kinds.difference(f"{_OURS}/start_true", f"{_OURS}/start"))),
))
NETWORKS = Table("Two networks, and one", (
    _line("networks.two", "Two networks: ours", kinds.accuracy(_OURS)),
    _line("networks.one", "The localiser, tuned by classes alone", kinds.accuracy(_BASELINE),
          Number("own.pose.two-networks-help", "Two networks, minus the tuned localiser",
                 kinds.difference(_OURS, _BASELINE), "Two networks beat the tuned localiser")),
    _line("networks.shared", "One trunk under both losses (ours)", kinds.accuracy(_SHARED),
          Number("own.pose.two-networks-beat-shared", "Two networks, minus one trunk",
                 kinds.difference(_OURS, _SHARED), "Two networks beat one trunk of both losses")),
    _line("networks.plain", "A network of its own without keypoints", kinds.accuracy(_PLAIN),
          Number("own.pose.localiser-start", "Without keypoints, minus the tuned localiser",
                 kinds.difference(_PLAIN, _BASELINE), expect=0)),
    _line("networks.keypoints", "Keypoints found: a network of their own",
          kinds.mean_share(_WHOLE)),
    _line("networks.shared-keypoints", "Keypoints found: one trunk under both losses",
          kinds.mean_share(f"found-{_SHARED}/found"),
          Number("own.pose.two-networks-keypoints", "Their own network, minus one trunk",
                 kinds.excess(_WHOLE, f"found-{_SHARED}/found"),
                 "A network of their own finds more keypoints")),
))
MEETING = numbers_table("One trunk, before its first step: the gradients of both losses", [
    Number("own.pose.gradients.angle", "Cosine of the two, mean over training batches",
           kinds.mean(f"{MET}/cosine"), unit="ratio"),
    Number("own.pose.gradients.against", "Batches on which they point against each other",
           kinds.share(f"{MET}/against")),
    Number("own.pose.gradients.size", "Length of the keypoints' over that of the classes'",
           kinds.mean(f"{MET}/size"), unit="ratio"),
])
# fmt: on
TABLES = (KEYPOINTS, CLASSES, POINTS, NETWORKS, MEETING)


def derive(sheet: Sheet, p: Any) -> None:
    """Add the share of an image's visible keypoints that each row finds, and where losses meet."""
    if _SHARED in sheet.rows and "cosine" in (arrays := sheet.rows[_SHARED].arrays):
        met = {name: arrays[name] for name in ("cosine", "size")}
        sheet.derive(MET, _SHARED, **met, against=met["cosine"] < 0)
    for row in (*LOCALISERS, _SHARED):
        if row in sheet.rows:
            arrays = sheet.rows[row].arrays
            found = found_share(arrays, arrays["points"], ALPHA)
            sheet.derive(f"found-{row}", row, found=found)


def arrays_of(stages: Mapping[str, Any], runs: Mapping[str, Any]) -> dict[str, Any]:
    """Row -> what is kept of it by image; of one trunk both, and how its losses meet."""
    found: dict[str, Any] = {}
    for row, run in runs.items():
        one: dict[str, Any] = classified(run) if row in CLASSIFIERS else {}
        if row in (*LOCALISERS, _SHARED):
            one |= localised(stages[row], run)
        if row == _SHARED:
            one |= meeting(stages[row])
        found[row] = one
    return found


def meeting(stage: SharedStage) -> dict[str, np.ndarray]:
    """How the gradients of both losses meet in the layers that they share, before the first step.

    Returns:
        float32 ``[B]``, for the first batches of the training: ``cosine`` of the two, and ``size``,
        the length of the keypoints' (with its weight) over that of the classes'.
    """
    module, data = stage.module().eval(), stage.data()
    cosine, size = [], []
    with deterministic(stage.spec.threads):
        for rows in data.batches(0)[:MEETINGS]:
            batch = default_collate([data.dataset[0, row] for row in rows])
            keypoints, classes = module.gradients(batch)
            cosine.append(float(torch.cosine_similarity(keypoints, classes, dim=0)))
            size.append(float(keypoints.norm() / classes.norm()))
    return {"cosine": np.asarray(cosine, np.float32), "size": np.asarray(size, np.float32)}


def library_losses(
    stage: Any, maps: np.ndarray, probs: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """The targets of a localiser's queries, and the library's two losses of given answers.

    Args:
        stage: the localiser's.
        maps: scores of its queries ``[Q, 15, h, w]``, before the sigmoid.
        probs: of the classifier ``[Q, C]``.
    """
    spec, query = stage.spec, stage.query_index
    targets = keypoint_targets(
        stage.framed_points[query],
        stage.images.visible[query],
        spec.cells,
        image_size=spec.image_size,
    )
    scores = torch.as_tensor(maps, dtype=targets.dtype)
    keypoints = keypoint_loss(scores, targets, positive_weight=spec.positive_weight)
    labels = torch.from_numpy(stage.images.labels[query]).long()
    classes = torch.nn.functional.nll_loss(torch.log(torch.as_tensor(probs)), labels)
    return targets.numpy(), float(keypoints), float(classes)


def courses(runs: Mapping[str, Any]) -> Picture | str:
    """Held-out figures after each pass: phases one after the other, and all at once.

    A sentence where no pass came to its end.
    """
    series: dict[str, tuple[dict[str, tuple[str, ...]], str]] = {
        "keypoints found, %": (
            {"two phases": (HEAD, LOCALISER), "all at once": (AT_ONCE,)},
            "held_out_pck_points",
        ),
        "birds named, %": (
            {"phase 3, then 4": (TRANSFER,), "all at once": (RANDOM_HEAD,)},
            "held_out_accuracy",
        ),
    }
    figure, panels = subplots(7.2, 2.8, 1, 2)
    told = []
    for axes, (label, (lines, name)) in zip(panels, series.items(), strict=True):
        for (words, rows), colour in zip(lines.items(), (BLUE, RED), strict=True):
            values = [v for row in rows for v in _by_pass(runs[f"{row}{TWIN}"], name)]
            axes.plot(range(1, len(values) + 1), values, "o-", color=colour, label=words, ms=3)
            ends = f"from {values[0]:.1f} to {values[-1]:.1f}" if values else "no pass"
            told.append(f"{label[:-3]}, {words}: {ends}")
        axes.set(xlabel="pass", ylabel=label)
        axes.grid(color="#e6e6e6")
        axes.legend(fontsize=8)
    if all("no pass" in one for one in told):
        return "No pass came to its end: the preset stops before."
    return described(figure, f"Held-out images after each pass. {'; '.join(told)}.")


def _by_pass(run: Any, name: str) -> list[float]:
    entries = run.metrics["epochs"]
    return [100 * entry["validation"][name] for entry in entries if entry["validation"]]
