"""What tells the cars of a family apart: the code of marks, or the body's hue in the control set.

A family has seven of twelve marks at its disposal and a car wears three of them. Two models differ
in four marks or more; a model comes back in further years with one mark changed for another, as
real makers renew a grille or a rim.
"""

from __future__ import annotations

from dataclasses import dataclass

from fgnb.data.drawn.cars_bodies import BODIES, Body
from fgnb.data.drawn.codes import MARKS_A_FAMILY, family_of, marks_of
from fgnb.data.drawn.spec import DrawnSpec

MARKS = (
    "grille_bars",
    "window_trim",
    "lamp_sweep",
    "rim_holes",
    "fender_vent",
    "tail_bar",
    "mirror_cap",
    "side_moulding",
    "fog_lamps",
    "door_handles",
    "quarter_glass",
    "badge",
)
YEARS = ((0, 1, 3), (0, 1, 4), (0, 2, 3), (0, 1, 2), (1, 3, 5))
"""Marks of a family's first model by year; those of its model m lie m places further, modulo 7.

The first years are the lines of a Fano plane, and each later year keeps two marks of the first.
"""
FOURS = (0, 1, 4)
"""First models of the fours that a family begins with: m and m + 2, each in two years.

In a four each mark that is worn is worn by two cars, so that none gives the answer.
"""
MARK_SIZE = 0.8
HUE_STEP = 0.11
FIRST_YEAR = 2006

MAKES = ("Arvane", "Brisco", "Caldra", "Dorvin", "Elstow", "Fendale", "Galtor")
MODELS = ("Lumen", "Tarn", "Vesper", "Corrie", "Sable", "Mistral", "Quill", "Harrow")


@dataclass(frozen=True)
class Look:
    """How a car looks: its body, the size of each mark that it wears, and its hue if that tells."""

    body: Body
    marks: dict[str, float]
    hue: float | None = None

    def size(self, mark: str) -> float:
        """The size of a mark as a multiple of its usual one; 0 where it isn't worn."""
        return self.marks.get(mark, 0.0)


def look_of(spec: DrawnSpec, class_index: int) -> Look:
    """The look of class `class_index` (from 0); independent of the spec's seed."""
    number, place, _ = family_of(spec, class_index)
    if spec.control:
        return Look(BODIES[number], {}, (0.07 * number + HUE_STEP * place) % 1.0)
    if spec.telling == 0:
        return Look(BODIES[number], {})
    marks = marks_of(MARKS, number)
    word = car_words()[place][2]
    return Look(BODIES[number], {marks[i]: MARK_SIZE * spec.telling for i in word})


def car_words() -> tuple[tuple[int, int, tuple[int, ...]], ...]:
    """Model, year (0 for the first) and marks of a family's 35 possible cars, in their order.

    No two cars of a family wear the same marks. Two models differ by four marks or more in their
    first years, a model and its own later year by two.
    """
    order = [(m + step, year) for m in FOURS for step, year in ((0, 0), (2, 0), (0, 1), (2, 2))]
    years = range(len(YEARS))
    rest = [(model, year) for year in years for model in range(MARKS_A_FAMILY)]
    order += [car for car in rest if car not in order]
    return tuple(
        (model, year, tuple(sorted((mark + model) % MARKS_A_FAMILY for mark in YEARS[year])))
        for model, year in order
    )


def car_names(spec: DrawnSpec) -> list[str]:
    """Invented names in the manner of the official list, `Arvane Lumen Sedan 2006`."""
    names = []
    for index in range(spec.species):
        number, place, _ = family_of(spec, index)
        model, year, _ = car_words()[place]
        make = MAKES[(model + 2 * number) % len(MAKES)]
        name = MODELS[(3 * model + number) % len(MODELS)]
        when = FIRST_YEAR + (model + number) % 3 + 2 * year
        names.append(f"{make} {name} {BODIES[number].name} {when}")
    return names
