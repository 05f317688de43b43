"""What a record of each row of ccfr holds, for `fgnb train ccfr/ROW --keep`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fgnb import ccfr, presets, training
from fgnb.data import ImageSet
from fgnb.pages.ccfr import local_regions, local_regions_figures, multi_level, region_sets, reranked
from fgnb.presets import Preset
from fgnb.report.records import answers_of
from fgnb.training import Run

CODE = reranked.CODE
RERANKED = ("fusion", "global")


def trained(
    row: str, preset: Preset, images: ImageSet, options: Mapping[str, Any]
) -> tuple[Run, Any]:
    """The run of a row, and its stage."""
    stage = ccfr.row_stage(row, preset, images, **options)
    return training.fit(stage), stage


def answers(
    row: str, preset: Preset, images: ImageSet, options: Mapping[str, Any]
) -> tuple[Run, dict[str, np.ndarray]]:
    """The run of a row, and its arrays; a re-ranked row is trained on the held-out fold too."""
    run, stage = trained(row, preset, images, options)
    own = answers_of(run) if "query_probs" in run.predictions else {}
    if row in RERANKED:
        held_out, twin = trained(row, preset, images, {**options, "fold": "held-out"})
        pair = ccfr.Answers.of(run, stage), ccfr.Answers.of(held_out, twin)
        own |= reranked.arrays(*pair) | {"class_names": np.array(images.classes)}
    if row in multi_level.ROWS:
        runs = {row: run}
        if row == multi_level.MULTI:
            runs[multi_level.PLAIN] = trained(multi_level.PLAIN, preset, images, options)[0]
        own |= multi_level.arrays(images, runs).get(row, {})
    if row in local_regions.ROWS:
        before, warm_up = trained(local_regions.WARM_UP, preset, images, options)
        look = local_regions.Look.of(stage, run)
        own |= look.arrays(local_regions.Look.of(warm_up, before))
    if row == local_regions.OURS:
        published = ccfr.row_stage(row, presets.get("paper"), images, **options)
        calls = local_regions_figures.trace_model(stage)
        own |= local_regions.setting_arrays(stage, calls, published.spec)
    if row == region_sets.ROW:
        own |= region_sets.arrays(stage, run)
    return run, own
