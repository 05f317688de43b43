"""Wings and tails, feather by feather.

On a folded wing t runs from the upper to the lower edge, on an open one from the leading to the
trailing edge. Marks stain the feathers and leave the outline as it is.
"""

from __future__ import annotations

import numpy as np

from fgnb.data.drawn.families import Build, Colour
from fgnb.data.drawn.sheets import Frame, Sheet, times, vane
from fgnb.data.drawn.species import Look


def folded_wing(look: Look, rng: np.random.Generator) -> Sheet:
    """A wing against the body: primaries and secondaries under three rows of coverts."""
    p = look.plumage
    sheet = Sheet(p.wing)
    bar, patch = 0.55 * look.size("wing_bar"), look.size("wing_patch")
    panel = (p.pale, 0.30 * patch) if patch else None
    flight = times(p.wing, 0.86)
    for i in range(6):
        tip = (1.0 - 0.045 * i, 0.34 + 0.055 * i)
        sheet.feather((0.36, 0.40 + 0.03 * i), tip, 0.13, _vary(flight, rng), p.edge)
    for i in range(7)[::-1]:
        tip = (0.80 - 0.022 * i, 0.17 + 0.105 * i)
        shade = _vary(p.wing, rng)
        sheet.feather((0.22, 0.13 + 0.10 * i), tip, 0.15, shade, p.edge)
        if panel and i >= 2:
            low, high = 0.50 - 0.08 * patch, 0.54 + 0.02 * patch
            at = [0.22 + (tip[0] - 0.22) * u for u in (low, high + 0.08 * patch)]
            across = [0.13 + 0.10 * i + (tip[1] - 0.13 - 0.10 * i) * u for u in (low, high)]
            sheet.stain(vane((at[0], across[0]), (at[1], across[1]), 0.13), p.pale)
    rows = ((0.44, 0.16, 0.16, bar), (0.30, 0.10, 0.16, bar), (0.20, 0.03, 0.15, 0.0))
    for reach, start, width, share in rows:
        for i in range(8)[::-1]:
            tip = (reach - 0.012 * i + 0.01 * rng.normal(), 0.10 + 0.115 * i)
            base = (start, 0.12 + 0.10 * i)
            tipped = (p.pale, share) if share else None
            sheet.feather(base, tip, width, _vary(times(p.wing, 1.06), rng), p.edge, tipped)
    mantle = times(p.back, 1.0)
    sheet.shape([(0.0, 0.30), (0.02, 0.12), (0.10, 0.03), (0.34, 0.05), (0.20, 0.14)], mantle)
    sheet.shape(
        [(0.0, 0.62), (0.0, 0.28), (0.10, 0.10), (0.14, 0.5), (0.06, 0.72)], times(p.wing, 1.1)
    )
    return sheet


def open_wing(look: Look, rng: np.random.Generator) -> Sheet:
    """A spread wing: ten primaries at the tip, nine secondaries, three rows of coverts."""
    p = look.plumage
    sheet = Sheet(p.wing)
    bar, patch = 0.50 * look.size("wing_bar"), look.size("wing_patch")
    flight = times(p.wing, 0.88)
    for i in range(10):
        u = i / 9
        base = (0.48 - 0.04 * u, 0.22 + 0.10 * u)
        tip = (1.0 - 0.42 * u**1.5, 0.16 + 0.80 * u**0.9)
        sheet.feather(base, tip, 0.16, _vary(flight, rng), p.edge)
    for i in range(9):
        u = i / 8
        base = (0.50 - 0.47 * u, 0.30)
        tip = (0.56 - 0.50 * u, 0.95 - 0.06 * np.cos(6 * u))
        sheet.feather(base, tip, 0.16, _vary(p.wing, rng), p.edge)
        if patch:
            middle = (base[0] + 0.40 * (tip[0] - base[0]), base[1] + 0.40 * (tip[1] - base[1]))
            far = 0.56 + 0.10 * patch
            end = (base[0] + far * (tip[0] - base[0]), base[1] + far * (tip[1] - base[1]))
            sheet.stain(vane(middle, end, 0.13), p.pale)
    for reach, share in ((0.56, bar), (0.42, bar), (0.30, 0.0)):
        for i in range(13):
            s = 0.62 - 0.60 * i / 12
            tipped = (p.pale, share) if share else None
            colour = _vary(times(p.wing, 1.06), rng)
            sheet.feather((s, reach - 0.26), (s + 0.01, reach), 0.13, colour, p.edge, tipped)
    arm = [
        (0.0, 0.30),
        (0.0, 0.04),
        (0.30, 0.02),
        (0.62, 0.06),
        (0.98, 0.14),
        (0.62, 0.17),
        (0.30, 0.14),
    ]
    sheet.shape(arm, times(p.wing, 1.1))
    return sheet


def tail(look: Look, rng: np.random.Generator) -> Sheet:
    """A fan of nine feathers, forked or rounded by the family's build."""
    p, fork = look.plumage, look.family.build.fork
    sheet = Sheet(p.tail)
    size = look.size("tail_tip")
    for i in (0, 8, 1, 7, 2, 6, 3, 5, 4):
        u = abs(i - 4) / 4
        reach = 0.98 - 0.35 * max(fork, 0) * (1 - u) - 0.6 * max(-fork, 0) * u * u
        tip = (reach, 0.5 + (i - 4) * 0.105)
        base = (0.0, 0.5 + (i - 4) * 0.045)
        end = (p.pale, 0.20 * size) if size else None
        sheet.feather(base, tip, 0.17, _vary(p.tail, rng), p.edge, end)
    return sheet


def wing_frames(build: Build, depth: float, side: int, raised: float) -> Frame:
    """A wing's frame in bird coordinates, `side` +1 for the right; `raised` 0 is folded."""
    if raised == 0:
        return Frame(
            np.array([0.30, 0.66 * depth, side * 0.62 * depth]),
            np.array([-build.wing, 0.02 - 0.30 * depth, -side * 0.30 * depth]),
            np.array([-0.06, -1.25 * depth, side * 0.42 * depth]),
        )
    lift = np.radians(-15 + 85 * raised)
    span = 1.05 * build.wing
    return Frame(
        np.array([0.27, 0.45 * depth, side * 0.45 * depth]),
        span * np.array([-0.12, np.sin(lift), side * np.cos(lift)]),
        np.array([-0.55 * build.wing, -0.04, 0.0]),
    )


def _vary(colour: Colour, rng: np.random.Generator) -> Colour:
    return times(colour, 1 + 0.05 * float(np.clip(rng.normal(), -2, 2)))
