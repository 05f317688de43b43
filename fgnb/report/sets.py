"""Sets beside a page's own: cars and aircraft are drawn small where a page is about birds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fgnb.presets import Preset

SMALL = ("drawn-cars", "drawn-aircraft")
_SCALE: dict[str, Any] = {"species": 4, "families": 2, "train_per_class": 12, "test_per_class": 12}


def scale_of(preset: Preset, name: str) -> Preset:
    """The scale of a set: the demonstration's drawn cars and aircraft have few classes."""
    return replace(preset, **_SCALE) if name in SMALL and preset.name == "demo" else preset
