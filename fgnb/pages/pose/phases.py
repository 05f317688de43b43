"""The four phases of pose (section 3.4), and what each is worth, on held-out images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from fgnb.baselines.regime import TWIN
from fgnb.pages.pose.ceilings import found_share
from fgnb.pages.pose.classified import classified
from fgnb.pose.answers import localised
from fgnb.pose.loss import keypoint_loss
from fgnb.pose.rows import AT_ONCE, BASELINE, HEAD, LOCALISER, PLAIN, RANDOM_HEAD, TRANSFER
from fgnb.pose.targets import keypoint_targets
from fgnb.report import kinds
from fgnb.report.figures import BLUE, RED, Picture, described, subplots
from fgnb.report.layout import Line, Table
from fgnb.report.sheet import Number, Sheet

NOTEBOOK = "pose/3-4-training"
CODE = ("fgnb.pose.answers",)
ALPHA = 0.10
LOCALISERS = tuple(f"{row}{TWIN}" for row in (HEAD, LOCALISER, AT_ONCE))
CLASSIFIERS = tuple(f"{row}{TWIN}" for row in (TRANSFER, RANDOM_HEAD, BASELINE, PLAIN))
ROWS = (*LOCALISERS, *CLASSIFIERS)
_HEAD, _WHOLE, _AT_ONCE = (f"found-{row}/found" for row in LOCALISERS)
_OURS, _RANDOM, _BASELINE, _PLAIN = CLASSIFIERS


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
    _line("networks.plain", "A network of its own without keypoints", kinds.accuracy(_PLAIN),
          Number("own.pose.localiser-start", "Without keypoints, minus the tuned localiser",
                 kinds.difference(_PLAIN, _BASELINE), expect=0)),
))
# fmt: on
TABLES = (KEYPOINTS, CLASSES, POINTS, NETWORKS)


def derive(sheet: Sheet, p: Any) -> None:
    """Add the share of an image's visible keypoints that each localiser finds."""
    for row in LOCALISERS:
        if row in sheet.rows:
            arrays = sheet.rows[row].arrays
            found = found_share(arrays, arrays["points"], ALPHA)
            sheet.derive(f"found-{row}", row, found=found)


def arrays_of(stages: Mapping[str, Any], runs: Mapping[str, Any]) -> dict[str, Any]:
    """Row -> what is kept of it by image."""
    return {
        row: localised(stages[row], run) if row in LOCALISERS else classified(run)
        for row, run in runs.items()
    }


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
