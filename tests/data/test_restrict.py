"""Some classes of a set as a set of its own: which are meant, and what comes out."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fgnb.data import ImageSet, cub, open_images, restrict
from fgnb.data.imageset import Whole

FIELDS = ("ids", "labels", "class_ids", "train", "boxes", "parts", "visible")


def same(one: ImageSet, other: ImageSet) -> bool:
    """Whether two sets hold the same images with the same annotations."""
    arrays = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in FIELDS)
    return arrays and (one.files, one.classes) == (other.files, other.classes)


def cut(root: Path, keep: set[int]) -> None:
    """Take every class but those of `keep` out of a folder in the layout of CUB."""
    labels = [line.split() for line in (root / "image_class_labels.txt").read_text().splitlines()]
    kept = {image for image, label in labels if int(label) in keep}
    for name in cub.FILES:
        if name == "parts/parts.txt":
            continue
        ids = {str(c) for c in keep} if name == "classes.txt" else kept
        lines = (root / name).read_text().splitlines()
        left = [line for line in lines if line.split()[0] in ids]
        (root / name).write_text("\n".join(left) + "\n")
    note = json.loads((root / "drawn.json").read_text())
    note["spec"]["species"] = len(keep)
    (root / "drawn.json").write_text(json.dumps(note))


def test_a_part_is_what_a_folder_of_these_classes_gives(write_cub):
    root = write_cub(classes=6)
    part = restrict(cub.load(root), "5,2-3")
    cut(root, {2, 3, 5})
    alone = cub.load(root)
    assert same(part, alone)
    assert part.fingerprint == alone.fingerprint
    assert (part.protocol, alone.protocol) == ("drawn", "drawn")
    assert (part.title, part.restriction) == ("drawn birds (classes 2 to 3 and 5 of 6)", "2-3,5")
    assert (alone.title, alone.restriction) == ("drawn birds (3 classes)", "")
    assert part.path(0).is_file()
    assert np.array_equal(part.held_out(3), alone.held_out(3))


@pytest.fixture(scope="module")
def seven(tmp_path_factory) -> ImageSet:
    """Seven classes with ids that have gaps and names of every kind, three images each."""
    ids = np.array([1, 2, 3, 5, 6, 7, 320])
    names = ("001.Auk", "002.Gull", "003.Gull", "005.Tit, blue", "006.blue", "7-3", "320.7")
    root = tmp_path_factory.mktemp("seven")
    files = tuple(f"{n:02d}.jpg" for n in range(21))
    for name in files:
        (root / name).write_bytes(name.encode())
    return ImageSet(
        name="cub",
        title="CUB-200-2011 (7 of 200 classes)",
        layout="cub",
        root=root,
        folder="",
        files=files,
        ids=np.arange(21) + 1,
        labels=np.arange(21) % 7,
        classes=names,
        class_ids=ids,
        train=np.arange(21) < 14,
        boxes=np.ones((21, 4), np.float32),
        parts=np.zeros((21, 0, 2), np.float32),
        visible=np.zeros((21, 0), bool),
        protocol="subset",
        fingerprint="f" * 64,
        published={"classes": 200},
        pixels="original",
        whole=Whole("CUB-200-2011", 200, "a split of its own"),
    )


@pytest.mark.parametrize(
    ("classes", "ids"),
    [
        ("1-3", [1, 2, 3]),
        (" 5 , 1 - 2 ", [1, 2, 5]),
        ("1\u20133", [1, 2, 3]),
        ("5-7,320", [5, 6, 7, 320]),
        ("Auk, 006.blue", [1, 6]),
        ("001.Auk,320.7", [1, 320]),
        ("1,Tit, blue", [1, 5]),  # the longest name that fits
        ("blue,1", [1, 6]),
        ("7-3,1", [1, 7]),  # no range runs backwards, but a class bears the name
        ("7,320", [7, 320]),  # the class behind whose number stands 7 is not meant
    ],
)
def test_classes_are_given_by_id_or_name(seven, classes, ids):
    part = restrict(seven, classes)
    assert part.class_ids.tolist() == ids
    assert part.classes == tuple(
        name for name, n in zip(seven.classes, seven.class_ids, strict=True) if n in ids
    )


@pytest.mark.parametrize(
    ("classes", "why"),
    [
        ("1-4", r"has no class 4; its ids are 1-3,5-7,320"),
        ("0-2", "has no class 0"),
        ("1-99999", "has no class 4"),
        ("1,99999999999", "has no class '99999999999'"),
        ("3-1", "the range 3-1 runs backwards, needs 1-3"),
        ("1-3,2", "class 2 is given twice"),
        ("1-3,3-5", "has no class 4"),
        ("1-3,2-3", "class 2 is given twice"),
        ("1,Auk", "class 1 is given twice"),
        ("1,Gull", "'Gull' names 2 classes; give their numbers"),
        ("1,Tit", "has no class 'Tit'"),
        ("1,auk", "has no class 'auk'; did you mean 'Auk'"),
        ("1,,2", "nothing stands before or behind a comma"),
        ("1-2,", "nothing stands before or behind a comma"),
        ("-3", "has no class '-3'"),
        ("6", "one class of .*at least two"),
    ],
)
def test_what_is_no_class_is_refused_in_one_line(seven, classes, why):
    with pytest.raises(ValueError, match=why) as caught:
        restrict(seven, classes)
    assert str(caught.value).startswith(f"classes is {classes!r}")
    assert "\n" not in str(caught.value)


def test_classes_without_a_test_image_are_refused(seven):
    lacking = replace(seven, train=seven.train | (seven.labels < 2))
    with pytest.raises(ValueError, match=r"classes is '1-2': .* holds no test image"):
        restrict(lacking, "1-2")


def test_what_is_no_text_is_refused(seven):
    with pytest.raises(ValueError, match=r"classes is 7 \(int\), needs text such as '1-40'"):
        restrict(seven, 7)


def test_all_classes_are_the_set_itself(seven):
    assert restrict(seven, "") is seven
    assert restrict(seven, "  ") is seven
    assert restrict(seven, "1-3,5-7,320") is seven


def test_a_part_says_which_one_it_is(seven):
    official = replace(seven, protocol="official", title="CUB-200-2011")
    part = restrict(official, "1-2,7")
    assert part.protocol == "subset"
    assert part.title == "CUB-200-2011 (classes 1 to 2 and 7 of 200, a split of its own)"
    assert (part.published, part.pixels, part.name) == ({"classes": 200}, "original", "cub")
    unknown = restrict(replace(seven, whole=None, title="mine"), "1-2")
    assert unknown.title == "mine (classes 1 to 2 of 7)"
    many = restrict(official, "1,3,5,7,320")
    assert many.title == "CUB-200-2011 (5 of 200 classes, chosen by number, a split of its own)"
    assert many.restriction == "1,3,5,7,320"


FORMS = {
    "id": lambda n, name: str(n),
    "name": lambda n, name: name,
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_part_is_the_images_of_its_classes(seven, data):
    known = list(zip(seven.class_ids.tolist(), seven.classes, strict=True))
    chosen = data.draw(st.lists(st.sampled_from(known), min_size=2, max_size=5, unique=True))
    words = [FORMS[data.draw(st.sampled_from(sorted(FORMS)))](*one) for one in chosen]
    part = restrict(seven, ",".join(words))
    ids = sorted(n for n, _ in chosen)
    rows = [row for row in range(21) if seven.class_ids[seven.labels[row]] in ids]
    assert part.class_ids.tolist() == ids
    assert part.ids.tolist() == seven.ids[rows].tolist()
    assert part.files == tuple(seven.files[row] for row in rows)
    assert [ids[label] for label in part.labels] == [
        seven.class_ids[seven.labels[row]] for row in rows
    ]
    assert part.train.tolist() == seven.train[rows].tolist()
    if 320 not in ids:
        again = restrict(restrict(seven, "1-3,5-7"), part.restriction)
        assert same(again, part)
        assert again.fingerprint == part.fingerprint


def test_the_door_restricts_any_set(write_cub, smoke_preset, tmp_path):
    root = write_cub()
    given = {"data_root": root, "preset": smoke_preset}
    assert open_images("cub", **given, classes="1,3").class_ids.tolist() == [1, 3]
    drawn = open_images("drawn", data_root=tmp_path, preset=smoke_preset, classes="2-3")
    assert (drawn.name, len(drawn.classes), drawn.protocol) == ("drawn", 2, "drawn")


def test_the_first_40_birds_of_the_whole_set_are_the_folder_of_40(real_data, smoke_preset):
    whole = os.environ.get("FGNB_WHOLE_CUB", "")
    if not whole:
        pytest.skip("FGNB_WHOLE_CUB is not set: it names the folder of the whole CUB_200_2011/")
    folder = open_images("cub", data_root=real_data, preset=smoke_preset)
    part = open_images("cub", data_root=whole, preset=smoke_preset, classes="1-40")
    assert same(folder, part)
