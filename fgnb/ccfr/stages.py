"""ccfr's stages by the names of the command line: ``fgnb train ccfr/global``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fgnb import training
from fgnb.baselines.plain import PlainStage
from fgnb.baselines.recipe import equal_compute_side
from fgnb.baselines.start import start_field
from fgnb.ccfr.multilevel_stage import GLOBAL, MultiLevelStage
from fgnb.ccfr.pyramid import SCALES
from fgnb.ccfr.recipe import global_spec, multi_level_spec
from fgnb.ccfr.region_recipe import MODEL, region_spec, warm_up_spec
from fgnb.ccfr.region_stages import RegionStage, WarmUpStage
from fgnb.data import ImageSet
from fgnb.data.setframe import OF_THE_SET
from fgnb.presets import Preset

WARM_UP = "ccfr/warm-up"


class GlobalStage(PlainStage):
    """Classifier and embedding from globally pooled features (section 4.4, Table 3, row 1).

    The plain backbone of `fgnb.baselines`, unchanged: the coarse classification that re-ranking
    starts from, before local regions enter.
    """

    modules = ("fgnb.baselines.plain",)  # the recipe is in the spec


def global_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    **overrides: Any,
) -> GlobalStage:
    """The stage ``ccfr/global`` on ``images``; see `fgnb.ccfr.recipe.global_spec`."""
    spec = global_spec(preset, images, backbone, weights, fold=fold, seed=seed, **overrides)
    return GlobalStage(images, spec, weights, GLOBAL, workers=preset.loader_workers)


def multi_level_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    **overrides: Any,
) -> MultiLevelStage:
    """The stage ``ccfr/multi-level`` on ``images``; see `fgnb.ccfr.recipe.multi_level_spec`.

    Making it trains nothing. Fitting it finds or trains the ``ccfr/global`` run that its super
    classes come from.
    """
    spec = multi_level_spec(preset, images, backbone, weights, fold=fold, seed=seed, **overrides)
    return MultiLevelStage(images, spec, weights, "ccfr/multi-level", workers=preset.loader_workers)


def warm_up_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    frame: str = OF_THE_SET,
    cut: int | None = None,
    multi_level: bool = True,
    **overrides: Any,
) -> WarmUpStage:
    """The stage ``ccfr/warm-up``: the pyramid learns to rank regions (section 4.2).

    Fitting it finds or trains the run that it starts from: ``ccfr/multi-level``, or
    ``ccfr/global`` with ``multi_level=False``; ``cut`` is of both, in place of the preset's. See
    `fgnb.ccfr.region_recipe.warm_up_spec`.
    """
    options = {"backbone": backbone, "weights": weights, "fold": fold, "seed": seed, "frame": frame}
    options |= {} if cut is None else {"cut": cut}
    return _warm_up(preset, _start(preset, images, multi_level, options), overrides)


def region_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    frame: str = OF_THE_SET,
    cut: int | None = None,
    multi_level: bool = True,
    **overrides: Any,
) -> RegionStage:
    """The stage ``ccfr/regions``: the whole model (sections 3.2 and 4.2).

    Every row of Table 3 with regions is this with other fields of its spec: ``nms``, ``fusion``,
    ``boxes``, ``scorer_signal``; see `fgnb.ccfr.region_recipe.region_spec`. Fitting it finds or
    trains the runs that it starts from; ``cut`` is of all, in place of the preset's.
    """
    options = {"backbone": backbone, "weights": weights, "fold": fold, "seed": seed, "frame": frame}
    options |= {} if cut is None else {"cut": cut}
    start = _start(preset, images, multi_level, options)
    spec = region_spec(preset, start, **overrides)
    warm_up = None
    if spec.boxes == "scored":
        sizes = {"crop_size": spec.crop_size, "source_size": spec.source_size}
        warm_up = _warm_up(preset, start, sizes)
        spec = replace(spec, warm_up=start_field(warm_up))
    return RegionStage(
        images,
        spec,
        weights,
        "ccfr/regions",
        start=start,
        workers=preset.loader_workers,
        warm_up=warm_up,
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
) -> GlobalStage:
    """The plain backbone on as many pixels as the region model sees: a larger whole image.

    The side is `equal_compute_side` of the preset; ``crop_size`` replaces the preset's.
    """
    crop = overrides.pop("crop_size", preset.crop_size)
    count = MODEL["per_scale"].value * len(SCALES)
    side = equal_compute_side(preset.image_size, crop, count)
    spec = global_spec(
        preset, images, backbone, weights, fold=fold, seed=seed, image_size=side, **overrides
    )
    return GlobalStage(images, spec, weights, "ccfr/equal-compute", workers=preset.loader_workers)


def _start(
    preset: Preset, images: ImageSet, multi_level: bool, options: dict[str, Any]
) -> PlainStage:
    make = multi_level_stage if multi_level else global_stage
    return make(preset, images, **options)


def _warm_up(preset: Preset, start: PlainStage, overrides: dict[str, Any]) -> WarmUpStage:
    spec = warm_up_spec(preset, start, **overrides)
    workers = preset.loader_workers
    return WarmUpStage(start.images, spec, start.weights, WARM_UP, start=start, workers=workers)


STAGES: dict[str, Callable[..., training.Stage]] = {
    "global": global_stage,
    "multi-level": multi_level_stage,
    "warm-up": warm_up_stage,
    "regions": region_stage,
    "equal-compute": equal_compute_stage,
}
