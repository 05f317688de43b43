"""The layout of FGVC-Aircraft: what is read, and what each fault says."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fgnb.data import DataError, aircraft, load_rgb, open_images, verify

TEXTS = (aircraft.VARIANTS, *aircraft.SPLITS.values())
VARIANTS = ["A 300", "707-320", "F/A-18"]
TRAIN = {"0034309": "F/A-18", "1025794": "A 300", "0000007": "707-320", "1340192": "A 300"}
TEST = {"1514522": "707-320", "0747566": "F/A-18", "1008575": "A 300"}


@pytest.fixture
def write_aircraft(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes seven little pictures in the layout of FGVC-Aircraft."""

    def write(*, drawn: bool = False) -> Path:
        root = tmp_path / "fgvc-aircraft-2013b"
        (root / "data" / "images").mkdir(parents=True)
        rng = np.random.default_rng(0)
        train = {**TRAIN, "0000008": "F/A-18", "0000009": "707-320"} if drawn else TRAIN
        for number, image in enumerate({**train, **TEST}):
            pixels = rng.integers(0, 256, (24, 30 + number, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "data" / "images" / f"{image}.jpg")
        for name, listed in (("trainval", train), ("test", TEST)):
            lines = [f"{image} {variant}\n" for image, variant in listed.items()]
            (root / "data" / f"images_variant_{name}.txt").write_text("".join(lines))
        (root / "data" / "variants.txt").write_text("".join(f"{name}\n" for name in VARIANTS))
        boxes = [f"{image} 2 3 {10 + i} 20\n" for i, image in enumerate({**train, **TEST})]
        (root / "data" / "images_box.txt").write_text("".join(boxes[::-1]))
        if drawn:
            spec = {"kind": "aircraft", "species": 3, "train_per_class": 2, "test_per_class": 1}
            (root / "drawn.json").write_text(json.dumps({"spec": spec}))
        return root

    return write


def change_line(path: Path, number: int, text: str) -> None:
    lines = path.read_text().splitlines()
    lines[number - 1] = text
    path.write_text("\n".join(lines) + "\n")


def test_trainval_comes_first_each_part_in_the_order_of_its_file(write_aircraft):
    root = write_aircraft(drawn=True)
    images = aircraft.load(root)
    assert (images.name, images.layout, images.protocol) == ("aircraft", "aircraft", "drawn")
    assert images.title == "drawn aircraft (3 classes)"
    assert (images.n_train, images.n_test) == (6, 3)
    listed = [*TRAIN.items(), ("0000008", "F/A-18"), ("0000009", "707-320"), *TEST.items()]
    for row, (image, variant) in enumerate(listed):
        assert images.files[row] == f"{image}.jpg"
        assert images.ids[row] == int(image)
        assert images.classes[images.labels[row]] == variant
        assert images.train[row] == (row < 6)
        assert images.path(row) == root / "data" / "images" / f"{image}.jpg"
        assert load_rgb(images.path(row)).size == (30 + row, 24)
        assert images.boxes[row].tolist() == [1.0, 2.0, 10.0 + row, 20.0]
    assert images.classes == tuple(VARIANTS)
    assert images.parts.shape == (9, 0, 2)
    assert images.visible.shape == (9, 0)


def test_torchvision_reads_the_same_pictures_with_the_same_classes(write_aircraft):
    from torchvision.datasets import FGVCAircraft

    images = aircraft.load(write_aircraft(drawn=True))
    start = 0
    for split in ("trainval", "test"):
        theirs = FGVCAircraft(images.root.parent, split=split, annotation_level="variant")
        assert theirs.classes == list(images.classes)
        for row, (picture, label) in enumerate(theirs, start=start):
            assert label == images.labels[row]
            assert np.array_equal(np.asarray(picture), np.asarray(load_rgb(images.path(row))))
        start += len(theirs)
    assert start == len(images)


def test_the_folder_itself_or_the_one_above_it_is_found(write_aircraft, tmp_path, smoke_preset):
    root = write_aircraft(drawn=True)
    assert aircraft.find(root.parent) == root
    assert len(open_images("aircraft", data_root=root.parent, preset=smoke_preset)) == 9
    report = verify(root, "aircraft", decode=True)
    assert (report.protocol, report.train, report.test, report.decoded) == ("drawn", 6, 3, 9)
    with pytest.raises(DataError, match=r"no FGVC-Aircraft .*d4acdd33327262359767eeaa97a4f732"):
        aircraft.find(tmp_path / "elsewhere")
    root.rename(tmp_path / "aircraft")
    with pytest.raises(DataError, match="not named fgvc-aircraft-2013b"):
        aircraft.load(aircraft.find(tmp_path / "aircraft"))


@pytest.mark.parametrize("name", [*aircraft.FILES, "data/images/"])
def test_a_missing_file_or_folder_is_named(write_aircraft, name):
    root = write_aircraft()
    (root / name).rename(root / "away")
    with pytest.raises(DataError, match=rf"lacks {name}: .*d4acdd33327262359767eeaa97a4f732"):
        aircraft.load(root)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("variants.txt", "A 300", "the variant stands twice"),
        ("variants.txt", "", "the name is empty"),
        ("images_variant_trainval.txt", "1025794", "has no such variant"),
        ("images_variant_trainval.txt", "1025794 A 301", "has no such variant"),
        ("images_variant_trainval.txt", "", "not a number"),
        ("images_variant_trainval.txt", "../../1025794 A 300", "not a number"),
        ("images_variant_trainval.txt", "/etc/passwd A 300", "not a number"),
        ("images_variant_trainval.txt", "0034309 A 300", "stands in images_variant_trainval.txt"),
        ("images_variant_test.txt", "34309 A 300", "stands in images_variant_trainval.txt"),
        ("images_box.txt", "0747566 2 3 4", "not enough values"),
        ("images_box.txt", "0747566 0 3 10 20", "counted from 1"),
        ("images_box.txt", "0747566 5 3 4 20", "the maximum is below the minimum"),
        ("images_box.txt", "0747566 5 3 inf 20", "not finite"),
        ("images_box.txt", "1008575 2 3 10 20", "stands twice"),
    ],
)
def test_a_malformed_line_is_named_with_file_and_number(write_aircraft, name, text, why):
    root = write_aircraft()
    change_line(root / "data" / name, 2, text)
    with pytest.raises(DataError, match="line 2: ") as caught:
        aircraft.load(root)
    assert str(root / "data" / name) in str(caught.value)
    assert why in str(caught.value)


