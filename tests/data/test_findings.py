"""What `verify` warns of on a sound set, and how it finds the layout."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from fgnb.data import DataError, cub, sets_in, verify
from fgnb.data.images import load_rgb


def picture(root, number: int):
    """The file of an image by its id."""
    return next((root / "images").rglob(f"Kind_{number:04d}.jpg"))


def warning(root, word: str) -> str:
    (found,) = [text for text in verify(root).warnings if word in text]
    assert f"\n  warning      {found}" in str(verify(root))
    return found


def test_a_sound_set_has_no_warnings(write_cub):
    report = verify(write_cub(), frame="square")
    assert report.warnings == ()
    assert "warning" not in str(report)


def test_orientation_tags_are_counted(write_cub):
    root = write_cub()
    for number, value in ((3, 6), (9, 1), (14, 3)):
        exif = Image.Exif()
        exif[0x0112] = value
        load_rgb(picture(root, number)).save(picture(root, number), exif=exif)
    found = warning(root, "EXIF")
    assert found.startswith("2 of 18 pictures")
    assert "the first: 001.Kind_1/Kind_0003.jpg" in found
    assert "raw pixels" in found


def test_pictures_of_more_than_8_bits_are_counted(write_cub):
    root = write_cub()
    for number in (5, 6):
        samples = np.full((24, 30), 40000, dtype=np.uint16)
        samples[0, 0] = number
        Image.fromarray(samples).save(picture(root, number), "PNG")
    found = warning(root, "bits")
    assert found.startswith("2 of 18 pictures")
    assert "the first: 001.Kind_1/Kind_0005.jpg" in found


def test_test_images_that_equal_training_images_are_a_leak(write_cub):
    root = write_cub()
    shutil.copy(picture(root, 1), picture(root, 5))  # of its own class
    shutil.copy(picture(root, 1), picture(root, 17))  # of another
    found = warning(root, "leak")
    assert found.startswith("2 of 6 test images equal training images, byte by byte")
    assert "001.Kind_1/Kind_0005.jpg = 001.Kind_1/Kind_0001.jpg" in found
    assert "1 under another class" in found


def test_a_picture_that_stands_twice_in_one_part_is_named(write_cub):
    root = write_cub()
    shutil.copy(picture(root, 1), picture(root, 8))
    shutil.copy(picture(root, 1), picture(root, 13))
    shutil.copy(picture(root, 11), picture(root, 12))
    found = warning(root, "twice")
    assert found.startswith("2 training and 1 test images stand twice")
    assert "002.Kind_2/Kind_0008.jpg = 001.Kind_1/Kind_0001.jpg" in found
    assert "2 under another class" in found


def test_equal_files_are_found_as_a_slow_comparison_finds_them(write_cub):
    root = write_cub()
    rng = np.random.default_rng(3)
    for _ in range(9):
        source, target = rng.integers(1, 19, 2)
        if source != target:
            shutil.copy(picture(root, int(source)), picture(root, int(target)))
    images = cub.load(root)
    data = [images.path(row).read_bytes() for row in range(18)]
    leaks = sum(
        any(data[row] == data[other] for other in range(18) if images.train[other])
        for row in range(18)
        if not images.train[row]
    )
    assert leaks
    assert warning(root, "leak").startswith(f"{leaks} of 6 test images")


def test_a_class_without_test_images_is_named(write_cub):
    root = write_cub(drawn=True)
    text = (root / "train_test_split.txt").read_text()
    text = text.replace("17 0", "17 1").replace("18 0", "18 1")
    text = text.replace("\n3 1", "\n3 0").replace("\n4 1", "\n4 0")  # the counts stay
    (root / "train_test_split.txt").write_text(text)
    found = warning(root, "no test image")
    assert found.startswith("1 of 3 classes")
    assert "003.Kind_3" in found


def test_what_could_not_be_read_later_is_refused_without_decoding(write_cub):
    root = write_cub()
    whole = picture(root, 7).read_bytes()
    for size, message in (((420, 20), "420 x 20.*at most 20 times"), ((1, 1), "")):
        Image.new("RGB", size).save(picture(root, 7))
        if message:
            with pytest.raises(DataError, match=rf"Kind_0007\.jpg is refused: .*{message}"):
                verify(root)
    picture(root, 7).write_bytes(b"<html><body>404")
    with pytest.raises(DataError, match=r"Kind_0007\.jpg .* really an HTML page"):
        verify(root)
    picture(root, 7).write_bytes(whole)
    assert verify(root).decoded == 0
    assert verify(root, decode=True).decoded == 18


def test_the_layout_is_told_by_the_files(write_cub, tmp_path):
    root = write_cub()
    assert sets_in(tmp_path) == sets_in(root.parent) == {"cub": root}
    assert sets_in(root) == {"cub": root}
    assert verify(tmp_path).layout == "cub"
    assert verify(root, "cub").layout == "cub"
    (tmp_path / "stanford_cars" / "devkit").mkdir(parents=True)
    (tmp_path / "stanford_cars" / "devkit" / "cars_meta.mat").write_bytes(b"")
    assert list(sets_in(tmp_path)) == ["cub", "cars"]
    with pytest.raises(ValueError, match=r"2 sets: cub .*CUB_200_2011.*cars .*--layout") as caught:
        verify(tmp_path)
    assert str(tmp_path / "stanford_cars") in str(caught.value)
    assert verify(tmp_path, "cub").layout == "cub"


def test_where_there_is_no_set_the_layouts_are_named(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(DataError, match="no image set found") as caught:
            verify(folder)
        message = str(caught.value)
        assert all(name in message for name in ("CUB_200_2011/", "stanford_cars/", "fgvc-aircraft"))
        assert str(folder) in message
    with pytest.raises(DataError, match="no Stanford Cars found"):
        verify(tmp_path, "cars")


@pytest.mark.parametrize("place", ["VOCdevkit/VOC2007", "VOC2012", "."])
def test_pascal_voc_is_named_as_not_verified(tmp_path, place):
    for name in ("Annotations", "JPEGImages", "ImageSets"):
        (tmp_path / place / name).mkdir(parents=True)
    with pytest.raises(DataError, match=r"PASCAL VOC.*not verified.*VOCDetection"):
        verify(tmp_path)
    assert sets_in(tmp_path) == {}
