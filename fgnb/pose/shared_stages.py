"""The stage ``pose/shared`` from a preset: one trunk under both losses, ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fgnb.baselines.start import start_field
from fgnb.data import ImageSet
from fgnb.pose.localiser_stage import LocaliserStage
from fgnb.pose.localiser_stages import localiser_for, localiser_head_stage
from fgnb.pose.recipe import framed
from fgnb.pose.shared_recipe import shared_spec
from fgnb.pose.shared_stage import SharedStage
from fgnb.presets import Preset

SHARED = "pose/shared"


def shared_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    localiser: LocaliserStage | None = None,
    **overrides: Any,
) -> SharedStage:
    """The stage ``pose/shared``: the classifier whose trunk finds the keypoints too.

    Args:
        preset: the scale.
        images: the image set.
        backbone: as in `fgnb.pose.classifier_recipe.plain_spec`.
        weights: as there.
        fold: as there.
        seed: as there.
        localiser: the first phase, whose score layers it begins with; by default the recipe's, of
            the same pictures, network, fold and seed.
        **overrides: fields of the spec to replace, by name.

    Raises:
        TypeError: an override that is no field of the spec.
        ValueError: a value that the spec refuses.
    """
    spec = shared_spec(preset, backbone, weights, fold=fold, seed=seed, **framed(overrides))
    if localiser is None:
        localiser = localiser_for(spec, preset, images, weights, localiser_head_stage)
    spec = replace(spec, localiser=start_field(localiser))
    return SharedStage(
        images, spec, weights, SHARED, localiser=localiser, workers=preset.loader_workers
    )
