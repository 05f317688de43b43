"""From a preset to the specs of the localiser's two phases; each value is stated or chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fgnb import presets
from fgnb.baselines.recipe import FROZEN_NORM, UNUSED_RATIO, Value, known, scale_fields
from fgnb.data.setframe import OF_THE_SET
from fgnb.pose.grids import FC6, LEVELS, VALID, grid_of
from fgnb.pose.spec import LocaliserSpec
from fgnb.presets import Preset

VGG = "vgg16"
SIZE = Value(500, "stated", "section 3.1: the input is upsampled to 500 x 500")
FRAME = Value("square", "stated", "section 3.1: the whole image upsampled, nothing is cut away")
POSITIVES = {
    "positive_weight": Value(1.0, "stated", "section 3.1: the loss as printed weights none"),
    "prior": Value(
        None,
        "chosen",
        "silent; one output of a map, since one is positive: from a half, the thousands of "
        "negatives would be all that the first passes learn",
    ),
}
"""How rare positives are kept from drowning; ``prior`` None is one over the cells of the map."""
_SHARED = {
    **POSITIVES,
    "frame": FRAME,
    "crop_ratio": UNUSED_RATIO,
    "momentum": Value(0.9, "chosen", "silent; the usual one"),
}
PUBLISHED = {
    **_SHARED,
    "grid": Value(
        "stride-32",
        "chosen",
        "section 3.1 states 10 x 10 cells, which can't reach Table 2; the same network over the "
        "whole image can. The literal form: valid",
    ),
    "channels": Value(4096, "stated", "section 3.1: a map of 10 x 10 x 4096"),
    "kernel": Value(FC6, "stated", "section 3.1: VGG's fully connected layer as a convolution"),
    "dropout": Value(0.5, "chosen", "silent; VGG's own"),
    "fc_start": Value(
        "pretrained", "stated", "section 3.4: only the last score layer begins at random"
    ),
    "decay": Value("step", "chosen", "silent; times 0.1 once an epoch count is over"),
    "decay_every": Value(20, "chosen", "silent; two thirds of a phase"),
    "weight_decay": Value(5e-4, "chosen", "silent; VGG's own"),
    "clip_norm": Value(10.0, "chosen", "silent; a sum over a map's outputs has long gradients"),
    "batch_norm": Value("trained", "chosen", "silent; VGG has none"),
}
FROZEN_TRUNK = {
    **_SHARED,
    "grid": Value("stride-8", "chosen", "ours: the finest map above the cut, three layers fused"),
    "channels": Value(256, "chosen", "4096 would cost more than the backbone"),
    "kernel": Value(1, "chosen", "the backbone has no fc6 whose window could be kept"),
    "dropout": Value(0.0, "chosen", "the passes are few"),
    "fc_start": Value("random", "chosen", "the backbone has no fully connected layers to start"),
    "decay": Value("cosine", "chosen", "few epochs"),
    "decay_every": Value(1, "chosen", "unused by cosine decay"),
    "weight_decay": Value(1e-4, "chosen", "the plain baseline's"),
    "clip_norm": Value(10.0, "chosen", "as the published recipe"),
    "batch_norm": FROZEN_NORM,
}
RATES = {
    "head": Value(0.01, "chosen", "silent; layers that begin at random"),
    "all": Value(0.002, "stated", "section 3.4: a smaller rate; how much smaller is chosen"),
}
LENGTHS = {
    "published": Value(30, "chosen", "silent: 'once converged'"),
    "head": Value(2, "chosen", "passes for each of the preset's: the head begins at random"),
    "all": Value(2, "chosen", "passes for each of the preset's"),
}


def values(preset: Preset, phase: str) -> dict[str, Value]:
    """All values of a phase that the preset doesn't give, each with its origin."""
    if preset.freeze_stride is None:
        own = {**PUBLISHED, "epochs": LENGTHS["published"]}
    else:
        length = LENGTHS[phase]
        own = {**FROZEN_TRUNK, "epochs": replace(length, value=length.value * preset.epochs)}
    return {**own, "lr": RATES[phase], "phase": Value(phase, "stated", "section 3.4")}


def localiser_spec(
    preset: Preset,
    backbone: str,
    weights: str,
    *,
    phase: str,
    fold: str,
    seed: int,
    **overrides: Any,
) -> LocaliserSpec:
    """The spec of a phase at the scale of ``preset``; its ``start`` is None until it is given one.

    Args:
        preset: the scale; with a trained trunk the input is the paper's 500 pixels, unless the
            preset's own size was replaced.
        backbone: a name that `fgnb.nn.create_backbone` knows.
        weights: ``imagenet``, ``random`` or a file.
        phase: ``head`` or ``all``.
        fold: ``held-out`` (for choosing settings) or ``all`` (the refit that reads test).
        seed: of order, augmentation, head and the held-out fifth.
        **overrides: fields of the spec to replace, by name; ``kernel``, ``prior`` and ``fc_start``
            follow ``grid``, the size and the backbone unless they are given too.

    Raises:
        TypeError: an override that is no field of the spec.
        ValueError: a value that the spec refuses.
    """
    recipe = {"image_size": image_size(preset).value, **known(values(preset, phase))}
    fields = {**scale_fields(preset, backbone, weights, fold, seed), **recipe, "start": None}
    following = follow({**fields, **overrides}, weights)
    return LocaliserSpec(**{**fields, **following, **overrides})


def follow(asked: Mapping[str, Any], weights: str) -> dict[str, Any]:
    """What follows from grid, size and backbone where the recipe's own value can't be."""
    grid, found = asked["grid"], {"grid": asked["grid"], "image_size": asked["image_size"]}
    cells = grid_of(grid, asked["image_size"]).cells
    if asked["prior"] is None:
        found["prior"] = 1 / max(cells**2, 2)
    if grid == VALID:
        found["kernel"] = FC6
    has_fc = asked["backbone"] == VGG and weights != "random" and len(LEVELS[grid]) == 1
    if asked["fc_start"] == "pretrained" and not has_fc:
        found["fc_start"] = "random"
    return found


def image_size(preset: Preset) -> Value:
    """Side of the input: the paper's where everything is trained at the preset's own size."""
    usual = presets.get(preset.name)
    if preset.freeze_stride is None and preset.image_size == usual.image_size:
        return SIZE
    return Value(preset.image_size, "chosen", "of the preset")


def framed(overrides: dict[str, Any]) -> dict[str, Any]:
    """Fields to replace, without a frame ``set``, which leaves the choice to the recipe."""
    if overrides.get("frame") != OF_THE_SET:
        return overrides
    return {name: value for name, value in overrides.items() if name != "frame"}
