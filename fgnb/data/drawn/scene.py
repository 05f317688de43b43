"""One picture: backdrop, perch, bird, cover and light put together, with its annotations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgnb.data.drawn.backdrop import draw_backdrop, draw_perch
from fgnb.data.drawn.birds import Bird, draw_bird
from fgnb.data.drawn.cover import draw_cover
from fgnb.data.drawn.light import expose, sun
from fgnb.data.drawn.spec import DrawnSpec, Streams, streams
from fgnb.data.drawn.species import Look, look_of


@dataclass(frozen=True)
class Picture:
    """A picture and what is known of it.

    Attributes:
        image: the RGB picture.
        box: (x1, y1, x2, y2) of the bird inside the picture, pixels, hidden places included.
        parts: float64[15, 2], (x, y) in pixels in CUB's order; (0, 0) where not visible.
        visible: bool[15].
        mask: bool[size, size], the bird, hidden places included.
    """

    image: Image.Image
    box: tuple[float, float, float, float]
    parts: NDArray[np.float64]
    visible: NDArray[np.bool_]
    mask: NDArray[np.bool_]


def render(
    spec: DrawnSpec, class_index: int, image_index: int
) -> tuple[Image.Image, tuple[float, float, float, float], NDArray[np.float64], NDArray[np.bool_]]:
    """Picture, box, parts `[15, 2]` and visibility `[15]` of one image of a set.

    A function of the spec's seed, the class and the image alone (both from 0); see `Picture`.

    Raises:
        ValueError: if an index is outside the set.
    """
    if not 0 <= image_index < spec.per_class:
        raise ValueError(
            f"image_index is {image_index}; it should be from 0 to {spec.per_class - 1}"
        )
    look = look_of(spec, class_index)
    picture = paint(look, streams(spec.seed, class_index, image_index), spec.size)
    return picture.image, picture.box, picture.parts, picture.visible


def paint(look: Look, rngs: Streams, size: int) -> Picture:
    """A picture of a look; everything but the look comes from the generators."""
    bird = draw_bird(look, size, sun(rngs.light), rngs.pose, rngs.coat)
    scene = draw_backdrop(size, rngs.backdrop)
    if bird.feet is not None:
        draw_perch(scene, bird.feet, bird.unit, rngs.backdrop)
    place = _place(bird)
    scene[place] = scene[place] * (1 - bird.cover[..., None]) + bird.colour
    alpha = np.zeros((size, size), np.float32)
    alpha[place] = bird.cover
    before = draw_cover(size, alpha, rngs.cover)
    hidden = np.zeros((size, size), np.float32)
    if before is not None:
        colour, hidden = before
        scene = scene * (1 - hidden[..., None]) + colour
    mask = alpha > 0.5
    visible = bird.seen & _inside(bird.points, mask) & _inside(bird.points, hidden < 0.5)
    return Picture(
        image=Image.fromarray(expose(scene, rngs.light)),
        box=_box(mask),
        parts=np.where(visible[:, None], np.round(bird.points, 1), 0.0),
        visible=visible,
        mask=mask,
    )


def _place(bird: Bird) -> tuple[slice, slice]:
    height, width = bird.cover.shape
    return slice(bird.top, bird.top + height), slice(bird.left, bird.left + width)


def _inside(points: NDArray[np.float64], where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each rounded point lies in the picture and on a true pixel."""
    x, y = np.floor(np.round(points, 1)).astype(int).T
    size = len(where)
    inside = (x >= 0) & (x < size) & (y >= 0) & (y < size)
    return inside & where[np.clip(y, 0, size - 1), np.clip(x, 0, size - 1)]


def _box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (
        float(columns[0]),
        float(rows[0]),
        float(columns[-1] + 1),
        float(rows[-1] + 1),
    )


__all__ = ["Picture", "paint", "render"]
