"""The whole and its parts as one vector, against a loop; its halves balanced."""

import math

import numpy as np
import pytest
import torch

from fgnb.nn.backbones import create_backbone
from fgnb.pose import JointRepresentation, bilinear_pool, signed_sqrt_l2


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    return create_backbone("resnet18", "random", cut=8)


def joint(backbone, **changed):
    options = {"holistic": "pooled", "dim": 32, "parts": True, "map_stride": 16, "window": 3}
    options["form_stride"] = 16
    return JointRepresentation(backbone, **{**options, "seed": 0, **changed}).eval()


@pytest.fixture
def seen(backbone):
    torch.manual_seed(1)
    with torch.no_grad():
        inputs = backbone.trunk(torch.randn(2, 3, 96, 96))
    cells = torch.rand(2, 15, 2) * 5
    cells[0, 3] = math.nan
    return inputs, cells


def by_hand(fine, cells):
    """The mean over each window as a loop: ``[B, 15, D]``."""
    _, channels, height, width = fine.shape
    found = np.zeros((len(fine), 15, channels), np.float32)
    for b, image in enumerate(fine.numpy()):
        for p, (x, y) in enumerate(cells[b].numpy()):
            if not np.isfinite([x, y]).all():
                continue
            inside = [
                image[:, v, u]
                for v in range(round(y) - 1, round(y) + 2)
                for u in range(round(x) - 1, round(x) + 2)
                if 0 <= v < height and 0 <= u < width
            ]
            found[b, p] = np.mean(inside, axis=0)
    return found


@torch.no_grad()
def test_the_vector_is_the_whole_then_fifteen_parts(backbone, seen):
    inputs, cells = seen
    found = joint(backbone)(inputs, cells)
    maps = backbone.maps_above(inputs, (16, 32))
    whole = maps[32].mean((2, 3))
    parts = by_hand(maps[16], cells)
    assert found.shape == (2, 512 + 15 * 256)
    torch.testing.assert_close(found[:, :512], whole)
    np.testing.assert_allclose(found[:, 512:].reshape(2, 15, 256), parts, atol=1e-5)
    assert not found[0, 512 + 3 * 256 : 512 + 4 * 256].any(), "a part that lies nowhere"


@torch.no_grad()
def test_the_parts_stand_alone_where_there_is_no_whole(backbone, seen):
    own, both = joint(backbone, holistic="none"), joint(backbone)
    assert own.dims == (0, 15 * 256)
    torch.testing.assert_close(own(*seen), both(*seen)[:, 512:])
    own.balance(own(*seen), like=2.0)
    assert own(*seen).square().mean().sqrt().item() == pytest.approx(2.0, rel=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("form", ["bilinear", "random-maclaurin", "tensor-sketch"])
def test_a_bilinear_form_stands_for_the_whole(backbone, seen, form):
    inputs, cells = seen
    own = joint(backbone, holistic=form, parts=False)
    found = own(inputs, cells)
    fine = backbone.maps_above(inputs, (16,))[16]
    raw = bilinear_pool(fine) if form == "bilinear" else own.form(fine)
    torch.testing.assert_close(found, signed_sqrt_l2(raw))
    assert found.shape[1] == own.num_features == (256**2 if form == "bilinear" else 32)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))


@torch.no_grad()
def test_both_halves_get_one_size(backbone, seen):
    own = joint(backbone, holistic="random-maclaurin")
    before = own(*seen)
    own.balance(before, like=0.7)
    after = own(*seen)
    for half in (after[:, :32], after[:, 32:]):
        assert half.square().mean().sqrt().item() == pytest.approx(0.7, rel=1e-4)
    share = after / before.where(before != 0, torch.ones(()))
    for half in (share[:, :32], share[:, 32:]):
        assert half[half != 0].std() < 1e-4, "one number for each half"


def test_the_signs_are_saved_with_it(backbone):
    state = joint(backbone, holistic="random-maclaurin", seed=1).state_dict()
    other = joint(backbone, holistic="random-maclaurin", seed=2)
    assert not torch.equal(other.form.first, state["form.first"])
    other.load_state_dict(state)
    assert torch.equal(other.form.first, state["form.first"])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"holistic": "none", "parts": False}, "nothing is left to classify"),
        ({"holistic": "fc7"}, "holistic is 'fc7'; it is one of pooled, bilinear"),
        ({"map_stride": 4}, "map_stride is 4, needs at least 8, where the trunk is cut"),
        ({"form_stride": 4}, "form_stride is 4, needs at least 8, where the trunk is cut"),
        ({"holistic": "bilinear", "form_stride": 32}, "over 512 channels, 262,144 numbers"),
    ],
)
def test_it_refuses(backbone, changed, words, monkeypatch):
    monkeypatch.setattr("fgnb.pose.representation.MOST_NUMBERS", 100_000)
    with pytest.raises(ValueError, match=words):
        joint(backbone, **changed)
