"""Boxes of head and body at keypoints, and the crops as an image set."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fgnb import data, pose, presets
from fgnb.data import PART_NAMES, part_boxes
from fgnb.pose.part_crops import LEAST, crops

EVERY = np.ones(15, bool)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    scale = presets.get("smoke", species=3, families=1, train_per_class=3, test_per_class=2)
    return data.open_images("drawn", data_root=tmp_path_factory.mktemp("data"), preset=scale)


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_box_is_part_rcnns_in_whole_pixels(part):
    points = np.random.default_rng(0).uniform(50, 350, (40, 15, 2))
    found = pose.crop_boxes(points, np.full((40, 2), 400), part)
    for own, xy in zip(found, points, strict=True):
        box = part_boxes(xy, EVERY)[part]
        assert own.tolist() == [*np.floor(box[:2]), *np.ceil(box[2:])]


def test_a_margin_is_a_share_of_the_boxs_own_side():
    points = np.full((1, 15, 2), 150.0)
    points[0, PART_NAMES.index("beak")] = [100, 120]
    points[0, PART_NAMES.index("crown")] = [200, 160]
    (tight,) = pose.crop_boxes(points, [[400, 400]], "head")
    (wide,) = pose.crop_boxes(points, [[400, 400]], "head", 0.1)
    assert tight.tolist() == [100, 120, 200, 160]
    assert wide.tolist() == [90, 116, 210, 164]


def test_keypoints_that_coincide_get_a_least_box_inside_the_picture():
    points = np.full((3, 15, 2), 5.0)
    points[1], points[2] = 395.0, 200.0
    found = pose.crop_boxes(points, [[400, 300]] * 3, "head")
    size = found[:, 2:] - found[:, :2]
    assert (size >= LEAST).all()
    assert (found[:, :2] >= 0).all()
    assert (found[:, 2:] <= [400, 300]).all()
    assert found[0].tolist() == [0, 0, 16, 16]
    assert found[1].tolist() == [384, 284, 400, 300]
    assert found[2].tolist() == [192, 192, 208, 208]
    assert pose.crop_boxes(points[:1], [[9, 7]], "body").tolist() == [[0, 0, 9, 7]]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"part": "tail"}, "part is 'tail'; it is one of head, body"),
        ({"margin": -0.1}, "margin is -0.1, needs a finite number of at least 0"),
        ({"points": np.zeros((2, 14, 2))}, r"shapes \(2, 14, 2\) and \(1, 2\), need"),
        ({"points": np.full((1, 15, 2), np.nan)}, "a keypoint of the head that is not finite"),
    ],
)
def test_boxes_refuse(changed, words):
    usual = {"points": np.zeros((1, 15, 2)), "sizes": [[9, 9]], "part": "head"}
    with pytest.raises(ValueError, match=words):
        pose.crop_boxes(**usual | changed)


def test_crops_are_the_pictures_own_pixels(images):
    middle = (images.boxes[:, None, :2] + images.boxes[:, None, 2:]) / 2  # of what is hidden
    points = np.where(images.visible[..., None], images.parts, middle)
    found = crops(images, lambda: points, "made up", part="body")
    sizes = [Image.open(images.path(row)).size for row in range(len(images))]
    boxes = pose.crop_boxes(points, sizes, "body")
    assert (boxes[:, :2] > 0).any()
    for row, box in enumerate(boxes):
        whole = np.asarray(Image.open(images.path(row)).convert("RGB"))
        own = np.asarray(Image.open(found.path(row)))
        assert np.array_equal(own, whole[box[1] : box[3], box[0] : box[2]])
        assert found.boxes[row].tolist() == [0, 0, box[2] - box[0], box[3] - box[1]]
        for part in np.flatnonzero(found.visible[row]):
            np.testing.assert_allclose(found.parts[row, part] + box[:2], images.parts[row, part])
    inside = (images.parts >= boxes[:, None, :2]) & (images.parts < boxes[:, None, 2:])
    assert np.array_equal(found.visible, images.visible & inside.all(axis=2))
    assert found.visible.any()
    for same in ("ids", "labels", "train", "classes", "protocol"):
        assert np.array_equal(getattr(found, same), getattr(images, same)), same


def test_what_is_stored_is_found_and_each_choice_is_a_set_of_its_own(images):
    asked = []

    def points():
        asked.append(1)
        return images.parts

    first = crops(images, points, "true", part="head")
    assert crops(images, points, "true", part="head").fingerprint == first.fingerprint
    assert len(asked) == 1
    others = [
        crops(images, points, "true", part="body"),
        crops(images, points, "true", part="head", margin=0.2),
        crops(images, points, "of another run", part="head"),
    ]
    assert len({first.fingerprint, images.fingerprint, *(o.fingerprint for o in others)}) == 5


def test_a_damaged_picture_is_named_and_leaves_nothing(images, tmp_path):
    name = images.files[4]
    bad = tmp_path / "set" / images.folder / name
    for file in images.files:
        other = tmp_path / "set" / images.folder / file
        other.parent.mkdir(parents=True, exist_ok=True)
        other.symlink_to(images.root / images.folder / file)
    bad.unlink()
    bad.write_bytes(b"no picture")
    broken = replace(images, root=tmp_path / "set")
    with pytest.raises(data.DataError, match=Path(name).name):
        crops(broken, lambda: images.parts, "true", part="head")
    kept = list((tmp_path / "runs" / "crops-of-parts").rglob("*.png"))
    assert not kept
