"""The stages ``pose/localiser-head`` and ``pose/localiser``: phases 1 and 2 of section 3.4."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fgnb.baselines.plain import PlainSpec
from fgnb.baselines.start import start_field
from fgnb.data import ImageSet
from fgnb.pose.localiser_stage import LocaliserStage
from fgnb.pose.recipe import framed, localiser_spec
from fgnb.presets import Preset

HEAD, WHOLE, AT_ONCE = "pose/localiser-head", "pose/localiser", "pose/localiser-at-once"
HEAD_OPTIONS = ("head_epochs", "head_lr")
_OF_BOTH = ("image_size", "frame", "crop_ratio", "cut", "threads", "backbone", "fold", "seed")
"""Fields that a localiser has in common with the network that it works for."""


def localiser_head_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    **overrides: Any,
) -> LocaliserStage:
    """The stage ``pose/localiser-head``: phase 1, the head alone on fixed features.

    See `fgnb.pose.recipe.localiser_spec`; the frame ``set`` is the recipe's.
    """
    own = framed(overrides)
    spec = localiser_spec(preset, backbone, weights, phase="head", fold=fold, seed=seed, **own)
    return LocaliserStage(images, spec, weights, HEAD, workers=preset.loader_workers)


def localiser_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    head_epochs: int | None = None,
    head_lr: float | None = None,
    **overrides: Any,
) -> LocaliserStage:
    """The stage ``pose/localiser``: phase 2, every layer above the cut at a smaller rate.

    Args:
        preset: the scale.
        images: the image set.
        backbone: as in `fgnb.pose.recipe.localiser_spec`.
        weights: as there.
        fold: as there.
        seed: as there.
        head_epochs: passes of the first phase, where they are not the recipe's.
        head_lr: its rate, likewise.
        **overrides: fields of the spec to replace, by name; both phases share all but ``epochs``
            and ``lr``.

    Raises:
        TypeError: an override that is no field of the spec.
        ValueError: a value that the spec refuses.
    """
    own = framed(overrides)
    spec = localiser_spec(preset, backbone, weights, phase="all", fold=fold, seed=seed, **own)
    shared = {name: value for name, value in own.items() if name not in ("epochs", "lr")}
    first = {"epochs": head_epochs, "lr": head_lr}
    shared |= {name: value for name, value in first.items() if value is not None}
    start = localiser_head_stage(
        preset, images, backbone=backbone, weights=weights, fold=fold, seed=seed, **shared
    )
    spec = replace(spec, start=start_field(start))
    return LocaliserStage(images, spec, weights, WHOLE, start=start, workers=preset.loader_workers)


def localiser_at_once_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    **overrides: Any,
) -> LocaliserStage:
    """The stage ``pose/localiser-at-once``: every layer from the first step, without phase 1.

    What section 3.4 advises against: the head begins at random, at its own rate, and there are as
    many passes as both phases have. Arguments and errors as in `localiser_stage`.
    """
    given: dict[str, Any] = {"backbone": backbone, "weights": weights, "fold": fold, "seed": seed}
    phases = localiser_stage(preset, images, **given, **overrides)
    assert phases.start is not None
    first, second = phases.start.spec, phases.spec
    spec = replace(second, start=None, lr=first.lr, epochs=first.epochs + second.epochs)
    return LocaliserStage(images, spec, weights, AT_ONCE, workers=preset.loader_workers)


def localiser_for(
    spec: PlainSpec,
    preset: Preset,
    images: ImageSet,
    weights: str,
    make: Callable[..., LocaliserStage] = localiser_stage,
) -> LocaliserStage:
    """The recipe's localiser that works for a network: of its pictures, backbone, fold and seed.

    Args:
        spec: the network's.
        preset: the scale.
        images: the image set.
        weights: ``imagenet``, ``random`` or a file.
        make: the stage of this module that is asked for.
    """
    return make(preset, images, weights=weights, **{name: getattr(spec, name) for name in _OF_BOTH})
