"""Features of boxes: each is what the network says of that crop alone, whatever the parts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fgnb import presets
from fgnb.data import cub, load_rgb
from fgnb.data.transforms import eval_transform
from fgnb.evidence import candidates as room
from fgnb.evidence.candidates import candidates
from fgnb.evidence.recipe import candidate_spec
from fgnb.nn.maps import seeded_backbone
from fgnb.nn.zoom import normalise


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=2, train=3, test=2, size=40))


@pytest.fixture
def spec(images):
    preset = presets.get("smoke", threads=1)
    return candidate_spec(preset, images, backbone="resnet18", weights="random", seed=5)


def test_whole_cells_and_boxes_by_hand(images, spec, tmp_path):
    found = candidates(images, "random", spec, tmp_path)
    assert found.regions.shape == (10, 16, 512)
    network = seeded_backbone("resnet18", "random", cut=1, seed=5).eval()
    for row in (0, 9):
        picture = load_rgb(images.path(row))
        whole = eval_transform(64, network.info, frame=spec.framing)(picture)[None]
        with torch.inference_mode():
            last = network(whole)[0]
        assert np.allclose(found.whole[row], last.mean(dim=(1, 2)), atol=1e-3)
        for cell in (0, 5, 15):  # four boxes see one cell of a 2 x 2 map
            y, x = divmod(cell, 4)
            assert np.allclose(found.cells[row, cell], last[:, y // 2, x // 2], atol=2e-2)
        framed = eval_transform(64, network.info, frame=spec.framing).framed(picture)
        source = torch.from_numpy(np.asarray(framed).transpose(2, 0, 1).copy())[None]
        x1, y1, x2, y2 = found.anchors.boxes[6].tolist()
        theta = torch.tensor([[[(x2 - x1) / 64, 0, (x1 + x2) / 64 - 1],
                               [0, (y2 - y1) / 64, (y1 + y2) / 64 - 1]]])  # fmt: skip
        grid = torch.nn.functional.affine_grid(theta, [1, 3, 32, 32], align_corners=False)
        crop = torch.nn.functional.grid_sample(
            source.float(), grid, padding_mode="border", align_corners=False
        )
        with torch.inference_mode():
            said = network(normalise(crop, network.info.mean, network.info.std)).mean(dim=(2, 3))[0]
        near = np.corrcoef(said, found.regions[row, 6].astype(float))[0, 1]
        others = [np.corrcoef(said, found.regions[row, k].astype(float))[0, 1] for k in range(16)]
        assert near > 0.97
        assert near == max(others), "the feature of another box is further away"


def test_parts_are_kept_by_themselves_and_change_nothing(images, spec, tmp_path, monkeypatch):
    at_once = candidates(images, "random", spec, tmp_path / "one")
    monkeypatch.setattr(room, "PART", 4)
    monkeypatch.setattr(room, "BATCH", 3)
    made, features = [], room._features

    def counted(images, network, spec, rows):
        made.append(rows)
        if len(made) == 3 and rows.start == 8:
            raise KeyboardInterrupt
        return features(images, network, spec, rows)

    monkeypatch.setattr(room, "_features", counted)
    with pytest.raises(KeyboardInterrupt):
        candidates(images, "random", spec, tmp_path / "two")
    in_parts = candidates(images, "random", spec, tmp_path / "two")
    assert [rows.start for rows in made] == [0, 4, 8, 8], "a stop costs one part"
    for name in ("whole", "cells", "regions"):
        one, two = (getattr(of, name).astype(float) for of in (at_once, in_parts))
        assert np.allclose(one, two, atol=2e-3)
    assert candidates(images, "random", spec, tmp_path / "two").seconds == in_parts.seconds
    assert len(made) == 4


def test_a_grid_that_does_not_divide_the_frame_is_said(spec):
    with pytest.raises(ValueError, match="cells is 7, needs a divisor of image_size, 64"):
        replace(spec, cells=7)


@pytest.mark.parametrize(
    ("preset", "protocol", "boxes"),
    [
        ("smoke", "drawn", 16),
        ("smoke", "subset", 16),
        ("demo", "drawn", 16),
        ("demo", "subset", 49),
        ("paper", "official", 49),
    ],
)
def test_there_are_at_most_49_boxes_and_no_two_alike(images, preset, protocol, boxes):
    spec = candidate_spec(presets.get(preset), replace(images, protocol=protocol))
    assert len(spec.anchors) == boxes
    assert len({tuple(box) for box in spec.anchors.boxes.tolist()}) == boxes
    assert spec.box_size == 160 * spec.image_size / 448
