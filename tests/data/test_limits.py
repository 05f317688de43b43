"""Which pictures are refused by their shape or size alone."""

from __future__ import annotations

import pytest

from fgnb.data.limits import MAX_ASPECT, check_aspect


@pytest.mark.parametrize(("width", "height"), [(4000, 2), (1, 20000), (60000, 1), (201, 10)])
def test_a_thin_picture_is_refused_with_its_sides(width, height):
    with pytest.raises(ValueError, match=rf"{width} x {height} pixels.*at most {MAX_ASPECT} times"):
        check_aspect(width, height)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (20, 1), (1, 20), (200, 10), (4000, 3000)])
def test_other_shapes_pass(width, height):
    check_aspect(width, height)
