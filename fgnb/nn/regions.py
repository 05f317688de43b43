"""Regions of an image: candidate boxes, the choice among them, their crops.

Shared by every model that looks twice. The parts: `fgnb.nn.anchors`, `fgnb.nn.nms`,
`fgnb.nn.crops`.
"""

from fgnb.nn.anchors import Anchors, Level, box_overlap, grid_boxes
from fgnb.nn.crops import crop_and_resize
from fgnb.nn.nms import greedy_nms, separated_nms

__all__ = [
    "Anchors",
    "Level",
    "box_overlap",
    "crop_and_resize",
    "greedy_nms",
    "grid_boxes",
    "separated_nms",
]
