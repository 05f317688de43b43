"""What a drawn set is made from: its spec, its key, and the random numbers of one picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fgnb.store import digest

if TYPE_CHECKING:
    from fgnb.presets import Preset

RENDERER_VERSION = 2
"""Raised whenever the same spec would give other pictures; it enters the key."""

KINDS = ("birds",)
MAX_FAMILIES = 8
MAX_IN_FAMILY = 35
SIZES = (32, 1024)
MAX_PER_CLASS = 9999
MAX_TELLING = 3.0


@dataclass(frozen=True)
class DrawnSpec:
    """One drawn set. Equal specs (and renderer versions) give equal bytes.

    Attributes:
        kind: what is drawn; "birds".
        species: number of classes.
        families: number of families that the species fall in; a family shares shape and plumage.
        train_per_class: training images a species.
        test_per_class: test images a species.
        size: side of the square pictures, pixels.
        seed: seed of the pictures; the species are the same under every seed.
        telling: size of the marks that tell the species of a family apart, as a multiple of the
            usual one; at 0 there are none.
        control: no marks; the species of a family differ in the hue of the whole bird.
    """

    kind: str = "birds"
    species: int = 24
    families: int = 6
    train_per_class: int = 20
    test_per_class: int = 10
    size: int = 224
    seed: int = 0
    telling: float = 1.0
    control: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; it should be one of {', '.join(KINDS)}")
        _whole("families", self.families, 1, MAX_FAMILIES)
        _whole("species", self.species, self.families, MAX_IN_FAMILY * self.families)
        _whole("train_per_class", self.train_per_class, 1, MAX_PER_CLASS)
        _whole("test_per_class", self.test_per_class, 1, MAX_PER_CLASS)
        _whole("size", self.size, *SIZES)
        _whole("seed", self.seed, 0, 2**63 - 1)
        if isinstance(self.telling, bool) or not isinstance(self.telling, int | float):
            raise ValueError(f"telling is {self.telling!r}; it should be a number")
        if not 0.0 <= self.telling <= MAX_TELLING:
            raise ValueError(f"telling is {self.telling}; it should be from 0 to {MAX_TELLING:g}")
        if not isinstance(self.control, bool):
            raise ValueError(f"control is {self.control!r}; it should be True or False")
        object.__setattr__(self, "telling", float(self.telling))

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits over the spec and the renderer's version."""
        return digest(self.note())[:12]

    @property
    def per_class(self) -> int:
        """Images a species, training and test."""
        return self.train_per_class + self.test_per_class

    def note(self) -> dict[str, Any]:
        """What stands in `drawn.json` beside the set."""
        return {"renderer": RENDERER_VERSION, "spec": asdict(self)}


def spec_for(preset: Preset, seed: int = 0, control: bool = False) -> DrawnSpec:
    """The drawn set of a preset's scale."""
    return DrawnSpec(
        species=preset.species,
        families=preset.families,
        train_per_class=preset.train_per_class,
        test_per_class=preset.test_per_class,
        size=preset.image_size,
        seed=seed,
        control=control,
    )


@dataclass(frozen=True)
class Streams:
    """Independent generators of one picture, so that a change in one leaves the others be."""

    pose: np.random.Generator
    plumage: np.random.Generator
    backdrop: np.random.Generator
    cover: np.random.Generator
    light: np.random.Generator


def streams(seed: int, class_index: int, image_index: int) -> Streams:
    """The generators of image `image_index` (from 0) of class `class_index` (from 0)."""
    sequence = np.random.SeedSequence((seed, class_index, image_index))
    return Streams(*(np.random.Generator(np.random.Philox(s)) for s in sequence.spawn(5)))


def _whole(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {value!r}; it should be a whole number")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; it should be from {low} to {high}")
