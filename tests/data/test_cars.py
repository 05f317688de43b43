"""The layout of Stanford Cars: what is read, and what each fault says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

from fgnb.data import DataError, cars, load_rgb, open_images, verify
from fgnb.data.tables import ranged_box

NAMES = ["Ago Coupe 2010", "Ago Coupe 2012", "Bex Van 2011"]
FIELDS = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname")
TRAIN_MAT, TEST_MAT = "devkit/cars_train_annos.mat", "cars_test_annos_withlabels.mat"
# (class, number): out of order, as in the official files.
TRAIN = [(3, 1), (1, 2), (2, 5), (1, 3), (3, 4), (2, 6)]
TEST = [(2, 2), (1, 1), (3, 3)]


def annotations(rows: list[tuple[int, int]]) -> np.ndarray:
    """A struct array as in the official files; boxes 2 3 (10 + number) 20."""
    made = np.empty(len(rows), dtype=[(field, "O") for field in FIELDS])
    for row, (label, number) in enumerate(rows):
        made[row] = (2, 3, 10 + number, 20, label, f"{number:05d}.jpg")
    return made


def write_mat(path: Path, made: np.ndarray) -> None:
    savemat(path, {"annotations": made.reshape(1, -1)})


@pytest.fixture
def write_cars(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes nine little pictures in the layout of Stanford Cars."""

    def write(*, drawn: bool = True) -> Path:
        root = tmp_path / "stanford_cars"
        (root / "devkit").mkdir(parents=True)
        rng = np.random.default_rng(0)
        for folder, mat, rows in (("cars_train", TRAIN_MAT, TRAIN), ("cars_test", TEST_MAT, TEST)):
            (root / folder).mkdir()
            write_mat(root / mat, annotations(rows))
            for _, number in rows:
                pixels = rng.integers(0, 256, (24, 30, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / folder / f"{number:05d}.jpg")
        names = np.array([NAMES], dtype=object)
        savemat(root / "devkit/cars_meta.mat", {"class_names": names})
        if drawn:
            spec = {"kind": "cars", "species": 3, "train_per_class": 2, "test_per_class": 1}
            (root / "drawn.json").write_text(json.dumps({"spec": spec}))
        return root

    return write


def test_training_images_come_first_each_part_in_the_order_of_its_file(write_cars):
    images = cars.load(write_cars())
    assert (images.name, images.layout, images.protocol) == ("cars", "cars", "drawn")
    assert images.title == "drawn cars (3 classes)"
    expected = [(c - 1, n, "cars_train") for c, n in TRAIN] + [
        (c - 1, n, "cars_test") for c, n in TEST
    ]
    for row, (label, number, folder) in enumerate(expected):
        assert images.labels[row] == label
        assert images.files[row] == f"{folder}/{number:05d}.jpg"
        assert images.ids[row] == number + (100_000 if folder == "cars_test" else 0)
        assert images.train[row] == (folder == "cars_train")
        assert images.path(row) == images.root / folder / f"{number:05d}.jpg"
        assert load_rgb(images.path(row)).size == (30, 24)
        assert images.boxes[row].tolist() == [1.0, 2.0, 10.0 + number, 20.0]
    assert images.classes == tuple(NAMES)
    assert images.parts.shape == (9, 0, 2)
    assert images.visible.shape == (9, 0)


def test_torchvision_reads_the_same_pictures_with_the_same_classes(write_cars):
    from torchvision.datasets import StanfordCars

    images = cars.load(write_cars())
    for split, rows in (
        ("train", np.flatnonzero(images.train)),
        ("test", np.flatnonzero(~images.train)),
    ):
        theirs = StanfordCars(images.root.parent, split=split)
        assert theirs.classes == list(images.classes)
        assert len(theirs) == len(rows)
        for (picture, label), row in zip(theirs, rows, strict=True):
            assert label == images.labels[row]
            assert np.array_equal(np.asarray(picture), np.asarray(load_rgb(images.path(row))))


def test_labels_are_contiguous_where_a_class_has_no_image(write_cars):
    root = write_cars(drawn=False)
    for mat, rows in ((TRAIN_MAT, TRAIN), (TEST_MAT, TEST)):
        write_mat(root / mat, annotations([(c, n) for c, n in rows if c != 2]))
    notes = cars.read(root)
    assert notes.class_ids.tolist() == [3, 1, 1, 3, 1, 3]
    with pytest.raises(DataError, match=r"2 classes, 4 training and 2 test .*\[the 2 class ids\]"):
        cars.load(root)


def test_held_out_names_no_file_of_another_layout(write_cars):
    root = write_cars()
    images = cars.load(root)
    assert np.bincount(images.labels[images.held_out(0)]).tolist() == [1, 1, 1]
    write_mat(root / TRAIN_MAT, annotations(TRAIN[:1] + TRAIN[2:]))
    (root / "cars_train" / "00002.jpg").unlink()
    with pytest.raises(DataError, match=r"1 training image of the class 'Ago Coupe") as caught:
        cars.load(root)
    assert "train_test_split" not in str(caught.value)


def test_the_folder_itself_or_the_one_above_it_is_found(write_cars, tmp_path, smoke_preset):
    root = write_cars()
    assert cars.find(root.parent) == root
    assert cars.find(root) == root
    assert len(open_images("cars", data_root=root, preset=smoke_preset)) == 9
    with pytest.raises(DataError, match=r"no Stanford Cars .*065e5b463ae28d29e77c1b4b166cfe61"):
        cars.find(tmp_path / "elsewhere")


def test_a_renamed_folder_is_refused_with_the_name_that_it_needs(write_cars, monkeypatch):
    root = write_cars()
    monkeypatch.chdir(root)
    assert len(cars.load(".")) == 9
    root.rename(root.parent / "cars")
    with pytest.raises(DataError, match="not named stanford_cars"):
        cars.load(cars.find(root.parent / "cars"))


@pytest.mark.parametrize("name", [*cars.FILES, "cars_train/", "cars_test/"])
def test_a_missing_file_or_folder_is_named(write_cars, name):
    root = write_cars()
    (root / name).rename(root / "away")
    with pytest.raises(
        DataError, match=rf"lacks {name}: .*Stanford Cars.*c3b158d763b6e2245038c8ad"
    ):
        cars.load(root)


@pytest.mark.parametrize("name", cars.FILES)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_damaged_mat_file_is_named(write_cars, name, share):
    root = write_cars()
    whole = (root / name).read_bytes()
    (root / name).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match="it is damaged" if share else "is empty") as caught:
        cars.load(root)
    assert str(root / name) in str(caught.value)


