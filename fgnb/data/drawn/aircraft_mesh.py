"""Solid shapes of flat faces: lofts, pods, lifting panels, struts and discs.

Aircraft coordinates as in `pose`: x forward, y up, z to the right wing; the fuselage is about one
unit long. Every face knows its outward normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgnb.data.drawn.aircraft_families import Knots, Panel
from fgnb.data.drawn.pose import Array

AROUND = 28
"""Faces around a fuselage."""
ALONG = 44
"""Stations along a fuselage."""
ROLES = (
    "skin", "fin", "base", "belly", "accent", "wing", "engine",
    "glass", "dark", "metal", "bright", "tyre", "blade",
)  # fmt: skip
SKIN, FIN, BASE, BELLY, ACCENT, WING, ENGINE, GLASS, DARK, METAL, BRIGHT, TYRE, BLADE = range(13)
AIRFOIL = ((0.0, 0.0), (0.08, 0.5), (0.35, 0.62), (1.0, 0.04), (0.4, -0.38), (0.08, -0.36))
"""Section of a wing: share of the chord from the leading edge, height over the thickness."""
UPRIGHT = ((0.0, 0.0), (0.08, 0.4), (0.35, 0.5), (1.0, 0.0), (0.35, -0.5), (0.08, -0.4))
"""Section of a fin, alike on both sides."""


@dataclass(frozen=True)
class Faces:
    """Flat faces of one corner number.

    Attributes:
        corners: float64[N, k, 3].
        roles: int64[N], what each is painted with: a place in the livery's palette.
        normals: float64[N, 3], outward; the zero vector for a face that is seen from both sides.
        lifts: float64[N], how far a face counts as nearer than it is (windows on their wall).
    """

    corners: Array
    roles: NDArray[np.int64]
    normals: Array
    lifts: Array


class Mesh:
    """Faces as they are added; `faces` sorts them by their number of corners."""

    def __init__(self) -> None:
        self._groups: dict[int, list[tuple[Array, Array, Array, Array]]] = {}

    def add(self, corners: Array, role: int, inside: Array | None, lift: float = 0.0) -> None:
        """Faces `[N, k, 3]` of a solid that holds the points `inside` ([3] or [N, 3]).

        With `inside` None the faces are thin and seen from both sides.
        """
        count = len(corners)
        middle = np.full((count, 3), np.nan)
        if inside is not None:
            middle[:] = inside
        entry = (corners, np.full(count, role), middle, np.full(count, lift))
        self._groups.setdefault(corners.shape[1], []).append(entry)

    def faces(self) -> list[Faces]:
        """All faces, one entry a number of corners."""
        found = []
        for group in self._groups.values():
            corners, roles, inside, lifts = (
                np.concatenate(column) for column in zip(*group, strict=True)
            )
            # The diagonals' product is a normal even where two corners of a quad coincide.
            u, v = corners[:, 2] - corners[:, 0], corners[:, -1] - corners[:, 1]
            normal = u[:, [1, 2, 0]] * v[:, [2, 0, 1]] - u[:, [2, 0, 1]] * v[:, [1, 2, 0]]
            outward = np.einsum("ni,ni->n", normal, corners.mean(1) - inside)
            normal *= np.sign(np.nan_to_num(outward))[:, None]
            normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
            found.append(Faces(corners, roles, normal, lifts))
        return found


@dataclass(frozen=True)
class Hull:
    """A fuselage: half height, centre and half width at any x."""

    knots: Knots

    def at(self, x: Array | float) -> tuple[Array, Array, Array]:
        """Half height, centre height and half width at `x`."""
        table = np.array(self.knots)
        order = table[np.argsort(table[:, 0])]
        high, centre, wide = (np.interp(x, order[:, 0], order[:, i]) for i in (1, 2, 3))
        return high, centre, high * wide

    def point(self, x: Array | float, angle: Array | float, side: float = 1.0) -> Array:
        """The skin at `angle` (degrees, 0 at the side, 90 on top) of the right or left side."""
        high, centre, wide = self.at(x)
        turn = np.radians(angle)
        y, z = centre + high * np.sin(turn), side * wide * np.cos(turn)
        return np.stack(np.broadcast_arrays(x, y, z), axis=-1)

    @property
    def ends(self) -> tuple[float, float]:
        """The x of tail and nose."""
        return min(k[0] for k in self.knots), max(k[0] for k in self.knots)

    def rings(self) -> Array:
        """Sections `[ALONG, AROUND, 3]` from the tail to the nose, dense at both."""
        low, high = self.ends
        share = 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, ALONG))
        even = np.linspace(0.0, 1.0, ALONG)
        x = low + (high - low) * (0.6 * share + 0.4 * even)
        angle = np.linspace(0.0, 360.0, AROUND, endpoint=False)
        return self.point(x[:, None], angle[None, :])

    def patch(self, x: tuple[float, float], angle: tuple[float, float], side: float) -> Array:
        """Quads `[4, 4, 3]` on the skin between two stations and two angles."""
        a = np.linspace(*angle, 5)
        grid = np.stack([1.004 * self.point(np.full(5, at), a, side) for at in x])
        grid[..., 0] = np.array(x)[:, None]
        return strip(grid)


def strip(grid: Array) -> Array:
    """Quads `[(n - 1) * (m - 1), 4, 3]` between neighbours of a grid `[n, m, 3]`."""
    a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
    return np.stack([a, b, c, d], axis=2).reshape(-1, 4, 3)


def loft(mesh: Mesh, rings: Array, role: int, lift: float = 0.0) -> None:
    """A solid through closed sections `[n, m, 3]`."""
    closed = np.concatenate([rings, rings[:, :1]], axis=1)
    middle = rings.mean(1)
    inside = np.repeat((middle[:-1] + middle[1:]) / 2, rings.shape[1], axis=0)
    mesh.add(strip(closed), role, inside, lift)


def panel(mesh: Mesh, shape: Panel, side: float, role: int, steps: int = 9) -> None:
    """A wing, tailplane or fin in `steps` strips; `side` -1 mirrors it to the left."""
    u = np.linspace(0.0, 1.0, steps + 1)
    lead = shape.place(u, 0.0)
    chord = shape.root_chord + (shape.tip_chord - shape.root_chord) * u
    span = np.array(shape.tip) - np.array(shape.root)
    upright = abs(span[1]) > abs(span[2])
    profile = np.array(UPRIGHT if upright else AIRFOIL)
    up = np.array([0.0, 0.0, 1.0] if upright else [0.0, 1.0, 0.0])
    rings = np.repeat(lead[:, None], len(profile), axis=1)
    rings[..., 0] -= chord[:, None] * profile[:, 0]
    high = chord * shape.thickness
    rings += (high[:, None] * profile[:, 1])[..., None] * up
    rings *= (1.0, 1.0, side)
    loft(mesh, rings, role)
    # Three quads close the section at the tip.
    cap = rings[-1][np.array([(0, 1, 5, 0), (1, 2, 4, 5), (2, 3, 4, 2)])]
    mesh.add(cap, role, rings[-2].mean(0))


def circle(count: int) -> Array:
    """Points `[count, 2]` of the unit circle."""
    turn = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.sin(turn), np.cos(turn)], axis=1)


def pod(
    mesh: Mesh,
    nose: Array,
    length: float,
    radii: tuple[float, ...],
    role: int,
    around: int = 12,
    high: float = 1.0,
    wide: float = 1.0,
) -> None:
    """A body of revolution from `nose` backwards, radii at even stations; `high`, `wide` scale."""
    ring = circle(around) * (high, wide)
    rings = np.zeros((len(radii), around, 3))
    for i, radius in enumerate(radii):
        rings[i, :, 0] = -length * i / (len(radii) - 1)
        rings[i, :, 1:] = radius * ring
    loft(mesh, rings + nose, role)


def disc(mesh: Mesh, centre: Array, radius: float, ahead: float, role: int) -> None:
    """A round face across the x axis that looks forward (`ahead` 1) or back (-1)."""
    face = np.zeros((1, 12, 3))
    face[0, :, 1:] = radius * circle(12)
    mesh.add(face + centre, role, centre - np.array([ahead, 0.0, 0.0]), lift=0.004)


def rod(mesh: Mesh, start: Array, end: Array, radius: float, role: int) -> None:
    """A thin strut between two points."""
    along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-12)
    first = np.cross(along, (0.3, 0.2, 0.93))
    first /= max(float(np.linalg.norm(first)), 1e-12)
    ring = circle(5)
    round_ = radius * (ring[:, :1] * first + ring[:, 1:] * np.cross(along, first))
    loft(mesh, np.stack([start + round_, end + round_]), role)


def wheel(mesh: Mesh, centre: Array, radius: float, width: float) -> None:
    """A tyre with its hub, the axle along z."""
    ring = np.concatenate([circle(10)[:, ::-1], np.zeros((10, 1))], axis=1)
    half = np.array([0.0, 0.0, width / 2])
    loft(mesh, np.stack([centre + radius * ring - half, centre + radius * ring + half]), TYRE)
    for side in (-1.0, 1.0):
        for share, role, lift in ((1.0, TYRE, 0.002), (0.5, BRIGHT, 0.006)):
            face = (centre + share * radius * ring + side * half)[None]
            mesh.add(face, role, centre, lift)
