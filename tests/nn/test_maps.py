"""Cached maps: those of the network itself, plain and flipped, rebuilt when damaged."""

import numpy as np
import pytest
import torch

from fgnb.data import DataError, cub, load_rgb
from fgnb.data.transforms import eval_transform
from fgnb.nn.maps import batches, seeded_backbone, trunk_maps
from fgnb.nn.weights import weights_info


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=2, train=3, test=1, size=40), name="drawn")


def make(images, root, **changes):
    settings = {"size": 32, "seed": 1, "threads": 1, "root": root} | changes
    return trunk_maps(images, "resnet18", "random", **settings)


def test_maps_are_the_trunks_picture_by_picture(images, tmp_path):
    cached = make(images, tmp_path / "runs")
    backbone = seeded_backbone("resnet18", "random", cut=16, seed=1)
    transform = eval_transform(32, weights_info("resnet18", "random"))
    assert cached.maps.shape == (8, 2, 256, 2, 2)
    assert cached.features.shape == (8, 512)
    for row in range(len(images)):
        picture = transform(load_rgb(images.path(row)))[None]
        with torch.inference_mode():
            plain, flipped = backbone.trunk(picture), backbone.trunk(picture.flip(-1))
            pooled = backbone.tail(plain).mean((2, 3))
        np.testing.assert_allclose(cached.maps[row, 0], plain[0], atol=1e-5)
        np.testing.assert_allclose(cached.features[row], pooled[0], atol=1e-5)
        expected = flipped[0] if images.train[row] else torch.zeros_like(flipped[0])
        np.testing.assert_allclose(cached.maps[row, 1], expected, atol=1e-5)


def test_a_second_call_reads_and_a_damaged_one_is_made_again(images, tmp_path):
    first = make(images, tmp_path)
    (folder,) = [p for p in (tmp_path / "maps").iterdir() if p.is_dir()]
    before = (folder / "features.npy").stat().st_mtime_ns
    make(images, tmp_path)
    assert (folder / "features.npy").stat().st_mtime_ns == before
    (folder / "features.npy").write_bytes(b"cut short")
    np.testing.assert_array_equal(make(images, tmp_path).features, first.features)


def test_another_seed_size_or_weights_are_other_maps(images, tmp_path):
    make(images, tmp_path)
    make(images, tmp_path, seed=2)
    make(images, tmp_path, size=48)
    assert len([p for p in (tmp_path / "maps").iterdir() if p.is_dir()]) == 3


def test_features_alone_take_no_room_for_maps(images, tmp_path):
    cached = make(images, tmp_path, keep_maps=False)
    assert cached.maps.size == 0
    assert cached.features.shape == (8, 512)


def test_a_damaged_picture_is_named_and_nothing_is_kept(images, tmp_path):
    path = images.path(5)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=path.name):
        make(images, tmp_path)
    assert not [p for p in (tmp_path / "maps").iterdir() if p.is_dir()]


def test_batches_come_in_order_whatever_their_size(images):
    transform = eval_transform(32, weights_info("resnet18", "random"))
    rows = np.array([6, 1, 3, 0, 7])
    starts, parts = zip(*batches(images, transform, 2, rows), strict=True)
    assert starts == (0, 2, 4)
    expected = torch.stack([transform(load_rgb(images.path(int(row)))) for row in rows])
    assert torch.equal(torch.cat(parts), expected)


@pytest.mark.parametrize("cores", [1, 2, 16])
def test_pictures_come_in_order_whatever_reads_them(images, monkeypatch, cores):
    monkeypatch.setattr("fgnb.nn.maps.joblib.cpu_count", lambda: cores)
    transform = eval_transform(32, weights_info("resnet18", "random"))
    rows = np.array([5, 0, 3, 7, 1])
    found = list(batches(images, transform, 2, rows))
    assert [start for start, _ in found] == [0, 2, 4]
    expected = torch.stack([transform(load_rgb(images.path(int(row)))) for row in rows])
    assert torch.cat([batch for _, batch in found]).equal(expected)
    assert list(batches(images, transform, 2, rows[:0])) == []