def test_images_without_box_or_file_are_counted_and_the_first_named(write_aircraft):
    root = write_aircraft()
    (root / "data" / "images" / "0747566.jpg").unlink()
    with pytest.raises(DataError, match=r"1 of the 7 images .*0747566.jpg\. Put it back"):
        aircraft.load(root)
    change_line(root / "data" / "images_box.txt", 2, "1 1 1 9 9")  # other images may have boxes
    with pytest.raises(DataError, match=r"no line for 1 of the 7 images.* image 747566"):
        aircraft.load(root)


def test_empty_or_unreadable_text_is_refused(write_aircraft):
    root = write_aircraft()
    for name in aircraft.SPLITS.values():
        whole = (root / name).read_bytes()
        (root / name).write_bytes(b"\n")
        with pytest.raises(DataError, match=f"{name} is empty"):
            aircraft.load(root)
        (root / name).write_bytes(b"1 \xff\xfe\n")
        with pytest.raises(DataError, match=f"{name} is not UTF-8"):
            aircraft.load(root)
        (root / name).write_bytes(whole)


@pytest.mark.parametrize("mark", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("blanks", ["", " \t"])
def test_a_set_in_the_layout_of_aircraft_is_the_same_in_every_form(
    write_aircraft, mark, end, blanks
):
    root = write_aircraft(drawn=True)
    plain = aircraft.load(root)
    for name in (*TEXTS, aircraft.BOXES, "drawn.json"):
        text = (root / name).read_text()
        ended = "".join(f"{line}{blanks}{end}" for line in text.splitlines())
        (root / name).write_bytes(codecs.BOM_UTF8 * mark + f"{ended}{end}".encode())
    assert aircraft.load(root).fingerprint == plain.fingerprint


def test_variants_are_known_in_either_unicode_form(write_aircraft):
    root = write_aircraft(drawn=True)
    composed, apart = "F\u00e9nec", "Fe\u0301nec"
    for name, spelt in zip(TEXTS, (composed, apart, apart), strict=True):
        text = (root / name).read_text(encoding="utf-8").replace("F/A-18", spelt)
        (root / name).write_text(text, encoding="utf-8")
    images = aircraft.load(root)
    assert images.classes == ("A 300", "707-320", composed)
    assert images.n_test == 3


def test_the_levels_are_those_with_a_file_from_finer_to_coarser(write_aircraft):
    root = write_aircraft()
    assert aircraft.levels(root) == ("variant",)
    (root / "data" / "manufacturers.txt").write_text("Airbus\n")
    (root / "data" / "families.txt").write_text("A300\n")
    assert aircraft.levels(root) == ("variant", "family", "manufacturer")


def test_a_part_must_be_declared(write_aircraft):
    root = write_aircraft(drawn=True)
    (root / "drawn.json").unlink()
    with pytest.raises(DataError, match="FGVC-Aircraft has 100 classes, 6667 training") as caught:
        aircraft.load(root)
    sha = str(caught.value).split('"images_sha256": "')[1][:64]
    declared = {"of": "FGVC-Aircraft", "classes": [1, 2, 3], "split": "official"}
    declared |= {"train": 6, "test": 3, "images_sha256": sha}
    (root / "subset.json").write_text(json.dumps(declared))
    images = aircraft.load(root)
    assert images.title == "FGVC-Aircraft (3 of 100 classes)"
    assert images.published == {"classes": 100, "train": 6667, "test": 3333}
    (root / "subset.json").write_text(json.dumps({**declared, "classes": [1, 2, 4]}))
    with pytest.raises(DataError, match=r"without images: \[4\], not declared: \[3\]"):
        aircraft.load(root)
