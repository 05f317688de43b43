"""Prototypes, heat maps and gradients of frozen maps, on a made-up set with planted parts."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from fgnb import presets
from fgnb.data import cub
from fgnb.pose import coordinate_transfer
from fgnb.pose.correspondence import (
    correspondence,
    error_gradients,
    on_map,
    prototypes,
    windows,
)
from fgnb.pose.frozen import FrozenMaps

PARTS, SIDE = 4, 6


@pytest.fixture
def made():
    """Twelve images of two classes; part p has channel p high in its own cell, class in channel 4.

    Part 3 is visible in the first two images only, and part 2 lies outside in image 5.
    """
    rng = np.random.default_rng(0)
    n = 12
    labels = np.arange(n) % 2
    points = np.stack([rng.permutation(SIDE * SIDE)[:PARTS] for _ in range(n)])
    points = np.stack([points % SIDE, points // SIDE], axis=-1).astype(float)
    maps = 0.01 * rng.normal(size=(n, 5, SIDE, SIDE)).astype(np.float32)
    for i in range(n):
        for p, (x, y) in enumerate(points[i].astype(int)):
            maps[i, p, y, x] += 1
            maps[i, 4, y, x] += labels[i]
    points[2:, 3] = np.nan
    points[5, 2] = (20.0, 3.0)
    return SimpleNamespace(
        images=SimpleNamespace(labels=labels),
        points=points,
        taught=np.arange(8),
        asked=np.arange(8, n),
        maps=lambda rows: torch.from_numpy(maps[rows]),
        spec=SimpleNamespace(threads=1),
    )


def test_prototypes_are_means_over_what_is_seen(made):
    known = prototypes(made, 1)
    maps = made.maps(made.taught)
    torch.testing.assert_close(known.cells, maps.mean(dim=(0, 2, 3)))
    for p in range(PARTS):
        seen = []
        for i in made.taught:
            x, y = made.points[i, p]
            if x < SIDE:  # neither nan nor outside
                seen.append(maps[i, :, int(y), int(x)])
        assert len(seen) == (8, 8, 7, 2)[p]
        torch.testing.assert_close(known.parts[p], torch.stack(seen).mean(dim=0))


def test_heat_is_a_cosine_of_every_cell(made):
    known, maps = prototypes(made, 1), made.maps(made.asked)
    heat = known.heat(maps)
    assert heat.shape == (4, PARTS, SIDE, SIDE)
    one = functional.cosine_similarity(
        maps[2, :, 3, 4] - known.cells, known.parts[1] - known.cells, dim=0
    )
    torch.testing.assert_close(heat[2, 1, 3, 4], one)


def test_planted_parts_are_found_and_chance_is_counted(made):
    found = correspondence(made, 1)
    assert found["nearest"].tolist() == [1.0] * 4
    assert found["hit"].tolist() == [1.0] * 4
    assert found["nearest_chance"] == pytest.approx(1 / PARTS)
    assert found["hit_chance"] == pytest.approx(1 / SIDE**2)
    wide = correspondence(made, 3)["hit_chance"]
    for place, i in enumerate(made.asked):
        cells = []
        for x, y in made.points[i, :3]:
            cells.append(
                sum(0 <= x + a < SIDE and 0 <= y + b < SIDE for a in (-1, 0, 1) for b in (-1, 0, 1))
            )
        assert wide[place] == pytest.approx(np.mean(cells) / SIDE**2)


def test_points_that_lie_nowhere_are_not_on_the_map(made):
    points = torch.from_numpy(made.points)
    seen = on_map(points, made.maps(np.arange(12)), 3)
    assert seen[:2].all()
    assert not seen[2:, 3].any()
    assert not seen[5, 2]
    assert int((~seen).sum()) == 11


def test_windows_are_the_cells_that_a_loop_finds(made):
    points, maps = torch.from_numpy(made.points), made.maps(np.arange(12))
    found = windows(points, maps, 3)
    for i in range(12):
        for y in range(SIDE):
            for x in range(SIDE):
                near = np.abs(made.points[i] - (x, y)).max(axis=1) <= 1
                assert bool(found[i, y, x]) == bool(near.any())


def test_errors_flow_into_the_windows_alone_until_the_whole_is_joined(made):
    found = error_gradients(made, 3)
    assert (found.parts[~found.inside] == 0).all()
    assert (found.parts[found.inside] > 0).all()
    assert (found.joint > 0).all()
    arrays = found.arrays()
    assert arrays["inside_parts"] == pytest.approx(1.0)
    assert arrays["zero_outside"] == pytest.approx(1.0)
    assert arrays["area"] == pytest.approx(found.inside.double().mean(dim=(1, 2)).numpy())
    share = (found.joint * found.inside).sum(dim=(1, 2)) / found.joint.sum(dim=(1, 2))
    assert arrays["inside_joint"] == pytest.approx(share.numpy())
    assert (arrays["inside_joint"] < 1).all()


def test_cells_hold_the_framed_keypoints(write_cub):
    """A keypoint in the middle of a cell's pixels has that cell's whole number."""
    images = cub.load(write_cub(classes=2, train=3, test=1, size=64), name="drawn")
    scale = presets.get("smoke")
    made = FrozenMaps(images, scale, backbone="resnet18", weights="random", frame="square", seed=0)
    assert made.shape[1:] == (4, 4)
    sizes = np.array([Image.open(images.path(i)).size for i in range(len(images))])
    expected = images.parts * (scale.image_size / 16 / sizes[:, None]) - 0.5
    seen = images.visible
    np.testing.assert_allclose(made.points[seen], expected[seen], atol=1e-5)
    assert np.isnan(made.points[~seen]).all()
    assert made.maps(made.asked).shape == (2, *made.shape)
    pooled = coordinate_transfer(made.maps(made.asked), made.points[made.asked])
    assert pooled.shape == (2, 15, made.shape[0])
