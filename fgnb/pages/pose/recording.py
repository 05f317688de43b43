"""What a record of each row of pose holds, for `fgnb train pose/ROW --keep`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fgnb import pose, presets, training
from fgnb.data import ImageSet, open_images
from fgnb.pages.pose import frozen_rows, joint, part_nets, phases
from fgnb.pages.pose.localisation import CODE as CODE
from fgnb.pose.answers import localised
from fgnb.pose.shared_stage import SharedStage
from fgnb.presets import Preset
from fgnb.training import Run

COUNTED = frozen_rows.ROWS


def answers(
    row: str, preset: Preset, images: ImageSet, options: Mapping[str, Any]
) -> tuple[Run, dict[str, np.ndarray]]:
    """The run of a row, and its arrays."""
    stage: Any = pose.row_stage(row, preset, images, **options)
    run = training.fit(stage)
    found = localised(stage, run) if "query_points" in run.predictions else {}
    if "query_probs" not in run.predictions:
        return run, found
    own = found | part_nets.arrays_of(stage, run)  # one trunk under both losses keeps both
    if row == joint.ROWS[2]:
        own["same"] = joint.same_without_annotations(stage, run)
    if isinstance(stage, SharedStage):
        own |= phases.meeting(stage)
    return run, own


def witness(row: str) -> np.ndarray:
    """How sure a row is at `smoke`, with today's code: of each keypoint, or of each class.

    Of the rows of frozen maps, what they count.
    """
    smoke = presets.get("smoke")
    images = open_images("drawn", preset=smoke)
    if row in COUNTED:
        return frozen_rows.witness(row, images, smoke)
    stage = pose.row_stage(row, smoke, images)
    kept = training.fit(stage).predictions
    sure = [kept[name] for name in ("query_scores", "query_probs") if name in kept]
    return np.asarray(sure[0] if len(sure) == 1 else np.concatenate(sure, axis=1))
