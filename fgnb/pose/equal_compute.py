"""The stage ``pose/equal-compute``: the plain backbone on as many pixels as both networks see.

At test a picture goes through the localiser and through the classifier, each at the input's size;
the control spends as much on one larger look at the whole. It takes as many passes as the other
rows of Table 1. What the localiser's own training costs is spent on keypoints, which a classifier
of the whole has no use for.
"""

from __future__ import annotations

from typing import Any

from fgnb.baselines.plain import PlainStage
from fgnb.baselines.recipe import equal_compute_side
from fgnb.data import ImageSet
from fgnb.pose.classifier_recipe import plain_spec
from fgnb.pose.recipe import framed, image_size
from fgnb.presets import Preset

EQUAL_COMPUTE = "pose/equal-compute"


def equal_compute_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    looks: int = 2,
    **overrides: Any,
) -> PlainStage:
    """The plain backbone on a larger image.

    Args:
        preset: the scale.
        images: the image set.
        backbone: as in `fgnb.pose.classifier_recipe.plain_spec`.
        weights: as there.
        fold: as there.
        seed: as there.
        looks: how many networks look at a picture of the recipe's size in the row that this one
            is held against: two, the localiser and the classifier.
        **overrides: fields of the spec to replace, by name; ``image_size`` is that of one look.

    Raises:
        TypeError: an override that is no field of the spec.
        ValueError: fewer than one look.
    """
    if looks < 1:
        raise ValueError(f"looks is {looks}; it should be 1 at least")
    own = framed(overrides)
    size = own.pop("image_size", image_size(preset).value)
    side = equal_compute_side(size, size, looks - 1)
    spec = plain_spec(
        preset, backbone, weights, fold=fold, seed=seed, **{**own, "image_size": side}
    )
    return PlainStage(images, spec, weights, EQUAL_COMPUTE, workers=preset.loader_workers)
