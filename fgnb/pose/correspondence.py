"""What features pooled at keypoints are good for, and where their errors flow (section 3.2).

Without a trained localiser: each part's mean pooled feature is its prototype. A pooled feature that
is most like its own part's prototype has been brought into correspondence; the likeness of every
cell to a prototype is a heat map, which stands in for the localiser's score map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fgnb.baselines.logistic import fit_logistic
from fgnb.nn.backbones import global_pool
from fgnb.pose.frozen import FrozenMaps
from fgnb.pose.transfer import coordinate_transfer
from fgnb.training.settings import deterministic

RIDGE = 0.01
"""Inverse strength of the logistic regression's ridge, on standardised features."""
WHOLE = (False, True)
"""Whether a classifier sees the whole image beside the parts."""
_BATCH = 64


@dataclass(frozen=True)
class Prototypes:
    """The mean pooled feature of each part, and of all cells."""

    parts: Tensor  # [P, D]
    cells: Tensor  # [D]

    def likeness(self, features: Tensor) -> Tensor:
        """Cosine of features ``[..., D]`` with each prototype, both less the mean cell's."""
        away = functional.normalize(features - self.cells, dim=-1)
        return away @ functional.normalize(self.parts - self.cells, dim=-1).T

    def heat(self, maps: Tensor) -> Tensor:
        """Likeness of every cell: ``Tensor[n, D, h, w]`` -> ``Tensor[n, P, h, w]``."""
        return self.likeness(maps.movedim(1, -1)).movedim(-1, 1)


def prototypes(frozen: FrozenMaps, window: int) -> Prototypes:
    """Those of the images that teach, pooled at their true keypoints.

    A part that no such image shows has the mean cell's feature, and is like nothing.
    """
    maps = frozen.maps(frozen.taught)
    points = torch.from_numpy(frozen.points[frozen.taught])
    pooled, mean = coordinate_transfer(maps, points, window=window), maps.mean(dim=(0, 2, 3))
    seen = on_map(points, maps, window)
    total = (pooled * seen[..., None]).sum(dim=0) / seen.sum(dim=0).clamp(min=1)[:, None]
    return Prototypes(torch.where(seen.any(dim=0)[:, None], total, mean), mean)


def on_map(points: Tensor, maps: Tensor, window: int) -> Tensor:
    """Which points have a cell of their window on the map: bool ``Tensor[n, P]``."""
    ones = torch.ones_like(maps[:, :1])
    return coordinate_transfer(ones, points, window=window)[..., 0] > 0


def windows(points: Tensor, maps: Tensor, window: int) -> Tensor:
    """Which cells lie in any part's window: bool ``Tensor[n, h, w]``."""
    ones = torch.ones_like(maps[:, :1]).requires_grad_()
    with torch.enable_grad():
        pooled = coordinate_transfer(ones, points, window=window).sum()
    return torch.autograd.grad(pooled, ones)[0][:, 0] > 0


def correspondence(frozen: FrozenMaps, window: int) -> dict[str, NDArray[Any]]:
    """How pooled features and heat maps of the asked images fare against the prototypes.

    Returns:
        Shares of an image's visible parts, one entry an image that shows any: ``nearest``, whose
        pooled feature is most like its own prototype, ``nearest_chance``, one in the number of
        parts; ``hit``, whose heat map is highest inside the true window, ``hit_chance``, the share
        of cells that lie in one.
    """
    known = prototypes(frozen, window)
    maps, points = frozen.maps(frozen.asked), torch.from_numpy(frozen.points[frozen.asked])
    seen = on_map(points, maps, window)
    own = known.likeness(coordinate_transfer(maps, points, window=window)).argmax(dim=2)
    nearest = own == torch.arange(seen.shape[1])
    heat = known.heat(maps).flatten(2)
    inside = torch.stack([windows(points[:, [p]], maps, window) for p in range(seen.shape[1])], 1)
    hit = inside.flatten(2).gather(2, heat.argmax(dim=2, keepdim=True))[..., 0]
    chance = inside.flatten(2).double().mean(dim=2)
    shown = seen.any(dim=1)
    count = seen.sum(dim=1)

    def share(values: Tensor) -> NDArray[Any]:
        return ((values * seen).sum(dim=1) / count.clamp(min=1))[shown].double().numpy()

    return {
        "nearest": share(nearest),
        "nearest_chance": np.full(int(shown.sum()), 1 / seen.shape[1]),
        "hit": share(hit),
        "hit_chance": share(chance),
    }


