"""Backbones through timm, cut in two at a stride.

The part below the cut (``trunk``) can be frozen and its maps cached; the part above it
(``tail``) is trained. Batch normalisation uses the statistics that come with the weights, so that
a map does not depend on the batch it came in; where everything is trained, `Backbone.normalise_by`
lets it use and learn those of the batches, as public code does.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import fuse_conv_bn_eval

from fgnb.nn.run_weights import load_stages, stages_of
from fgnb.nn.weight_files import read_tensors
from fgnb.nn.weights import WeightsInfo, architecture, fill, weight_file, weights_info

NO_CUT = 1
BATCH_NORMS = ("stored", "trained")
"""Whose statistics batch normalisation uses in training: ``stored`` those that come with the
weights, which stay as they are; ``trained`` each batch's own, which also move the stored ones. Its
scale and shift are trained in both, and answers always use the stored ones."""


class Backbone(nn.Module):
    """A classification network without its head, as stages of known stride.

    Attributes:
        trunk: stages up to the stride of the cut (identity for ``cut=1``), batch normalisation
            folded into the convolutions: the same maps but for rounding, in two thirds of the time.
        tail: the stages above it.
        num_features: channels of the tail's last map.
        info: where the weights came from and the input they expect.
        batch_norm: of `BATCH_NORMS`, for the tail; a trunk that is frozen keeps its statistics.
    """

    batch_norm = "stored"

    def __init__(
        self, stages: Sequence[nn.Module], strides: Sequence[int], cut: int, info: WeightsInfo
    ) -> None:
        super().__init__()
        if cut != NO_CUT and cut not in strides:
            raise ValueError(
                f"cut is {cut}; {info.backbone} has the strides {sorted(set(strides))}"
            )
        below = [stage for stage, stride in zip(stages, strides, strict=True) if stride <= cut]
        above = [stage for stage, stride in zip(stages, strides, strict=True) if stride > cut]
        if cut == NO_CUT:
            below, above = [], list(stages)
        if not above:
            raise ValueError(f"cut is {cut}: nothing of {info.backbone} lies above it")
        self.trunk = _folded(nn.Sequential(*below))
        self.tail = nn.Sequential(*above)
        self.strides = tuple(strides)
        self.info = info
        self.num_features = _channels(self)

    def forward(self, images: Tensor) -> Tensor:
        """``Tensor[B, 3, H, W]`` -> ``Tensor[B, num_features, H/32, W/32]``."""
        return self.tail(self.trunk(images))

    def maps(self, images: Tensor, strides: Sequence[int]) -> dict[int, Tensor]:
        """The last map at each of ``strides``: ``{stride: Tensor[B, D, H/stride, W/stride]}``."""
        unknown = sorted(set(strides) - set(self.strides))
        if unknown:
            raise ValueError(f"strides holds {unknown}; there are {sorted(set(self.strides))}")
        found: dict[int, Tensor] = {}
        out = images
        for stage, stride in zip([*self.trunk, *self.tail], self.strides, strict=True):
            out = stage(out)
            found[stride] = out
        return {stride: found[stride] for stride in strides}

    def maps_above(self, trunk_map: Tensor, strides: Sequence[int]) -> dict[int, Tensor]:
        """The same from the trunk's own map; none of ``strides`` lies below the cut."""
        below = len(self.trunk)
        if not below:
            return self.maps(trunk_map, strides)
        cut = self.strides[below - 1]
        unknown = sorted(set(strides) - {cut, *self.strides[below:]})
        if unknown:
            raise ValueError(f"strides holds {unknown}; the trunk ends at stride {cut}")
        found = {cut: trunk_map}
        hooks = [
            stage.register_forward_hook(lambda _, __, out, at=stride: found.update({at: out}))
            for stage, stride in zip(self.tail, self.strides[below:], strict=True)
        ]
        try:
            self.tail(trunk_map)
        finally:
            for hook in hooks:
                hook.remove()
        return {stride: found[stride] for stride in strides}

    def normalise_by(self, batch_norm: str) -> Backbone:
        """Let batch normalisation use these statistics in training; itself.

        Raises:
            ValueError: none of `BATCH_NORMS`.
        """
        check_batch_norm(batch_norm)
        self.batch_norm = batch_norm
        return self.train(self.training)

    def train(self, mode: bool = True) -> Backbone:
        """Training mode, but for batch normalisation that keeps its stored statistics."""
        super().train(mode)
        for module in (self.trunk if self.batch_norm == "trained" else self).modules():
            if isinstance(module, _BatchNorm):
                module.eval()
        return self


