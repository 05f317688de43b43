"""The regime of training above a frozen trunk: one for every row of every table.

Chosen by `benchmarks/regimes.py` on held-out training images of the whole of CUB-200-2011, where it
beats a logistic regression on the frozen features. Where a stage goes on from another one, the
passes of both count: `passes` gives each row, the plain backbone included, as many.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fgnb.baselines.recipe import FROZEN_NORM, Value
from fgnb.presets import Preset

_CHOSEN = "benchmarks/regimes.py, on held-out training images of the whole of CUB-200-2011"
TUNED: dict[str, Value] = {
    "lr": Value(0.01, "chosen", f"{_CHOSEN}; the head starts from a logistic regression"),
    "decay": Value("cosine", "chosen", "few epochs; the papers' steps would never come"),
    "decay_every": Value(1, "chosen", "unused by cosine decay"),
    "clip_norm": Value(3.0, "chosen", "benchmarks/clip_norm.py, on held-out training images"),
    "label_smoothing": Value(0.1, "chosen", "the modern recipe of a plain backbone"),
    "average": Value(
        0.0, "chosen", f"{_CHOSEN}: no difference to the mean was seen, and an end hides nothing"
    ),
    "batch_norm": FROZEN_NORM,
    "crop_ratio": Value(0.875, "chosen", "the crop that the default weights were trained for"),
}
"""Values of every spec above a frozen trunk; a recipe adds its own."""


BEST_SHARE = (
    "benchmarks/region_share.py: the best on held-out training images of the 40 birds, by row"
)
TWIN = "-held-out"
"""Ends the name of a row that trains on four fifths of each class and answers the other one."""
Rows = dict[str, tuple[str, dict[str, Any]]]


def with_twins(rows: Rows, held_out: Collection[str]) -> Rows:
    """Rows by name, and the twin of each that is not held out by itself."""
    return rows | {f"{row}{TWIN}": rows[row] for row in rows if row not in held_out}


def with_share(
    row: str, shares: Mapping[str, Value], options: dict[str, Any], like: str
) -> dict[str, Any]:
    """Options of a row with regions: its share of them in the start, unless another is given.

    A reading that ``shares`` don't name takes the share of the row ``like``.
    """
    share = shares.get(row.removesuffix(TWIN), shares[like])
    return {"region_share": share.value, **options}


def passes(preset: Preset, regions: int | None = None, *, started: bool = True) -> int:
    """Passes of a row without regions: as many as the first stage and the one with regions.

    Args:
        preset: the scale.
        regions: passes of the stage with regions, where they are not the preset's.
        started: whether the stage with regions goes on from a trained first stage.

    >>> from fgnb import presets
    >>> scale = presets.get("demo")
    >>> passes(scale) == scale.epochs + scale.region_epochs
    True
    """
    own = preset.region_epochs if regions is None else regions
    return own + preset.epochs * started
