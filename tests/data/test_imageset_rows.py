"""Positions in a set are found by official ids."""

from dataclasses import replace

import pytest

from fgnb.data import cub


def test_rows_are_found_by_id(write_cub):
    images = cub.load(write_cub(classes=3, train=6, test=2), name="drawn")
    wanted = images.ids[[5, 0, 5]]
    assert images.rows_of(wanted).tolist() == [5, 0, 5]
    backwards = replace(images, ids=images.ids[::-1].copy())
    last = len(images) - 1
    assert backwards.rows_of(wanted).tolist() == [last - 5, last, last - 5]
    with pytest.raises(ValueError, match="ids holds 999"):
        images.rows_of([999])
