"""How much of a picture one score sees: the receptive field, computed; and what it uses, measured.

Section 3.1 states a field of 404 pixels for VGG's last layer. It follows from the windows and steps
of the layers alone, so weights play no part.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

Layer = tuple[int, int]
"""Side of a window, and its step, both in cells of the layer's own input."""


def field(layers: Iterable[Layer]) -> Layer:
    """Side of the window of pixels that one output sees, and the step to the next output's.

    Args:
        layers: of a network without branches, from the picture on.

    >>> field([(3, 1), (2, 2), (3, 1)])
    (8, 2)
    """
    side = step = 1
    for kernel, stride in layers:
        side += (kernel - 1) * step
        step *= stride
    return side, step


@torch.no_grad()
def layers_of(network: nn.Module, inputs: Tensor) -> list[Layer]:
    """The windows that ``inputs`` go through, in their order: convolutions and pooling.

    Raises:
        ValueError: a window that is not square.
    """
    found: list[Layer] = []

    def note(layer: Any, _: Any, __: Any) -> None:
        kernel, stride = layer.kernel_size, layer.stride
        sides = [v if isinstance(v, tuple) else (v, v) for v in (kernel, stride)]
        if any(a != b for a, b in sides):
            raise ValueError(f"network has a window of {sides[0]} by {sides[1]}, needs square ones")
        found.append((sides[0][0], sides[1][0]))

    windows = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.MaxPool2d)]
    handles = [layer.register_forward_hook(note) for layer in windows]
    try:
        network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found


def influence(network: nn.Module, image: Tensor, part: int, cell: tuple[int, int]) -> Tensor:
    """How strongly each pixel moves one score: length of its gradient, ``Tensor[H, W]``.

    Args:
        network: pictures ``Tensor[B, 3, H, W]`` -> scores ``Tensor[B, P, h, w]``.
        image: ``Tensor[3, H, W]``.
        part: position of the keypoint.
        cell: column and row of the output.
    """
    with torch.enable_grad():
        pixels = image.detach().clone()[None].requires_grad_(True)
        score = network(pixels)[0, part, cell[1], cell[0]]
        (gradient,) = torch.autograd.grad(score, pixels)
    return gradient[0].norm(dim=0)
