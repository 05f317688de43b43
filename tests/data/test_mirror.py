"""Twins of CUB's parts."""

from fgnb.data import PART_NAMES
from fgnb.data.mirror import MIRRORED_PARTS


def test_six_parts_have_a_twin_and_nine_are_their_own():
    pairs = {PART_NAMES[a]: PART_NAMES[b] for a, b in enumerate(MIRRORED_PARTS) if a != b}
    assert pairs == {
        "left eye": "right eye",
        "right eye": "left eye",
        "left leg": "right leg",
        "right leg": "left leg",
        "left wing": "right wing",
        "right wing": "left wing",
    }
    assert [MIRRORED_PARTS[b] for b in MIRRORED_PARTS] == list(range(15))