def create_backbone(
    name: str = "efficientnet_lite0", weights: str = "imagenet", *, cut: int = 16
) -> Backbone:
    """The backbone ``name`` with ``weights`` (imagenet, random or a file), cut at a stride.

    Args:
        name: efficientnet_lite0, resnet18, resnet50, resnet101 or vgg16.
        weights: ``imagenet``, ``random`` (seed torch before) or a local weight file: timm's or
            torchvision's, a checkpoint of a training program, or the ``weights.safetensors`` of a
            run; its head is left out.
        cut: stride of the last map of the trunk (16 by default; 1 leaves the trunk empty).

    Raises:
        ValueError: an unknown name or a stride that the network lacks.
        WeightsError: weights that can't be had, of another network, or of a run that was cut at a
            higher stride.
    """
    info = weights_info(name, weights)
    network = timm.create_model(architecture(name), pretrained=False)
    stages, strides = _stages(name, network)
    if weights == "random":
        return Backbone(stages, strides, cut, info).eval()
    path = weight_file(name, weights)
    state = read_tensors(path)
    run = stages_of(state, path)
    if run is None:
        fill(network, name, state, path)
        return Backbone(stages, strides, cut, info).eval()
    kept = Backbone(stages, strides, run.cut(strides, cut, path), info)
    load_stages(kept, run, path, name)
    return Backbone([*kept.trunk, *kept.tail], strides, cut, info).eval()


def check_batch_norm(batch_norm: str, micro_batch: int | None = None) -> None:
    """Whether a stage can be trained so.

    Raises:
        ValueError: none of `BATCH_NORMS`; regions in parts, each of which would be normalised by
            itself and counted twice, since it goes through the network again on the way back.
    """
    if batch_norm not in BATCH_NORMS:
        raise ValueError(f"batch_norm is {batch_norm!r}; it is one of {', '.join(BATCH_NORMS)}")
    if batch_norm == "trained" and micro_batch is not None:
        raise ValueError(
            f"micro_batch is {micro_batch} and batch_norm 'trained': regions a few at a time have "
            "other statistics than all of a batch; give micro_batch None, or batch_norm stored"
        )


@contextmanager
def statistics_kept(network: nn.Module) -> Iterator[None]:
    """Let nothing that goes through ``network`` in this block move its stored statistics."""
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def global_pool(feature_map: Tensor) -> Tensor:
    """Mean over space: ``Tensor[B, D, h, w]`` -> ``Tensor[B, D]``."""
    return feature_map.mean(dim=(2, 3))


def _stages(name: str, network: Any) -> tuple[list[nn.Module], list[int]]:
    if name == "efficientnet_lite0":
        stem = nn.Sequential(network.conv_stem, network.bn1)
        top = nn.Sequential(network.conv_head, network.bn2)
        return [stem, *network.blocks, top], [2, 2, 4, 8, 16, 16, 32, 32, 32]
    if name == "vgg16":
        return _vgg_stages(network.features)
    stem = nn.Sequential(network.conv1, network.bn1, network.act1, network.maxpool)
    layers = [network.layer1, network.layer2, network.layer3, network.layer4]
    return [stem, *layers], [4, 4, 8, 16, 32]


def _vgg_stages(features: nn.Sequential) -> tuple[list[nn.Module], list[int]]:
    """Each stage ends in its pooling, so a cut at 16 leaves the last convolutions to train."""
    stages: list[nn.Module] = []
    layers: list[nn.Module] = []
    for layer in features:
        layers.append(layer)
        if isinstance(layer, nn.MaxPool2d):
            stages.append(nn.Sequential(*layers))
            layers = []
    return stages, [2 ** (i + 1) for i in range(len(stages))]


def _folded(frozen: nn.Sequential) -> nn.Sequential:
    """A copy in which each batch normalisation is part of the convolution that comes before it."""
    frozen = copy.deepcopy(frozen)
    for parent in [*frozen.modules()]:
        for (name, conv), (after, norm) in pairwise([*parent.named_children()]):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, _BatchNorm):
                setattr(parent, name, fuse_conv_bn_eval(conv.eval(), norm.eval()))
                setattr(parent, after, getattr(norm, "act", nn.Identity()))
    return frozen


@torch.no_grad()
def _channels(backbone: Backbone) -> int:
    training = backbone.training
    backbone.eval()
    channels = backbone(torch.zeros(1, 3, 64, 64)).shape[1]
    backbone.train(training)
    return int(channels)
