"""A bird's pose: angles and skeleton in three dimensions, seen from far away.

Bird coordinates: x forward, y up, z to the bird's right; the torso's centre is the origin. View
coordinates: x to the right of the picture, y up, z towards the viewer. A bird that faces the right
of the picture shows its right side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgnb.data.drawn.families import Build

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """The posed skeleton.

    Attributes:
        body: rotation from bird to view coordinates, `[3, 3]`.
        head: rotation from the head's frame (x along the bill) to view coordinates, `[3, 3]`.
        head_at: the head's centre, bird coordinates.
        raised: how far the wings are raised, 0 for folded ones.
        tail_angle: tail over the body's axis, radians; `tail_twist` turns its plane.
        standing: False in flight: the legs are drawn in.
        stride: how far the legs stand apart along the body.
    """

    body: Array
    head: Array
    head_at: Array
    raised: float
    tail_angle: float
    tail_twist: float
    standing: bool
    stride: float


def turn(axis: int, angle: float) -> Array:
    """Rotation by `angle` (radians) about axis 0, 1 or 2."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def draw_pose(build: Build, rng: np.random.Generator) -> Pose:
    """A pose at random: perched or in flight, either way round, head turned, body tilted."""
    flying = rng.random() < 0.2
    yaw = np.clip(rng.normal(0, 24), -50, 50)
    pitch = rng.normal(6, 9) if flying else rng.normal(build.upright, 9)
    head_yaw = np.clip(rng.normal(0, 30), -80, 80)
    head_pitch = rng.normal(0, 9)
    left = rng.random() < 0.5
    tip = rng.normal(0, 4)
    lift = rng.uniform(0.25, 1.0) if flying or rng.random() < 0.06 else 0.0
    tail_angle, twist = rng.normal(-4, 8), rng.uniform(25, 55) * rng.choice([-1, 1])
    stride = rng.normal(0.0, 0.05)
    facing = np.radians(yaw + (180 if left else 0))
    # Rotations apply from the right: tilt in the bird's own plane, then turn about the vertical.
    body = turn(0, np.radians(tip + 4)) @ turn(1, -facing) @ turn(2, np.radians(pitch))
    head_facing = facing + np.radians(head_yaw)
    head = turn(0, np.radians(4)) @ turn(1, -head_facing) @ turn(2, np.radians(head_pitch))
    reach = 0.40 + build.neck + 0.25 * build.head
    rise = np.radians(rng.normal(36, 5) - (14 if flying else 0))
    head_at = np.array([0.08 + reach * np.cos(rise), 0.04 + reach * np.sin(rise), 0.0])
    return Pose(
        body=body,
        head=head,
        head_at=head_at,
        raised=float(lift),
        tail_angle=float(np.radians(tail_angle)),
        tail_twist=float(np.radians(twist)),
        standing=not flying,
        stride=float(stride),
    )
