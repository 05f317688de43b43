"""What a mirror makes of CUB's 15 parts: a bird's left eye becomes the right eye of its image.

The sides are the bird's own, not the picture's, so a picture that is flipped shows another bird
whose left and right have changed places: its labels must be exchanged with it.
"""

from __future__ import annotations

from fgnb.data.parts import PART_NAMES

_OTHER_SIDE = {"left": "right", "right": "left"}


def _twin(name: str) -> str:
    side, _, part = name.partition(" ")
    return f"{_OTHER_SIDE[side]} {part}" if side in _OTHER_SIDE else name


MIRRORED_PARTS = tuple(PART_NAMES.index(_twin(name)) for name in PART_NAMES)
"""For each part the position of its twin on the other side; its own where there is none."""
