"""The sets that a page shows together, and what is smaller where cars and aircraft are drawn.

The paper uses three sets. Three full trainings are too much for a first book: in the demonstration
drawn cars and aircraft have few classes, and their regions start from the plain classifier.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fgnb import ccfr
from fgnb.data import ImageSet
from fgnb.presets import Preset
from fgnb.training import Stage

SMALL = ("drawn-aircraft", "drawn-cars")
_FEW: dict[str, Any] = {"species": 4, "families": 2, "train_per_class": 12, "test_per_class": 12}


def names(dataset: str) -> tuple[str, ...]:
    """The sets of one page: drawn birds with drawn aircraft and cars, or one alone."""
    return (dataset, *SMALL) if dataset == "drawn" else (dataset,)


def scale_of(preset: Preset, name: str) -> Preset:
    """The scale of a set beside the birds: small for what the demonstration draws."""
    return replace(preset, **_FEW) if name in SMALL and preset.name == "demo" else preset


def stage_of(row: str, preset: Preset, images: ImageSet, **options: Any) -> Stage:
    """The stage of a row of `fgnb.ccfr.rows` on one of these sets."""
    return ccfr.row_stage(row, preset, images, multi_level=images.name not in SMALL, **options)
