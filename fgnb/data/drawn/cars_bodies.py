"""The families of cars: eight bodies, each of which all cars of its family share.

Lengths are in metres. A car's coordinates are x forward, y up from the ground, z to its right; the
middle of its length is x = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]
Outline = tuple[Point, ...]


@dataclass(frozen=True)
class Body:
    """A family's body.

    Attributes:
        name: as it stands in the name of a class.
        half: half the width.
        sill: height of the body's lower edge.
        wheel: radius of the wheels.
        axles: x of the front and of the rear axle.
        top: the profile's upper line (x, y) from the nose to the tail.
        zones: what each stretch of `top` is made of, "paint", "glass" or "open".
        belt: height of the line below the side windows, at the nose and at the tail.
        tumble: how far the windows lean inwards, as a share of their height.
        windows: side windows (x, y), the first point of the first where the mirror stands.
        doors: x of the gaps beside and between the doors, from the front.
        quarter: where the quarter glass lies on cars that have one.
        screen: base and top (x, y) of a windscreen that stands free, for an open car.
    """

    name: str
    half: float
    sill: float
    wheel: float
    axles: tuple[float, float]
    top: Outline
    zones: tuple[str, ...]
    belt: tuple[float, float]
    tumble: float
    windows: tuple[Outline, ...]
    doors: tuple[float, ...]
    quarter: Point
    screen: tuple[Point, Point] | None = None

    @property
    def nose(self) -> float:
        """The foremost x."""
        return self.top[0][0]

    @property
    def tail(self) -> float:
        """The rearmost x."""
        return self.top[-1][0]

    @property
    def height(self) -> float:
        """The highest y."""
        return max(y for _, y in (*self.top, *(self.screen or ())))

    def belt_at(self, x: float) -> float:
        """Height of the belt line at `x`."""
        share = (x - self.tail) / (self.nose - self.tail)
        return self.belt[1] + (self.belt[0] - self.belt[1]) * share


def _zones(words: str) -> tuple[str, ...]:
    return tuple({"p": "paint", "g": "glass", "o": "open"}[letter] for letter in words)


# fmt: off
BODIES: tuple[Body, ...] = (
    Body("Sedan", .89, .24, .32, (1.42, -1.36),
         ((2.34, .60), (2.30, .70), (2.10, .78), (1.08, .93), (.32, 1.39), (-.15, 1.44),
          (-.70, 1.39), (-1.45, 1.04), (-2.15, 1.01), (-2.30, .93), (-2.34, .84)),
         _zones("pppgppgppp"), (.84, .98), .34,
         (((.98, .95), (.36, 1.335), (-.16, 1.39), (-.20, .955)),
          ((-.28, .955), (-.24, 1.39), (-.66, 1.345), (-1.10, 1.03), (-1.06, .97))),
         (.86, -.24, -1.02), (-1.30, 1.02)),
    Body("SUV", .95, .36, .38, (1.45, -1.38),
         ((2.34, .72), (2.32, .90), (2.18, 1.00), (1.18, 1.10), (.62, 1.62), (.10, 1.70),
          (-1.60, 1.68), (-2.02, 1.60), (-2.26, 1.10), (-2.34, .95)),
         _zones("pppgpppgp"), (.98, 1.10), .26,
         (((1.04, 1.12), (.64, 1.545), (.12, 1.625), (-.12, 1.63), (-.12, 1.12)),
          ((-.20, 1.12), (-.20, 1.63), (-1.08, 1.62), (-1.08, 1.12))),
         (.92, -.16, -1.12), (-1.50, 1.37)),
    Body("Pickup", .96, .40, .39, (1.72, -1.62),
         ((2.68, .78), (2.66, .96), (2.54, 1.04), (1.42, 1.10), (.82, 1.64), (.34, 1.73),
          (-.40, 1.71), (-.58, 1.62), (-.70, 1.12), (-2.60, 1.10), (-2.68, 1.02)),
         _zones("pppgpppgop"), (1.02, 1.10), .28,
         (((1.26, 1.13), (.86, 1.56), (.36, 1.645), (.24, 1.645), (.24, 1.13)),
          ((.16, 1.13), (.16, 1.645), (-.38, 1.63), (-.52, 1.13))),
         (1.10, .20, -.62), (-1.62, .98)),
    Body("Hatchback", .86, .25, .32, (1.26, -1.24),
         ((2.00, .62), (1.97, .76), (1.82, .84), (1.06, 1.00), (.34, 1.44), (-.15, 1.51),
          (-1.20, 1.46), (-1.52, 1.38), (-1.90, 1.00), (-2.00, .80)),
         _zones("pppgpppgp"), (.90, 1.02), .30,
         (((.94, 1.02), (.38, 1.385), (-.14, 1.455), (-.22, 1.455), (-.22, 1.02)),
          ((-.30, 1.02), (-.30, 1.455), (-.98, 1.42), (-1.02, 1.04))),
         (.82, -.26, -.98), (-1.30, 1.20)),
    Body("Coupe", .91, .22, .335, (1.36, -1.32),
         ((2.24, .56), (2.20, .66), (2.00, .73), (.92, .88), (.10, 1.27), (-.35, 1.31),
          (-.80, 1.26), (-1.62, .98), (-2.08, .96), (-2.20, .88), (-2.24, .80)),
         _zones("pppgppgppp"), (.78, .94), .38,
         (((.80, .90), (.14, 1.215), (-.34, 1.255), (-.72, 1.215), (-1.02, .99), (-.98, .92)),),
         (.68, -.66), (-1.30, .99)),
    Body("Van", .97, .30, .34, (1.60, -1.50),
         ((2.48, .64), (2.44, .86), (2.30, .98), (1.78, 1.12), (1.02, 1.80), (.30, 1.93),
          (-1.90, 1.93), (-2.26, 1.86), (-2.42, 1.15), (-2.48, .80)),
         _zones("pppgpppgp"), (1.02, 1.16), .16,
         (((1.60, 1.18), (1.06, 1.69), (.62, 1.78), (.56, 1.78), (.56, 1.18)),
          ((.46, 1.18), (.46, 1.78), (-.66, 1.80), (-.66, 1.18))),
         (1.36, .50, -.72), (-1.34, 1.49)),
    Body("Convertible", .89, .23, .325, (1.32, -1.26),
         ((2.16, .56), (2.12, .67), (1.92, .75), (.86, .90), (.62, .92), (-1.10, .95), (-1.95, .95),
          (-2.10, .88), (-2.16, .80)),
         _zones("ppppoppp"), (.82, .95), .30, (), (.72, -.52), (-1.02, .84),
         ((.84, .90), (.22, 1.30))),
    Body("Wagon", .89, .25, .32, (1.44, -1.36),
         ((2.36, .60), (2.32, .72), (2.12, .80), (1.10, .95), (.36, 1.40), (-.10, 1.46),
          (-1.70, 1.43), (-1.98, 1.36), (-2.28, .98), (-2.36, .82)),
         _zones("pppgpppgp"), (.85, 1.00), .32,
         (((1.00, .97), (.40, 1.345), (-.10, 1.405), (-.18, 1.405), (-.18, .97)),
          ((-.26, .97), (-.26, 1.405), (-1.06, 1.395), (-1.10, .99))),
         (.88, -.22, -1.04), (-1.46, 1.20)),
)
# fmt: on
