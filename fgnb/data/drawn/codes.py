"""The code of marks that every kind of drawn set shares.

A family has seven marks at its disposal and a class wears three of them: the lines of the Fano
plane. Two such classes of a family share exactly one mark and differ in four.
"""

from __future__ import annotations

from itertools import combinations

from fgnb.data.drawn.spec import DrawnSpec

MARKS_A_FAMILY = 7
FANO = ((0, 1, 2), (0, 3, 4), (1, 3, 5), (2, 4, 5), (0, 5, 6), (1, 4, 6), (2, 3, 6))


def family_of(spec: DrawnSpec, class_index: int) -> tuple[int, int, int]:
    """Family, place inside it, and how many classes it has; families as equal as can be."""
    if not 0 <= class_index < spec.species:
        raise ValueError(f"class_index is {class_index}; it should be from 0 to {spec.species - 1}")
    share, rest = divmod(spec.species, spec.families)
    for family in range(spec.families):
        count = share + (family < rest)
        if class_index < count:
            return family, class_index, count
        class_index -= count
    raise AssertionError("the families hold every class")


def code_word(place: int) -> tuple[int, ...]:
    """The marks, as places in a family's seven, of its class number `place` (from 0 to 34)."""
    others = (word for word in combinations(range(MARKS_A_FAMILY), 3) if word not in FANO)
    return (*FANO, *others)[place]


def marks_of(marks: tuple[str, ...], family: int) -> tuple[str, ...]:
    """The seven of `marks` that family number `family` chooses from, in turn round the list."""
    start = MARKS_A_FAMILY * family
    return tuple(marks[(start + i) % len(marks)] for i in range(MARKS_A_FAMILY))