def test_mat_files_without_the_right_variables_are_damaged(write_cars):
    root = write_cars()
    made = annotations(TEST).reshape(1, -1)
    savemat(root / TEST_MAT, {"annotation": made})
    with pytest.raises(DataError, match=r"test_annos_withlabels.mat can't be read .*annotations"):
        cars.load(root)
    boxless = made[[*FIELDS[1:]]].astype([(field, "O") for field in FIELDS[1:]])
    savemat(root / TEST_MAT, {"annotations": boxless})
    with pytest.raises(DataError, match=r"test_annos_withlabels.mat can't .*bbox_x1"):
        cars.load(root)


def test_a_mat_file_of_one_image_or_one_class_is_read_rightly(write_cars):
    root = write_cars()
    write_mat(root / TEST_MAT, annotations(TEST[:1]))
    notes = cars.read(root)
    assert notes.files[-1] == "cars_test/00002.jpg"
    assert (notes.class_ids[-1], notes.ids[-1], notes.train.sum()) == (2, 100_002, 6)
    assert notes.boxes[-1].tolist() == [1.0, 2.0, 12.0, 20.0]
    for mat in (TRAIN_MAT, TEST_MAT):
        write_mat(root / mat, annotations([(1, 1)]))
    names = np.array([["Ago Coupe 2010"]], dtype=object)
    savemat(root / cars.META, {"class_names": names})
    notes = cars.read(root)
    assert notes.class_names == {1: "Ago Coupe 2010"}
    assert notes.files == ("cars_train/00001.jpg", "cars_test/00001.jpg")


def test_a_single_annotation_is_checked_as_any_other(write_cars):
    root = write_cars()
    for field, value, said in (
        ("fname", "../a.jpg", "annotation 1 names the image"),
        ("class", 4, "gives 00002.jpg the class 4"),
        ("class", "two", "it is damaged"),
        ("fname", 7, "it is damaged"),
        ("bbox_x1", 0, "counted from 1"),
    ):
        made = annotations(TEST[:1])
        made[0][field] = value
        write_mat(root / TEST_MAT, made)
        with pytest.raises(DataError, match=said):
            cars.read(root)


def test_class_names_that_matlab_padded_are_trimmed(write_cars):
    root = write_cars()
    savemat(root / cars.META, {"class_names": np.array(["Ago", "Bex Van", "Cor"])})
    assert list(cars.read(root).class_names.values()) == ["Ago", "Bex Van", "Cor"]


