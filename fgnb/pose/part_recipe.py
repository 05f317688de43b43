"""From a preset to the specs of part networks and of the classifier that joins them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fgnb.baselines.recipe import Value, known
from fgnb.pose.classifier_recipe import plain_spec, training_values
from fgnb.pose.part_spec import PartNetSpec, PartNetsSpec
from fgnb.presets import Preset

OF_A_NET = {
    "part": Value("head", "stated", "section 3.6: two parts, head and body"),
    "margin": Value(0.0, "chosen", "section 3.6 follows Part R-CNN, whose boxes are tight"),
}
JOINED = {
    "head_start": Value(
        "mean", "chosen", "silent; of features that a network was tuned on a fit knows too much"
    ),
}


def part_net_values(preset: Preset) -> dict[str, Value]:
    """All values of a part's network that the preset doesn't give, each with its origin."""
    return {**OF_A_NET, **training_values(preset)}


def part_nets_values(preset: Preset) -> dict[str, Value]:
    """All values of the joined classifier that the preset doesn't give, each with its origin."""
    return {**JOINED, **training_values(preset)}


def part_net_spec(
    preset: Preset, backbone: str, weights: str, *, fold: str, seed: int, **overrides: Any
) -> PartNetSpec:
    """The spec of a part's network; its ``localiser`` is None until a stage is given one.

    Arguments as in `fgnb.pose.classifier_recipe.plain_spec`.

    Raises:
        TypeError: an override that is no field of the spec.
        ValueError: a value that the spec refuses.
    """
    plain = plain_spec(preset, backbone, weights, fold=fold, seed=seed)
    spec = PartNetSpec(**vars(plain), **known(OF_A_NET), localiser=None)
    return replace(spec, **overrides)


def part_nets_spec(
    preset: Preset, backbone: str, weights: str, *, fold: str, seed: int, **overrides: Any
) -> PartNetsSpec:
    """The spec of the joined classifier; it names no runs until a stage is given them.

    Arguments and errors as in `part_net_spec`.
    """
    plain = plain_spec(preset, backbone, weights, fold=fold, seed=seed)
    spec = PartNetsSpec(**vars(plain), **known(JOINED), classifier=None, nets={})
    return replace(spec, **overrides)
