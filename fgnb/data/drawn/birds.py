"""One bird: posed, lit, painted from back to front, with the places of its 15 parts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fgnb.data.drawn import canvas as layer
from fgnb.data.drawn.canvas import Canvas, Floats
from fgnb.data.drawn.families import Build, Colour, Plumage
from fgnb.data.drawn.feathers import folded_wing, open_wing, tail, wing_frames
from fgnb.data.drawn.limbs import Bill, Leg, bill_of, draw_bill, draw_eye, draw_leg, legs_of
from fgnb.data.drawn.parts import part_points
from fgnb.data.drawn.plumage import albedo
from fgnb.data.drawn.pose import Array, Pose, draw_pose
from fgnb.data.drawn.sheets import Frame, lay
from fgnb.data.drawn.species import Look
from fgnb.data.drawn.surface import Ellipsoid, ellipsoids, lambert, render_surface

SPAN = (0.35, 0.85)
"""The bird's longer side as a share of the picture's."""


@dataclass(frozen=True)
class Skeleton:
    """Everything of a posed bird that can be drawn, in view coordinates."""

    pose: Pose
    flesh: list[Ellipsoid]
    wings: dict[int, Frame]
    tail: Frame
    bill: Bill
    legs: list[Leg]

    @property
    def outline(self) -> Array:
        """Points `[n, 2]` whose bounding box is about the bird's."""
        points = [e.centre[:2] + s * e.reach for e in self.flesh for s in (-1, 1)]
        points += [self.tail.at(0.95, 0.5)[:2], self.bill.tip[:2]]
        points += [leg.foot[:2] for leg in self.legs]
        if self.pose.raised:
            points += [wing.at(0.95, 0.2)[:2] for wing in self.wings.values()]
        return np.array(points)


@dataclass(frozen=True)
class Bird:
    """A painted bird.

    Attributes:
        left: column of the layer's corner in the picture; `top` its row.
        colour: float32[h, w, 3], already times the cover.
        cover: float32[h, w].
        points: float64[15, 2], the parts in picture pixels, in CUB's order.
        seen: bool[15], not hidden by the bird itself.
        feet: picture pixels `[2, 2]` that stand on something, or None.
        unit: pixels a bird unit.
    """

    left: int
    top: int
    colour: Floats
    cover: Floats
    points: NDArray[np.float64]
    seen: NDArray[np.bool_]
    feet: NDArray[np.float64] | None
    unit: float


def draw_bird(
    look: Look,
    size: int,
    light: Array,
    pose_rng: np.random.Generator,
    plumage_rng: np.random.Generator,
) -> Bird:
    """Pose and paint a bird of this look on a picture of `size` pixels."""
    pose = draw_pose(look.family.build, pose_rng)
    skeleton = assemble(look.family.build, pose)
    corner, unit = _frame(skeleton.outline, size, pose_rng)
    look = individual(look, plumage_rng)
    canvas = _canvas(skeleton, corner, unit, size)
    _paint(canvas, skeleton, look, light, plumage_rng)
    colour, cover = canvas.shrink()
    points, seen = part_points(canvas, skeleton, look.family.build)
    offset = np.array([canvas.left, canvas.top])
    feet = None
    if pose.standing:
        feet = canvas.place(np.array([leg.foot for leg in skeleton.legs])) / layer.SCALE + offset
    return Bird(
        left=canvas.left,
        top=canvas.top,
        colour=colour,
        cover=cover,
        points=points / layer.SCALE + offset,
        seen=seen,
        feet=feet,
        unit=unit,
    )


def assemble(build: Build, pose: Pose) -> Skeleton:
    """The skeleton of a build in a pose."""
    wings = {}
    for side in (-1, 1):
        frame = wing_frames(build, build.depth, side, pose.raised)
        wings[side] = Frame(*(pose.body @ v for v in (frame.origin, frame.along, frame.across)))
    angle, twist = np.pi + pose.tail_angle, pose.tail_twist
    along = build.tail * np.array([np.cos(angle), np.sin(angle), 0.0])
    across = build.tail_width * 1.5 * np.array([0.0, np.sin(twist), np.cos(twist)])
    root = np.array([-0.40, 0.03, 0.0]) - across / 2
    return Skeleton(
        pose=pose,
        flesh=ellipsoids(build, pose),
        wings=wings,
        tail=Frame(pose.body @ root, pose.body @ along, pose.body @ across),
        bill=bill_of(build, pose),
        legs=legs_of(build, pose) if pose.standing else [],
    )


