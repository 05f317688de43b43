"""Reading photographs: orientation, shapes, sizes, and files that are something else."""

from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from fgnb.data import DataError, load_rgb
from fgnb.data.images import read_head
from fgnb.data.magic import what_it_is

NOISE = np.random.default_rng(0).integers(0, 256, (40, 80, 3), dtype=np.uint8)


def encoded(kind: str, **options) -> bytes:
    written = io.BytesIO()
    Image.fromarray(NOISE).save(written, kind, **options)
    return written.getvalue()


def tagged(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def claimed(width: int, height: int) -> bytes:
    """The head of a PNG that claims these sides."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    ends = [struct.pack(">I", len(part) - 4) + part for part in (head, b"IDATxxxx")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(e + struct.pack(">I", zlib.crc32(e[4:])) for e in ends)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_pixels_stay_as_they_lie_in_the_file_whatever_the_orientation(
    tmp_path, kind, options, orientation
):
    path = tmp_path / "a.jpg"
    options = {"tiffinfo": {274: orientation}} | options if kind == "TIFF" else options
    options |= {} if kind == "TIFF" else {"exif": tagged(orientation)}
    path.write_bytes(encoded(kind, **options))
    assert np.array_equal(np.asarray(load_rgb(path)), NOISE)
    head = read_head(path)
    assert (head.size, head.orientation, head.eight_bit) == ((80, 40), orientation, True)


def test_a_jpeg_with_a_tag_stays_as_it_lies(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded("JPEG", exif=tagged(6)))
    (tmp_path / "b.jpg").write_bytes(encoded("JPEG"))
    assert np.array_equal(load_rgb(tmp_path / "a.jpg"), load_rgb(tmp_path / "b.jpg"))
    assert read_head(tmp_path / "a.jpg").orientation == 6
    for broken in (b"Exif\0\0" + bytes(30), tagged(9), tagged(0), b"Exif\0\0II*\0\x08"):
        (tmp_path / "c.jpg").write_bytes(encoded("JPEG", exif=broken))
        assert read_head(tmp_path / "c.jpg").orientation == 1


@pytest.mark.parametrize("size", [(4000, 2), (1, 20000), (60000, 1), (210, 10)])
def test_a_thin_picture_is_refused_before_it_is_decoded(tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "thin.png")
    for read in (load_rgb, read_head):
        with pytest.raises(DataError, match=rf"thin\.png is refused: .*{size[0]} x {size[1]}.*20"):
            read(tmp_path / "thin.png")
    (tmp_path / "thin.png").write_bytes(claimed(*size))
    with pytest.raises(DataError, match="at most 20 times"):
        load_rgb(tmp_path / "thin.png")


@pytest.mark.parametrize("size", [(9504, 6336), (12000, 10000)])
def test_too_large_a_picture_says_how_to_raise_the_limit(tmp_path, monkeypatch, size):
    path, pixels = tmp_path / "large.png", size[0] * size[1]
    path.write_bytes(claimed(*size))
    with pytest.raises(
        DataError, match=rf"{size[0]} x {size[1]} .*50,000,000.*Make it smaller"
    ) as no:
        load_rgb(path)
    assert f"FGNB_MAX_PIXELS={pixels}." in str(no.value)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    monkeypatch.setenv("FGNB_MAX_PIXELS", str(pixels))
    assert read_head(path).size == size


def test_a_bomb_is_refused_and_opened_where_it_is_allowed(tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    path.write_bytes(claimed(100_000, 50_000))
    with pytest.raises(DataError, match=r"5,000,000,000 pixels; 50,000,000.*=5000000000"):
        load_rgb(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    monkeypatch.setenv("FGNB_MAX_PIXELS", "5000000000")
    assert read_head(path).size == (100_000, 50_000)


@pytest.mark.parametrize("text", ["0", "-1", "1e8", "50_000_000", "many", "²"])
def test_the_limit_must_be_a_whole_number(tmp_path, monkeypatch, text):
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    monkeypatch.setenv("FGNB_MAX_PIXELS", text)
    with pytest.raises(ValueError, match=r"FGNB_MAX_PIXELS is .* needs a whole number over 0"):
        load_rgb(tmp_path / "a.png")
    for unset in ("", " ", "3200"):
        monkeypatch.setenv("FGNB_MAX_PIXELS", unset)
        assert load_rgb(tmp_path / "a.png").size == (80, 40)


def media(brand: bytes, *others: bytes) -> bytes:
    inner = brand + b"\0\0\0\0" + b"".join(others)
    return struct.pack(">I", len(inner) + 8) + b"ftyp" + inner + bytes(60)


def raw_tiff(tag: int, value: int) -> bytes:
    """A TIFF of one pixel that says of itself what a camera's raw file says."""
    tags = [(254, 0), (256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1)]
    tags = sorted({**dict(tags), 278: 1, 279: 1, tag: value}.items())
    rows = b"".join(struct.pack("<HHII", name, 4, 1, number) for name, number in tags)
    return b"II*\0" + struct.pack("<IIH", 12, 0, len(tags)) + rows + bytes(4)


def jpeg(marker: int, bits: int) -> bytes:
    """A JPEG of another kind: its frame's head is changed."""
    whole = encoded("JPEG", exif=tagged(1))
    place = whole.index(b"\xff\xc0")
    return whole[: place + 1] + bytes([marker]) + whole[place + 2 : place + 4] + bytes([bits])


SVG = b'<?xml version="1.0"?>\n<!-- drawn --><svg xmlns="http://www.w3.org/2000/svg"/>'
REALLY = {
    "HEIC": media(b"heic", b"mif1", b"heic"),
    "HEIC by its others": media(b"mif1", b"mif1", b"heic"),
    "HEIF": media(b"mif1", b"mif1"),
    "MP4": media(b"isom", b"isom", b"mp41"),
    "QuickTime": media(b"qt  "),
    "Canon CR3": media(b"crx ", b"crx ", b"isom"),
    "HTML": b"\n<!DOCTYPE html><html><body>404</body></html>",
    "HTML after a comment": b"<!-- Bird \xc3\xa9 --><HTML lang=en>",
    "HTML in UTF-16": "<html><body>".encode("utf-16"),
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(20),
    "SVG": SVG,
    "XML": b'\xef\xbb\xbf<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "text": b'{"error": "rate limit exceeded"}',
    "JPEG XL": b"\xff\x0a\x7f" + bytes(20),
    "JPEG XL in a box": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(20),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
    "ZIP": b"PK\x03\x04" + bytes(30),
    "zeros": bytes(3000),
    "raw": b"II*\0\x10\0\0\0CR\x02\0" + bytes(20),
    "RAF": b"FUJIFILMCCD-RAW 0201" + bytes(40),
    "raw file (DNG": raw_tiff(50706, 1),
    "raw file (DNG, NEF": raw_tiff(254, 1),
    "JPEG of 12 bits": jpeg(0xC1, 12),
    "lossless JPEG": jpeg(0xC3, 8),
    "Matroska": b"\x1aE\xdf\xa3" + bytes(40),
    "AVI": b"RIFF\x24\0\0\0AVI LIST" + bytes(40),
}


@pytest.mark.parametrize("name", REALLY)
def test_a_file_under_a_wrong_name_is_told_for_what_it_is(tmp_path, name):
    path = tmp_path / "Kind_0001.jpg"
    path.write_bytes(REALLY[name])
    for read in (load_rgb, read_head):
        with pytest.raises(DataError, match=r"Kind_0001\.jpg") as caught:
            read(path)
        message = str(caught.value)
        what = name.partition(" by ")[0].partition(" after ")[0].partition(" in ")[0]
        assert ("drawing (EPS)" if what == "PostScript" else what) in message
        assert "damaged" not in message
        assert any(word in message for word in ("JPEG or PNG", "get", "Unpack", "git lfs pull"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000"])
def test_what_can_be_read_is_read_under_any_name_and_damage_is_called_damage(tmp_path, kind):
    whole = encoded(kind)
    assert what_it_is(whole) is None or kind == "AVIF"
    (tmp_path / "a.jpg").write_bytes(whole)
    assert load_rgb(tmp_path / "a.jpg").size == (80, 40)
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"a\.jpg can't be read as an image"):
        load_rgb(tmp_path / "a.jpg")


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"]),
    hits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    cut=st.floats(0, 1),
)
@example(kind="JPEG", hits=[], cut=0.0)
def test_whatever_is_damaged_the_file_is_named(tmp_path_factory, kind, hits, cut):
    data = bytearray(encoded(kind))
    for place, value in hits:
        data[int(place**3 * len(data))] = value  # most of them in the head
    path = tmp_path_factory.mktemp("hit") / "hit.jpg"
    path.write_bytes(data[: int(cut * len(data))])
    for read in (load_rgb, read_head):
        fault = str(path)
        try:
            read(path)
        except DataError as error:
            fault = str(error)
        assert str(path) in fault


@given(st.binary(max_size=300))
def test_what_a_file_is_can_be_asked_of_any_bytes(head):
    found = what_it_is(head)
    assert found is None or all(found)


def test_what_the_system_refuses_is_not_called_damage(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(DataError, match=r"folder\.jpg can't be opened \(Is a directory\)"):
        load_rgb(tmp_path / "folder.jpg")
    if os.geteuid():
        (tmp_path / "a.jpg").write_bytes(encoded("JPEG"))
        (tmp_path / "a.jpg").chmod(0)
        with pytest.raises(DataError, match=r"a\.jpg can't be opened \(Permission denied\)"):
            load_rgb(tmp_path / "a.jpg")
