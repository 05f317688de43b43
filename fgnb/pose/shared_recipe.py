"""From a preset to the spec of one trunk under both losses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fgnb.baselines.recipe import Value, known
from fgnb.pose.classifier_recipe import classifier_spec, classifier_values
from fgnb.pose.recipe import RATES
from fgnb.pose.shared_spec import SharedSpec
from fgnb.presets import Preset


def shared_values(preset: Preset) -> dict[str, Value]:
    """All values of the stage that the preset doesn't give, each with its origin."""
    alike = classifier_values(preset)
    weight = RATES["all"].value / alike["lr"].value
    own = Value(
        round(weight, 3),
        "chosen",
        "the localiser's rate over the classifier's: the keypoint loss then moves the layers as in "
        "the localiser's own second phase, the softmax loss as in the classifier's fourth",
    )
    return {**alike, "keypoint_weight": own}


def shared_spec(
    preset: Preset, backbone: str, weights: str, *, fold: str, seed: int, **overrides: Any
) -> SharedSpec:
    """The spec of the stage; its ``localiser`` is None until a stage is given one.

    Arguments as in `fgnb.pose.classifier_recipe.plain_spec`.

    Raises:
        TypeError: an override that is no field of the spec.
        ValueError: a value that the spec refuses.
    """
    alike = vars(classifier_spec(preset, backbone, weights, fold=fold, seed=seed))
    own = known({"keypoint_weight": shared_values(preset)["keypoint_weight"]})
    return replace(SharedSpec(**alike, **own), **overrides)
