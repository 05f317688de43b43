"""One car, painted from back to front: metal, glass, wheels, lamps, gaps, then its marks."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from fgnb.data.drawn.cars_bodies import Body
from fgnb.data.drawn.cars_marks import draw_end_marks, draw_flank_marks, draw_mirror
from fgnb.data.drawn.cars_models import Look
from fgnb.data.drawn.cars_panels import DARK, Panels, brightness, cut, disc, grown, rect, times
from fgnb.data.drawn.cars_shell import GLASS, OPEN, face, shell
from fgnb.data.drawn.cars_view import Layer
from fgnb.data.drawn.cars_wheels import draw_wheel
from fgnb.data.drawn.families import Colour
from fgnb.data.drawn.pose import Array

PAINTS: tuple[Colour, ...] = (
    (0.88, 0.88, 0.86), (0.66, 0.68, 0.70), (0.38, 0.40, 0.42), (0.10, 0.11, 0.12),
    (0.62, 0.10, 0.10), (0.14, 0.24, 0.52), (0.28, 0.48, 0.66), (0.13, 0.32, 0.22),
    (0.72, 0.64, 0.50), (0.40, 0.27, 0.19), (0.86, 0.66, 0.16), (0.80, 0.38, 0.12),
)  # fmt: skip
PANE: Colour = (0.17, 0.20, 0.23)
SOOT: Colour = (0.05, 0.05, 0.055)
CABIN: Colour = (0.12, 0.11, 0.11)


@dataclass(frozen=True)
class Coat:
    """One car's own colours and dress.

    Attributes:
        paint: of the metal.
        pane: of the glass; `seats` of what shows inside an open car.
        seats: see `pane`.
        rim: of the wheels.
        marks: the size of each mark on this car.
    """

    paint: Colour
    pane: Colour
    seats: Colour
    rim: Colour
    marks: dict[str, float]


def draw_coat(look: Look, rng: np.random.Generator) -> Coat:
    """One car's colours at random; the hue alone is given where it tells the classes apart."""
    paint = np.array(PAINTS[int(rng.integers(len(PAINTS)))])
    lightness, saturation = rng.uniform(0.30, 0.58), rng.uniform(0.45, 0.80)
    if look.hue is not None:
        hue = look.hue + rng.normal(0, 0.012)
        paint = np.array(colorsys.hls_to_rgb(hue % 1.0, lightness, saturation))
    paint = np.clip(paint * rng.uniform(0.85, 1.12) + rng.normal(0, 0.02, 3), 0.03, 0.95)
    pane = np.array(PANE) * rng.uniform(0.7, 1.5)
    seats = np.array((0.45, 0.38, 0.30)) * rng.uniform(0.35, 1.3)
    rim = np.array((0.70, 0.71, 0.73)) * rng.uniform(0.75, 1.2)
    draws = rng.uniform(0.88, 1.12, 12)
    marks = {mark: size * draws[i] for i, (mark, size) in enumerate(sorted(look.marks.items()))}
    return Coat(_colour(paint), _colour(pane), _colour(seats), _colour(rim), marks)


def paint_car(layer: Layer, body: Body, coat: Coat, light: Array) -> None:
    """Paint the car of a look's body on the layer."""
    view = layer.view
    panels = Panels(layer, body, coat.paint, light)
    _underside(layer, body)
    for axle in (0, 1):
        draw_wheel(layer, body, axle, -view.near, coat.rim, 0.0)
    draw_mirror(panels, coat.marks, -view.near)
    if body.screen is not None and view.turned[2, 0] < 0:
        _screen(panels, coat)
    _metal(layer, body, coat, light)
    if body.screen is not None:
        _seats(layer, body, coat)
        if view.turned[2, 0] >= 0:
            _screen(panels, coat)
    for front in (True, False):
        if panels.shows(front):
            _end(panels, front)
            draw_end_marks(panels, coat.marks, front)
    _flank(panels, coat)
    draw_flank_marks(panels, coat.marks)
    for axle in (0, 1):
        _arch(panels, axle)
        draw_wheel(layer, body, axle, view.near, coat.rim, coat.marks.get("rim_holes", 0.0))
    draw_mirror(panels, coat.marks, view.near)


def _metal(layer: Layer, body: Body, coat: Coat, light: Array) -> None:
    surface, view = shell(body), layer.view
    tones = np.array([coat.paint, coat.pane, CABIN, tuple(0.72 * c for c in coat.paint)])
    diffuse, gloss = brightness(surface.normals, light, view.turned)
    gloss = np.where(surface.stuff == GLASS, 2.2 * gloss + 0.05, gloss)
    gloss = np.where(surface.stuff == OPEN, 0.0, gloss)
    colours = tones[surface.stuff] * diffuse[:, None] + gloss[:, None]
    middles = surface.quads.mean(1)
    shown = np.flatnonzero(view.facing(surface.normals, middles))
    order = shown[np.argsort(view.depth(middles[shown]), kind="stable")]
    layer.flats(view.place(surface.quads[order]), colours[order])
    for front in (True, False):
        plate = face(body, front)
        normal = np.array([1.0 if front else -1.0, 0, 0])
        if view.facing(normal, plate.mean(0)):
            value, shine = brightness(normal, light, view.turned)
            layer.fill(plate, np.array(coat.paint) * value + shine)


