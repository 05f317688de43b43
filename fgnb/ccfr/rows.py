"""The rows that chapters measure, by name: which stage each is, and what it changes in its spec.

The five rows of Table 3 below re-ranking, the controls beside them, two rows that answer held-out
images, and the readings of section 3.2. ``fgnb train ccfr/ROW --keep`` records one.
"""

from __future__ import annotations

from typing import Any

from fgnb.ccfr.stages import STAGES
from fgnb.data import ImageSet
from fgnb.presets import Preset
from fgnb.training import Stage

ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("global", {}),
    "global": ("global", {}),  # the same, re-ranked by itself (section 3.3)
    "multi-level": ("multi-level", {}),
    "plain-held-out": ("global", {"fold": "held-out"}),
    "multi-level-held-out": ("multi-level", {"fold": "held-out"}),
    "local-region": ("regions", {"nms": "joint", "fusion": "concatenate"}),
    "scale-nms": ("regions", {"fusion": "concatenate"}),
    "fusion": ("regions", {}),
    "fusion-held-out": ("regions", {"fold": "held-out"}),
    "random-boxes": ("regions", {"boxes": "random"}),
    "centre-boxes": ("regions", {"boxes": "centre"}),
    "equal-compute": ("equal-compute", {}),
    "warm-up": ("warm-up", {}),
    "none": ("regions", {"scorer_signal": "none"}),
    "gate": ("regions", {"scorer_signal": "gate"}),
    "margin-rank": ("regions", {"scorer_signal": "margin-rank"}),
    "two-extractors": ("regions", {"shared_extractor": False}),
}
HELD_OUT = ("warm-up", "none", "gate", "margin-rank", "two-extractors")
"""Rows of section 3.2, which are looked at on held-out images alone."""
_TAKES: dict[str, tuple[str, ...]] = {
    "regions": ("epochs", "crop_size", "scorer_signal", "multi_level"),
    "equal-compute": ("crop_size",),
    "multi-level": ("n_parents", "parent_weight", "children", "clustering"),
}


def row_stage(row: str, preset: Preset, images: ImageSet, **options: Any) -> Stage:
    """The stage of a row.

    Args:
        row: a name of `ROWS`.
        preset: the scale.
        images: the set.
        **options: of the stage. What only stages with regions take (``epochs``, ``crop_size``,
            ``scorer_signal``, ``multi_level``) or only that with super classes (``n_parents``,
            ``parent_weight``, ``children``, ``clustering``) is left aside by the others, so that
            the rows of a table can be asked for with the same options.

    Raises:
        ValueError: an unknown row.
    """
    if row not in ROWS:
        raise ValueError(f"no row {row!r} of ccfr; there are {', '.join(ROWS)}")
    stage, changes = ROWS[row]
    aside = {name for names in _TAKES.values() for name in names} - set(_TAKES.get(stage, ()))
    taken = {name: value for name, value in options.items() if name not in aside}
    if row in HELD_OUT:
        taken = {"fold": "held-out", **taken}
    return STAGES[stage](preset, images, **{**taken, **changes})
