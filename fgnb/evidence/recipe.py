"""From a preset to the settings of the experiment on choosing; each is stated or chosen."""

from __future__ import annotations

from dataclasses import asdict

from fgnb.baselines.recipe import Value, known
from fgnb.baselines.start import start_field
from fgnb.data import ImageSet
from fgnb.data.setframe import OF_THE_SET, kind_for
from fgnb.evidence.candidates import CandidateSpec
from fgnb.evidence.rules import COUNT, IOU
from fgnb.evidence.scorers import ScorerSpec, ScorerStage
from fgnb.focus.recipe import BOX, MODEL, REFERENCE
from fgnb.nn.weights import weights_info
from fgnb.presets import Preset

CELLS, FEWER_CELLS = 7, 4
GRID = {
    "crop_ratio": Value(0.875, "chosen", "the crop that the default weights were trained for"),
    "cells": Value(CELLS, "chosen", "the cells of the last map at 224 px; 4 on drawn pictures"),
    "box_size": Value(BOX.value, BOX.origin, f"focus, {BOX.reason}"),
}
SIGMA = MODEL["sigma"]
SHARES = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0)
"""Of regions in the joint feature; chosen once a rule."""
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Of the ridge, beside features of length about 1; chosen once a rule."""
SCORER = {
    "ranked": Value(6, "stated", "code of NTS; ccfr is silent"),
    "chosen": Value(COUNT, "stated", "ccfr, section 4.2: four boxes"),
    "iou": Value(IOU, "stated", "ccfr, section 4.2"),
    "images_per_class": Value(4, "chosen", "as in the stage of ccfr"),
    "label_smoothing": Value(0.1, "chosen", "as in the stage of ccfr"),
    "epochs": Value(6, "chosen", "as many passes as the regions of the chapters"),
    "batch_size": Value(16, "chosen", "as in the stages"),
    "lr": Value(0.001, "stated", "ccfr, section 4.2, for every stage"),
    "decay": Value("cosine", "chosen", "as in the stages above a frozen trunk"),
    "decay_every": Value(1, "chosen", "unused by cosine decay"),
    "momentum": Value(0.9, "stated", "ccfr, section 4.2"),
    "weight_decay": Value(1e-4, "chosen", "as in the stages"),
    "clip_norm": Value(3.0, "chosen", "as in the stages"),
    "threads": Value(1, "chosen", "layers so small that a second thread would wait"),
}
_REPEATS = {"seeds": 5, "folds": 5}
_DRAWN = {"seeds": 2, "folds": 2}


def repeats(images: ImageSet) -> dict[str, int]:
    """How often folds are drawn, and how many there are: fewer where nothing is read."""
    return _DRAWN if images.protocol == "drawn" else _REPEATS


def candidate_spec(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    frame: str = OF_THE_SET,
    seed: int = 0,
) -> CandidateSpec:
    """The grid of candidate boxes at the scale of ``preset``.

    Args:
        preset: sizes and threads.
        images: the set, whose frame is taken where ``frame`` is ``set``.
        backbone: a name that `fgnb.nn.backbones.create_backbone` knows.
        weights: ``imagenet``, ``random`` or a file.
        frame: a kind of `fgnb.data.frame.Frame`, or ``set``.
        seed: of random weights.
    """
    info, size = weights_info(backbone, weights), preset.image_size
    return CandidateSpec(
        backbone=backbone,
        weights_tag=info.tag,
        weights_sha256=info.sha256,
        image_size=size,
        source_size=preset.source_size,
        crop_size=preset.crop_size,
        frame=kind_for(images, frame),
        crop_ratio=known(GRID)["crop_ratio"],
        cells=FEWER_CELLS if images.protocol == "drawn" or size % CELLS else CELLS,
        box_size=BOX.value * size / REFERENCE,
        seed=seed if weights == "random" else 0,
        threads=preset.threads,
    )


def scorer_spec(
    preset: Preset,
    candidates: CandidateSpec,
    scorer: str,
    lesson: str,
    *,
    seed: int,
    start: ScorerStage | None,
) -> ScorerSpec:
    """The training of a scorer.

    Args:
        preset: where it stops early.
        candidates: the features.
        scorer: of `fgnb.evidence.scorers.SCORERS`.
        lesson: of `fgnb.evidence.scorers.LESSONS`.
        seed: of the halves, the first weights, the order and the sampled boxes.
        start: the stage that it goes on from.
    """
    return ScorerSpec(
        **known(SCORER),
        candidates=asdict(candidates),
        scorer=scorer,
        lesson=lesson,
        start=start_field(start),
        max_steps=preset.max_steps,
        seed=seed,
    )
