"""Scale, and scale alone: how large, how many, how long. Each value carries its reason.

``smoke`` is for tests, ``demo`` for a reader's first book on two CPU cores, ``paper`` for the
reproduction. Hyper-parameters of a method live in the recipe of its paper.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Preset:
    """The scale of a run.

    Attributes:
        name: the preset that the values come from.
        image_size: side of the network's square input, pixels.
        species: classes of a drawn set.
        families: families that the drawn classes fall in.
        train_per_class: training images a drawn class.
        test_per_class: test images a drawn class.
        epochs: passes over the training images.
        max_steps: optimiser steps after which training stops, or None.
        seeds: one run each.
        threads: CPU threads; part of a run's identity, since other counts give other bits.
        freeze_stride: the trunk up to this stride is frozen and its maps cached; None trains all.
        batch_size: images an optimiser step.
        loader_workers: processes that read and augment images.
        source_size: side of the picture that regions are cut from, pixels.
        crop_size: side of a zoomed region, pixels.
        region_epochs: passes of a stage that trains with regions.
        warm_up_epochs: passes of the ranking warm-up before it.
        micro_batch: zoomed regions that go through the network at a time, or None for all.
    """

    name: str
    image_size: int
    species: int
    families: int
    train_per_class: int
    test_per_class: int
    epochs: int
    max_steps: int | None
    seeds: tuple[int, ...]
    threads: int
    freeze_stride: int | None
    batch_size: int
    loader_workers: int
    source_size: int
    crop_size: int
    region_epochs: int
    warm_up_epochs: int
    micro_batch: int | None

    def __post_init__(self) -> None:
        for key in ("image_size", "species", "families", "train_per_class", "test_per_class"):
            _at_least(key, getattr(self, key), 1)
        for key in ("epochs", "threads", "batch_size", "crop_size", "region_epochs"):
            _at_least(key, getattr(self, key), 1)
        _at_least("source_size", self.source_size, self.image_size)
        _at_least("warm_up_epochs", self.warm_up_epochs, 1)
        for key in ("max_steps", "freeze_stride", "micro_batch"):
            if getattr(self, key) is not None:
                _at_least(key, getattr(self, key), 1)
        _at_least("loader_workers", self.loader_workers, 0)
        if self.families > self.species:
            raise ValueError(f"families is {self.families}, more than the {self.species} species")
        if not self.seeds:
            raise ValueError("seeds is empty; give at least one")
        for seed in self.seeds:
            _at_least("seeds", seed, 0)


_DRAWN_ONLY = "of drawn sets alone; a real set has its own"

_VALUES: dict[str, dict[str, tuple[Any, str]]] = {
    "smoke": {
        "image_size": (64, "the smallest input that leaves a 2 x 2 map at stride 32"),
        "species": (6, "enough for a top-5 that is not everything"),
        "families": (3, "two species a family: the least with something to tell apart inside one"),
        "train_per_class": (4, "one held out of four"),
        "test_per_class": (4, "a page with pictures, in seconds"),
        "epochs": (1, "stops after max_steps anyway"),
        "max_steps": (2, "one step with a former state; tests check mechanisms, not accuracy"),
        "seeds": ((0,), "one run"),
        "threads": (2, "the cores of a small CI machine"),
        "freeze_stride": (8, "the demo's way, so that tests walk the same path"),
        "batch_size": (8, "two steps an epoch or more on 18 images"),
        "loader_workers": (0, "starting processes would cost more than reading the images"),
        "source_size": (64, "the drawn pictures' own size"),
        "crop_size": (32, "the smallest region with a cell at stride 32"),
        "region_epochs": (1, "stops after max_steps anyway"),
        "warm_up_epochs": (1, "stops after max_steps anyway"),
        "micro_batch": (None, "everything fits"),
    },
    "demo": {
        "image_size": (224, "the default backbone's own input size"),
        "species": (8, "four species in each of two families"),
        "families": (2, "confusions inside a family and between families both occur"),
        "train_per_class": (16, "three of them held out"),
        "test_per_class": (12, "96 test images: an interval of about 9 points each side"),
        "epochs": (4, "seconds each from cached maps, and enough for a tail to settle"),
        "max_steps": (None, "the epochs decide"),
        "seeds": ((0,), "one run; the spread over seeds is the paper preset's"),
        "threads": (2, "the cores of a small laptop; other counts give other bits"),
        "freeze_stride": (8, "benchmarks/regimes.py: more is learnt than above stride 16"),
        "batch_size": (16, "as in the paper preset"),
        "loader_workers": (0, "cached maps need no reading ahead"),
        "source_size": (448, "twice the network's input: what zooming into a photograph can show"),
        "crop_size": (112, "half the input, as 224 of 448; 48 shows no more than the whole did"),
        "region_epochs": (1, "ten seconds each; on photographs give more"),
        "warm_up_epochs": (1, "enough to find the object"),
        "micro_batch": (None, "everything fits"),
    },
    "paper": {
        "image_size": (448, "stated by the papers and by the public code they build on"),
        "species": (8, f"as demo; {_DRAWN_ONLY}"),
        "families": (2, f"as demo; {_DRAWN_ONLY}"),
        "train_per_class": (16, f"as demo; {_DRAWN_ONLY}"),
        "test_per_class": (12, f"as demo; {_DRAWN_ONLY}"),
        "epochs": (90, "chosen: the papers do not state it; a common length for fine-tuning"),
        "max_steps": (None, "the epochs decide"),
        "seeds": ((0, 1, 2), "the least that shows a spread"),
        "threads": (2, "a GPU does the work; the reading has processes of its own"),
        "freeze_stride": (None, "everything is trained"),
        "batch_size": (16, "that of the public code that two of the papers build on"),
        "loader_workers": (4, "keeps one GPU fed at 448 px"),
        "source_size": (448, "regions are cut from the input itself, as in the public code"),
        "crop_size": (224, "stated by ccfr and focus"),
        "region_epochs": (90, "chosen: three of the steps of 30 epochs that ccfr states"),
        "warm_up_epochs": (30, "chosen: ccfr does not state it; one of its steps"),
        "micro_batch": (
            None,
            "all at once, as batch statistics need; fewer where memory is short",
        ),
    },
}

NAMES = tuple(_VALUES)


def get(name: str, /, **overrides: Any) -> Preset:
    """The preset ``name`` with single values replaced.

    >>> get("smoke", threads=1).threads
    1

    Raises:
        ValueError: an unknown preset or key, naming the allowed ones, or a value out of range.
    """
    if name not in _VALUES:
        raise ValueError(f"preset is {name!r}; it should be one of {', '.join(NAMES)}")
    preset = Preset(name=name, **{key: value for key, (value, _) in _VALUES[name].items()})
    unknown = sorted(set(overrides) - set(_VALUES[name]))
    if unknown:
        allowed = ", ".join(_VALUES[name])
        raise ValueError(f"no preset has {', '.join(unknown)}; the keys are {allowed}")
    if "seeds" in overrides:
        overrides["seeds"] = tuple(overrides["seeds"])
    return replace(preset, **overrides)


def describe(preset: Preset) -> list[tuple[str, Any, str]]:
    """Each value with its reason, as ``(field, value, reason)``; an override says so."""
    rows: list[tuple[str, Any, str]] = []
    for field in fields(preset):
        if field.name == "name":
            continue
        value = getattr(preset, field.name)
        usual, reason = _VALUES[preset.name][field.name]
        if value != usual:
            reason = f"set for this run; {preset.name} has {usual}"
        rows.append((field.name, value, reason))
    return rows


def _at_least(key: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{key} is {value!r}; it should be a whole number")
    if value < least:
        raise ValueError(f"{key} is {value}; it should be at least {least}")