V73 = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan 01 00:00:00 2026 HDF5 schema"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (V73.ljust(124) + b"\0\2IM" + bytes(384) + b"\x89HDF\r\n\x1a\n", "MATLAB v7.3 .*-v7"),
        (V73, "MATLAB v7.3 file .HDF5.* save it again"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "MATLAB v7.3"),
        (bytes(512) + b"\x89HDF\r\n\x1a\n", "MATLAB v7.3"),
        (b"", r"is empty \(0 bytes\)"),
        (b"1 2 3\n4 5 6\n", "is really a text"),
        (b"# Created by Octave 8\n# name: annotations\n", "is really a text"),
        (b"<!DOCTYPE html>\n<html>404</html>", "is really an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d", "is really a Git LFS"),
        (b"PK\x03\x04\x14\0\0\0\x08\0", "is really a ZIP archive"),
    ],
)
@pytest.mark.parametrize("name", [cars.META, TRAIN_MAT, TEST_MAT])
def test_a_mat_file_is_named_for_what_it_is(write_cars, name, content, said):
    root = write_cars()
    (root / name).write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        cars.load(root)
    assert str(caught.value).startswith(str(root / name))
    assert "damaged" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mat_file_of_other_variables_says_which(write_cars):
    root = write_cars()
    savemat(root / TEST_MAT, {"annotation": annotations(TEST), "version": 2})
    with pytest.raises(DataError, match="with annotations: it holds annotation, version"):
        cars.load(root)


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/passwd", "1.jpg", "00001.png", "a/00001.jpg"])
def test_an_image_outside_its_folder_is_refused(write_cars, name):
    root = write_cars()
    made = annotations(TEST)
    made[1]["fname"] = name
    write_mat(root / TEST_MAT, made)
    with pytest.raises(DataError, match=r"annotation 2 names the image .*five digits"):
        cars.load(root)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("class", 4, r"gives 00002.jpg the class 4; .*names the classes 1 to 3"),
        ("class", 0, r"gives 00002.jpg the class .*names the classes 1 to 3"),
        ("class", 1.5, r"gives 00002.jpg the class .*names the classes 1 to 3"),
        ("bbox_x1", 0, "counted from 1"),
        ("bbox_x2", 1, "the maximum is below the minimum"),
        ("bbox_y2", float("nan"), "not finite"),
        ("bbox_y2", "wide", "the box"),
        ("fname", "00001.jpg", r"lists 'cars_test/00001.jpg' twice"),
    ],
)
def test_an_annotation_that_cannot_be_is_named(write_cars, field, value, message):
    root = write_cars()
    made = annotations(TEST)
    made[0][field] = value
    write_mat(root / TEST_MAT, made)
    with pytest.raises(DataError, match=message):
        cars.load(root)


def test_missing_images_are_counted_and_the_first_named(write_cars):
    root = write_cars()
    for path in (root / "cars_test").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"3 of the 9 images .*cars_test/00002.jpg, .*Put it back"):
        cars.load(root)


def test_the_fingerprint_follows_pictures_and_annotations(write_cars):
    root = write_cars()
    seen = {cars.load(root).fingerprint}
    assert cars.load(root).fingerprint in seen
    made = annotations(TEST)
    made[0]["bbox_x2"] += 1
    write_mat(root / TEST_MAT, made)
    seen.add(cars.load(root).fingerprint)
    image = root / "cars_test" / "00003.jpg"
    status = image.stat()
    data = bytearray(image.read_bytes())
    data[-3] ^= 1
    image.write_bytes(data)
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    seen.add(cars.load(root).fingerprint)
    assert len(seen) == 3


def test_verify_reads_cars_by_their_layout(write_cars):
    root = write_cars()
    report = verify(root.parent, "cars", decode=True)
    assert (report.protocol, report.classes, report.train, report.test) == ("drawn", 3, 6, 3)
    assert report.decoded == 9


SIDE = st.integers(1, 12)


@given(x1=SIDE, y1=SIDE, across=st.integers(0, 6), down=st.integers(0, 6))
def test_boxes_counted_from_1_keep_their_pixels(x1, y1, across, down):
    box = ranged_box([x1, y1, x1 + across, y1 + down])
    counted = {(x, y) for x in range(x1, x1 + across + 1) for y in range(y1, y1 + down + 1)}
    # Pixel (x, y) counted from 1 is the unit square whose centre is (x - 0.5, y - 0.5).
    inside = {
        (x, y)
        for x in range(1, 20)
        for y in range(1, 20)
        if box[0] < x - 0.5 < box[2] and box[1] < y - 0.5 < box[3]
    }
    assert inside == counted
    assert (box[2] - box[0]) * (box[3] - box[1]) == len(counted)


def test_reading_the_data_room_does_not_import_torch():
    code = "import sys, fgnb.data; print('torch' in sys.modules, 'torchvision' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_real_cars(real_cars, smoke_preset):
    images = open_images("cars", data_root=real_cars, preset=smoke_preset)
    assert (len(images.classes), images.n_train, images.n_test) == (50, 1034, 1003)
    assert images.title == "Stanford Cars (50 of 196 classes, a split of its own)"
    assert images.pixels == "cropped to the box, at most 384 px, re-encoded"
    assert images.published == {"classes": 196, "train": 8144, "test": 8041}
    assert images.classes[:2] == ("AM General Hummer SUV 2000", "Acura RL Sedan 2012")
    assert (images.files[0], images.ids[0], images.labels[0]) == ("cars_train/00002.jpg", 2, 2)
    assert images.ids[~images.train].min() == 100_001
    for row in range(0, len(images), 211):  # cropped to their boxes
        assert images.boxes[row].tolist() == [0.0, 0.0, *load_rgb(images.path(row)).size]


def test_the_real_cars_match_the_declaration_that_is_kept_here(real_cars):
    report = verify(real_cars, "cars")
    kept = Path(cars.__file__).parent / "subsets" / "cars-first-50.json"
    declared = json.loads(kept.read_text())
    assert report.images_sha256 == declared["images_sha256"]
    assert (report.train, report.test) == (declared["train"], declared["test"])
    assert declared["classes"] == list(range(1, 51))
