"""The twelve marks of the variants, each added to a mesh in a size of its own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from fgnb.data.drawn.aircraft_airframe import EGG, SIDES
from fgnb.data.drawn.aircraft_families import Airframe, Panel
from fgnb.data.drawn.aircraft_mesh import (
    ACCENT,
    BASE,
    BELLY,
    DARK,
    ENGINE,
    GLASS,
    METAL,
    Hull,
    Mesh,
    circle,
    disc,
    panel,
    pod,
)

Rng = np.random.Generator


def add_marks(mesh: Mesh, frame: Airframe, sizes: dict[str, float]) -> None:
    """Add marks by name; a size of 1 is the usual one."""
    for mark, size in sizes.items():
        MAKERS[mark](mesh, frame, size)


def individual(sizes: dict[str, float], rng: Rng) -> dict[str, float]:
    """The sizes on one aircraft: up to 15 % off those of its variant."""
    draws = rng.uniform(0.85, 1.15, 12)
    return {mark: size * draws[i] for i, (mark, size) in enumerate(sorted(sizes.items()))}


def _winglets(mesh: Mesh, frame: Airframe, size: float) -> None:
    wing = frame.wings[0]
    x, y, z = wing.tip
    chord = wing.tip_chord
    root = (x, y, z)
    tip = (x - 0.4 * chord - 0.03 * size, y + 0.085 * size, z + 0.012 * size)
    for side in SIDES:
        panel(mesh, Panel(root, tip, chord, 0.45 * chord, 0.08), side, ACCENT, 4)


def _fin_fillet(mesh: Mesh, frame: Airframe, size: float) -> None:
    fin = frame.fin
    x, y, _ = fin.root
    front = (x + 0.17 * size, y, 0.0)
    top = fin.place(min(0.5 * size, 0.9), 0.0)
    tip = (float(top[0]), float(top[1]), 0.0)
    panel(mesh, Panel(front, tip, 0.17 * size + 0.02, 0.01, 0.07), 1.0, BASE, 4)


def _cockpit_mask(mesh: Mesh, frame: Airframe, size: float) -> None:
    """Black paint around the cockpit's glazing, or before the hood."""
    hull = Hull(frame.hull)
    if frame.cockpit:
        front, rear, low, _ = frame.cockpit
        x, angle = (front + 0.010 * size, rear - 0.035 * size), (low - 16 * size, 90.0)
    elif frame.canopy:
        start = frame.canopy[0] + 0.9 * frame.canopy[2]
        x, angle = (min(start + 0.13 * size, hull.ends[1]), start - 0.02), (90 - 60 * size, 90.0)
    else:
        return
    for side in SIDES:
        for a, b in pairwise(np.linspace(*x, 4)):
            patch = hull.patch((float(a), float(b)), angle, side)
            mesh.add(patch, DARK, np.array([(a + b) / 2, 0.0, 0.0]), lift=0.026)


def _tail_pipe(mesh: Mesh, frame: Airframe, size: float) -> None:
    hull = Hull(frame.hull)
    end = hull.ends[0]
    y = float(hull.at(end)[1])
    # From a jet's nozzle it stands out as a spike.
    start = np.array([end + (0.0 if frame.nozzle else 0.045), y, 0.0])
    radius, length = 0.019 * size, 0.045 + 0.055 * size
    pod(mesh, start, length, (0.7 * radius, radius, radius, 0.95 * radius), METAL)
    disc(mesh, start - np.array([length, 0, 0]), 0.85 * radius, -1.0, DARK)


def _portholes(mesh: Mesh, frame: Airframe, size: float) -> None:
    hull = Hull(frame.hull)
    for side in SIDES:
        for x in (0.30, 0.25, 0.20):
            high = float(hull.at(x)[0])
            for radius, tone, lift in ((0.0190, METAL, 0.022), (0.0145, GLASS, 0.026)):
                ring = size * radius * circle(10)
                angle = -20 + np.degrees(ring[:, 0] / high)
                face = hull.point(x + ring[:, 1], angle, side)
                mesh.add(face[None], tone, np.array([x, 0.0, 0.0]), lift)


