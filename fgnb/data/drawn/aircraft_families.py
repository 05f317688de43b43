"""The families of aircraft: an airframe each, shared by all variants of the family.

Lengths are shares of the fuselage's length, which runs from x = -0.5 at the tail to 0.5 at the
nose; y is up, z to the right. Panels and nacelles off the middle come on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fgnb.data.drawn.pose import Array

Point = tuple[float, float, float]
Knots = tuple[tuple[float, float, float, float], ...]
"""Half height, centre height, width over height of a fuselage, each behind its x."""


@dataclass(frozen=True)
class Panel:
    """A lifting surface: leading edge at root and tip, chords, thickness over the chord."""

    root: Point
    tip: Point
    root_chord: float
    tip_chord: float
    thickness: float = 0.11

    def place(self, share: Array | float, along: float) -> Array:
        """The point at a share of the span and `along` the chord (0 leading, 1 trailing edge)."""
        u = np.asarray(share, float)[..., None]
        root, tip = np.array(self.root), np.array(self.tip)
        chord = self.root_chord + (self.tip_chord - self.root_chord) * u
        return root + u * (tip - root) - along * chord * np.array([1.0, 0.0, 0.0])


@dataclass(frozen=True)
class Nacelle:
    """An engine's housing from its `front` backwards; `propeller` is its radius, 0 for a fan."""

    front: Point
    length: float
    radius: float
    propeller: float = 0.0


@dataclass(frozen=True)
class Windows:
    """A row of cabin windows: from x to x, how many, length, angular height and angle."""

    first: float
    last: float
    count: int
    length: float
    height: float
    angle: float


@dataclass(frozen=True)
class Airframe:
    """What a family shares.

    Attributes:
        maker: the manufacturer; `model` the family's designation.
        hull: the fuselage.
        wings: main wings; `tail` the tailplane; `fin` the vertical tail.
        nacelles: the engines, those of the right side where they come in pairs.
        windows: the cabin's windows, or None.
        cockpit: (front x, rear x, lower angle, upper angle) of the glazing on the fuselage.
        canopy: (x, y, half length, half height, half width) of a glass hood, or None.
        rods: struts, those of the right side.
        floats: floats below the wings at z, or 0.
        gear: (x of the nose or tail wheel, x of the main wheels, half track, ground's y,
            wheel radius); `fixed` where it stays out in flight.
        nozzle: radius of the jet pipe that the fuselage ends in, or 0.
        intakes: x where the side intakes begin, or 0.
        cowl: the nose is an open radial engine behind the propeller.
    """

    maker: str
    model: str
    hull: Knots
    wings: tuple[Panel, ...]
    tail: Panel
    fin: Panel
    gear: tuple[float, float, float, float, float]
    nacelles: tuple[Nacelle, ...] = ()
    windows: Windows | None = None
    cockpit: tuple[float, float, float, float] | None = None
    canopy: tuple[float, float, float, float, float] | None = None
    rods: tuple[tuple[Point, Point], ...] = ()
    floats: float = 0.0
    fixed: bool = False
    nozzle: float = 0.0
    intakes: float = 0.0
    cowl: bool = False

    @property
    def name(self) -> str:
        """The family's name, manufacturer first."""
        return f"{self.maker} {self.model}"


def _knots(text: str) -> Knots:
    """`x half-height centre [width]`, one station a group, from the nose to the tail."""
    stations = [[float(word) for word in group.split()] for group in text.split(",")]
    return tuple((s[0], s[1], s[2], s[3] if len(s) > 3 else 1.0) for s in stations)


