"""One picture of an aircraft: backdrop, shadow, aircraft, cover and light, with its box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgnb.data.drawn.aircraft_airframe import add_propellers, airframe_faces
from fgnb.data.drawn.aircraft_backdrop import draw_air, draw_airfield, draw_before
from fgnb.data.drawn.aircraft_livery import colours, draw_livery
from fgnb.data.drawn.aircraft_marks import add_marks, individual
from fgnb.data.drawn.aircraft_mesh import Mesh
from fgnb.data.drawn.aircraft_variants import Look, look_of
from fgnb.data.drawn.aircraft_view import draw_shadow, frame_view, paint_faces
from fgnb.data.drawn.light import expose, sun
from fgnb.data.drawn.spec import DrawnSpec, Streams, streams

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Picture:
    """A picture and what is known of it.

    Attributes:
        image: the RGB picture.
        box: (x1, y1, x2, y2) of the aircraft inside the picture, pixels, hidden places included.
        mask: bool[size, size], the aircraft, hidden places included.
    """

    image: Image.Image
    box: Box
    mask: NDArray[np.bool_]


def render_aircraft(spec: DrawnSpec, class_index: int, image_index: int) -> tuple[Image.Image, Box]:
    """Picture and box of one image of a set.

    A function of the spec's seed, the class and the image alone (both from 0); see `Picture`.

    Raises:
        ValueError: if the spec is of another kind, or an index outside the set.
    """
    if spec.kind != "aircraft":
        raise ValueError(f"kind is {spec.kind!r}; it should be 'aircraft'")
    if not 0 <= image_index < spec.per_class:
        raise ValueError(
            f"image_index is {image_index}; it should be from 0 to {spec.per_class - 1}"
        )
    look = look_of(spec, class_index)
    picture = paint(look, streams(spec.seed, class_index, image_index), spec.size)
    return picture.image, picture.box


def paint(look: Look, rngs: Streams, size: int) -> Picture:
    """A picture of a look; everything but the look comes from the generators."""
    frame = look.airframe
    livery = draw_livery(look.hue, rngs.coat)
    phase, wheels = rngs.coat.uniform(0, np.pi), bool(rngs.coat.random() < 0.3)
    # The view is fitted to the airframe without marks, so that the place tells nothing of them.
    whole = [group.corners.reshape(-1, 3) for group in airframe_faces(frame, True)]
    view = frame_view(np.concatenate(whole), size, rngs.pose)
    extra = Mesh()
    add_propellers(extra, frame, phase)
    add_marks(extra, frame, individual(look.marks, rngs.coat))
    faces = [*airframe_faces(frame, view.grounded or wheels), *extra.faces()]
    light = sun(rngs.light)
    if view.grounded:
        ground = frame.gear[3]
        level = float(view.place(view.body @ np.array([0.0, ground, 0.0]))[1]) / size
        horizon = level - float(rngs.backdrop.uniform(0.05, 0.28))
        scene = draw_airfield(size, horizon, level, rngs.backdrop)
        strength = float(rngs.backdrop.uniform(0.25, 0.6))
        draw_shadow(scene, faces, ground, view, light, strength)
    else:
        scene = draw_air(size, rngs.backdrop)
    alpha = np.zeros((size, size), np.float32)
    paints = [colours(livery, frame, group) for group in faces]
    layer = paint_faces(faces, paints, view, size, light)
    scene[layer.place] = scene[layer.place] * (1 - layer.cover[..., None]) + layer.colour
    alpha[layer.place] = layer.cover
    before = draw_before(size, alpha, view.grounded, rngs.cover)
    if before is not None:
        colour, hidden = before
        scene = scene * (1 - hidden[..., None]) + colour
    mask = alpha > 0.25
    return Picture(Image.fromarray(expose(scene, rngs.light, dapple=0.0)), _box(mask), mask)


def _box(mask: NDArray[np.bool_]) -> Box:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
