"""The whole image and its parts as one vector (sections 3.3 and 3.5).

The holistic feature is the mean of the last map (which stands for VGG's fc7), or a bilinear form of
a map, whole or compact, with signed square root and unit length. Beside it stand the features that
the coordinate transfer layer pools at fifteen keypoints of a finer map.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fgnb.nn.backbones import Backbone, global_pool
from fgnb.pose.bilinear import FullBilinear, RandomMaclaurin, TensorSketch, signed_sqrt_l2
from fgnb.pose.localiser import level_widths
from fgnb.pose.transfer import CoordinateTransfer

POOLED, NONE = "pooled", "none"
HOLISTIC = (POOLED, "bilinear", "random-maclaurin", "tensor-sketch", NONE)
KEYPOINTS = 15
MOST_NUMBERS = 300_000
"""Of a holistic feature: VGG's full bilinear one has 262,144."""


class JointRepresentation(nn.Module):
    """Backbone, holistic feature and part features, side by side.

    Args:
        backbone: cut where its trunk's maps are cached.
        holistic: of `HOLISTIC`; ``none`` leaves the parts alone.
        dim: numbers of a compact form.
        parts: whether features are pooled at keypoints.
        map_stride: of the map that parts are pooled from; not below the cut.
        form_stride: of the map that bilinear forms are made of; likewise.
        window: side of the window around a keypoint, cells of that map.
        seed: of a compact form's signs.

    Attributes:
        dims: numbers of the holistic feature, and of all parts together.
        scales: ``Tensor[2]``, what either is multiplied with; ones until `balance`.

    Raises:
        ValueError: an unknown form, a stride that the backbone lacks, or a feature too long.
    """

    scales: Tensor

    def __init__(
        self,
        backbone: Backbone,
        *,
        holistic: str,
        dim: int,
        parts: bool,
        map_stride: int,
        form_stride: int,
        window: int,
        seed: int,
    ) -> None:
        super().__init__()
        if holistic == NONE and not parts:
            raise ValueError("holistic is 'none' and parts is False: nothing is left to classify")
        cut = backbone.strides[len(backbone.trunk) - 1] if len(backbone.trunk) else 0
        for name, stride in (("map_stride", map_stride), ("form_stride", form_stride)):
            if stride < cut:
                raise ValueError(
                    f"{name} is {stride}, needs at least {cut}, where the trunk is cut"
                )
        channels, deep = level_widths(backbone, (map_stride, form_stride))
        self.backbone, self.holistic = backbone, holistic
        self.map_stride, self.form_stride = map_stride, form_stride
        self.form = _form(holistic, deep, dim, seed)
        self.transfer = CoordinateTransfer(window) if parts else None
        numbers = backbone.num_features if self.form is None else self.form.dim
        numbers *= holistic != NONE
        self.dims = numbers, KEYPOINTS * channels * parts
        self.register_buffer("scales", torch.ones(2))

    @classmethod
    def of(cls, backbone: Backbone, spec: Any) -> JointRepresentation:
        """What a `fgnb.pose.classifier_spec.ClassifierSpec` describes, over a backbone."""
        names = ("holistic", "dim", "parts", "map_stride", "form_stride", "window", "seed")
        return cls(backbone, **{name: getattr(spec, name) for name in names})

    @property
    def num_features(self) -> int:
        """Numbers of the whole vector."""
        return sum(self.dims)

    def forward(self, inputs: Tensor, cells: Tensor) -> Tensor:
        """Look at the whole and at the keypoints: `join` of what is seen in a `look`."""
        return self.join(*self.look(inputs), cells)

    def look(self, inputs: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """All that does not hang on where the keypoints are.

        Args:
            inputs: trunk maps ``Tensor[B, D, h, w]`` (pictures where nothing is frozen).

        Returns:
            The holistic feature ``Tensor[B, D]``, and the finer map ``Tensor[B, d, h, w]``; None
            for what takes no part.
        """
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        maps = self.backbone.maps_above(inputs, sorted(self.levels))
        return self.whole(maps), None if self.transfer is None else maps[self.map_stride]

    @property
    def levels(self) -> set[int]:
        """Strides of the maps that a look needs; the last one, which ends the network, always."""
        parts = {self.map_stride} if self.transfer is not None else set()
        form = {self.form_stride} if self.form is not None else set()
        return {self.backbone.strides[-1], *parts, *form}

    def whole(self, maps: Mapping[int, Tensor]) -> Tensor | None:
        """The holistic feature ``Tensor[B, D]`` of maps by stride; None without one."""
        if self.form is not None:
            return signed_sqrt_l2(self.form(maps[self.form_stride])) * self.scales[0]
        if self.holistic == POOLED:
            return global_pool(maps[self.backbone.strides[-1]]) * self.scales[0]
        return None

    def join(self, whole: Tensor | None, fine: Tensor | None, cells: Tensor) -> Tensor:
        """The holistic feature, then the parts in the order of CUB's: ``Tensor[B, F]``.

        Args:
            whole: of `look`.
            fine: likewise.
            cells: ``Tensor[B, 15, 2]``, (x, y) in cells of the finer map; a point that is not
                finite gives zeros.
        """
        halves = [] if whole is None else [whole]
        if self.transfer is not None:
            halves.append(self.transfer(fine, cells).flatten(1) * self.scales[1])
        return torch.cat(halves, dim=1)

    def balance(self, features: Tensor, like: float) -> None:
        """Give the numbers of both halves the root mean square ``like``, over ``features``.

        A step of one rate then moves both alike; which class a linear fit prefers is not changed.

        Args:
            features: ``Tensor[N, F]``, what this gives while `scales` are ones.
            like: what numbers of the backbone's pooled feature have.
        """
        ends = features[:, : self.dims[0]], features[:, self.dims[0] :]
        for place, part in enumerate(ends):
            size = float(part.double().square().mean().sqrt()) if part.numel() else 0.0
            self.scales[place] = like / size if size else 1.0


def _form(
    holistic: str, channels: int, dim: int, seed: int
) -> FullBilinear | RandomMaclaurin | TensorSketch | None:
    """The layer of a bilinear form; None for the pooled feature, and for none."""
    if holistic not in HOLISTIC:
        raise ValueError(f"holistic is {holistic!r}; it is one of {', '.join(HOLISTIC)}")
    if holistic in (POOLED, NONE):
        return None
    if holistic == "random-maclaurin":
        return RandomMaclaurin(channels, dim, seed)
    if holistic == "tensor-sketch":
        return TensorSketch(channels, dim, seed)
    if channels**2 > MOST_NUMBERS:
        raise ValueError(
            f"holistic is 'bilinear' over {channels} channels, {channels**2:,} numbers; at most "
            f"{MOST_NUMBERS:,} fit: take a compact form, or a form_stride of fewer channels"
        )
    return FullBilinear(channels)