@dataclass(frozen=True)
class Gradients:
    """Where the classification error of some images flows, cell by cell.

    Attributes:
        parts: of a classifier of the pooled parts alone, summed over channels without their signs,
            ``Tensor[n, h, w]``.
        joint: of one that sees the mean of the whole map too.
        inside: bool ``Tensor[n, h, w]``, the cells in any window.
    """

    parts: Tensor
    joint: Tensor
    inside: Tensor

    def arrays(self) -> dict[str, NDArray[Any]]:
        """An entry an image: shares of gradient inside, of cells inside, of zero cells outside."""
        inside = self.inside.flatten(1)
        outside = (~inside).sum(dim=1)
        shares = {
            f"inside_{name}": _inside(of.flatten(1), inside)
            for name, of in (("parts", self.parts), ("joint", self.joint))
        }
        zero = ((self.parts.flatten(1) == 0) & ~inside).sum(dim=1)[outside > 0]
        quiet = (zero / outside[outside > 0]).double().numpy()
        return {**shares, "area": inside.double().mean(dim=1).numpy(), "zero_outside": quiet}


def _inside(gradient: Tensor, inside: Tensor) -> NDArray[Any]:
    total = gradient.sum(dim=1)
    share = (gradient * inside).sum(dim=1) / torch.where(total > 0, total, 1)
    return share.double().numpy()


def error_gradients(frozen: FrozenMaps, window: int) -> Gradients:
    """The gradient of the softmax loss of the asked images with respect to their maps.

    Two linear classifiers, of the parts and of parts and whole (section 3.3), are logistic
    regressions on the frozen features of the images that teach, pooled at true keypoints.
    """
    labels = frozen.images.labels
    classifiers = []
    for whole in WHOLE:
        features = [
            _joined(maps, points, window, whole) for maps, points in _batches(frozen, frozen.taught)
        ]
        known = torch.cat(features).double().numpy()
        fitted = fit_logistic(known, labels[frozen.taught], c=RIDGE, threads=frozen.spec.threads)
        classifiers.append((torch.from_numpy(fitted.weight), torch.from_numpy(fitted.bias)))
    targets = torch.from_numpy(labels[frozen.asked])
    sums: list[list[Tensor]] = [[], []]
    inside = []
    with deterministic(frozen.spec.threads):
        for place, (maps, points) in enumerate(_batches(frozen, frozen.asked)):
            some = targets[place * _BATCH : place * _BATCH + len(maps)]
            for whole, (weight, bias), found in zip(WHOLE, classifiers, sums, strict=True):
                maps = maps.detach().requires_grad_()
                logits = _joined(maps, points, window, whole) @ weight.T + bias
                loss = functional.cross_entropy(logits, some, reduction="sum")
                found.append(torch.autograd.grad(loss, maps)[0].abs().sum(dim=1))
            inside.append(windows(points, maps.detach(), window))
    return Gradients(torch.cat(sums[0]), torch.cat(sums[1]), torch.cat(inside))


def _batches(frozen: FrozenMaps, rows: NDArray[np.int64]) -> Any:
    for start in range(0, len(rows), _BATCH):
        some = rows[start : start + _BATCH]
        yield frozen.maps(some), torch.from_numpy(frozen.points[some])


def _joined(maps: Tensor, points: Tensor, window: int, whole: bool) -> Tensor:
    """Pooled parts end to end, with the mean of the map where asked: ``Tensor[n, P D (+ D)]``."""
    parts = coordinate_transfer(maps, points, window=window).flatten(1)
    return torch.cat([parts, global_pool(maps)], dim=1) if whole else parts
