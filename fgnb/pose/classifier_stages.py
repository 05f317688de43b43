"""The stages ``pose/global`` and ``pose/classifier``: the plain backbone, and the paper's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fgnb.baselines.plain import PlainStage
from fgnb.baselines.start import start_field
from fgnb.data import ImageSet
from fgnb.pose.classifier_recipe import classifier_spec, plain_spec
from fgnb.pose.classifier_stage import ClassifierStage
from fgnb.pose.localiser_stage import LocaliserStage
from fgnb.pose.localiser_stages import localiser_for
from fgnb.pose.recipe import framed
from fgnb.presets import Preset

GLOBAL, CLASSIFIER = "pose/global", "pose/classifier"


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
    """The stage ``pose/global``: the plain backbone (Table 1: VGG-ft on the whole image).

    See `fgnb.pose.classifier_recipe.plain_spec`; the frame ``set`` is the recipe's.
    """
    spec = plain_spec(preset, backbone, weights, fold=fold, seed=seed, **framed(overrides))
    return PlainStage(images, spec, weights, GLOBAL, workers=preset.loader_workers)


def classifier_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    localiser: LocaliserStage | None = None,
    **overrides: Any,
) -> ClassifierStage:
    """The stage ``pose/classifier``: the classifier, and where it needs one the localiser's run.

    Args:
        preset: the scale.
        images: the image set.
        backbone: as in `fgnb.pose.classifier_recipe.plain_spec`.
        weights: as there.
        fold: as there.
        seed: as there.
        localiser: whose run says where the keypoints of the queries are; by default the recipe's,
            of the same pictures, network, fold and seed.
        **overrides: fields of the spec to replace, by name.

    Raises:
        TypeError: an override that is no field of the spec.
        ValueError: a value that the spec refuses.
    """
    spec = classifier_spec(preset, backbone, weights, fold=fold, seed=seed, **framed(overrides))
    if spec.needs_localiser and localiser is None:
        localiser = localiser_for(spec, preset, images, weights)
    spec = replace(spec, localiser=start_field(localiser))
    return ClassifierStage(
        images, spec, weights, CLASSIFIER, localiser=localiser, workers=preset.loader_workers
    )
