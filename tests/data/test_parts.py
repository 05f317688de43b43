"""Head and body boxes of CUB's keypoints."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fgnb.data import BODY_PARTS, HEAD_PARTS, PART_NAMES, cub, part_boxes


def by_loop(points, visible, names):
    """The rule again, one keypoint at a time."""
    seen = []
    for name, (x, y), flag in zip(PART_NAMES, points, visible, strict=True):
        if name in names and flag:
            seen.append((float(x), float(y)))
    if len(seen) <= 2:
        return None
    xs, ys = zip(*seen, strict=True)
    return [min(xs), min(ys), max(xs), max(ys)]


def test_the_sets_of_keypoints():
    assert len(PART_NAMES) == 15
    assert set(HEAD_PARTS) | set(BODY_PARTS) == set(PART_NAMES)
    assert set(HEAD_PARTS) & set(BODY_PARTS) == {"throat"}


def test_a_bird_by_hand():
    points = np.zeros((15, 2))
    visible = np.zeros(15, dtype=bool)
    for name, xy in {"beak": (5, 9), "crown": (8, 2), "nape": (12, 4), "tail": (40, 30)}.items():
        points[PART_NAMES.index(name)] = xy
        visible[PART_NAMES.index(name)] = True
    boxes = part_boxes(points, visible)
    assert boxes["head"].tolist() == [5.0, 2.0, 12.0, 9.0]
    assert boxes["body"] is None


@pytest.mark.parametrize("part", ["head", "body"])
def test_two_visible_keypoints_are_missing_and_three_are_not(part):
    names = HEAD_PARTS if part == "head" else BODY_PARTS
    points = np.random.default_rng(0).uniform(0, 100, (15, 2))
    two = np.isin(PART_NAMES, names[:2])
    assert part_boxes(points, two)[part] is None
    three = np.isin(PART_NAMES, names[:3])
    assert part_boxes(points, three)[part].tolist() == by_loop(points, three, names)


def test_random_birds_against_the_loop_in_numpy_and_torch():
    rng = np.random.default_rng(1)
    for _ in range(50):
        points, visible = rng.uniform(0, 100, (15, 2)), rng.integers(0, 2, 15)
        boxes = part_boxes(points, visible)
        tensors = part_boxes(torch.from_numpy(points), torch.from_numpy(visible))
        for part, names in (("head", HEAD_PARTS), ("body", BODY_PARTS)):
            expected = by_loop(points, visible, names)
            assert (None if boxes[part] is None else boxes[part].tolist()) == expected
            assert (tensors[part] is None) == (expected is None)
            if expected is not None:
                assert isinstance(tensors[part], torch.Tensor)
                assert tensors[part].dtype == torch.float64
                assert tensors[part].tolist() == expected


def test_wrong_shapes_and_values_are_named():
    with pytest.raises(ValueError, match=r"points has shape \(14, 2\), needs \(15, 2\)"):
        part_boxes(np.zeros((14, 2)), np.ones(15))
    with pytest.raises(ValueError, match=r"visible has shape \(15, 1\), needs \(15,\)"):
        part_boxes(np.zeros((15, 2)), np.ones((15, 1)))
    with pytest.raises(ValueError, match="not finite"):
        part_boxes(np.full((15, 2), np.nan), np.ones(15))
    assert part_boxes(np.full((15, 2), np.nan), np.zeros(15)) == {"head": None, "body": None}


def test_the_real_birds(real_data):
    images = cub.load(real_data / "CUB_200_2011")
    missing = {"head": 0, "body": 0}
    shares = {"head": [], "body": []}
    for i in range(len(images)):
        x1, y1, x2, y2 = images.boxes[i]
        for part, box in part_boxes(images.parts[i], images.visible[i]).items():
            names = HEAD_PARTS if part == "head" else BODY_PARTS
            expected = by_loop(images.parts[i], images.visible[i], names)
            assert (None if box is None else box.tolist()) == expected
            if box is None:
                missing[part] += 1
            else:
                shares[part].append(
                    float((box[2] - box[0]) * (box[3] - box[1]) / ((x2 - x1) * (y2 - y1)))
                )
    assert missing == {"head": 2, "body": 50}
    assert 0.03 < np.median(shares["head"]) < 0.07  # 4.9 % on all 11,788 images
    assert 0.33 < np.median(shares["body"]) < 0.50  # 40.7 %
