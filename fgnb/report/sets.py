"""The sets that a page shows together: the demonstration draws cars and aircraft with few classes.

Both papers use three sets, and three full trainings are too much for a first book.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fgnb.presets import Preset

SMALL = ("drawn-aircraft", "drawn-cars")
_FEW: dict[str, Any] = {"species": 4, "families": 2, "train_per_class": 12, "test_per_class": 12}


def names(dataset: str) -> tuple[str, ...]:
    """The sets of one page: drawn birds with drawn aircraft and cars, or one alone."""
    return (dataset, *SMALL) if dataset == "drawn" else (dataset,)


def scale_of(preset: Preset, name: str) -> Preset:
    """The scale of a set beside the birds: small for what the demonstration draws."""
    return replace(preset, **_FEW) if name in SMALL and preset.name == "demo" else preset


def others(preset: Preset, dataset: str) -> list[tuple[str, Preset]]:
    """The sets that a page runs beside its own, each with its scale."""
    return [(name, scale_of(preset, name)) for name in names(dataset)[1:]]
