"""What a record of each row of ccfr holds, for `fgnb train ccfr/ROW --keep`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fgnb import ccfr, training
from fgnb.baselines.regime import TWIN
from fgnb.data import ImageSet
from fgnb.pages.ccfr import coarse, local_regions, multi_level, region_sets, reranked
from fgnb.pages.recording import course
from fgnb.presets import Preset
from fgnb.report.records import answers_of
from fgnb.training import Run

CODE = reranked.CODE
RERANKED = ("fusion", "fusion-margin-rank", "global")


def answers(
    row: str, preset: Preset, images: ImageSet, options: Mapping[str, Any]
) -> tuple[Run, dict[str, np.ndarray]]:
    """The run of a row, and its arrays; a re-ranked row is trained on the held-out fold too.

    But on a whole set, whose thresholds come from the declared part of it.
    """

    def trained(row: str, **changed: Any) -> tuple[Run, Any]:
        stage = ccfr.row_stage(row, preset, images, **{**options, **changed})
        return training.fit(stage), stage

    run, stage = trained(row)
    own = answers_of(run) if "query_probs" in run.predictions else {}
    if row in RERANKED:
        whole = images.protocol == "official"
        held_out = None if whole else ccfr.Answers.of(*trained(row, fold="held-out"))
        own |= reranked.arrays(ccfr.Answers.of(run, stage), held_out)
        own |= {"class_names": np.array(images.classes)}
    if row == coarse.COARSE:  # global features alone can be re-ranked too
        own["probs"] = run.predictions["query_probs"].astype(np.float16)
    if row.endswith(TWIN):
        own |= course(stage, run)
    if row in multi_level.ROWS:
        runs = {row: run}
        if row == multi_level.MULTI:
            runs[multi_level.PLAIN] = trained(multi_level.PLAIN)[0]
        own |= multi_level.arrays(images, runs).get(row, {})
    if row in local_regions.RIVALS:
        own |= local_regions.Look.of(stage, run).box_arrays()
    elif row in local_regions.ROWS:
        both = {local_regions.WARM_UP: trained(local_regions.WARM_UP), row: (run, stage)}
        looks = {name: local_regions.Look.of(of, made) for name, (made, of) in both.items()}
        own |= local_regions.arrays({row: stage}, looks, options)[row]
    if row == region_sets.ROW:
        own |= region_sets.arrays(stage, run)
    return run, own
