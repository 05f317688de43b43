"""What tells the species of a family apart: a code of marks, or the hue in the control set.

A family has seven of twelve marks at its disposal and a species wears three of them: the lines of
the Fano plane. Two species of a family share at most one mark and differ in at least four; each
mark is worn by several species and by several families, so that no single one gives the answer.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, fields, replace

from fgnb.data.drawn.codes import code_word, family_of, marks_of
from fgnb.data.drawn.families import FAMILIES, Colour, Family, Plumage
from fgnb.data.drawn.spec import DrawnSpec

MARKS = (
    "wing_bar",
    "crown_patch",
    "breast_streaks",
    "eye_ring",
    "tail_tip",
    "throat_patch",
    "wing_patch",
    "nape_spot",
    "breast_band",
    "bill_colour",
    "cheek_patch",
    "eye_stripe",
)
MARK_SIZE = 0.58
HUE_STEP = 0.11
GREY = 0.25

_FIRST = (
    ("Amber", "Birch", "Coastal", "Dusky", "Eastern"),
    ("Fen", "Golden", "Heath", "Indigo", "Juniper"),
    ("Lesser", "Marsh", "Northern", "Olive", "Pale"),
    ("Quiet", "Rusty", "Silver", "Tawny", "Upland"),
    ("Vale", "Western", "Ashen", "Brindled", "Copper"),
    ("Grey", "Hazel", "Ivory", "Mottled", "Plain"),
    ("Sable", "Slender", "Southern", "Stone", "Umber"),
)


@dataclass(frozen=True)
class Look:
    """How a species looks: its family, its colours, and the size of each mark that it wears."""

    family: Family
    plumage: Plumage
    marks: dict[str, float]

    def size(self, mark: str) -> float:
        """The size of a mark as a multiple of its usual one; 0 where it isn't worn."""
        return self.marks.get(mark, 0.0)


def look_of(spec: DrawnSpec, class_index: int) -> Look:
    """The look of class `class_index` (from 0); independent of the spec's seed."""
    number, place, _ = family_of(spec, class_index)
    family = FAMILIES[number]
    if spec.control:
        return Look(family, _shifted(family.plumage, HUE_STEP * place), {})
    if spec.telling == 0:
        return Look(family, family.plumage, {})
    marks = family_marks(number)
    return Look(
        family,
        family.plumage,
        {marks[i]: MARK_SIZE * spec.telling for i in code_word(place)},
    )


def family_marks(number: int) -> tuple[str, ...]:
    """The seven marks that the species of a family choose from."""
    return marks_of(MARKS, number)


def class_names(spec: DrawnSpec) -> list[str]:
    """Invented names in the manner of the official list, `001.Amber_Sedgefinch`."""
    names = []
    for index in range(spec.species):
        number, place, _ = family_of(spec, index)
        row, column = place % len(_FIRST), (number + place // len(_FIRST)) % len(_FIRST[0])
        first = _FIRST[row][column]
        names.append(f"{index + 1:03d}.{first}_{FAMILIES[number].name}")
    return names


def _shifted(plumage: Plumage, shift: float) -> Plumage:
    """The plumage, bill and legs apart, with its hue turned by `shift` of a full turn.

    Greys have no hue of their own: they take the breast's, and a little of its colour.
    """
    breast = colorsys.rgb_to_hls(*plumage.breast)[0]
    names = [f.name for f in fields(plumage) if f.name not in ("bill", "leg")]
    return replace(plumage, **{n: _turn(getattr(plumage, n), breast, shift) for n in names})


def _turn(colour: Colour, grey_hue: float, shift: float) -> Colour:
    hue, lightness, saturation = colorsys.rgb_to_hls(*colour)
    if saturation < GREY:
        hue, saturation = grey_hue, GREY
    return colorsys.hls_to_rgb((hue + shift) % 1.0, lightness, saturation)
