"""Texts of other programs: the same content is read equal, or refused as what it really is."""

from __future__ import annotations

import codecs
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fgnb.data import DataError, cub
from fgnb.data.protocol import declared_pixels
from fgnb.data.tables import finite, image_path, lines, ranged_box, whole
from fgnb.data.texts import read_text

FAMILY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
# Letters of every kind but those that end a line or are blanks of a kind that is stripped.
LETTERS = st.characters(codec="utf-8", exclude_categories=["C", "Z"])
TEXTS = st.lists(st.text(LETTERS, min_size=1, max_size=6), min_size=1, max_size=5)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
BLANKS = st.sampled_from(["", " ", "\t", "  \t"])


@FAMILY
@given(rows=TEXTS, end=ENDS, blanks=BLANKS, mark=st.booleans(), last=st.integers(0, 3))
def test_marks_line_ends_and_blanks_make_no_difference(tmp_path, rows, end, blanks, mark, last):
    path = tmp_path / "a.txt"
    text = end.join(row + blanks for row in rows) + end * last
    path.write_bytes(codecs.BOM_UTF8 * mark + text.encode())
    assert [line for _, line in lines(path)] == rows
    assert [number for number, _ in lines(path)] == list(range(1, len(rows) + 1))


@FAMILY
@given(
    rows=TEXTS,
    end=ENDS,
    encoding=st.sampled_from(["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]),
)
def test_what_begins_with_another_mark_is_named(tmp_path, rows, end, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes(("\ufeff" + end.join(rows)).encode(encoding))
    name = encoding[:6].upper()
    with pytest.raises(DataError, match=rf"a\.txt is not UTF-8 but {name} text\. Save it as UTF-8"):
        read_text(path)


@FAMILY
@given(rows=st.lists(st.text(LETTERS, max_size=6), max_size=5), end=ENDS, data=st.data())
def test_one_byte_encodings_are_named_with_byte_and_line(tmp_path, rows, end, data):
    path = tmp_path / "a.txt"
    letter = data.draw(st.sampled_from("\u00e9\u00fc\u00c5\u2019\u20ac"))  # the last two: Windows
    content = end.join([*rows, "x"]).encode() + letter.encode("cp1252") + b" y"
    try:
        content.decode()
    except UnicodeDecodeError:
        path.write_bytes(content)
        byte = letter.encode("cp1252")[0]
        with pytest.raises(
            DataError, match=rf"not UTF-8 \(byte 0x{byte:02X} in line \d+\)"
        ) as said:
            read_text(path)
        assert f"in line {len(rows) + 1})" in str(said.value)
        assert "Save it as UTF-8" in str(said.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Mus\u00e9e\n".encode("latin-1"), "it seems Latin-1 or Windows-1252 text"),
        ("Gull\u2019s\n".encode("cp1252"), "it seems Windows-1252 text"),
        (b"a \x81\xff\n", "text in another encoding"),
        ("1 a\n".encode("utf-16-le"), "UTF-16 text without a byte-order mark"),
        ("1 a\n".encode("utf-16-be"), "UTF-16 text without a byte-order mark"),
        (b"1 a\r\n2 b\0\r\n", r"a\.txt, line 2: a NUL byte"),
        (b"1 a\r2 b\r3 \0", r"a\.txt, line 3: a NUL byte"),
        (b"\n<!DOCTYPE html><html>", "is really an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", "git lfs pull"),
        (b"PK\x03\x04\x14\0\0\0", "is really a ZIP archive"),
    ],
)
def test_what_is_no_utf8_text_is_named(tmp_path, content, said):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        read_text(tmp_path / "a.txt")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_text_that_may_not_be_read_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("1 a\n")
    (tmp_path / "a.txt").chmod(0)
    with pytest.raises(DataError, match=r"a\.txt can't be read \(Permission denied\)"):
        read_text(tmp_path / "a.txt")


def test_a_folder_in_place_of_a_text_is_named(tmp_path):
    with pytest.raises(DataError, match=r"can't be read \(Is a directory\)"):
        read_text(tmp_path)


def spoilt(text: str, mark: bool, end: str, blanks: str) -> bytes:
    """A text as another program would leave it."""
    ended = "".join(f"{line}{blanks}{end}" for line in text.splitlines())
    return codecs.BOM_UTF8 * mark + (ended + end).encode()


@pytest.mark.parametrize("mark", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("blanks", ["", " \t"])
def test_a_set_in_the_layout_of_cub_is_the_same_in_every_form(write_cub, mark, end, blanks):
    root = write_cub()
    plain = cub.load(root)
    for name in (*cub.FILES, "drawn.json"):
        text = (root / name).read_text()
        (root / name).write_bytes(spoilt(text, mark, end, blanks))
    assert cub.load(root).fingerprint == plain.fingerprint
    assert cub.load(root).title == plain.title


@pytest.mark.parametrize("name", ["drawn.json", "images.json", "subset.json"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}".encode("utf-16"), "UTF-16 text"),
        ('{"\u00e9": 1}'.encode("latin-1"), "it seems Latin-1"),
        (b"", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_declarations_are_named_for_what_they_are(write_cub, name, content, said):
    root = write_cub(drawn=False)
    (root / name).write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        cub.load(root)
    assert name in str(caught.value)


def test_declared_pixels_may_begin_with_a_mark(tmp_path):
    text = json.dumps({"pixels": "original"})
    (tmp_path / "images.json").write_bytes(codecs.BOM_UTF8 + text.encode())
    assert declared_pixels(tmp_path) == "original"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (r"001.Auk\Auk_1.jpg", "001.Auk/Auk_1.jpg"),
        (r"a\b/c.jpg", "a/b/c.jpg"),
        ("a b.jpg", "a b.jpg"),
    ],
)
def test_backslashes_are_forward_slashes(text, path):
    assert image_path(text) == path


OUTSIDE = [r"..\..\x", r"..\x.jpg", r"a\..\..\x", "a/..\\b.jpg", r"\x.jpg", r"\\server\share\x.jpg"]
OUTSIDE += [r"C:\x.jpg", "C:x.jpg", "c:/x.jpg", "..", r"a\..", r"\\?\C:\x", "//server/x.jpg"]
PIECES = st.sampled_from(["..", ".", "", "a", "C:", "\\", "/", "\\\\", "b.jpg", "~"])


@pytest.mark.parametrize("text", OUTSIDE)
def test_a_path_out_of_the_folder_stays_refused(text):
    with pytest.raises(ValueError, match="leaves the folder"):
        image_path(text)


@FAMILY
@given(pieces=st.lists(PIECES, max_size=7))
def test_whatever_is_read_lies_below_the_folder(pieces):
    try:
        path = image_path("".join(pieces))
    except ValueError:
        return
    assert os.path.normpath(Path("/top/images") / path) == f"/top/images/{path}"
    assert "\\" not in path
    assert ":" not in path


def test_backslashes_in_images_txt_give_the_same_set(write_cub):
    root = write_cub()
    plain = cub.load(root)
    listed = (root / "images.txt").read_text()
    (root / "images.txt").write_text(listed.replace("/", "\\"))
    turned = cub.load(root)
    assert (turned.files, turned.fingerprint) == (plain.files, plain.fingerprint)
    twice = listed.splitlines()
    twice[1] = "2 " + twice[0].split()[1].replace("/", "\\")
    (root / "images.txt").write_text("\n".join(twice))
    with pytest.raises(DataError, match=r"lists '001.Kind_1/Kind_0001.jpg' twice"):
        cub.load(root)


@pytest.mark.parametrize("name", ["images.txt", "classes.txt", "image_class_labels.txt"])
def test_a_number_too_large_for_64_bits_is_named(write_cub, name):
    root = write_cub()
    text = (root / name).read_text().splitlines()
    text[2] = f"{2**63} {text[2].split()[1]}" if name != "image_class_labels.txt" else f"3 {2**63}"
    (root / name).write_text("\n".join(text))
    with pytest.raises(DataError, match=rf"{name}, line 3: .*too large"):
        cub.load(root)


@pytest.mark.parametrize("text", ["1e39", "-1e39", "1e10", "nan", "inf", "1e999"])
def test_a_place_that_is_in_no_picture_is_refused(text):
    for words in (f"{text} 1", f"1 {text}"):
        with pytest.raises(ValueError, match="not finite, or over 1e\\+09 pixels"):
            finite(words)
    with pytest.raises(ValueError, match="not finite"):
        ranged_box([1, 1, float(text), 2])


def test_whole_numbers_keep_their_ends():
    assert (whole(str(2**63 - 1)), whole(str(-(2**63)))) == (2**63 - 1, -(2**63))
    for text in (str(2**63), str(-(2**63) - 1), "9" * 5000, "", "1.0"):
        with pytest.raises(ValueError):
            whole(text)
