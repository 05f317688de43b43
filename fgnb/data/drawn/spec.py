"""What a drawn set is made from: its spec, its key, and the random numbers of one picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fgnb.store import digest

if TYPE_CHECKING:
    from fgnb.presets import Preset

RENDERER_VERSIONS = {"birds": 2, "cars": 1, "aircraft": 1}
"""Raised whenever the same spec would give other pictures; a kind's own enters its keys."""

KINDS = tuple(RENDERER_VERSIONS)
MAX_FAMILIES = 8
MAX_IN_FAMILY = 35
SIZES = (32, 1024)
MAX_PER_CLASS = 9999
MAX_TELLING = 3.0


@dataclass(frozen=True)
class DrawnSpec:
    """One drawn set. Equal specs (and renderer versions) give equal bytes.

    Attributes:
        kind: what is drawn; "birds", "cars" or "aircraft".
        species: number of classes: species of birds, cars by make, model and year, or variants of
            aircraft.
        families: number of families that the classes fall in; a family of birds shares build and
            plumage, one of cars the body, one of aircraft the airframe.
        train_per_class: training images a class.
        test_per_class: test images a class.
        size: side of the square pictures, pixels.
        seed: seed of the pictures; the classes are the same under every seed.
        telling: size of the marks that tell the classes of a family apart, as a multiple of the
            usual one; at 0 there are none.
        control: no marks; the classes of a family differ in the hue of the whole object.
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
        """Images a class, training and test."""
        return self.train_per_class + self.test_per_class

    def note(self) -> dict[str, Any]:
        """What stands in `drawn.json` beside the set."""
        return {"renderer": RENDERER_VERSIONS[self.kind], "spec": asdict(self)}


def spec_for(
    preset: Preset, seed: int = 0, control: bool = False, kind: str = "birds"
) -> DrawnSpec:
    """The drawn set of a preset's scale."""
    return DrawnSpec(
        kind=kind,
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
    """Independent generators of one picture, so that a change in one leaves the others be.

    `pose` poses and places the object; `coat` is the individual's own: a bird's shade of plumage,
    a car's paint, an aircraft's livery.
    """

    pose: np.random.Generator
    coat: np.random.Generator
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
