"""How an aircraft stands or flies before the camera, and its mesh as pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from fgnb.data.drawn.aircraft_mesh import Faces
from fgnb.data.drawn.canvas import Floats
from fgnb.data.drawn.pose import Array, turn
from fgnb.data.drawn.surface import lambert

Rng = np.random.Generator
SPAN = (0.45, 0.92)
"""The aircraft's longer side as a share of the picture's."""
FINE = 3


@dataclass(frozen=True)
class View:
    """Rotation to view coordinates, and where it puts them in the picture.

    Attributes:
        body: rotation from aircraft to view coordinates, `[3, 3]`.
        camera: the part of it that the camera's height gives, `[3, 3]`.
        grounded: on its wheels.
        origin: picture pixel of the aircraft's origin; `unit` pixels a unit.
    """

    body: Array
    camera: Array
    grounded: bool
    origin: Array
    unit: float

    def place(self, points: Array) -> Array:
        """Picture pixels `[..., 2]` of view coordinates `[..., 3]`."""
        return np.asarray(self.origin + self.unit * points[..., :2] * (1.0, -1.0))


@dataclass(frozen=True)
class Layer:
    """Painted pixels of a part of the picture: the corner, colour times cover, and cover."""

    left: int
    top: int
    colour: Floats
    cover: Floats

    @property
    def place(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        height, width = self.cover.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def draw_angles(rng: Rng) -> tuple[Array, Array, bool]:
    """Rotation of the aircraft, that of the camera alone, and whether it is on the ground."""
    grounded = bool(rng.random() < 0.4)
    left = rng.random() < 0.5
    yaw = float(np.clip(rng.normal(0, 30), -62, 62))
    if grounded:
        height, pitch, roll = rng.uniform(2, 12), rng.normal(0, 0.4), 0.0
    else:
        height = np.clip(rng.normal(-4, 13), -30, 28)
        pitch, roll = rng.normal(4, 6), np.clip(rng.normal(0, 10), -26, 26)
    camera = turn(0, np.radians(height))
    facing = np.radians(yaw + (180 if left else 0))
    own = turn(1, -facing) @ turn(2, np.radians(pitch)) @ turn(0, np.radians(roll))
    return camera @ own, camera, grounded


def frame_view(points: Array, size: int, rng: Rng) -> View:
    """A view at random of an aircraft whose corners are `points[n, 3]`, whole in the picture."""
    body, camera, grounded = draw_angles(rng)
    outline = points @ body.T[:, :2] * (1.0, -1.0)
    low, high = outline.min(0), outline.max(0)
    # The square root favours large aircraft: a photographer zooms in.
    share = SPAN[0] + (SPAN[1] - SPAN[0]) * float(np.sqrt(rng.random()))
    unit = share * size / float((high - low).max())
    room = size - (high - low) * unit
    spare = rng.uniform((0.1, 0.35 if grounded else 0.12), (0.9, 0.92)) * room
    return View(body, camera, grounded, spare - low * unit, unit)


def paint_faces(
    faces: list[Faces], colours: list[Array], view: View, size: int, light: Array
) -> Layer:
    """Paint faces of given colours `[N, 3]` from back to front, antialiased."""
    normal = np.concatenate([group.normals for group in faces])
    thin = ~normal.any(1)
    normal = normal @ view.body.T
    kept = (normal[:, 2] > 0) | thin
    normal[thin] = (0.0, 0.0, 1.0)
    colour = np.concatenate(colours) * lambert(normal, light)[:, None]
    half = light + np.array([0.0, 0.0, 1.0])
    half = half / np.linalg.norm(half)
    colour += 0.35 * np.clip(normal @ half, 0, 1)[:, None] ** 28
    inks = (np.clip(colour, 0, 1) * 255).astype(int)
    turned = [group.corners @ view.body.T for group in faces]
    depth = np.concatenate([group[..., 2].mean(1) for group in turned])
    depth += np.concatenate([group.lifts for group in faces])
    pixels = [view.place(group) for group in turned]
    every = np.concatenate([group.reshape(-1, 2) for group in pixels])
    low = np.clip(np.floor(every.min(0)) - 1, 0, size).astype(int)
    high = np.clip(np.ceil(every.max(0)) + 1, 0, size).astype(int)
    width, height = (high - low).tolist()
    outlines: list[list[float]] = []
    for group in pixels:
        outlines += ((group - low) * FINE).reshape(len(group), -1).tolist()
    image = Image.new("RGBA", (width * FINE, height * FINE))
    pen = ImageDraw.Draw(image)
    order = np.argsort(depth, kind="stable")
    tones = inks.tolist()
    for index in order[kept[order]].tolist():
        r, g, b = tones[index]
        pen.polygon(outlines[index], fill=(r, g, b, 255))
    values = np.asarray(image.reduce(FINE), np.float32) / np.float32(255)
    cover = values[..., 3]
    return Layer(int(low[0]), int(low[1]), values[..., :3] * cover[..., None], cover)


def draw_shadow(
    scene: Floats, faces: list[Faces], ground: float, view: View, light: Array, strength: float
) -> None:
    """Darken the ground, in place, where faces keep the light off."""
    size = len(scene)
    sun = view.camera.T @ light
    image = Image.new("L", (size, size))
    pen = ImageDraw.Draw(image)
    own = view.camera.T @ view.body
    level = ground * own[1, 1]
    for group in faces:
        lit = group.normals @ (view.body.T @ light) > 0
        world = group.corners[lit] @ own.T
        fall = (world[..., 1] - level) / max(float(sun[1]), 0.35)
        flat = world - fall[..., None] * sun
        flat[..., 1] = level
        for outline in (
            view.place(flat @ view.camera.T)
            .reshape(len(world), 2 * group.corners.shape[1])
            .tolist()
        ):
            pen.polygon(outline, fill=255)
    radius = max(0.006 * size, 0.5)
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32) / np.float32(255)
    scene *= 1 - np.float32(strength) * soft[..., None]
