"""What is recorded on a whole set stands: later additions go into modules of their own."""

from pathlib import Path

import pytest

from fgnb.report import archive

PAPERS = ("ccfr", "focus", "pose")
ROOT = Path(__file__).resolve().parents[2] / "results" / "recorded"


@pytest.fixture(autouse=True)
def the_projects_own(_roots, monkeypatch):
    """The records that are committed, not the empty folder of the other tests."""
    monkeypatch.setenv("FGNB_RECORDED", str(ROOT))


@pytest.mark.parametrize("paper", PAPERS)
def test_no_record_of_a_whole_set_is_of_other_code(paper):
    """A digest is over the modules that a row imports, so an edit of one of them is seen here.

    Where the edit changes no answer, `fgnb verify` says so with the row's witness; else the row is
    to be recorded again, or the addition belongs into a module that the row doesn't import.
    """
    records, refused = archive.recorded(paper)
    assert not refused
    stale = [r.name for r in records if r.origin.protocol == "official" and is_stale(r)]
    assert not stale, f"run `fgnb verify`, then look at {', '.join(stale)}"


def is_stale(record):
    return record.code_state() == "changed"


def test_a_record_of_other_code_is_seen():
    old = archive.recorded("ccfr")[0][0]
    assert is_stale(old)
