"""The CUB layout: what is read, and what each fault says."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fgnb.data import DataError, ImageSet, cub, load_rgb, open_images
from fgnb.data.fingerprint import manifest_sha256


def replace_line(path: Path, number: int, text: str | None) -> None:
    lines = path.read_text().splitlines()
    lines[number - 1 : number] = [] if text is None else [text]
    path.write_text("\n".join(lines) + "\n")


def test_everything_is_read_in_the_order_of_images_txt(write_cub):
    images = cub.load(write_cub())
    assert len(images) == 18
    assert images.n_train == 12
    assert images.n_test == 6
    assert images.ids.tolist() == list(range(1, 19))
    assert images.labels.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    assert images.classes == ("001.Kind_1", "002.Kind_2", "003.Kind_3")
    assert images.train[:6].tolist() == [True] * 4 + [False] * 2
    assert images.boxes[1].tolist() == [2.0, 3.0, 12.0, 5.5]  # x y width height 2 3 10 2.5
    assert images.parts.shape == (18, 15, 2)
    assert images.parts[6, 2].tolist() == [3.5, 7.0]
    assert not images.visible[:, 0].any()
    assert images.visible[:, 1:].all()
    assert images.path(6) == images.root / "images" / "002.Kind_2" / "Kind_0007.jpg"
    assert images.path(6).is_file()


def test_ids_may_stand_in_any_order_in_each_file(write_cub):
    root = write_cub()
    straight = cub.load(root)
    for name in (*cub.FILES[1:5], "parts/part_locs.txt"):
        lines = (root / name).read_text().splitlines()
        (root / name).write_text("\n".join(lines[::-1]) + "\n")
    turned = cub.load(root)
    assert turned.fingerprint == straight.fingerprint
    assert np.array_equal(turned.boxes, straight.boxes)


def test_labels_are_contiguous_where_class_ids_are_not(write_cub):
    root = write_cub()
    for name in ("classes.txt", "image_class_labels.txt"):
        text = (root / name).read_text().splitlines()
        moved = [
            ("7" + line[1:]) if name == "classes.txt" and line.startswith("2 ") else line
            for line in text
        ]
        if name == "image_class_labels.txt":
            moved = [line[:-1] + "7" if line.endswith(" 2") else line for line in text]
        (root / name).write_text("\n".join(moved) + "\n")
    images = cub.load(root)
    assert images.classes == ("001.Kind_1", "003.Kind_3", "002.Kind_2")
    assert sorted(set(images.labels.tolist())) == [0, 1, 2]


def test_the_folder_itself_or_the_one_above_it_is_found(write_cub, tmp_path):
    root = write_cub()
    assert cub.find(root.parent) == root
    assert cub.find(root) == root
    with pytest.raises(DataError, match=r"no CUB-200-2011 found.*97eceeb196236b17998738112f37df78"):
        cub.find(tmp_path / "elsewhere")


@pytest.mark.parametrize("name", cub.FILES)
def test_a_missing_file_is_named_with_the_archive_to_get_it_from(write_cub, name):
    root = write_cub()
    (root / name).unlink()
    with pytest.raises(DataError, match=rf"lacks {name}: .*97eceeb196236b17998738112f37df78"):
        cub.load(root)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("images.txt", "2", "the name is empty"),
        ("images.txt", "two a.jpg", "invalid literal"),
        ("images.txt", "2 ../../etc/passwd", "leaves the folder"),
        ("images.txt", "2 /etc/passwd", "leaves the folder"),
        ("images.txt", "2 a/..\\b.jpg", "leaves the folder"),
        ("images.txt", "2 a/\x1b[2Jb.jpg", "control characters"),
        ("images.txt", "1 001.Kind_1/other.jpg", "id 1 stands twice"),
        ("image_class_labels.txt", "2 one", "invalid literal"),
        ("image_class_labels.txt", "999 1", "images.txt has no image 999"),
        ("train_test_split.txt", "2 2", "neither 1 nor 0"),
        ("bounding_boxes.txt", "2 1.0 2.0 3.0", "not enough values"),
        ("bounding_boxes.txt", "2 1.0 2.0 0.0 3.0", "width and height must be over 0"),
        ("bounding_boxes.txt", "2 1.0 nan 1.0 3.0", "not finite"),
        ("parts/part_locs.txt", "1 16 0 0 0", "no part 16"),
        ("parts/part_locs.txt", "1 1 0 0 0", "stand twice"),
        ("parts/part_locs.txt", "999 1 0 0 0", "no image 999"),
        ("parts/part_locs.txt", "1 2 0 0", "not enough values"),
    ],
)
def test_a_malformed_line_is_named_with_file_and_number(write_cub, name, text, why):
    root = write_cub()
    replace_line(root / name, 2, text)
    with pytest.raises(DataError, match="line 2: ") as caught:
        cub.load(root)
    assert str(root / name) in str(caught.value)
    assert why in str(caught.value)


@pytest.mark.parametrize("name", cub.FILES[1:3] + cub.FILES[4:5])
def test_an_image_without_a_line_is_named(write_cub, name):
    root = write_cub()
    replace_line(root / name, 5, None)
    with pytest.raises(DataError, match=rf"{name} has no line for 1 of the 18.* image 5"):
        cub.load(root)


def test_other_disagreements_between_the_files(write_cub):
    root = write_cub()
    (root / "parts" / "part_locs.txt").write_text("1 1 0 0 0\n")
    with pytest.raises(DataError, match=r"no line for image 1, part 2 \(beak\); 269 lines"):
        cub.load(root)
    replace_line(root / "parts" / "parts.txt", 3, "3 tummy")
    with pytest.raises(DataError, match="15 parts in their order"):
        cub.load(root)
    replace_line(root / "image_class_labels.txt", 1, "1 9")
    with pytest.raises(DataError, match="gives image 1 the class 9"):
        cub.load(root)
    replace_line(root / "images.txt", 1, "1 001.Kind_1/Kind_0002.jpg")
    with pytest.raises(DataError, match=r"'001.Kind_1/Kind_0002.jpg' twice"):
        cub.load(root)
    (root / "images.txt").write_text("\n")
    with pytest.raises(DataError, match="is empty"):
        cub.load(root)
    (root / "images.txt").write_bytes(b"1 \xff\xfe.jpg\n")
    with pytest.raises(DataError, match="not UTF-8"):
        cub.load(root)


def test_missing_images_are_counted_and_the_first_named(write_cub):
    root = write_cub()
    for path in sorted((root / "images" / "002.Kind_2").iterdir())[:5]:
        path.unlink()
    with pytest.raises(DataError, match=r"5 of the 18 images .*Kind_0007.jpg, .*Kind_0009.jpg, \."):
        cub.load(root)


def test_the_fingerprint_follows_images_and_annotations(write_cub):
    root = write_cub()
    seen = {cub.load(root).fingerprint}
    assert cub.load(root).fingerprint in seen
    replace_line(root / "train_test_split.txt", 2, "2 0")
    replace_line(root / "train_test_split.txt", 5, "5 1")
    seen.add(cub.load(root).fingerprint)
    for name, text in (
        ("bounding_boxes.txt", "2 2.0 3.0 10.0 2.25"),
        ("image_class_labels.txt", "2 2"),
        ("parts/part_locs.txt", "1 2 1.75 1.0 1"),
        ("classes.txt", "2 002.Other"),
    ):
        replace_line(root / name, 2, text)
        seen.add(cub.load(root).fingerprint)
    image = root / "images" / "001.Kind_1" / "Kind_0003.jpg"
    status = image.stat()
    data = bytearray(image.read_bytes())
    data[-3] ^= 1
    image.write_bytes(data)
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    seen.add(cub.load(root).fingerprint)
    assert len(seen) == 7


def test_different_annotations_never_run_together_into_one_hash():
    row = np.arange(6, dtype=np.int64)
    hashes = [
        manifest_sha256("0", texts, arrays)
        for texts, arrays in (
            ([["ab", "c"]], [row]),
            ([["a", "bc"]], [row]),
            ([["ab"], ["c"]], [row]),
            ([["ab", "c"]], [row.reshape(2, 3)]),
            ([["ab", "c"]], [row.view(np.float64)]),
            ([["ab", "c"]], [row[:3], row[3:]]),
        )
    ]
    assert len(set(hashes)) == len(hashes)


def test_held_out_is_a_fifth_of_each_class_and_never_test(write_cub):
    images = cub.load(write_cub(classes=3, train=10, test=5))
    for seed in range(4):
        held = images.held_out(seed)
        assert not (held & ~images.train).any()
        assert np.bincount(images.labels[held]).tolist() == [2, 2, 2]
    assert np.bincount(images.labels[images.held_out(0, 0.01)]).tolist() == [1, 1, 1]
    assert np.bincount(images.labels[images.held_out(0, 0.99)]).tolist() == [9, 9, 9]
    assert not np.array_equal(images.held_out(0), images.held_out(1))


def test_held_out_is_the_order_of_sha256_of_seed_and_id(write_cub):
    images = cub.load(write_cub(classes=2, train=10, test=5))
    ids = images.ids[images.train & (images.labels == 1)].tolist()
    first = sorted(ids, key=lambda i: hashlib.sha256(f"7:{i}".encode()).digest())[:2]
    held = images.ids[images.held_out(7)].tolist()
    assert sorted(first) == [i for i in held if i in ids]
    assert held == [4, 7, 18, 20]


def test_held_out_refuses_what_it_cannot_do(write_cub):
    images = cub.load(write_cub(classes=2, train=2, test=1))
    one_left = replace(images, train=images.train & (images.ids != 1))
    with pytest.raises(DataError, match=r"'001.Kind_1'.*1 training.*at least 2"):
        one_left.held_out(0)
    for fraction in (0.0, 1.0, -0.5):
        with pytest.raises(ValueError, match="fraction is"):
            images.held_out(0, fraction)


def test_an_image_set_checks_its_own_shapes(write_cub):
    images = cub.load(write_cub())
    values = {name: getattr(images, name) for name in ImageSet.__dataclass_fields__}
    with pytest.raises(ValueError, match=r"boxes has shape \(17, 4\), needs \(18, 4\)"):
        ImageSet(**{**values, "boxes": images.boxes[1:]})
    with pytest.raises(ValueError, match="labels must use each of"):
        ImageSet(**{**values, "labels": images.labels + 1})
    for protocol in ("real", "published"):  # published is said of a row, not of a set
        with pytest.raises(ValueError, match=f"protocol is '{protocol}'"):
            ImageSet(**{**values, "protocol": protocol})
    with pytest.raises(ValueError, match="read-only"):
        images.labels[0] = 5


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "RGB"])
def test_every_mode_is_read_as_rgb(tmp_path, mode):
    path = tmp_path / ("a.png" if mode in "P1" else "a.jpg")
    Image.new("RGB", (8, 5), (200, 200, 200)).convert(mode).save(path)
    image = load_rgb(path)
    assert image.mode == "RGB"
    assert image.size == (8, 5)


def test_transparency_lies_over_white(tmp_path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert load_rgb(tmp_path / "a.png").getpixel((1, 1)) == (255, 255, 255)


def test_a_damaged_image_is_named(tmp_path):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    whole = buffer.getvalue()
    for name, data in (("cut.jpg", whole[: len(whole) // 2]), ("no.jpg", b"x"), ("0.jpg", b"")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=rf"{name} can't be read as an image.*Replace it"):
            load_rgb(tmp_path / name)
    with pytest.raises(DataError, match=r"absent.jpg is missing"):
        load_rgb(tmp_path / "absent.jpg")


def test_open_images_finds_cub_by_data_root_and_refuses_other_names(
    write_cub, smoke_preset, monkeypatch
):
    root = write_cub()
    assert open_images("cub", data_root=root.parent, preset=smoke_preset).name == "cub"
    monkeypatch.setenv("FGNB_DATA", str(root))
    assert len(open_images("cub", preset=smoke_preset)) == 18
    with pytest.raises(ValueError, match=r"'cubs', needs one of drawn, .*, cub, cars, aircraft"):
        open_images("cubs", preset=smoke_preset)


def test_the_real_birds(real_data, smoke_preset):
    images = open_images("cub", data_root=real_data, preset=smoke_preset)
    assert (len(images.classes), images.n_train, images.n_test) == (40, 1200, 1090)
    assert images.protocol == "subset"
    assert images.title == "CUB-200-2011 (40 of 200 classes)"
    assert images.named == f"{images.title}, original size, re-encoded as JPEG at quality 80"
    assert images.fingerprint.startswith("e799eaed17b0bd83")  # what records on these birds name
    assert images.published == {"classes": 200, "train": 5994, "test": 5794}
    assert images.boxes[0].tolist() == [60.0, 27.0, 385.0, 331.0]
    assert images.parts[0, 1].tolist() == [312.0, 182.0]
    held = images.held_out(0)
    assert held.sum() == 240
    assert images.ids[held][:8].tolist() == [7, 15, 18, 20, 36, 46, 69, 72]
    assert load_rgb(images.path(0)).size == (500, 335)
