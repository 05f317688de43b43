"""One picture of a car: street, shadow, car, cover and light put together, with its box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgnb.data.drawn.cars_models import Look, look_of
from fgnb.data.drawn.cars_paint import draw_coat, paint_car
from fgnb.data.drawn.cars_street import cast_shadow, draw_street
from fgnb.data.drawn.cars_view import Layer, draw_view
from fgnb.data.drawn.cover import draw_cover
from fgnb.data.drawn.light import expose, sun
from fgnb.data.drawn.spec import DrawnSpec, Streams, streams

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class CarPicture:
    """A picture and what is known of it.

    Attributes:
        image: the RGB picture.
        box: (x1, y1, x2, y2) of the car inside the picture, pixels, hidden places included.
        mask: bool[size, size], the car, hidden places included.
    """

    image: Image.Image
    box: Box
    mask: NDArray[np.bool_]


def render_car(spec: DrawnSpec, class_index: int, image_index: int) -> tuple[Image.Image, Box]:
    """Picture and box (x1, y1, x2, y2) of one image of a set.

    A function of the spec's seed, the class and the image alone (both from 0).

    Raises:
        ValueError: if an index is outside the set.
    """
    if not 0 <= image_index < spec.per_class:
        raise ValueError(
            f"image_index is {image_index}; it should be from 0 to {spec.per_class - 1}"
        )
    look = look_of(spec, class_index)
    picture = paint(look, streams(spec.seed, class_index, image_index), spec.size)
    return picture.image, picture.box


def paint(look: Look, rngs: Streams, size: int) -> CarPicture:
    """A picture of a look; everything but the look comes from the generators."""
    light = sun(rngs.light)
    view = draw_view(look.body, size, rngs.pose)
    coat = draw_coat(look, rngs.coat)
    scene = draw_street(size, view, rngs.backdrop)
    cast_shadow(scene, look.body, view, light)
    layer = Layer(view, size)
    paint_car(layer, look.body, coat, light)
    colour, alpha = layer.shrink()
    scene = scene * (1 - alpha[..., None]) + colour
    before = draw_cover(size, alpha, rngs.cover)
    if before is not None:
        over, hidden = before
        scene = scene * (1 - hidden[..., None]) + over
    mask = alpha > 0.5
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    x1, y1, x2, y2 = (float(v) for v in box)
    return CarPicture(Image.fromarray(expose(scene, rngs.light)), (x1, y1, x2, y2), mask)