def _fin_bullet(mesh: Mesh, frame: Airframe, size: float) -> None:
    fin = frame.fin
    top = fin.place(1.0, 0.0) + np.array([0.045 * size, 0.004, 0.0])
    length = 0.06 * size + 0.9 * fin.tip_chord
    pod(mesh, top, length, tuple(0.019 * size * r for r in EGG), ACCENT)


def _nose_cap(mesh: Mesh, frame: Airframe, size: float) -> None:
    """A black radome, or the front of a cowling in black."""
    hull = Hull(frame.hull)
    stations = hull.ends[1] - np.linspace(0.0, 0.055 * size, 5)
    for side in SIDES:
        for a, b in pairwise(stations):
            patch = np.concatenate(
                [
                    hull.patch((float(a), float(b)), half, side)
                    for half in ((-90.0, 0.0), (0.0, 90.0))
                ]
            )
            middle = np.array([(a + b) / 2 - 0.02, float(hull.at((a + b) / 2)[1]), 0.0])
            mesh.add(patch, DARK, middle, lift=0.012)


def _belly_pod(mesh: Mesh, frame: Airframe, size: float) -> None:
    hull = Hull(frame.hull)
    high, y, _ = (float(v) for v in hull.at(0.02))
    front = np.array([0.02 + 0.10 * size, y - high, 0.0])
    radii = tuple(0.034 * size * r for r in EGG)
    pod(mesh, front, 0.20 * size, radii, BELLY, high=0.9)


def _dome(mesh: Mesh, frame: Airframe, size: float) -> None:
    hull = Hull(frame.hull)
    high, y, _ = (float(v) for v in hull.at(-0.14))
    front = np.array([-0.14 + 0.085 * size, y + high, 0.0])
    pod(mesh, front, 0.17 * size, tuple(0.034 * size * r for r in EGG), BASE)


def _ventral_fin(mesh: Mesh, frame: Airframe, size: float) -> None:
    hull = Hull(frame.hull)
    high, y, _ = (float(v) for v in hull.at(-0.40))
    root = (-0.33, y - 0.6 * high, 0.0)
    tip = (-0.33 - 0.075 * size, y - high - 0.060 * size, 0.0)
    panel(mesh, Panel(root, tip, 0.13, 0.055, 0.06), 1.0, BASE, 4)


def _flap_fairings(mesh: Mesh, frame: Airframe, size: float) -> None:
    wing = frame.wings[0]
    for side in SIDES:
        for share in (0.26, 0.46, 0.66):
            front = wing.place(share, 0.55) + np.array([0.0, -0.010, 0.0])
            radii = tuple(0.0125 * size * r for r in EGG)
            pod(mesh, front * (1, 1, side), 0.06 + 0.085 * size, radii, BASE, around=8)


def _fin_intake(mesh: Mesh, frame: Airframe, size: float) -> None:
    """A scoop at the fin's foot, as of an engine in the tail."""
    x, y, _ = frame.fin.root
    radius = 0.030 * size
    front = np.array([x + 0.015, y + 0.9 * radius, 0.0])
    radii = tuple(radius * r for r in (0.95, 1.0, 1.0, 0.9, 0.7, 0.4))
    pod(mesh, front, 0.06 + 0.10 * size, radii, ENGINE)
    disc(mesh, front + np.array([0.001, 0, 0]), 0.8 * radius, 1.0, DARK)


MAKERS: dict[str, Callable[[Mesh, Airframe, float], None]] = {
    "winglets": _winglets,
    "fin_fillet": _fin_fillet,
    "cockpit_mask": _cockpit_mask,
    "tail_pipe": _tail_pipe,
    "portholes": _portholes,
    "fin_bullet": _fin_bullet,
    "nose_cap": _nose_cap,
    "belly_pod": _belly_pod,
    "dome": _dome,
    "ventral_fin": _ventral_fin,
    "flap_fairings": _flap_fairings,
    "fin_intake": _fin_intake,
}
