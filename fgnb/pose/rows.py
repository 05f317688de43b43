"""The rows that chapters measure, by name: which stage each is, and what it changes in its spec.

``fgnb train pose/ROW --keep`` records one. Rows that end in ``-held-out`` train on four fifths of
each class, and answer the held-out fifth: settings are chosen on them.
"""

from __future__ import annotations

from typing import Any

from fgnb.baselines.regime import TWIN, Rows, with_twins
from fgnb.data import ImageSet
from fgnb.pose.stages import STAGES
from fgnb.presets import Preset
from fgnb.training import Stage

LOCALISER, COARSE = "localiser", "localiser-stride-32"
PLAIN, TRANSFER, COMPACT, BASELINE = "plain", "transfer", "compact-bilinear", "keypoint-baseline"
HEAD, AT_ONCE, RANDOM_HEAD = "localiser-head", "localiser-at-once", "transfer-at-once"
PARTS, COMPACT_WHOLE = "parts-alone", "compact-without-parts"
SHARED, EQUAL = "shared-trunk", "equal-compute"
HEAD_NET, BODY_NET, PART_NETS = "head-net", "body-net", "part-nets"
CROPS, WHOLE_NETS, POOLED_NETS = "crops-alone", "whole-nets", "part-nets-pooled"
_COMPACT = {"holistic": "random-maclaurin"}
_ROWS: Rows = {
    LOCALISER: ("localiser", {}),
    COARSE: ("localiser", {"grid": "stride-32"}),
    HEAD: ("localiser-head", {}),
    AT_ONCE: ("localiser-at-once", {}),
    PLAIN: ("global", {}),
    TRANSFER: ("classifier", {}),
    COMPACT: ("classifier", _COMPACT),
    BASELINE: ("classifier", {"parts": False, "extractor": "localiser"}),
    COMPACT_WHOLE: ("classifier", {**_COMPACT, "parts": False}),
    PARTS: ("classifier", {"holistic": "none"}),
    RANDOM_HEAD: ("classifier", {"head_start": "random"}),
    SHARED: ("shared", {}),
    EQUAL: ("equal-compute", {}),
    HEAD_NET: ("part-net", {"part": "head"}),
    BODY_NET: ("part-net", {"part": "body"}),
    PART_NETS: ("part-nets", {}),
    CROPS: ("part-nets", {"whole": False}),
    WHOLE_NETS: ("part-nets", {"crops": False}),
    POOLED_NETS: ("part-nets", {"holistic": "pooled"}),
}
ROWS = with_twins(_ROWS, ())
LISTS: dict[str, tuple[str, ...]] = {
    "localisation": (LOCALISER, COARSE),
    "table-1": (PLAIN, TRANSFER, COMPACT, PART_NETS, BASELINE),
    "rivals": (EQUAL, COMPACT_WHOLE, PARTS, SHARED),
    "crops": (HEAD_NET, BODY_NET, CROPS, POOLED_NETS, WHOLE_NETS),
    "phases": tuple(
        f"{row}{TWIN}"
        for row in (HEAD, LOCALISER, AT_ONCE, TRANSFER, RANDOM_HEAD, BASELINE, PLAIN, SHARED)
    ),
}
"""Rows that are recorded together, by name, in the order of their worth: ``fgnb record``."""


def row_stage(row: str, preset: Preset, images: ImageSet, **options: Any) -> Stage:
    """The stage of a row.

    Args:
        row: a name of `ROWS`.
        preset: the scale.
        images: the set.
        **options: of the stage.

    Raises:
        ValueError: an unknown row.
    """
    if row not in ROWS:
        raise ValueError(f"no row {row!r} of pose; there are {', '.join(ROWS)}")
    stage, changes = ROWS[row]
    if row.endswith(TWIN):
        options = {"fold": "held-out", **options}
    return STAGES[stage](preset, images, **{**options, **changes})