# fmt: off
AIRLINER = Airframe(
    "Aldane", "A40",
    _knots(".5 .004 -.014, .493 .014 -.013, .475 .026 -.010, .45 .037 -.006, .415 .047 -.002,"
           ".37 .053 0, .32 .055 0, -.14 .055 0, -.22 .051 .004, -.30 .043 .011, -.38 .030 .021,"
           "-.45 .016 .031, -.49 .008 .036, -.5 .004 .037"),
    (Panel((.14, -.032, .02), (-.14, .016, .48), .20, .045),),
    Panel((-.36, .030, .01), (-.455, .048, .185), .105, .045),
    Panel((-.285, .040, 0), (-.460, .235, 0), .175, .070, .09),
    (.37, -.035, .085, -.135, .022),
    (Nacelle((.135, -.072, .165), .125, .033),),
    Windows(.33, -.27, 38, .0072, 17, 14), (.472, .435, 26, 58),
)
COMMUTER = Airframe(
    "Corvel", "R7",
    _knots(".5 .006 -.020, .49 .018 -.018, .465 .032 -.011, .43 .045 -.004, .38 .054 0, .32 .057 0,"
           "-.12 .057 0, -.22 .050 .007, -.32 .037 .018, -.42 .022 .031, -.48 .011 .040,"
           "-.5 .005 .042"),
    (Panel((.11, .052, .0), (.075, .062, .50), .135, .075, .13),),
    Panel((-.440, .248, .0), (-.462, .252, .165), .085, .052),
    Panel((-.30, .045, 0), (-.435, .250, 0), .175, .095, .09),
    (.37, -.02, .095, -.125, .024),
    (Nacelle((.165, .038, .165), .22, .029, .088),),
    Windows(.31, -.21, 17, .014, 17, 16), (.462, .42, 24, 60),
)
JET = Airframe(
    "Aldane", "S2",
    _knots(".5 .003 -.022, .485 .015 -.019, .45 .029 -.011, .40 .044 -.003, .34 .056 .003,"
           ".27 .060 .004, -.08 .059 .004, -.20 .052 .008, -.32 .038 .016, -.43 .020 .027,"
           "-.49 .008 .034, -.5 .004 .035"),
    (Panel((.09, -.045, .02), (-.155, -.005, .44), .225, .065),),
    Panel((-.435, .225, .0), (-.495, .230, .165), .095, .050),
    Panel((-.285, .040, 0), (-.430, .228, 0), .185, .100, .09),
    (.36, -.06, .10, -.128, .021),
    (Nacelle((-.135, .050, .092), .165, .035),),
    Windows(.27, .02, 6, .026, 26, 17), (.425, .36, 24, 62),
)
FIGHTER = Airframe(
    "Tarnwick", "Sabre 9",
    _knots(".5 .001 -.006, .44 .012 -.005, .36 .026 -.003, .28 .039 0, .20 .048 0 1.05,"
           ".10 .053 0 1.2, -.18 .054 0 1.35, -.30 .050 0 1.25, -.42 .041 0 1.1, -.45 .038 0"),
    (Panel((.16, -.005, .045), (-.205, -.010, .345), .43, .085, .05),),
    Panel((-.315, -.008, .04), (-.435, -.014, .205), .145, .060, .05),
    Panel((-.17, .045, 0), (-.395, .225, 0), .235, .100, .06),
    (.22, -.14, .085, -.125, .025),
    canopy=(.235, .036, .105, .040, .030), nozzle=.037, intakes=.13,
)
BOAT = Airframe(
    "Corvel", "Osprey",
    _knots(".5 .010 .022, .485 .026 .016, .44 .045 .006, .37 .058 -.002, .25 .068 -.010,"
           ".05 .070 -.012, -.02 .060 -.002, -.12 .048 .010, -.25 .038 .022, -.40 .026 .038,"
           "-.49 .012 .052, -.5 .005 .054"),
    (Panel((.13, .145, .0), (.075, .165, .56), .155, .080, .14),),
    Panel((-.405, .135, .0), (-.44, .140, .20), .095, .055),
    Panel((-.33, .050, 0), (-.440, .245, 0), .165, .085, .09),
    (.33, -.01, .09, -.125, .024),
    (Nacelle((.185, .148, .145), .19, .031, .082),),
    Windows(.24, -.12, 7, .020, 22, 26), (.36, .30, 34, 68),
    rods=((( .09, .03, .045), (.10, .145, .145)), ((.0, .03, .045), (.03, .145, .145))),
    floats=.43,
)
BIPLANE = Airframe(
    "Tarnwick", "Lark",
    _knots(".5 .060 .0, .485 .078 0, .44 .086 0, .38 .088 0, .30 .083 0, .12 .080 .002 .92,"
           "-.02 .070 .004 .85, -.18 .052 .008 .75, -.35 .032 .016 .65, -.47 .016 .024 .5,"
           "-.5 .006 .026"),
    (Panel((.31, .205, .0), (.29, .225, .58), .20, .17, .09),
     Panel((.25, -.065, .05), (.235, -.035, .54), .19, .16, .09)),
    Panel((-.36, .028, .0), (-.39, .028, .22), .15, .10, .06),
    Panel((-.35, .030, 0), (-.415, .195, 0), .16, .115, .07),
    (-.44, .26, .13, -.215, .050),
    rods=(((.27, -.05, .40), (.28, .21, .43)), ((.13, -.05, .40), (.17, .21, .43)),
          ((.27, .07, .05), (.27, .20, .12)), ((.17, .07, .05), (.19, .20, .12)),
          ((.13, -.05, .40), (.28, .21, .43))),
    nacelles=(Nacelle((.515, 0, 0), 0, 0, .215),),
    canopy=(-.02, .075, .050, .028, .030), fixed=True, cowl=True,
)
GLIDER = Airframe(
    "Merlen", "K5",
    _knots(".5 .004 -.016, .485 .016 -.014, .45 .030 -.008, .39 .042 -.002, .32 .047 0, .24 .046 0,"
           ".15 .037 .005, .06 .026 .010, -.05 .019 .015, -.40 .012 .022, -.49 .008 .024,"
           "-.5 .004 .024"),
    (Panel((.20, .022, .02), (.135, .085, .80), .095, .040, .12),),
    Panel((-.415, .168, .0), (-.435, .170, .155), .070, .042),
    Panel((-.385, .025, 0), (-.425, .172, 0), .115, .075, .09),
    (-.44, .20, .02, -.075, .026),
    canopy=(.335, .024, .115, .040, .040), fixed=True,
)
TOURER = Airframe(
    "Merlen", "Wren",
    _knots(".5 .032 -.014, .49 .046 -.012, .45 .056 -.008, .36 .062 -.002, .30 .066 .004,"
           ".25 .080 .014, .20 .092 .022 .85, .02 .090 .020 .85, -.08 .074 .016 .85,"
           "-.20 .050 .016 .85, -.40 .026 .022 .8, -.49 .012 .026, -.5 .006 .026"),
    (Panel((.22, .108, .0), (.205, .130, .63), .175, .125, .12),),
    Panel((-.375, .028, .0), (-.40, .028, .195), .115, .080, .08),
    Panel((-.31, .040, 0), (-.425, .215, 0), .165, .080, .08),
    (.36, .05, .13, -.165, .034),
    nacelles=(Nacelle((.515, -.012, 0), 0, 0, .135),),
    windows=Windows(.14, -.03, 3, .055, 34, 44), cockpit=(.285, .225, 22, 80),
    rods=(((.09, -.045, .060), (.15, .105, .33)),), fixed=True,
)
# fmt: on
AIRFRAMES = (AIRLINER, COMMUTER, JET, FIGHTER, BOAT, BIPLANE, GLIDER, TOURER)
