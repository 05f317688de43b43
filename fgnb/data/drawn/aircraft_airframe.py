"""The airframe that all variants of a family share, as faces."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fgnb.data.drawn.aircraft_families import Airframe, Nacelle, Point
from fgnb.data.drawn.aircraft_mesh import (
    ACCENT,
    BASE,
    BELLY,
    BLADE,
    BRIGHT,
    DARK,
    ENGINE,
    FIN,
    GLASS,
    METAL,
    SKIN,
    WING,
    Faces,
    Hull,
    Mesh,
    disc,
    loft,
    panel,
    pod,
    rod,
    wheel,
)
from fgnb.data.drawn.pose import Array

SIDES = (-1.0, 1.0)
FAN = (0.90, 1.0, 1.03, 1.0, 0.90, 0.74, 0.55)
SPINNER = (0.02, 0.42, 0.70, 0.90, 1.0, 1.0, 0.95, 0.8, 0.55, 0.2)
EGG = (0.05, 0.55, 0.85, 1.0, 1.0, 0.90, 0.62, 0.08)


@lru_cache(maxsize=32)
def airframe_faces(frame: Airframe, gear: bool) -> tuple[Faces, ...]:
    """The airframe without marks and propellers; `gear` puts the wheels out."""
    mesh, hull = Mesh(), Hull(frame.hull)
    loft(mesh, hull.rings(), SKIN)
    for side in SIDES:
        for wing in frame.wings:
            panel(mesh, wing, side, WING, 9)
        panel(mesh, frame.tail, side, WING, 5)
        for start, end in frame.rods:
            across = np.array([1.0, 1.0, side])
            rod(mesh, np.array(start) * across, np.array(end) * across, 0.006, METAL)
        for engine in frame.nacelles:
            if engine.propeller and engine.front[2]:
                radii = tuple(engine.radius * r for r in SPINNER)
                pod(mesh, _at(engine.front, side), engine.length, radii, ENGINE, around=14)
            elif engine.front[2]:
                _fan(mesh, engine, side)
        _glazing(mesh, frame, hull, side)
        if frame.intakes:
            _intake(mesh, frame, side)
        if frame.floats:
            _float(mesh, frame, side)
    panel(mesh, frame.fin, 1.0, FIN, 9)
    if frame.cowl:
        _cowl(mesh, hull)
    if frame.canopy:
        x, y, long, high, wide = frame.canopy
        pod(mesh, np.array([x + long, y, 0.0]), 2 * long, EGG, GLASS, high=high, wide=wide)
    if frame.nozzle:
        low, _ = hull.ends
        pod(mesh, np.array([low + 0.03, 0, 0]), 0.06, (frame.nozzle, 0.8 * frame.nozzle), METAL)
        disc(mesh, np.array([low - 0.03, 0, 0]), 0.75 * frame.nozzle, -1.0, DARK)
    if gear or frame.fixed:
        _gear(mesh, frame, hull)
    return tuple(mesh.faces())


def add_propellers(mesh: Mesh, frame: Airframe, phase: float) -> None:
    """The propellers, turned by `phase` (radians), those of the left side the other way."""
    for engine in frame.nacelles:
        if not engine.propeller:
            continue
        front = np.array(engine.front)
        if engine.front[2]:
            for side in SIDES:
                hub = _at(engine.front, side) - np.array([0.1 * engine.length, 0, 0])
                _blades(mesh, hub, engine.propeller, 4, phase * side)
        else:
            spinner = tuple(0.032 * r for r in (0.05, 0.6, 0.9, 1.0))
            pod(mesh, front + np.array([0.03, 0, 0]), 0.05, spinner, ACCENT)
            _blades(mesh, front, engine.propeller, 2, phase)


def _blades(mesh: Mesh, centre: Array, radius: float, blades: int, phase: float) -> None:
    """Thin blades about the x axis, seen from both sides."""
    for number in range(blades):
        turn = phase + 2 * np.pi * number / blades
        out = np.array([0.0, np.sin(turn), np.cos(turn)])
        wide = np.array([0.35, np.cos(turn), -np.sin(turn)]) * 0.055 * radius
        face = [out * 0.1 * radius, out * 0.5 * radius + 1.4 * wide, out * radius + 0.6 * wide]
        face += [out * radius - 0.6 * wide, out * 0.5 * radius - 1.4 * wide]
        mesh.add(np.array([face]) + centre, BLADE, None)


def _at(point: Point, side: float) -> Array:
    return np.array(point) * (1.0, 1.0, side)


def _fan(mesh: Mesh, engine: Nacelle, side: float) -> None:
    """A turbofan with its pylon."""
    front, radius = _at(engine.front, side), engine.radius
    back = front - np.array([engine.length, 0.0, 0.0])
    pod(mesh, front, engine.length, tuple(radius * r for r in FAN), ENGINE, around=16)
    lip = front + np.array([0.005, 0.0, 0.0])
    pod(mesh, lip, 0.012, (0.86 * radius, 0.99 * radius), BRIGHT, around=16)
    disc(mesh, lip, 0.84 * radius, 1.0, DARK)
    disc(mesh, lip + np.array([0.001, 0, 0]), 0.26 * radius, 1.0, METAL)
    cone = tuple(radius * r for r in (0.45, 0.36, 0.2, 0.03))
    pod(mesh, back + np.array([0.01, 0, 0]), 0.05, cone, METAL)
    disc(mesh, back, 0.5 * radius, -1.0, DARK)
    # The pylon holds a nacelle to the wing above it, or to the fuselage beside it.
    if engine.front[1] < 0:
        top = front + np.array([-0.25 * engine.length, 0.9 * radius, 0.0])
        low = back + np.array([-0.01, 0.5 * radius, 0.0])
        up, aft = np.array([0.0, 0.035, 0.0]), np.array([-0.04, 0.0, 0.0])
        plate = [top, low, low + up, top + up + aft]
    else:
        inward = np.array([0.0, -0.02, -0.035 * side])
        low = back + np.array([0.06, 0.0, -0.6 * radius * side])
        top = front + np.array([-0.04, 0.0, -0.6 * radius * side])
        plate = [top, low, low + inward, top + inward]
    mesh.add(np.array([plate]), ENGINE, None)


def _cowl(mesh: Mesh, hull: Hull) -> None:
    """The open front of a radial engine."""
    nose = np.array([hull.ends[1] + 0.002, 0.0, 0.0])
    radius = float(hull.at(nose[0])[0])
    disc(mesh, nose, 0.9 * radius, 1.0, DARK)
    for turn in np.linspace(0, 2 * np.pi, 7, endpoint=False):
        cylinder = 0.55 * radius * np.array([0.0, np.sin(turn), np.cos(turn)])
        disc(mesh, nose + cylinder + (0.002, 0, 0), 0.18 * radius, 1.0, METAL)


def _glazing(mesh: Mesh, frame: Airframe, hull: Hull, side: float) -> None:
    row = frame.windows
    if row:
        middle = np.linspace(row.first, row.last, row.count)[:, None]
        x = middle + 0.5 * row.length * np.array([-1.0, 1.0, 1.0, -1.0])
        angle = row.angle + 0.5 * row.height * np.array([-1.0, -1.0, 1.0, 1.0])
        axis = np.concatenate([middle, np.zeros((row.count, 2))], axis=1)
        # A long pane reaches over several faces of the wall, and lies before all of them.
        lift = 0.010 + 0.7 * row.length
        mesh.add(hull.point(x, angle, side), GLASS, axis, lift)
    if frame.cockpit:
        front, rear, low, high = frame.cockpit
        post, behind = (front + share * (rear - front) for share in (0.55, 0.63))
        for x0, x1, a, b in ((front, post, low + 6, high), (behind, rear, low, high - 8)):
            axis = np.array([(x0 + x1) / 2, 0.0, 0.0])
            mesh.add(hull.patch((x0, x1), (a, b), side), GLASS, axis, lift=0.034)


def _intake(mesh: Mesh, frame: Airframe, side: float) -> None:
    """A box along the side of a jet fighter's fuselage, open in front."""
    mouth = np.array([(0.040, 0.044), (0.040, 0.080), (-0.032, 0.080), (-0.032, 0.044)])
    rings = np.zeros((6, 4, 3))
    for i, share in enumerate(np.linspace(0.0, 1.0, 6)):
        rings[i, :, 0] = frame.intakes - 0.30 * share
        rings[i, :, 1:] = mouth * (1.0, 1.0 - 0.35 * share**2)
    rings[..., 2] *= side
    loft(mesh, rings, BASE)
    middle = rings[0].mean(0)
    inner = middle + 0.82 * (rings[0] - middle) + (0.001, 0.0, 0.0)
    mesh.add(inner[None], DARK, middle - np.array([0.1, 0.0, 0.0]), lift=0.01)


