"""ccfr's stages by the names of the command line: ``fgnb train ccfr/global``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fgnb.baselines.plain import PlainStage
from fgnb.ccfr.recipe import global_spec
from fgnb.data import ImageSet
from fgnb.presets import Preset


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
    return GlobalStage(images, spec, weights, "ccfr/global", workers=preset.loader_workers)


STAGES: dict[str, Callable[..., GlobalStage]] = {"global": global_stage}
