"""What chosen boxes hold: head, wing, body, or no key point at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgnb.data import HEAD_PARTS, PART_NAMES
from fgnb.data.parts import BODY_PARTS
from fgnb.evidence.experiment import Experiment
from fgnb.metrics.coverage import holds_point

GROUPS = {
    "head": HEAD_PARTS,
    "wing": ("left wing", "right wing"),
    "body": tuple(part for part in BODY_PARTS if part not in HEAD_PARTS and "wing" not in part),
}
NOTHING = "nothing"


def on_parts(made: Experiment, places: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Share of boxes ``[P, N, K]`` of the test images that hold a group's key point, and chance.

    A group counts in the images that show one of its points; ``nothing`` in those that show any.
    Chance is the same share over all boxes that there are.
    """
    anchors, rows = made.found.anchors.boxes.numpy(), made.split.test
    points, seen = (array[rows] for array in made.chooser.points)
    every = np.broadcast_to(anchors, (len(rows), *anchors.shape))
    members = {**GROUPS, NOTHING: PART_NAMES}
    found: dict[str, NDArray[np.float64]] = {}
    for group, parts in members.items():
        columns = [PART_NAMES.index(part) for part in parts]
        shown = seen[:, columns]
        held = holds_point(every, points[:, columns], shown)  # [N, A]
        held = ~held if group == NOTHING else held
        chosen = held[np.arange(len(rows))[:, None], places].mean(axis=(0, 2))
        some = shown.any(axis=1)
        found |= {group: chosen[some], f"{group}_chance": held.mean(axis=1)[some]}
    return found
