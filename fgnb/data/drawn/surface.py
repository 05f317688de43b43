"""The bird's flesh: ellipsoids that melt into one surface, seen from far away.

Each ellipsoid gives a signed distance in the picture's plane and a height; both are blended by a
soft minimum, so that head, neck and torso join without a seam. The height gives the light.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgnb.data.drawn.canvas import Canvas, Floats, Window
from fgnb.data.drawn.families import Build
from fgnb.data.drawn.pose import Array, Pose, turn

MELT = 0.035
"""Width of the blend between two ellipsoids, bird units."""


@dataclass(frozen=True)
class Ellipsoid:
    """Centre and shape matrix (axes times squared radii) in view coordinates."""

    centre: Array
    shape: Array

    @property
    def reach(self) -> Array:
        """Half its width and height in the picture."""
        return np.sqrt(np.diag(self.shape)[:2])


@dataclass(frozen=True)
class Surface:
    """The blended surface over a window of the canvas.

    Attributes:
        window: where it lies.
        cover: float32[H, W], 1 inside.
        points: float32[H, W, 3], the surface in view coordinates.
        head: float32[H, W], how far a place belongs to the head.
        normal: float32[H, W, 3], unit normals in view coordinates.
    """

    window: Window
    cover: Floats
    points: Floats
    head: Floats
    normal: Floats


def ellipsoids(build: Build, pose: Pose) -> list[Ellipsoid]:
    """The torso, breast, rump and neck, then those of the head (the last two, or three)."""
    d, r, at = build.depth, build.head, pose.head_at
    neck = 0.55 * at + 0.45 * np.array([0.16, 0.02, 0.0])
    parts = [
        _ellipsoid(pose.body, np.zeros(3), (0.45, d, 0.92 * d)),
        _ellipsoid(pose.body, np.array([0.20, -0.03, 0.0]), (0.27, 0.98 * d, 0.94 * d)),
        _ellipsoid(pose.body, np.array([-0.36, 0.02, 0.0]), (0.25, 0.52 * d, 0.50 * d)),
        _ellipsoid(pose.body, neck, (0.95 * r, 0.98 * r, 0.86 * r)),
    ]
    centre = pose.body @ at
    parts.append(_at(centre, pose.head, (1.08 * r, r, 0.93 * r)))
    if build.crest:
        lean = pose.head @ turn(2, np.radians(-38))
        top = centre + pose.head @ np.array([-0.55 * r, 0.80 * r, 0.0])
        parts.append(_at(top, lean, (0.75 * r, build.crest * 0.62, 0.25 * r)))
    return parts


def render_surface(canvas: Canvas, parts: list[Ellipsoid]) -> Surface | None:
    """The surface of `ellipsoids(...)` on the canvas; None where it lies outside."""
    corners = np.array([e.centre[:2] + s * e.reach for e in parts for s in (-1, 1)])
    window = canvas.window(canvas.place(corners), margin=3)
    if window is None:
        return None
    width, height = window.size
    across, down = np.arange(width) + 0.5 + window.left, np.arange(height) + 0.5 + window.top
    x = ((across - canvas.centre[0]) / canvas.unit).astype(np.float32)[None, :]
    y = ((canvas.centre[1] - down) / canvas.unit).astype(np.float32)[:, None]
    total = np.zeros((height, width), np.float32)
    head, ground, depth, radius = (np.zeros_like(total) for _ in range(4))
    for number, part in enumerate(parts):
        weight, plane, thick, mean = _field(part, x, y)
        total += weight
        ground += weight * plane
        depth += weight * thick
        radius += weight * mean
        if number >= 4:
            head += weight
    inverse: Floats = np.reciprocal(total)
    distance = -np.float32(MELT) * np.log(total)
    inside: Floats = np.clip(1 + distance / (radius * inverse), 0, 1)
    z: Floats = ground * inverse + depth * inverse * np.sqrt(1 - inside * inside)
    cover: Floats = np.clip(np.float32(0.5) - distance * np.float32(canvas.unit), 0, 1)
    points = np.stack(np.broadcast_arrays(x, y, z), axis=-1).astype(np.float32)
    return Surface(window, cover, points, head * inverse, _normals(z, canvas.unit))


def lambert(normal: Floats | Array, light: NDArray[np.float64]) -> Floats:
    """Brightness of a surface under a broad light from `light` and an open sky."""
    facing = np.asarray(normal @ light.astype(np.float32), np.float32)
    sky = np.asarray(normal[..., 1], np.float32)
    return np.asarray(0.62 + 0.36 * np.maximum(facing, -0.3) + 0.12 * sky, np.float32)


def _ellipsoid(body: Array, centre: Array, radii: tuple[float, float, float]) -> Ellipsoid:
    return _at(body @ centre, body, radii)


def _at(centre: Array, axes: Array, radii: tuple[float, float, float]) -> Ellipsoid:
    return Ellipsoid(centre, axes @ np.diag(np.square(radii)) @ axes.T)


def _field(part: Ellipsoid, x: Floats, y: Floats) -> tuple[Floats, Floats, float, float]:
    """Weight, centre plane, thickness and mean radius of one ellipsoid."""
    flat = np.linalg.inv(part.shape[:2, :2])
    slope = part.shape[2, :2] @ flat
    thick = float(np.sqrt(part.shape[2, 2] - slope @ part.shape[:2, 2]))
    mean = float(np.linalg.det(part.shape[:2, :2]) ** 0.25)
    dx, dy = x - np.float32(part.centre[0]), y - np.float32(part.centre[1])
    a, b, c = (np.float32(v) for v in (flat[0, 0], 2 * flat[0, 1], flat[1, 1]))
    g = np.sqrt(a * dx * dx + b * dx * dy + c * dy * dy)
    weight = np.exp(np.clip((1 - g) * np.float32(mean / MELT), -60, 60))
    plane = np.float32(slope[0]) * dx + np.float32(slope[1]) * dy + np.float32(part.centre[2])
    return weight, plane, thick, mean


def _normals(z: NDArray[np.floating], unit: float) -> Floats:
    if min(z.shape) < 2:
        return np.broadcast_to(np.array([0, 0, 1], np.float32), (*z.shape, 3))
    down, right = np.gradient(z * np.float32(unit))
    length = 1 / np.sqrt(right * right + down * down + 1)
    return np.stack([-right * length, down * length, length], axis=-1)
