"""The network: VGG's layers as convolutions, sizes of maps, fused levels, fixed features."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fgnb.nn.backbones import create_backbone
from fgnb.nn.cost import META, meta_backbone
from fgnb.pose.grids import LEVELS, grid_of
from fgnb.pose.localiser import (
    KeypointHead,
    Localiser,
    convolutional,
    load_fc_layers,
)

GIVEN = {"channels": 8, "kernel": 1, "prior": 0.01}


def model_of(grid, name="resnet18", cut=8, **changed):
    torch.manual_seed(0)
    return Localiser(create_backbone(name, "random", cut=cut), grid, **GIVEN | changed).eval()


def test_a_fully_connected_layer_is_a_convolution_over_its_own_map_and_any_larger_one():
    draw = torch.Generator().manual_seed(0)
    fc, maps = nn.Linear(3 * 49, 5), torch.randn(2, 3, 10, 9, generator=draw)
    weight = convolutional(fc.weight, 7)
    found = functional.conv2d(maps, weight, fc.bias)
    assert found.shape == (2, 5, 4, 3)
    for row in range(4):
        for column in range(3):
            window = maps[:, :, row : row + 7, column : column + 7]
            expected = fc(window.flatten(1))
            assert torch.allclose(found[:, :, row, column], expected, atol=1e-5)
    assert convolutional(weight, 7) is weight


@pytest.mark.parametrize(
    "names", [("pre_logits.fc1", "pre_logits.fc2"), ("classifier.0", "classifier.3")]
)
def test_fc6_and_fc7_begin_as_vggs_own(names):
    head = KeypointHead([3], 5, kernel=7, padded=False, prior=0.01)
    first, second = nn.Linear(3 * 49, 5), nn.Linear(5, 5)
    state = {}
    for name, layer in zip(names, (first, second), strict=True):
        state |= {f"{name}.weight": layer.weight.detach(), f"{name}.bias": layer.bias.detach()}
    load_fc_layers(head, state)
    maps = torch.randn(2, 3, 7, 7, generator=torch.Generator().manual_seed(1))
    hidden = second(first(maps.flatten(1)).relu()).relu()
    expected = head.score(hidden[..., None, None])
    assert torch.allclose(head(maps), expected, atol=1e-5)
    with pytest.raises(ValueError, match="the weights hold no fc6"):
        load_fc_layers(head, {})
    with pytest.raises(ValueError, match="fc6 of the weights has shape"):
        load_fc_layers(KeypointHead([3], 4, kernel=7, padded=False, prior=0.01), state)


@pytest.mark.parametrize(("grid", "cells"), [("valid", 10), ("stride-32", 16)])
def test_vgg_at_500_pixels_has_the_papers_maps(grid, cells):
    """Pooling has to round up: else the last map has 15 cells, and the literal one 9."""
    backbone = meta_backbone("vgg16", cut=1)
    with META:
        model = Localiser(backbone, grid, channels=4096, kernel=7, prior=0.01)
        found = {}
        model.head.fc7.register_forward_hook(lambda _, __, out: found.update(fc7=out.shape))
        scores = model(torch.empty(1, 3, 500, 500))
    assert found["fc7"] == (1, 4096, cells, cells)
    assert scores.shape == (1, 15, cells, cells)
    assert cells == grid_of(grid, 500).cells


@pytest.mark.parametrize("grid", ["stride-32", "stride-16", "stride-8"])
@pytest.mark.parametrize("size", [64, 96, 100])
@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0"])
def test_every_backbone_gives_the_cells_that_the_grid_says(name, grid, size):
    model = model_of(grid, name)
    with torch.no_grad():
        cells = grid_of(grid, size).cells
        assert model(torch.zeros(1, 3, size, size)).shape == (1, 15, cells, cells)


def test_levels_are_added_interpolated():
    torch.manual_seed(0)
    head = KeypointHead([2, 3], 4, kernel=1, padded=True, prior=0.5)
    fine, coarse = torch.randn(1, 2, 8, 8), torch.randn(1, 3, 4, 4)
    raised = functional.interpolate(head.fc6[1](coarse), (8, 8), mode="bilinear")
    hidden = (head.fc6[0](fine) + raised).relu()
    assert torch.allclose(head([fine, coarse]), head.score(head.fc7(hidden).relu()), atol=1e-6)


def test_scores_begin_at_the_prior():
    head = KeypointHead([2], 4, kernel=1, padded=True, prior=0.02)
    probs = head(torch.zeros(1, 2, 3, 3)).sigmoid()
    assert torch.allclose(probs, torch.full_like(probs, 0.02), atol=0.01)
    assert head.score.bias.sigmoid().allclose(torch.tensor(0.02))


def test_a_picture_and_its_cached_map_score_alike():
    model, picture = model_of("stride-8"), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        whole = model(picture)
        assert torch.allclose(model.score(model.backbone.trunk(picture)), whole, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"grid": "valid"}, "kernel is 1; the grid valid has VGG's fc6, 7"),
        ({"grid": "stride-8", "cut": 16}, "grid is stride-8, finer than the cut, stride 16"),
        ({"grid": "stride-32", "kernel": 2}, "kernel is 2, needs an odd number"),
        ({"grid": "stride-32", "prior": 0.0}, "prior is 0.0, needs"),
    ],
)
def test_what_can_not_be_is_refused(changed, words):
    with pytest.raises(ValueError, match=words):
        model_of(**changed)


def test_levels_are_the_strides_of_the_names():
    assert LEVELS["stride-8"] == (8, 16, 32)
