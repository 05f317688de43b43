"""The rows that chapters measure, by name: which stage each is, and what it changes in its spec.

Table 2 and the controls beside it read test images. The rows of section 3.3 and the model that the
pages of section 3 look into are trained on four fifths of each class, and answer the held-out
fifth. ``fgnb train focus/ROW --keep`` records one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fgnb.baselines.regime import TWIN, Rows, with_share, with_twins
from fgnb.baselines.stages import nts_stage
from fgnb.data import ImageSet
from fgnb.focus import stages
from fgnb.focus.recipe import CONTROLS, REGION_SHARE, TABLE2, row_passes
from fgnb.presets import Preset
from fgnb.training import Stage

DEFAULT = "ours-held-out"
LOSSES: dict[str, dict[str, Any]] = {
    "without-image": {"image_weight": 0.0},
    "without-region": {"region_weight": 0.0},
    "without-hybrid": {"hybrid_weight": 0.0},
}
NOT_ZOOMED = "not-zoomed"
CLAIMED: dict[str, dict[str, Any]] = {
    NOT_ZOOMED: {},  # its crop has as many pixels as the region has in the whole
    "separate-extractor": {"shared_extractor": False},
    "separate-classifiers": {"shared_classifier": False},
}
TRAININGS: dict[str, dict[str, Any]] = {
    "through-positions": {"through_positions": True},
    "two-joined": {"concatenated": 2},
    "all-joined": {"concatenated": 6},
    "bias-counted": {"count_bias": True},
    "logistic-start": {"start": "logistic"},
}
HELD_OUT = (DEFAULT, *LOSSES, *CLAIMED, *TRAININGS)
"""Rows of section 3, which are looked at on held-out images alone."""
_OF_REGIONS = {**TABLE2, **CONTROLS, DEFAULT: {}, **LOSSES, **CLAIMED, **TRAININGS}
_ROWS: Rows = {
    "resnet-50": ("global", {}),
    "nts-net": ("nts", {}),
    "equal-compute": ("equal-compute", {}),
    **{row: ("regions", changes) for row, changes in _OF_REGIONS.items()},
}
ROWS = with_twins(_ROWS, HELD_OUT)
"""Every row; ``ROW-held-out`` trains on four fifths of each class, and answers the other one."""
LISTS: dict[str, tuple[str, ...]] = {
    "table-2": ("resnet-50", "nts-net", *TABLE2),
    "rivals": ("equal-compute",),
    "controls": ("random-boxes", "oracle-boxes", "centre-boxes"),
}
"""Rows that are recorded together, by name, in the order of their worth: ``fgnb record``."""
_LEAVES: dict[str, tuple[str, ...]] = {
    "global": ("epochs", "crop_size"),
    "equal-compute": ("epochs",),
}


def row_stage(row: str, preset: Preset, images: ImageSet, **options: Any) -> Stage:
    """The stage of a row.

    Args:
        row: a name of `ROWS`.
        preset: the scale.
        images: the set.
        **options: of the stage. ``epochs`` and ``crop_size`` are of stages with regions, so that
            the rows of a table can be asked for with the same options: the plain backbone takes as
            many passes in all as the others (`fgnb.focus.recipe.row_passes`).

    Raises:
        ValueError: an unknown row.
    """
    if row not in ROWS:
        raise ValueError(f"no row {row!r} of focus; there are {', '.join(ROWS)}")
    stage, changes = ROWS[row]
    if row in HELD_OUT or row.endswith(TWIN):
        options = {"fold": "held-out", **options}
    if row == NOT_ZOOMED:
        changes = {"crop_size": round(stages.region_stage(preset, images, **options).spec.box_size)}
    taken = {name: value for name, value in options.items() if name not in _LEAVES.get(stage, ())}
    if stage in ("regions", "nts"):
        taken = with_share(row, REGION_SHARE, taken, like="ours")
    if stage in _LEAVES:
        taken["epochs"] = row_passes(preset, options.get("epochs"))
    makers: dict[str, Callable[..., Stage]] = {"nts": nts_stage, **stages.STAGES}
    if stage == "nts":
        changes = {"start": stages.region_stage(preset, images, **options).start}
    return makers[stage](preset, images, **{**taken, **changes})
