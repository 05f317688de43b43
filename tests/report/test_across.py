"""Another paper's rows on the same pictures: found by set, brought into order, compared or not."""

import numpy as np
import pytest

from fgnb.report import across
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

N = 40
SPEC = {"seed": 0, "image_size": 224, "frame": "square", "cut": 8, "epochs": 4, "lr": 0.01}
SPEC |= {"average": 0.0}
OURS = ("plain", "theirs")


def record(paper, row, right, about, order=None):
    labels = np.arange(N) % 4
    classes = np.where(np.arange(N) < right, labels, (labels + 1) % 4)
    arrays = {"ids": np.arange(100, 100 + N), "labels": labels, "classes": classes}
    if order is not None:
        arrays = {name: array[order] for name, array in arrays.items()}
    return Record(paper, row, arrays, about)


@pytest.fixture
def case(origin, monkeypatch):
    """Our sheet, and a function that says what another paper recorded."""
    sheet = Sheet("pose")
    sheet.add(record("pose", "plain", 20, origin(spec=SPEC)))

    def recorded(**changed):
        about = origin(**{"spec": SPEC, **changed})
        backwards = np.arange(N)[::-1]
        kept = [record("ccfr", r, n, about, backwards) for r, n in zip(OURS, (18, 30), strict=True)]
        monkeypatch.setattr("fgnb.report.archive.recorded", lambda paper: (kept, ()))

    return sheet, recorded


def test_rows_come_in_our_order_with_what_they_mend(case):
    sheet, recorded = case
    recorded()
    found = across.derive(sheet, "plain", "ccfr", OURS)
    assert found is not None
    assert found.differs == ()
    labels = sheet.rows["plain"].arrays["labels"]
    theirs = sheet.rows["ccfr:theirs"].arrays
    np.testing.assert_array_equal(theirs["classes"] == labels, np.arange(N) < 30)
    assert theirs["gain"].sum() == 30 - 18
    np.testing.assert_array_equal(
        sheet.rows["ccfr:comparable"].arrays["classes"], theirs["classes"]
    )
    assert "the answers are compared too" in found.words


def test_answers_are_compared_only_where_all_agrees(case):
    sheet, recorded = case
    recorded(spec=SPEC | {"epochs": 8, "frame": "crop"})
    found = across.derive(sheet, "plain", "ccfr", OURS)
    assert found is not None
    assert found.differs == ("frame: square here, crop there", "passes: 4 here, 8 there")
    assert "ccfr:comparable" not in sheet.rows
    assert "ccfr:theirs" in sheet.rows, "the gain may be compared"
    assert "passes: 4 here, 8 there. Only the gains" in found.words


@pytest.mark.parametrize(
    "changed", [{"manifest": "d" * 64}, {"protocol": "official"}], ids=["pictures", "protocol"]
)
def test_other_pictures_are_not_looked_at(case, changed):
    sheet, recorded = case
    recorded(**changed)
    assert across.derive(sheet, "plain", "ccfr", OURS) is None
    assert set(sheet.rows) == {"plain"}


def test_without_a_plain_row_of_ours_there_is_nothing_to_stand_beside(case):
    _, recorded = case
    recorded()
    assert across.beside(Sheet("pose"), "plain", "ccfr", OURS) is None


def test_a_gain_is_what_is_mended_less_what_is_spoiled():
    labels = np.array([0, 0, 0, 0])
    found = across.gain(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 2]), labels)
    assert found.tolist() == [0, -1, 1, 0]
