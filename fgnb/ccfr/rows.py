"""The rows that chapters measure, by name: which stage each is, and what it changes in its spec.

The five rows of Table 3 below re-ranking in the paper's words, the controls beside them, our repair
of the scorer's signal under its own name, rows that answer held-out images, and the readings of
section 3.2. ``fgnb train ccfr/ROW --keep`` records one.
"""

from __future__ import annotations

from typing import Any

from fgnb.baselines.regime import TWIN, Rows, passes, with_share, with_twins
from fgnb.baselines.stages import nts_stage
from fgnb.ccfr.region_recipe import REGION_SHARE
from fgnb.ccfr.stages import STAGES, global_stage
from fgnb.data import ImageSet
from fgnb.presets import Preset
from fgnb.training import Stage

_REPAIR = {"scorer_signal": "margin-rank"}
_ROWS: Rows = {
    "plain": ("global", {}),
    "global": ("global", {}),  # the same, re-ranked by itself (section 3.3)
    "multi-level": ("multi-level", {}),
    "local-region": ("regions", {"nms": "joint-equal", "fusion": "concatenate"}),
    "scale-nms": ("regions", {"fusion": "concatenate"}),
    "fusion": ("regions", {}),
    "fusion-margin-rank": ("regions", _REPAIR),
    "random-boxes": ("regions", {"boxes": "random"}),
    "centre-boxes": ("regions", {"boxes": "centre"}),
    "oracle-boxes": ("regions", {"boxes": "oracle"}),
    "nts-net": ("nts", {}),
    "equal-compute": ("equal-compute", {}),
    "warm-up": ("warm-up", {}),
    "none": ("regions", {"scorer_signal": "none"}),
    "gate": ("regions", {"scorer_signal": "gate"}),
    "margin-rank": ("regions", _REPAIR),
    "two-extractors": ("regions", {"shared_extractor": False}),
}
HELD_OUT = ("warm-up", "none", "gate", "margin-rank", "two-extractors")
"""Rows of section 3.2, which are looked at on held-out images alone."""
ROWS = with_twins(_ROWS, HELD_OUT)
"""Every row; ``ROW-held-out`` trains on four fifths of each class, and answers the other one."""
LISTS: dict[str, tuple[str, ...]] = {
    "table-3": ("plain", "multi-level", "local-region", "scale-nms", "fusion"),
    "repairs": ("fusion-margin-rank",),
    "rivals": ("equal-compute", "nts-net"),
    "controls": ("random-boxes", "oracle-boxes", "centre-boxes"),
    "signals": ("warm-up", "none", "gate", "margin-rank", "nts-net-held-out"),
}
"""Rows that are recorded together, by name, in the order of their worth: ``fgnb record``."""
_WHOLE = ("global", "multi-level", "equal-compute")
"""Stages without regions: their rows train as long as a first stage and that with regions do."""
_TAKES: dict[str, tuple[str, ...]] = {
    "regions": ("epochs", "crop_size", "scorer_signal", "multi_level", "region_share"),
    "nts": ("epochs", "crop_size", "region_share"),
    "equal-compute": ("crop_size",),
    "multi-level": ("n_parents", "parent_weight", "children", "clustering"),
}
_OF_START = ("backbone", "weights", "fold", "seed", "frame", "image_size", "crop_ratio", "cut")
"""Options of NTS that the plain run, which it starts from, must have too."""


def row_stage(row: str, preset: Preset, images: ImageSet, **options: Any) -> Stage:
    """The stage of a row.

    Args:
        row: a name of `ROWS`.
        preset: the scale.
        images: the set.
        **options: of the stage. What only stages with regions take (``epochs``, ``crop_size``,
            ``scorer_signal``, ``multi_level``) or only that with super classes (``n_parents``,
            ``parent_weight``, ``children``, ``clustering``) is left aside by the others, so that
            the rows of a table can be asked for with the same options. Rows without regions take
            as many passes in all as the others (`fgnb.baselines.regime.passes`).

    Raises:
        ValueError: an unknown row.
    """
    if row not in ROWS:
        raise ValueError(f"no row {row!r} of ccfr; there are {', '.join(ROWS)}")
    stage, changes = ROWS[row]
    aside = {name for names in _TAKES.values() for name in names} - set(_TAKES.get(stage, ()))
    taken = {name: value for name, value in options.items() if name not in aside}
    if stage in ("regions", "nts"):
        taken = with_share(row, REGION_SHARE, taken, like="fusion")
    if stage in _WHOLE:
        taken["epochs"] = passes(preset, options.get("epochs"))
    if row in HELD_OUT or row.endswith(TWIN):
        taken = {"fold": "held-out", **taken}
    if stage == "nts":
        return _nts(preset, images, taken)
    return STAGES[stage](preset, images, **{**taken, **changes})


def _nts(preset: Preset, images: ImageSet, options: dict[str, Any]) -> Stage:
    """The rival, from the plain classifier: the multi-level loss is ccfr's own step, not NTS's.

    It has the passes of the rows with regions: a first stage, a warm-up, then all together.
    """
    start = {name: value for name, value in options.items() if name in _OF_START}
    return nts_stage(preset, images, start=global_stage(preset, images, **start), **options)