def _underside(layer: Layer, body: Body) -> None:
    low, half = 0.55 * body.sill, 0.86 * body.half
    for z in (-half, half):
        ends = ((body.nose - 0.60, low), (body.tail + 0.60, low))
        tops = ((body.tail + 0.1, body.sill + 0.15), (body.nose - 0.1, body.sill + 0.15))
        layer.fill(np.array([(x, y, z) for x, y in (*ends, *tops)]), SOOT)


def _arch(panels: Panels, axle: int) -> None:
    """The dark opening round a near wheel."""
    body = panels.body
    centre = np.array([body.axles[axle], body.wheel])
    points = centre + (1.20 * body.wheel) * disc(28)
    points[:, 1] = np.maximum(points[:, 1], body.sill - 0.02)
    panels.side(points, SOOT)


def _flank(panels: Panels, coat: Coat) -> None:
    """Gaps, glass and the plain handles of the near side."""
    body = panels.body
    for window in body.windows:
        outline = np.array(window)
        panels.side(grown(outline, 0.028), DARK)
        panels.side(outline, coat.pane, gloss=0.05)
        middle = outline.mean(0)
        panels.side(cut(outline, middle, np.array([0.35, 1.0])), coat.pane, gloss=0.14)
    for x in body.doors:
        top = body.belt_at(x)
        line = np.array([(x, body.sill + 0.07), (x, top - 0.02)])
        panels.line(line, 0.016, times(coat.paint, 0.45))
    low = np.array([(body.doors[0], body.sill + 0.07), (body.doors[-1], body.sill + 0.07)])
    panels.line(low, 0.016, times(coat.paint, 0.45))
    ends = [(x, body.belt_at(x) - 0.13) for x in (body.nose - 0.34, body.tail + 0.30)]
    panels.line(np.array(ends), 0.014, times(coat.paint, 0.72))
    for x in body.doors[1:]:
        top = body.belt_at(x) - 0.10
        panels.line(np.array([(x + 0.08, top), (x + 0.22, top)]), 0.032, times(coat.paint, 0.62))


def _end(panels: Panels, front: bool) -> None:
    """Bumper, number plate, grille and lamps of the nose or the tail, as all cars have them."""
    body = panels.body
    x = body.nose if front else body.tail
    low, high = panels.ends(front)
    half = 0.80 * body.half
    deep = high - low
    panels.end(front, rect(0, low + 0.10 * deep, half, 0.09 * deep), DARK)
    plate = low + (0.34 if front else 0.52) * deep
    panels.end(front, rect(0, plate, 0.25, 0.055), (0.86, 0.86, 0.80))
    if front:
        grille = rect(0, low + 0.68 * deep, 0.46 * half, 0.15 * deep)
        panels.end(front, grille, DARK)
        panels.end(front, rect(0, low + 0.20 * deep, 0.55 * half, 0.045 * deep), DARK)
    lamp = (0.90, 0.92, 0.94) if front else (0.55, 0.06, 0.06)
    step = 1 if front else -1
    for side in (-1, 1):
        z = side * np.array([0.60, 0.98, 0.98, 0.66]) * half
        y = low + np.array([0.56, 0.52, 0.84, 0.82]) * deep
        panels.end(front, np.stack([z, y], axis=1), lamp)
    y = low + np.array([0.54, 0.60, 0.88, 0.84]) * deep
    along = x - step * np.array([0.015, 0.30, 0.26, 0.03])
    panels.side(np.stack([along, y], axis=1), lamp)


def _screen(panels: Panels, coat: Coat) -> None:
    """The free-standing windscreen of an open car."""
    body = panels.body
    assert body.screen is not None
    (x0, y0), (x1, y1) = body.screen
    low, high = 0.84 * body.half, 0.70 * body.half
    outline = np.array([(x0, y0, -low), (x1, y1, -high), (x1, y1, high), (x0, y0, low)])
    panels.layer.fill(outline, DARK)
    pane = outline.mean(0) + (outline - outline.mean(0)) * (0.88, 0.86, 0.94)
    panels.layer.fill(pane, np.array(coat.pane) * 1.5 + 0.18)


def _seats(layer: Layer, body: Body, coat: Coat) -> None:
    """Backs and head rests inside an open car, the farther ones first."""
    seats = [(x, z) for x in (-0.28, -0.86) for z in (-0.36, 0.36)]
    seats.sort(key=lambda seat: float(layer.view.depth(np.array([seat[0], 1.0, seat[1]]))))
    for x, z in seats:
        back = np.array([(x, 0.90, z - 0.24), (x, 0.90, z + 0.24), (x - 0.06, 1.08, z + 0.20),
                         (x - 0.06, 1.08, z - 0.20)])  # fmt: skip
        layer.fill(back, coat.seats)
        rest = np.tile(np.array([x - 0.08, 1.15, z]), (14, 1))
        rest[:, 1:] += disc(14) * (0.075, 0.12)
        layer.fill(rest, np.array(coat.seats) * 0.85)


def _colour(values: Array) -> Colour:
    r, g, b = (float(v) for v in np.clip(values, 0, 1))
    return (r, g, b)
