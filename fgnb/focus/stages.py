"""focus's stages by the names of the command line: ``fgnb train focus/regions``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fgnb import training
from fgnb.baselines.plain import PlainStage
from fgnb.baselines.recipe import equal_compute_side, with_frame
from fgnb.baselines.start import start_field
from fgnb.data import ImageSet
from fgnb.focus.recipe import MODEL, STARTS, global_spec, region_spec, start_value
from fgnb.focus.region_stage import FocusStage
from fgnb.focus.spec import FocusSpec
from fgnb.presets import Preset

GLOBAL = "focus/global"
_INHERITED = ("image_size", "frame", "crop_ratio", "cut", "fold_seed", "batch_size", "threads")


def global_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    **overrides: Any,
) -> PlainStage:
    """The stage ``focus/global``: the plain backbone (Table 2, first row).

    See `fgnb.focus.recipe.global_spec`.
    """
    own = with_frame(images, preset, overrides)
    spec = global_spec(preset, backbone, weights, fold=fold, seed=seed, **own)
    return PlainStage(images, spec, weights, GLOBAL, workers=preset.loader_workers)


def region_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    start: str | None = None,
    **overrides: Any,
) -> FocusStage:
    """The stage ``focus/regions``: the whole model.

    Our rows of Table 2 are this with other fields of its spec (`fgnb.focus.recipe.TABLE2`).

    Args:
        preset: the scale.
        images: the image set.
        backbone: as in `fgnb.focus.recipe.global_spec`.
        weights: as there.
        fold: as there.
        seed: as there.
        start: ``global`` (from ``focus/global``, trained first where the store lacks it) or
            ``logistic`` (from the pretrained network); None is the recipe's.
        **overrides: fields of the spec to replace, by name.

    Raises:
        TypeError: an override that is no field of the spec.
        ValueError: an unknown start, or a value that the spec refuses.
    """
    start = start_value(preset).value if start is None else start
    if start not in STARTS:
        raise ValueError(f"start is {start!r}; it is one of {', '.join(STARTS)}")
    own = with_frame(images, preset, overrides)
    spec = region_spec(preset, backbone, weights, fold=fold, seed=seed, **own)
    start_stage = _start(preset, images, spec, weights) if start == "global" else None
    spec = replace(spec, start=start_field(start_stage))
    return FocusStage(
        images, spec, weights, "focus/regions", start=start_stage, workers=preset.loader_workers
    )


def equal_compute_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    **overrides: Any,
) -> PlainStage:
    """The plain backbone on as many pixels as the model sees in training: a larger whole image.

    ``crop_size`` replaces the preset's.
    """
    crop = overrides.pop("crop_size", preset.crop_size)
    side = equal_compute_side(preset.image_size, crop, MODEL["proposals"].value)
    own = {"image_size": side, **with_frame(images, preset, overrides)}
    spec = global_spec(preset, backbone, weights, fold=fold, seed=seed, **own)
    return PlainStage(images, spec, weights, "focus/equal-compute", workers=preset.loader_workers)


def _start(preset: Preset, images: ImageSet, spec: FocusSpec, weights: str) -> PlainStage:
    """The plain stage on the same pictures, at the same size, in the same fold."""
    inherited = {name: getattr(spec, name) for name in _INHERITED}
    return global_stage(
        preset,
        images,
        backbone=spec.backbone,
        weights=weights,
        fold=spec.fold,
        seed=spec.seed,
        **inherited,
    )


STAGES: dict[str, Callable[..., training.Stage]] = {
    "global": global_stage,
    "regions": region_stage,
    "equal-compute": equal_compute_stage,
}
