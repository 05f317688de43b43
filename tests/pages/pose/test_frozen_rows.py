"""Rows that train nothing have witnesses, and are known as rows."""

import numpy as np
import pytest

from fgnb.pages import recording
from fgnb.pages.pose import compact, frozen_rows, transfer
from fgnb.pose.rows import ROWS


def test_every_row_of_both_pages_is_known():
    named = {row for page in (transfer, compact) for table in page.TABLES for row in table.rows}
    assert named == set(frozen_rows.ROWS)
    assert all(recording._is_row("pose", row) for row in named)
    assert not recording._is_row("pose", "no such row")
    assert not named & set(ROWS), "a record says by its row's name what it is of"


@pytest.mark.parametrize("row", ["transfer-layer", "full", "tensor-sketch-240"])
def test_a_witness_comes_again(row):
    first, again = recording.witness("pose", row), recording.witness("pose", row)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert np.abs(first - again).max() <= recording.TOLERANCE
