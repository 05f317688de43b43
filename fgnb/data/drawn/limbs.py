"""Bill, legs and eyes: what is drawn as outlines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fgnb.data.drawn import canvas as layer
from fgnb.data.drawn.canvas import Canvas, ribbon
from fgnb.data.drawn.families import Build, Colour
from fgnb.data.drawn.plumage import EYE
from fgnb.data.drawn.pose import Array, Pose
from fgnb.data.drawn.species import Look
from fgnb.data.drawn.surface import lambert

EYE_RADIUS = 0.17
"""Radius of an eye over that of the head."""


@dataclass(frozen=True)
class Bill:
    """Base, tip and half-depth vector, view coordinates; `bend` drops the tip."""

    base: Array
    tip: Array
    up: Array
    bend: float


@dataclass(frozen=True)
class Leg:
    """Hip, ankle and foot, view coordinates; `ahead` is the way its toes point."""

    side: int
    hip: Array
    ankle: Array
    foot: Array
    ahead: Array
    thickness: float


def bill_of(build: Build, pose: Pose) -> Bill:
    """The bill of a build in a pose."""
    centre, r = pose.body @ pose.head_at, build.head
    along, up = pose.head[:, 0], pose.head[:, 1]
    seat = centre - 0.08 * r * up
    return Bill(
        base=seat + 0.82 * r * along,
        tip=seat + (1.04 * r + build.bill) * along,
        up=up * build.bill * build.bill_depth / 2,
        bend=build.bill_curve * build.bill,
    )


def legs_of(build: Build, pose: Pose) -> list[Leg]:
    """Both legs, the farther one first; the feet stand level."""
    legs = []
    ahead = np.array([pose.body[0, 0], 0.0, pose.body[2, 0]])
    ahead /= np.linalg.norm(ahead)
    down = np.array([0.0, -1.0, 0.0])
    for side in (-1, 1):
        hip = pose.body @ np.array([-0.06 + side * pose.stride, -0.62 * build.depth, side * 0.11])
        length = build.leg + 0.38 * build.depth
        ankle = hip + 0.55 * length * down - 0.10 * length * ahead
        foot = hip + length * down + 0.05 * length * ahead
        legs.append(Leg(side, hip, ankle, foot, ahead, 0.042))
    return sorted(legs, key=lambda leg: float(leg.hip[2]))


def draw_bill(canvas: Canvas, bill: Bill, look: Look, light: Array) -> None:
    """Two mandibles; the mark colours the bill from its tip."""
    size = look.size("bill_colour")
    plain, bright = np.array(look.plumage.bill), np.array(look.plumage.bright)
    glow = float(lambert(bill.up / max(float(np.linalg.norm(bill.up)), 1e-9), light))
    sag = np.array([0.0, -bill.bend, 0.0])

    def at(along: float, height: float) -> Array:
        fall = along * along
        return bill.base + along * (bill.tip - bill.base) + height * bill.up + fall * sag

    upper = [(0, 1.0), (0.25, 0.95), (0.5, 0.75), (0.75, 0.42), (0.92, 0.12), (1.0, -0.12)]
    lower = [(0.93, -0.16), (0.6, -0.52), (0.3, -0.75), (0, -0.85)]
    middle = [(0.0, -0.10), (0.5, -0.12), (1.0, -0.12)]
    for part, shade in ((upper + middle[::-1], glow), (middle + lower, 0.8 * glow)):
        _polygon(canvas, [at(u, h) for u, h in part], plain * shade)
        if size:
            share = min(0.72 * size, 1.0)
            kept = [(max(u, 1 - share), h) for u, h in part]
            _polygon(canvas, [at(u, h) for u, h in kept], bright * shade)
    if float(bill.tip[2] - bill.base[2]) > 0.5 * float(np.linalg.norm(bill.tip - bill.base)):
        _front(canvas, bill, (bright if size > 0.8 else plain) * glow)


def _front(canvas: Canvas, bill: Bill, colour: Array) -> None:
    """A bill that points at the viewer: a cone whose upper half catches the light."""
    half = 1.25 * bill.up
    across = np.cross(bill.tip - bill.base, half)
    across *= 0.85 * np.linalg.norm(half) / max(float(np.linalg.norm(across)), 1e-9)
    middle = 0.8 * bill.base + 0.2 * bill.tip
    for start, shade in ((np.pi, 0.72), (0.0, 1.0)):
        turns = start + np.linspace(0, np.pi, 9)
        ring = [middle + np.sin(a) * half + np.cos(a) * across for a in turns]
        _polygon(canvas, [*ring, bill.tip], colour * shade)


def draw_leg(canvas: Canvas, leg: Leg, colour: Colour) -> None:
    """Thigh, tarsus and four toes."""
    owner = layer.LEFT_LEG if leg.side < 0 else layer.RIGHT_LEG
    width = max(leg.thickness * canvas.unit, 1.6)
    line = canvas.place(np.array([leg.hip, leg.ankle, leg.foot]))
    canvas.fill(ribbon(line, width * np.array([1.7, 1.0, 0.85])), colour, owner)
    aside = np.cross(leg.ahead, (0.0, 1.0, 0.0))
    for forward, outward in ((0.14, 0.0), (0.11, 0.07), (0.11, -0.07), (-0.08, 0.0)):
        toe = leg.foot + forward * leg.ahead + outward * aside + np.array([0, -0.015, 0])
        line = canvas.place(np.array([leg.foot, toe]))
        canvas.fill(ribbon(line, width * np.array([0.8, 0.45])), colour, owner)


def draw_eye(canvas: Canvas, build: Build, pose: Pose, side: int, owner: int) -> None:
    """A dark eye with a light in it, flattened as it turns away; nothing on the far side."""
    direction = pose.head @ (EYE * (1, 1, side))
    facing = float(direction[2])
    if facing < 0.10:
        return
    centre = pose.body @ pose.head_at + build.head * direction * (1.0, 1.0, 0.93)
    tangent = np.array([direction[0], direction[1]])
    tangent /= max(float(np.linalg.norm(tangent)), 1e-9)
    turns = np.linspace(0, 2 * np.pi, 20, endpoint=False)[:, None]
    radius = EYE_RADIUS * build.head
    circle = facing * np.cos(turns) * tangent + np.sin(turns) * tangent[::-1] * (-1, 1)
    canvas.fill(canvas.place(centre[:2] + radius * circle), (0.07, 0.05, 0.05), owner)
    glint = centre[:2] + radius * np.array([0.25, 0.38]) * max(facing, 0.4)
    canvas.fill(canvas.place(glint + 0.30 * radius * circle), (0.95, 0.95, 0.95), owner)


def _polygon(canvas: Canvas, points: list[Array], colour: Array) -> None:
    canvas.fill(canvas.place(np.array(points)), np.clip(colour, 0, 1), layer.BILL)
