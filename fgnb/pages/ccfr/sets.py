"""Stages on several sets: where cars and aircraft are drawn, regions start from the plain row."""

from __future__ import annotations

from typing import Any

from fgnb import ccfr
from fgnb.data import ImageSet
from fgnb.presets import Preset
from fgnb.report.sets import SMALL, names, others, scale_of
from fgnb.training import Stage

__all__ = ["names", "others", "scale_of", "stage_of"]


def stage_of(row: str, preset: Preset, images: ImageSet, **options: Any) -> Stage:
    """The stage of a row of `fgnb.ccfr.rows` on one of these sets."""
    return ccfr.row_stage(row, preset, images, multi_level=images.name not in SMALL, **options)
