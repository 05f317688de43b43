"""What a record of each row of focus holds, for `fgnb train focus/ROW --keep`."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from fgnb import focus, training
from fgnb.baselines.regime import TWIN
from fgnb.data import ImageSet
from fgnb.focus.rows import DEFAULT, HELD_OUT
from fgnb.pages.focus import attention, overview, results
from fgnb.pages.focus import training as losses
from fgnb.pages.recording import course
from fgnb.presets import Preset
from fgnb.report.records import answers_of
from fgnb.training import Run

CODE = tuple(dict.fromkeys((*results.CODE, *attention.CODE, *overview.CODE, *losses.CODE)))
_NOISE = 0.5  # as the page on attention has it


def answers(
    row: str, preset: Preset, images: ImageSet, options: Mapping[str, Any]
) -> tuple[Run, dict[str, np.ndarray]]:
    """The run of a row, and its arrays."""
    stage: Any = focus.row_stage(row, preset, images, **options)
    run = training.fit(stage)
    own = answers_of(run)
    if "query_image_probs" in run.predictions:
        own[results.IMAGE] = run.predictions["query_image_probs"].argmax(axis=1).astype(np.int16)
    if row in results.WITH_BOXES:
        own |= results.box_arrays(results.boxes_of(images, stage, run))
    if row.endswith(TWIN):
        own |= course(stage, run)
    if row in HELD_OUT:
        spec = stage.spec
        p = SimpleNamespace(backbone=spec.backbone, seed=spec.seed, weights=stage.weights)
        own |= losses.head_arrays({DEFAULT: run, row: run}, p)[row]
    if row == DEFAULT:
        own |= overview.needed_arrays(stage, run)
        own |= attention.row_arrays(stage, run, focus.class_maps(stage, run), _NOISE)
    return run, own
