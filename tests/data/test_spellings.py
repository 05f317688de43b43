"""Names on the disk in another Unicode form or case than in the annotations."""

from __future__ import annotations

import shutil
from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fgnb.data import DataError, cars, cub, load_rgb, restrict, verify
from fgnb.data.spellings import respelt

LETTER = st.sampled_from(
    ["a", "Z", "\u00e9", "\u00c5", "\u1e69", "\uac00", "\u03ac", "\u00df", "1"]
)
NAME = st.lists(LETTER, min_size=1, max_size=5).map("".join)


def is_picky(folder) -> bool:
    """Whether the disk tells upper from lower case and Unicode forms apart."""
    (folder / "probe-\u00e9").touch()
    told = not (folder / "probe-e\u0301").exists() and not (folder / "PROBE-\u00e9").exists()
    (folder / "probe-\u00e9").unlink()
    return told


@pytest.fixture(autouse=True)
def picky(tmp_path):
    if not is_picky(tmp_path):
        pytest.skip("this disk finds files in any spelling by itself")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    folder=NAME,
    name=NAME,
    listed=st.sampled_from(["NFC", "NFD"]),
    there=st.sampled_from(["NFC", "NFD"]),
    change=st.sampled_from([str, str.upper, str.lower]),
)
def test_a_file_in_another_form_or_case_is_found(tmp_path, folder, name, listed, there, change):
    root = tmp_path / "any"
    shutil.rmtree(root, ignore_errors=True)
    asked = normalize(listed, f"{folder}/{name}.jpg")
    own = normalize(there, asked)
    own = own if "\u00df" in asked else normalize(there, change(own))  # its upper case is SS
    (root / own).parent.mkdir(parents=True)
    (root / own).touch()
    assert respelt(root, [asked]) == ({} if own == asked else {asked: own})


def test_a_name_that_is_there_as_listed_stays(tmp_path):
    for name in ("a.jpg", "A.jpg", "\u00e9.jpg", "e\u0301.jpg"):
        (tmp_path / name).touch()
    assert respelt(tmp_path, ["a.jpg", "e\u0301.jpg", "A.jpg", "gone.jpg"]) == {}


def test_the_unicode_form_is_looked_through_before_the_case(tmp_path):
    for name in ("E\u0301.jpg", "e\u0301.jpg"):
        (tmp_path / name).touch()
    assert respelt(tmp_path, ["\u00e9.jpg"]) == {"\u00e9.jpg": "e\u0301.jpg"}


def test_two_files_for_a_name_or_two_names_for_a_file_are_refused(tmp_path):
    (tmp_path / "a.JPG").touch()
    with pytest.raises(DataError, match=r"a\.JPG is meant twice: 'A\.jpg'"):
        respelt(tmp_path, ["a.jpg", "A.jpg"])
    with pytest.raises(DataError, match=r"a\.JPG is meant twice: 'a\.jpg'"):
        respelt(tmp_path, ["a.jpg", "a.JPG"])
    (tmp_path / "A.JPG").touch()
    with pytest.raises(
        DataError, match=r"holds 2 files that 'a\.jpg' may mean: 'A\.JPG', 'a\.JPG'"
    ):
        respelt(tmp_path, ["a.jpg"])


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "A.jpg").mkdir()
    assert respelt(tmp_path, ["a.jpg"]) == {}
    (tmp_path / "b").touch()
    assert respelt(tmp_path, ["B/a.jpg", "b/a.jpg"]) == {}


def test_a_set_keeps_its_fingerprint_whatever_the_disk_made_of_its_names(write_cub):
    root = write_cub()
    composed = "001.Kind_\u00e9"
    (root / "images" / "001.Kind_1").rename(root / "images" / composed)
    for name in ("images.txt", "classes.txt"):
        text = (root / name).read_text(encoding="utf-8").replace("001.Kind_1", composed)
        (root / name).write_text(text, encoding="utf-8")
    plain = cub.load(root)
    assert dict(plain.renamed) == {}
    (root / "images" / composed).rename(root / "images" / normalize("NFD", composed))
    other = root / "images" / "002.Kind_2" / "Kind_0007.jpg"
    other.rename(other.with_suffix(".JPG"))
    turned = cub.load(root)
    assert (turned.files, turned.fingerprint) == (plain.files, plain.fingerprint)
    assert len(turned.renamed) == 7
    for row in range(len(turned)):
        assert turned.path(row) in turned.path(row).parent.iterdir()
        assert load_rgb(turned.path(row)).size == (30, 24)
    report = verify(root, decode=True)
    assert report.fingerprint == plain.fingerprint
    assert any("7 of 18 pictures are named on the disk" in line for line in report.warnings)
    part = restrict(turned, "1-2")
    assert part.path(6) == other.with_suffix(".JPG")


def test_a_photograph_with_a_suffix_in_capitals_is_found_in_every_layout(tmp_path):
    (tmp_path / "cars_train").mkdir()
    (tmp_path / "cars_train" / "00001.JPG").touch()
    assert respelt(tmp_path, [f"{cars.IMAGES['train']}00001.jpg"]) == {
        "cars_train/00001.jpg": "cars_train/00001.JPG"
    }