def _float(mesh: Mesh, frame: Airframe, side: float) -> None:
    wing = frame.wings[0]
    share = frame.floats / wing.tip[2]
    under = wing.place(share, 0.45) * (1.0, 1.0, side)
    nose = under + np.array([0.075, -0.105, 0.0])
    pod(mesh, nose, 0.16, tuple(0.020 * r for r in EGG), BELLY)
    for shift in (0.03, -0.03):
        foot = under + np.array([shift, -0.10, 0.0])
        rod(mesh, under + np.array([shift, 0.0, 0.0]), foot, 0.005, METAL)


def _gear(mesh: Mesh, frame: Airframe, hull: Hull) -> None:
    first, main, track, ground, radius = frame.gear
    single = radius * (0.8 if first > 0 else 0.5)
    foot = np.array([first, ground + single, 0.0])
    rod(mesh, np.array([first, float(hull.at(first)[1]), 0.0]), foot, 0.005, METAL)
    wheel(mesh, foot, single, 0.018)
    for side in SIDES:
        foot = np.array([main, ground + radius, side * track])
        top = np.array([main, -0.02, side * min(track, 0.6 * float(hull.at(main)[2]))])
        if frame.floats or not frame.fixed:
            top = np.array([main, -0.02, side * 0.8 * track])
        rod(mesh, top, foot, 0.0065, METAL)
        wheel(mesh, foot, radius, 0.026)
