"""What tells the variants of a family apart: a code of marks, or the hue in the control set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fgnb.data.drawn.aircraft_families import AIRFRAMES, Airframe
from fgnb.data.drawn.codes import code_word, family_of, marks_of
from fgnb.data.drawn.spec import DrawnSpec

MARKS = (
    "winglets",
    "fin_fillet",
    "cockpit_mask",
    "tail_pipe",
    "portholes",
    "fin_bullet",
    "nose_cap",
    "belly_pod",
    "dome",
    "ventral_fin",
    "flap_fairings",
    "fin_intake",
)
MARK_SIZE = 0.8
HUE_STEP = 0.11


class AircraftName(NamedTuple):
    """The three levels of a class's name."""

    variant: str
    family: str
    manufacturer: str


@dataclass(frozen=True)
class Look:
    """How a variant looks: airframe, size of each mark that it wears, and its hue if that tells."""

    airframe: Airframe
    marks: dict[str, float]
    hue: float | None = None

    def size(self, mark: str) -> float:
        """The size of a mark as a multiple of its usual one; 0 where it isn't worn."""
        return self.marks.get(mark, 0.0)


def look_of(spec: DrawnSpec, class_index: int) -> Look:
    """The look of class `class_index` (from 0); independent of the spec's seed."""
    number, place, _ = family_of(spec, class_index)
    if spec.control:
        return Look(AIRFRAMES[number], {}, (0.07 * number + HUE_STEP * place) % 1.0)
    if spec.telling == 0:
        return Look(AIRFRAMES[number], {})
    marks = marks_of(MARKS, number)
    return Look(AIRFRAMES[number], {marks[i]: MARK_SIZE * spec.telling for i in code_word(place)})


def aircraft_names(spec: DrawnSpec) -> list[AircraftName]:
    """Invented names by class: `A40-100` of the family `Aldane A40`, made by `Aldane`."""
    names = []
    for index in range(spec.species):
        number, place, _ = family_of(spec, index)
        airframe = AIRFRAMES[number]
        variant = f"{airframe.model}-{100 * (place + 1)}"
        names.append(AircraftName(variant, airframe.name, airframe.maker))
    return names
