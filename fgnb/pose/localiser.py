"""The localiser: a fully convolutional network with a score map for each keypoint (section 3.1).

A backbone's maps, fc6 and fc7 as convolutions, and a 1 x 1 convolution that scores 15 keypoints.
In the literal form fc6 is VGG's own window of 7 x 7 cells without padding. Finer grids, ours, fuse
layers as section 4.2 suggests: fc6 of each level is added to the ones below it, interpolated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgnb.data import PART_NAMES
from fgnb.nn.backbones import Backbone
from fgnb.pose.grids import FC6, LEVELS, VALID
from fgnb.pose.loss import initial_bias

SPREAD = 0.01
"""Standard deviation of the weights that the last layer begins with."""
_FC = {"fc6": ("pre_logits.fc1", "classifier.0"), "fc7": ("pre_logits.fc2", "classifier.3")}


class KeypointHead(nn.Module):
    """fc6, fc7 and the score layer, over one map or several.

    Args:
        widths: channels of each level's map, the finest first.
        channels: of fc6 and fc7.
        kernel: side of fc6's window, cells, odd.
        padded: whether fc6 sees zeros beyond the map, so that it keeps its size.
        prior: probability that the scores begin with.
        dropout: share of fc6's and fc7's outputs that a training step leaves out.
        parts: keypoints.

    Raises:
        ValueError: a number out of range.
    """

    def __init__(
        self,
        widths: Sequence[int],
        channels: int,
        *,
        kernel: int,
        padded: bool,
        prior: float,
        dropout: float = 0.0,
        parts: int = len(PART_NAMES),
    ) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel is {kernel}, needs an odd number of cells")
        padding = kernel // 2 * padded
        self.fc6 = nn.ModuleList(
            nn.Conv2d(width, channels, kernel, padding=padding) for width in widths
        )
        self.fc7 = nn.Conv2d(channels, channels, 1)
        self.score = nn.Conv2d(channels, parts, 1)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.score.weight, std=SPREAD)
        assert self.score.bias is not None
        nn.init.constant_(self.score.bias, initial_bias(prior))

    def forward(self, maps: Sequence[Tensor] | Tensor) -> Tensor:
        """Levels ``Tensor[B, D, h, w]``, the finest first -> scores ``Tensor[B, P, h, w]``."""
        levels = [maps] if isinstance(maps, Tensor) else list(maps)
        fused = self.fc6[-1](levels[-1])
        for layer, level in zip(list(self.fc6)[-2::-1], levels[-2::-1], strict=True):
            finer = layer(level)
            size = finer.shape[-2:]
            fused = finer + functional.interpolate(fused, size, mode="bilinear")
        hidden = self.dropout(functional.relu(fused))
        return self.score(self.dropout(functional.relu(self.fc7(hidden))))


class Localiser(nn.Module):
    """Backbone and head.

    Args:
        backbone: of `fgnb.nn.backbones`; VGG's pooling rounds sizes up from here on, as Caffe's:
            only so has VGG-16 a map of 16 x 16 cells at 500 pixels.
        grid: a kind of `fgnb.pose.grids.LEVELS`; none of its strides lies below the trunk's cut.
        channels: of fc6 and fc7, like the arguments after it of `KeypointHead`.
        kernel: side of fc6's window; the grid ``valid`` has 7.
        prior: as there.
        dropout: as there.

    Raises:
        ValueError: a kernel that the grid doesn't have, or a level below the trunk's cut.
    """

    def __init__(
        self,
        backbone: Backbone,
        grid: str,
        *,
        channels: int,
        kernel: int,
        prior: float,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if grid == VALID and kernel != FC6:
            raise ValueError(f"kernel is {kernel}; the grid {VALID} has VGG's fc6, {FC6}")
        round_up(backbone)
        self.backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.backbone.trunk.requires_grad_(False)
        self.levels = LEVELS[grid]
        trunk = backbone.strides[: len(backbone.trunk)]
        if trunk and self.levels[0] < trunk[-1]:
            raise ValueError(
                f"grid is {grid}, finer than the cut, stride {trunk[-1]}, below which the trunk's "
                "maps are cached: give a lower cut or a coarser grid"
            )
        widths = level_widths(backbone, self.levels)
        self.head = KeypointHead(
            widths, channels, kernel=kernel, padded=grid != VALID, prior=prior, dropout=dropout
        )

    def score(self, inputs: Tensor) -> Tensor:
        """Trunk maps ``Tensor[B, D, h, w]`` (pictures without a trunk) -> scores, no sigmoid."""
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        found = self.backbone.maps_above(inputs, self.levels)
        return self.head([found[stride] for stride in self.levels])

    def forward(self, images: Tensor) -> Tensor:
        """Pictures ``Tensor[B, 3, H, W]`` -> scores ``Tensor[B, P, h, w]`` before the sigmoid."""
        images = images.contiguous(memory_format=torch.channels_last)
        return self.score(self.backbone.trunk(images))


def round_up(backbone: nn.Module) -> None:
    """Let pooling whose windows don't overlap, VGG's, round the size of its map up."""
    for module in backbone.modules():
        if isinstance(module, nn.MaxPool2d) and module.kernel_size == module.stride:
            module.ceil_mode = True


@torch.no_grad()
def level_widths(backbone: Backbone, levels: Sequence[int]) -> list[int]:
    """Channels of the maps at those strides."""
    was_training = backbone.training
    backbone.eval()
    place = next(backbone.parameters()).device
    found = backbone.maps(torch.zeros(1, 3, 64, 64, device=place), levels)
    backbone.train(was_training)
    return [found[stride].shape[1] for stride in levels]


def convolutional(weight: Tensor, kernel: int) -> Tensor:
    """A fully connected layer over a map of ``kernel x kernel`` cells as a convolution.

    "We cast the VGG network into fully convolutional form": the same numbers, which then take a
    map of any size.

    Args:
        weight: ``Tensor[O, I * kernel * kernel]`` over a flattened map ``[I, kernel, kernel]``, or
            a convolution's ``Tensor[O, I, kernel, kernel]``, which stays.
        kernel: side of the map, cells.

    Raises:
        ValueError: another shape.
    """
    if weight.ndim == 4 and weight.shape[2:] == (kernel, kernel):
        return weight
    if weight.ndim != 2 or weight.shape[1] % kernel**2:
        raise ValueError(
            f"weight has shape {tuple(weight.shape)}, needs (O, I * {kernel} * {kernel})"
        )
    return weight.unflatten(1, (-1, kernel, kernel))


@torch.no_grad()
def load_fc_layers(head: KeypointHead, state: Mapping[str, Tensor]) -> None:
    """Let fc6 and fc7 begin as VGG's own, in place.

    Args:
        head: with one level.
        state: the tensors of a VGG in timm's or torchvision's names.

    Raises:
        ValueError: the layers aren't among them, or have another size.
    """
    layers: dict[str, Any] = {"fc6": head.fc6[0], "fc7": head.fc7}
    for name, layer in layers.items():
        found = next((of for of in _FC[name] if f"{of}.weight" in state), None)
        if found is None:
            raise ValueError(f"the weights hold no {name}: neither {' nor '.join(_FC[name])}")
        weight = convolutional(state[f"{found}.weight"], layer.kernel_size[0])
        if weight.shape != layer.weight.shape:
            raise ValueError(
                f"{name} of the weights has shape {tuple(weight.shape)}, the head's has "
                f"{tuple(layer.weight.shape)}: give channels and kernel of the weights"
            )
        layer.weight.copy_(weight)
        layer.bias.copy_(state[f"{found}.bias"])
