"""Pictures that are not 8-bit: scaled by their own white, or refused by name."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fgnb.data import DataError, load_rgb
from fgnb.data.depth import to_rgb

CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(pixels: list[list[tuple[int, ...]]], depth: int, colour: int, clear=None) -> bytes:
    """A PNG written by hand: rows of pixels of `depth` bits; `clear` is its tRNS."""
    rows = b""
    for row in pixels:
        bits = "".join(format(sample, f"0{depth}b") for pixel in row for sample in pixel)
        bits += "0" * (-len(bits) % 8)
        rows += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    head = struct.pack(">IIBBBBB", len(pixels[0]), len(pixels), depth, colour, 0, 0, 0)
    made = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    if clear is not None:
        made += chunk(b"tRNS", b"".join(sample.to_bytes(2, "big") for sample in clear))
    return made + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def expected(pixel: tuple[int, ...], depth: int, colour: int, clear) -> list[float]:
    """What a pixel is over white paper, spelt out a sample at a time."""
    white = 2**depth - 1
    alpha = pixel[-1] / white if colour in (4, 6) else float(pixel != clear)
    shades = pixel[: len(pixel) - (colour in (4, 6))]
    shades = shades * 3 if len(shades) == 1 else shades
    return [255 * (alpha * shade / white + 1 - alpha) for shade in shades]


@st.composite
def pictures(draw):
    depth, colour = draw(
        st.sampled_from([(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (16, 2), (16, 4), (16, 6)])
    )
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 7))
    sample = st.integers(0, 2**depth - 1)
    pixel = st.tuples(*[sample] * CHANNELS[colour])
    row = st.lists(pixel, min_size=width, max_size=width)
    made = draw(st.lists(row, min_size=height, max_size=height))
    clear = draw(st.sampled_from([None, made[0][0]])) if colour == 0 else None
    return made, depth, colour, clear


@settings(max_examples=150, deadline=None)
@given(pictures())
def test_every_depth_of_a_png_is_scaled_by_its_own_white(tmp_path_factory, picture):
    made, depth, colour, clear = picture
    path = tmp_path_factory.mktemp("png") / "a.png"
    path.write_bytes(png(made, depth, colour, clear))
    found = np.asarray(load_rgb(path), dtype=float)
    right = [[expected(pixel, depth, colour, clear) for pixel in row] for row in made]
    # Grey is rounded. Of 16-bit colours Pillow keeps the higher byte, up to a level below; so it
    # does of their transparency, and rounds what it lays over the paper.
    assert np.abs(found - right).max() <= {0: 0.5, 2: 1}.get(colour, 3)


@pytest.mark.parametrize(("sample", "level"), [(0, 0), (40000, 156), (128, 0), (129, 1)])
def test_16_bit_grey_is_scaled_and_rounded(tmp_path, sample, level):
    (tmp_path / "a.png").write_bytes(png([[(sample,), (65535,)]], 16, 0))
    image = load_rgb(tmp_path / "a.png")
    assert image.mode == "RGB"
    assert image.getpixel((0, 0)) == (level, level, level)
    assert image.getpixel((1, 0)) == (255, 255, 255)


def tiff(samples: np.ndarray, *, order: str, bits: int, photometric: int) -> bytes:
    """A grey TIFF written by hand; of 12 bits two samples lie in three bytes."""
    height, width = samples.shape
    if bits == 12:
        row_bits = ["".join(format(int(v), "012b") for v in row) for row in samples]
        padded = [row + "0" * (-len(row) % 8) for row in row_bits]
        data = b"".join(int(row, 2).to_bytes(len(row) // 8, "big") for row in padded)
    else:
        data = samples.astype(order + "u2").tobytes()
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 8)]
    tags += [(277, 1), (278, height), (279, len(data))]
    data += b"\0" * (len(data) % 2)
    made = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(data)) + data
    made += struct.pack(order + "H", len(tags))
    for tag, value in tags:
        made += struct.pack(order + "HHI", tag, 4, 1) + struct.pack(order + "I", value)
    return made + b"\0\0\0\0"


@pytest.mark.parametrize(
    ("order", "bits", "photometric"), [("<", 16, 1), (">", 16, 1), ("<", 16, 0), ("<", 12, 1)]
)
def test_every_kind_of_grey_tiff_is_scaled_by_its_own_white(tmp_path, order, bits, photometric):
    white = 2**bits - 1
    samples = np.random.default_rng(bits).integers(0, white + 1, (6, 8))
    samples[0, :2] = 0, white
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(samples, order=order, bits=bits, photometric=photometric))
    found = np.asarray(load_rgb(path))
    for y, row in enumerate(samples.tolist()):
        for x, sample in enumerate(row):
            level = (sample if photometric else white - sample) * 255 / white
            assert np.abs(found[y, x] - level).max() <= 0.5


def test_other_files_of_16_bits(tmp_path):
    samples = np.array([[40000, 0, 65535]] * 4, dtype=np.uint16)
    Image.fromarray(samples).save(tmp_path / "a.jp2")
    Image.fromarray(samples).save(tmp_path / "a.pgm")
    (tmp_path / "narrow.pgm").write_bytes(b"P5 2 1 1000 " + np.array([500, 1000], ">u2").tobytes())
    for name in ("a.jp2", "a.pgm"):
        assert np.asarray(load_rgb(tmp_path / name))[0, :, 0].tolist() == [156, 0, 255]
    assert np.asarray(load_rgb(tmp_path / "narrow.pgm"))[0, :, 1].tolist() == [128, 255]


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_numbers_of_unknown_white_are_refused_by_name(tmp_path, dtype):
    Image.fromarray(np.full((5, 8), 0.5).astype(dtype)).save(tmp_path / "a.tif")
    mode = "I" if dtype is np.int32 else "F"
    with pytest.raises(
        DataError, match=rf"a\.tif is refused: .*mode {mode}\b.*Convert it to 8-bit"
    ):
        load_rgb(tmp_path / "a.tif")


def test_a_clear_colour_of_16_bits_and_lab_are_refused_by_name(tmp_path):
    pixels = [[(40000, 300, 70), (1, 2, 3)]]
    (tmp_path / "a.png").write_bytes(png(pixels, 16, 2, pixels[0][0]))
    with pytest.raises(DataError, match=r"a\.png is refused: .*16-bit.*transparent.*Convert it"):
        load_rgb(tmp_path / "a.png")
    Image.new("LAB", (4, 4)).save(tmp_path / "lab.tif")
    with pytest.raises(DataError, match=r"lab\.tif is refused: .*LAB.*Convert it"):
        load_rgb(tmp_path / "lab.tif")


def test_transparency_of_every_8_bit_kind_lies_over_white(tmp_path):
    half = Image.new("LA", (3, 2), (100, 51))
    half.save(tmp_path / "la.png")
    palette = Image.new("P", (3, 2), 1)
    palette.putpalette([10, 20, 30, 100, 100, 100])
    palette.save(tmp_path / "p.png", transparency=b"\xff\x33")
    palette = palette.convert("PA")
    palette.putalpha(51)
    palette.save(tmp_path / "pa.tif")
    read = [load_rgb(tmp_path / name) for name in ("la.png", "p.png", "pa.tif")]
    # Premultiplied pictures are given, not saved: no format keeps them so.
    given = [to_rgb(half.convert("RGBA").convert("RGBa")), to_rgb(half.convert("La"))]
    for image in read + given:
        # 51 of 255 is a fifth: 0.2 * 100 + 0.8 * 255
        assert np.abs(np.asarray(image, dtype=int) - 224).max() <= 1


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"]),
    kind=st.sampled_from(["PNG", "TIFF", "JPEG", "WEBP", "GIF", "BMP"]),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    seed=st.integers(0, 99),
)
def test_8_bit_pictures_are_read_as_pillow_converts_them(tmp_path_factory, mode, kind, size, seed):
    noise = np.random.default_rng(seed).integers(0, 256, (*size, 4), dtype=np.uint8)
    written = io.BytesIO()
    try:
        Image.fromarray(noise).convert("RGBA").convert(mode).save(written, kind)
    except (OSError, ValueError):
        return  # the format has no such mode
    path = tmp_path_factory.mktemp("8-bit") / "a"
    path.write_bytes(written.getvalue())
    with Image.open(path) as image:
        if "A" in image.getbands() or "transparency" in image.info:
            layer = image.convert("RGBA")
            paper = Image.new("RGBA", layer.size, "white")
            right = Image.alpha_composite(paper, layer).convert("RGB")
        else:
            right = image.convert("RGB")
    assert np.array_equal(np.asarray(load_rgb(path)), np.asarray(right))