def individual(look: Look, rng: np.random.Generator) -> Look:
    """The look with one bird's own shade and its own size of each mark."""
    gain, warmth = 1 + 0.07 * rng.normal(), 0.025 * rng.normal()
    spread = dict(zip(sorted(_ALL_TONES), rng.normal(0, 0.025, (len(_ALL_TONES), 3)), strict=True))

    def own(name: str, colour: Colour) -> Colour:
        shift = spread[name]
        tint = (1 + warmth, 1.0, 1 - warmth)
        r, g, b = (
            float(np.clip(c * gain * t * (1 + d), 0, 1))
            for c, t, d in zip(colour, tint, shift, strict=True)
        )
        return (r, g, b)

    tones = {name: own(name, getattr(look.plumage, name)) for name in _ALL_TONES}
    draws = rng.uniform(0.85, 1.15, 12)
    marks = {mark: size * draws[i] for i, (mark, size) in enumerate(sorted(look.marks.items()))}
    return replace(look, plumage=Plumage(**tones), marks=marks)


_ALL_TONES = tuple(Plumage.__dataclass_fields__)


def _frame(outline: Array, size: int, rng: np.random.Generator) -> tuple[Array, float]:
    """Where the view's origin lies in the picture, and how many pixels a bird unit has."""
    low, high = outline.min(0), outline.max(0)
    # The square root favours large birds: a photographer comes as near as he can.
    share = SPAN[0] + (SPAN[1] - SPAN[0]) * float(np.sqrt(rng.random()))
    unit = share * size / float((high - low).max())
    extent = (high - low) * unit
    room = np.maximum(size - extent, 0)
    spare = rng.uniform(0.08, 0.92, 2) * room
    if rng.random() < 0.08:
        spare += rng.uniform(-0.12, 0.12, 2) * extent
    return np.array([spare[0] - low[0] * unit, spare[1] + high[1] * unit]), unit


def _canvas(skeleton: Skeleton, origin: Array, unit: float, size: int) -> Canvas:
    outline = skeleton.outline * (1, -1) * unit + origin
    margin = 0.30 * unit + 3
    low = np.clip(np.floor(outline.min(0) - margin), 0, size - 2).astype(int)
    high = np.clip(np.ceil(outline.max(0) + margin), low + 2, size).astype(int)
    canvas = Canvas(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))
    canvas.anchor(float(origin[0]), float(origin[1]), unit)
    return canvas


def _paint(
    canvas: Canvas, skeleton: Skeleton, look: Look, light: Array, rng: np.random.Generator
) -> None:
    """Paint from back to front."""
    pose = skeleton.pose
    surface = render_surface(canvas, skeleton.flesh)
    shade = np.full(canvas.alpha.shape, 0.9, np.float32)
    glow = None
    if surface is not None:
        glow = lambert(surface.normal, light)
        here = shade[surface.window.slices]
        here += surface.cover * (0.35 + 0.65 * glow - here)
    sheet = open_wing(look, rng) if pose.raised else folded_wing(look, rng)
    fan = tail(look, rng)
    owners = {-1: layer.LEFT_WING, 1: layer.RIGHT_WING}
    near = {side: float(wing.at(0.5, 0.5)[2]) > 0 for side, wing in skeleton.wings.items()}
    tail_near = float(skeleton.tail.at(1.0, 0.5)[2]) > 0.25
    bill_near = float(pose.head[2, 0]) > 0.3
    flat = np.full(canvas.alpha.shape, 1.0, np.float32)

    def lay_wings(front: bool) -> None:
        for side, wing in skeleton.wings.items():
            if near[side] == front:
                own = shade if not pose.raised else flat * lambert(wing.normal, light)
                lay(canvas, sheet, wing, own, owners[side])

    def lay_tail() -> None:
        lay(canvas, fan, skeleton.tail, flat * lambert(skeleton.tail.normal, light), layer.TAIL)

    lay_wings(front=False)
    if not tail_near:
        lay_tail()
    for leg in skeleton.legs:
        draw_leg(canvas, leg, look.plumage.leg)
    if not bill_near:
        draw_bill(canvas, skeleton.bill, look, light)
    if surface is not None and glow is not None:
        colour = albedo(surface, look, pose) * glow[..., None]
        canvas.paint(surface.window, surface.cover, colour, layer.BODY)
    for side, owner in ((-1, layer.LEFT_EYE), (1, layer.RIGHT_EYE)):
        draw_eye(canvas, look.family.build, pose, side, owner)
    if bill_near:
        draw_bill(canvas, skeleton.bill, look, light)
    lay_wings(front=True)
    if tail_near:
        lay_tail()
