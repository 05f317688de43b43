"""The marks that tell the cars of a family apart, each on its part of the car.

A mark's size is a multiple of its usual one; a mark that is not worn leaves the plain part.
"""

from __future__ import annotations

import numpy as np

from fgnb.data.drawn.cars_panels import CHROME, DARK, Panels, disc, grown, rect, times
from fgnb.data.drawn.families import Colour
from fgnb.data.drawn.pose import Array

AMBER: Colour = (0.92, 0.50, 0.10)
WHITE: Colour = (0.96, 0.96, 0.90)
RED: Colour = (0.72, 0.06, 0.06)
ROUND = disc(16)


def draw_flank_marks(panels: Panels, marks: dict[str, float]) -> None:
    """The marks of the near flank."""
    body = panels.body
    if size := marks.get("window_trim"):
        _trim(panels, size)
    if size := marks.get("side_moulding"):
        y = body.sill + 0.27
        ends = np.array([(body.axles[0] - 0.52, y), (body.axles[1] + 0.52, y)])
        panels.line(ends, 0.075 * size, DARK)
        panels.line(ends, 0.040 * size, CHROME)
    if size := marks.get("fender_vent"):
        x, y = body.axles[0] - 1.62 * body.wheel, body.belt_at(body.axles[0]) - 0.26
        panels.side(rect(x, y, 0.115 * size, 0.075 * size), DARK)
        for step in (-0.045, 0.0, 0.045):
            slat = np.array(
                [(x - 0.08 * size, y + step * size), (x + 0.09 * size, y + step * size)]
            )
            panels.line(slat, 0.018 * size, CHROME)
    if size := marks.get("door_handles"):
        for x in body.doors[1:]:
            y = body.belt_at(x) - 0.10
            panels.side(rect(x + 0.15, y, 0.135 * size, 0.048 * size), DARK)
            panels.side(rect(x + 0.15, y + 0.008, 0.12 * size, 0.026 * size), CHROME, gloss=0.08)
    if size := marks.get("quarter_glass"):
        shape = np.array(body.quarter) + size * np.array(
            [(0.11, -0.10), (0.04, 0.11), (-0.12, -0.08)]
        )
        panels.side(grown(shape, 0.022), CHROME)
        panels.side(shape, DARK, gloss=0.03)
    if size := marks.get("lamp_sweep"):
        _sweep(panels, size, WHITE, front=True)
    if size := marks.get("tail_bar"):
        _sweep(panels, size, RED, front=False)
    if size := marks.get("badge"):
        x, y = body.doors[0] + 0.16, body.belt_at(body.doors[0]) - 0.20
        panels.side(rect(x, y, 0.10 * size, 0.042 * size), CHROME, gloss=0.06)
        panels.side(rect(x + 0.02 * size, y, 0.055 * size, 0.022 * size), RED)
    if size := marks.get("fog_lamps"):
        low, high = panels.ends(front=True)
        at = np.array([body.nose - 0.17, low + 0.24 * (high - low)])
        panels.side(at + 0.075 * size * ROUND, DARK)
        panels.side(at + 0.052 * size * ROUND, AMBER, gloss=0.05)


def draw_end_marks(panels: Panels, marks: dict[str, float], front: bool) -> None:
    """The marks of the nose (or of the tail)."""
    low, high = panels.ends(front)
    deep, half = high - low, 0.80 * panels.body.half
    if front:
        if size := marks.get("grille_bars"):
            for step in (0.60, 0.68, 0.76):
                bar = rect(0, low + step * deep, 0.46 * half, 0.028 * deep * size)
                panels.end(True, bar, CHROME, gloss=0.08)
        if size := marks.get("lamp_sweep"):
            for side in (-1, 1):
                brow = rect(side * 0.79 * half, low + 0.80 * deep, 0.20 * half, 0.045 * deep * size)
                panels.end(True, brow, DARK)
        if size := marks.get("fog_lamps"):
            for side in (-1, 1):
                at = np.array([side * 0.78 * half, low + 0.26 * deep])
                panels.end(True, at + 0.085 * size * ROUND, DARK)
                panels.end(True, at + 0.060 * size * ROUND, AMBER, gloss=0.05)
    elif size := marks.get("tail_bar"):
        panels.end(False, rect(0, low + 0.72 * deep, 0.66 * half, 0.06 * deep * size), RED)
    if size := marks.get("badge"):
        at = np.array([0.0, low + (0.68 if front else 0.86) * deep])
        panels.end(front, at + 0.085 * size * ROUND, CHROME, gloss=0.08)
        panels.end(front, at + 0.050 * size * ROUND, RED)


def draw_mirror(panels: Panels, marks: dict[str, float], side: int) -> None:
    """A mirror, seen from anywhere as a rounded cap; pale above a dark half where that tells."""
    body, layer = panels.body, panels.layer
    x, y = body.windows[0][0] if body.windows else (body.doors[0] + 0.02, body.belt_at(0.7))
    centre = np.array([x - 0.14, y + 0.07, side * (0.93 * body.half + 0.14)])
    arm = centre + np.array([(0, -0.05, -0.18 * side), (0, -0.05, 0), (0, -0.01, 0),
                             (0, -0.01, -0.18 * side)])  # fmt: skip
    layer.fill(arm, times(panels.paint, 0.4))
    middle, unit = layer.view.place(centre), layer.view.unit
    cap = ROUND * np.array([0.125, 0.082]) * unit
    layer.flat(middle + cap, times(panels.paint, 0.72))
    if size := marks.get("mirror_cap"):
        layer.flat(middle + cap * min(0.75 + 0.30 * size, 1.5), DARK)
        upper = cap * min(0.45 + 0.40 * size, 1.35)
        layer.flat(middle + np.minimum(upper, (np.inf, 0.01 * unit)), CHROME)


def _trim(panels: Panels, size: float) -> None:
    """A bright line round the side windows, or along the open car's belt."""
    body = panels.body
    for window in body.windows:
        outline = np.array(window)
        panels.line(np.concatenate([outline, outline[:1]]), 0.042 * size, CHROME)
    if not body.windows:
        ends = [(x, body.belt_at(x) - 0.02) for x in (0.60, -1.20)]
        panels.line(np.array(ends), 0.055 * size, CHROME)


def _sweep(panels: Panels, size: float, colour: Colour, front: bool) -> None:
    """A lamp that runs out along the flank in a point."""
    low, high = panels.ends(front)
    step = 1 if front else -1
    x = panels.body.nose if front else panels.body.tail
    y = low + 0.80 * (high - low)
    start, end = x - step * 0.10, x - step * (0.22 + 0.42 * size)
    shape = np.array([(start, y - 0.09 * size), (start, y + 0.05 * size), (end, y + 0.09 * size)])
    panels.side(_wider(shape, 0.02), DARK)
    panels.side(shape, colour, gloss=0.04)


def _wider(shape: Array, by: float) -> Array:
    away = shape - shape.mean(0)
    return np.asarray(shape + by * away / np.linalg.norm(away, axis=1, keepdims=True))
