"""What one output sees: counted from the layers, and measured by gradients."""

import pytest
import torch
from torch import nn

from fgnb.pose.field import field, influence, layers_of

VGG = [(3, 1)] * 2 + [(2, 2)] + [(3, 1)] * 2 + [(2, 2)]
VGG += ([(3, 1)] * 3 + [(2, 2)]) * 3


def test_vggs_last_layer_sees_404_pixels():
    """By hand: 212 at the last pooling, and six steps of 32 more for a window of seven cells."""
    assert field(VGG) == (212, 32)
    assert field([*VGG, (7, 1), (1, 1)]) == (404, 32)
    assert field([]) == (1, 1)


def positive(*layers):
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 1.0)
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    "network",
    [
        positive(nn.Conv2d(3, 2, 3), nn.Conv2d(2, 2, 3, stride=2), nn.Conv2d(2, 1, 5)),
        positive(nn.Conv2d(3, 1, 5, stride=3), nn.ReLU(), nn.Conv2d(1, 1, 2, stride=2)),
    ],
)
def test_the_counted_window_is_where_the_gradient_is(network):
    picture = torch.rand(3, 40, 40)
    side, step = field(layers_of(network, picture[None]))
    for cell in ((0, 0), (2, 1)):
        seen = influence(network, picture, 0, cell).nonzero()
        low, high = seen.amin(dim=0), seen.amax(dim=0)
        assert (high - low + 1).tolist() == [side, side]
        assert low.flip(0).tolist() == [step * place for place in cell]


def test_the_influence_is_the_length_of_the_gradient():
    network = nn.Conv2d(3, 2, 1, bias=False)
    found = influence(network, torch.zeros(3, 4, 5), 1, (3, 2))
    expected = torch.zeros(4, 5)
    expected[2, 3] = network.weight[1, :, 0, 0].norm()
    assert torch.allclose(found, expected)


def test_a_window_that_is_not_square_is_refused():
    with pytest.raises(ValueError, match=r"network has a window of \(1, 3\).* needs square"):
        layers_of(nn.Conv2d(3, 1, (1, 3)), torch.zeros(1, 3, 8, 8))
