"""From a picture to an input: the arithmetic, the geometry, and where chance comes from."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from fgnb.data.frame import KINDS, Frame
from fgnb.data.transforms import eval_transform, normalise, to_input, train_transform

LITE = SimpleNamespace(mean=(127 / 255,) * 3, std=(128 / 255,) * 3, interpolation="bicubic")
PLAIN = SimpleNamespace(mean=(0.0,) * 3, std=(1.0,) * 3, interpolation="bilinear")


def ramp(width: int, height: int) -> Image.Image:
    """Red is the column, green the row, blue zero."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[..., 0] = np.arange(width)
    pixels[..., 1] = np.arange(height)[:, None]
    return Image.fromarray(pixels)


def test_normalise_is_x_minus_127_over_128():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    result = normalise(Image.fromarray(pixels), LITE.mean, LITE.std)
    assert type(result) is torch.Tensor
    assert result.dtype == torch.float32
    expected = torch.from_numpy((pixels.astype(np.float64) - 127) / 128).permute(2, 0, 1)
    torch.testing.assert_close(result.double(), expected, atol=1e-6, rtol=0)


def test_to_input_resizes_the_whole_picture_as_pil_does():
    picture = Image.fromarray(
        np.random.default_rng(1).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    )
    result = to_input(picture, 16, PLAIN.mean, PLAIN.std, "bicubic")
    by_hand = np.asarray(picture.resize((16, 16), Image.Resampling.BICUBIC)) / 255
    np.testing.assert_allclose(result.permute(1, 2, 0).numpy(), by_hand, atol=1e-6)


def test_the_centre_is_cropped_from_the_resized_shorter_side():
    result = eval_transform(20, PLAIN, frame=Frame("crop", 0.5))(ramp(80, 40)) * 255
    assert result.shape == (3, 20, 20)
    assert result[0, 0].round().tolist() == list(range(30, 50))
    assert result[1, :, 0].round().tolist() == list(range(10, 30))
    mirrored = eval_transform(20, PLAIN, frame=Frame("crop", 0.5), flip=True)(ramp(80, 40)) * 255
    assert torch.equal(mirrored, result.flip(2))


def test_a_ratio_of_one_keeps_the_whole_of_a_square():
    whole = eval_transform(20, PLAIN, frame=Frame("crop", 1.0))(ramp(20, 20))
    assert torch.equal(whole, normalise(ramp(20, 20), PLAIN.mean, PLAIN.std))


@pytest.mark.parametrize("size", [(10, 200), (200, 10), (224, 224), (1, 1)])
def test_any_shape_of_picture_gives_the_same_shape_of_input(size):
    picture = Image.new("RGB", size)
    assert eval_transform(64, LITE)(picture).shape == (3, 64, 64)
    assert train_transform(64, LITE)(picture, seed=(0, 0, 0)).shape == (3, 64, 64)


@pytest.mark.parametrize("size", [(4000, 2), (1, 20000), (60000, 1), (9, 200)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_too_thin_is_refused_before_it_is_resized(size, kind):
    picture, frame = Image.new("RGB", size), Frame(kind)
    message = f"the picture is {size[0]} x {size[1]} pixels"
    with pytest.raises(ValueError, match=message):
        eval_transform(64, LITE, frame=frame)(picture)
    with pytest.raises(ValueError, match=message):
        train_transform(64, LITE, frame=frame)(picture, seed=(0, 0, 0))


def test_random_crops_are_a_function_of_the_seed_alone():
    transform = train_transform(16, PLAIN, frame=Frame("crop", 0.5))
    first = transform(ramp(64, 32), seed=(3, 1, 7))
    torch.manual_seed(99)
    np.random.seed(99)
    assert torch.equal(transform(ramp(64, 32), seed=(3, 1, 7)), first)
    others = [(4, 1, 7), (3, 2, 7), (3, 1, 8)]
    assert all(not torch.equal(transform(ramp(64, 32), seed=s), first) for s in others)


def test_random_crops_reach_every_place_and_half_are_mirrored():
    transform = train_transform(16, PLAIN, frame=Frame("crop", 0.8))
    views = [transform(ramp(22, 20), seed=(0, 0, i)) * 255 for i in range(400)]
    mirrored = [bool(v[0, 0, 0] > v[0, 0, -1]) for v in views]
    assert 150 < sum(mirrored) < 250
    assert {round(v[0, 0].min().item()) for v in views} == set(range(7))
    assert {round(v[1, :, 0].min().item()) for v in views} == set(range(5))
    unflipped = train_transform(16, PLAIN, frame=Frame("crop", 0.8), flip=False)
    views = [unflipped(ramp(22, 20), seed=(0, 0, i)) for i in range(50)]
    assert all(v[0, 0, 0] < v[0, 0, -1] for v in views)


def test_arguments_out_of_range_are_named():
    with pytest.raises(ValueError, match=r"crop_ratio is 1\.5"):
        eval_transform(16, PLAIN, frame=Frame("crop", 1.5))
    with pytest.raises(ValueError, match="size is 0"):
        train_transform(0, PLAIN)
    odd = SimpleNamespace(mean=PLAIN.mean, std=PLAIN.std, interpolation="cubic")
    with pytest.raises(ValueError, match="interpolation is 'cubic', needs bicubic"):
        eval_transform(16, odd)
    with pytest.raises(ValueError, match="size is -1"):
        to_input(ramp(4, 4), -1, PLAIN.mean, PLAIN.std)


@pytest.mark.parametrize("kind", ["crop", "square", "resize-600-crop"])
def test_where_a_training_crop_lies_to_the_centres(kind):
    """A grey ramp tells of each pixel where it was: along x in one picture, along y in another."""
    width, height, size = 90, 60, 32
    frame = Frame(kind, 0.7)
    info = SimpleNamespace(mean=(0.0,) * 3, std=(1.0,) * 3, interpolation="bilinear")
    ramps = {
        0: np.repeat(np.linspace(0, 255, width)[None], height, 0),
        1: np.repeat(np.linspace(0, 255, height)[:, None], width, 1),
    }
    train, centre = (
        train_transform(size, info, frame=frame),
        eval_transform(size, info, frame=frame),
    )
    for seed in range(6):
        *moved, mirrored = train.moved((width, height), seed=(seed, 0, 0))
        for axis, ramp in ramps.items():
            picture = Image.fromarray(ramp.round().astype(np.uint8)).convert("RGB")
            line = train(picture, seed=(seed, 0, 0))[0].double().mean(axis)
            line = line.flip(0) if mirrored and axis == 0 else line
            plain = centre(picture)[0].double().mean(axis)
            step = float(plain[1:].diff().mean())
            inner = slice(4, -4)
            found = float((line - plain)[inner].mean()) / step
            assert found == pytest.approx(moved[axis], abs=0.35)
