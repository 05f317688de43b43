"""The explorer's controls, one table for the page and for the lab."""

from __future__ import annotations

from typing import NamedTuple


class Control(NamedTuple):
    """A slider with a number field: what it moves, its range, what it means."""

    key: str
    label: str
    help: str
    low: float
    high: float
    step: float
    whole: bool = False


def controls(ranks: int, neighbors: int) -> tuple[Control, ...]:
    """The six sliders; ``topn`` ends at the stored classes, ``topm`` at the stored neighbours."""
    return (
        Control("t_sf", "T_sf", "keep the softmax at or over", 0, 1, 0.01),
        Control("t_sc", "T_sc", "count neighbours over", 0, 1, 0.01),
        Control("topn", "topn", "classes that compete", 1, ranks, 1, whole=True),
        Control("topm", "topm", "neighbours looked at", 1, neighbors, 1, whole=True),
        Control("alpha", "α", "weight of the softmax", 0, 2, 0.05),
        Control("beta", "β", "weight of the neighbours", 0, 2, 0.05),
    )


GATES = {"sample": "whole image (the text)", "class": "each class (equation 8 as printed)"}
RESETS = {
    "start": "This page's setting",
    "published": "The paper's setting",
    "chosen": "Chosen on held-out images",
}
