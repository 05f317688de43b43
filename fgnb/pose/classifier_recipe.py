"""From a preset to the specs of the classifier and of the plain backbone beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fgnb.baselines.plain import PlainSpec
from fgnb.baselines.recipe import UNUSED_RATIO, Value, known, scale_fields
from fgnb.baselines.regime import TUNED, passes
from fgnb.pose.classifier_spec import ClassifierSpec
from fgnb.pose.recipe import FRAME, image_size
from fgnb.presets import Preset

MODEL = {
    "holistic": Value("pooled", "stated", "section 3.3; the mean of the last map stands for fc7"),
    "dim": Value(5000, "stated", "section 3.5: only 5k dimensions"),
    "parts": Value(True, "stated", "section 3.3: beside the whole image"),
    "map_stride": Value(
        16, "chosen", "silent on the map; at stride 32 neighbouring keypoints share a cell"
    ),
    "window": Value(3, "chosen", "silent: a small surrounding neighbourhood"),
    "head_start": Value("fitted", "stated", "section 3.4: phase 3 comes before phase 4"),
    "extractor": Value("pretrained", "stated", "section 4.1: two networks, split out"),
}
FORM_OF = {
    True: Value(16, "chosen", "silent; VGG's last convolution, as the bilinear networks' own"),
    False: Value(
        32,
        "chosen",
        "benchmarks/form_stride.py, on held-out training images of the 40 birds: the last map, as "
        "VGG's last convolution is, and not the one that keypoints are pooled from",
    ),
}
"""Stride of the map under a bilinear form, by whether the published recipe is followed."""
_SHARED = {
    "frame": FRAME,
    "crop_ratio": UNUSED_RATIO,
    "momentum": Value(0.9, "chosen", "silent; the usual one"),
}
PUBLISHED = {
    **_SHARED,
    "lr": Value(0.001, "stated", "section 3.4: a smaller rate; how small is chosen"),
    "decay": Value("step", "chosen", "silent; times 0.1 once an epoch count is over"),
    "decay_every": Value(20, "chosen", "silent; two thirds of the passes"),
    "epochs": Value(30, "chosen", "silent: 'once converged'"),
    "weight_decay": Value(5e-4, "chosen", "silent; VGG's own"),
    "clip_norm": Value(10.0, "chosen", "silent; as the localiser's"),
    "label_smoothing": Value(0.0, "stated", "section 3.3: the softmax loss"),
    "average": Value(0.0, "chosen", "silent; the last weights"),
    "batch_norm": Value("trained", "chosen", "silent; VGG has none"),
}
FROZEN_TRUNK = {
    **_SHARED,
    **TUNED,
    "crop_ratio": UNUSED_RATIO,
    "weight_decay": Value(1e-4, "chosen", "the plain baseline's"),
}


def training_values(preset: Preset) -> dict[str, Value]:
    """How the classifier and the plain backbone are trained, each value with its origin."""
    if preset.freeze_stride is None:
        return PUBLISHED
    length = Value(passes(preset), "chosen", "as many passes as every row of the other papers")
    return {**FROZEN_TRUNK, "epochs": length}


def classifier_values(preset: Preset) -> dict[str, Value]:
    """All values of the classifier that the preset doesn't give, each with its origin."""
    return {**model_values(preset), **training_values(preset)}


def model_values(preset: Preset) -> dict[str, Value]:
    """What is classified, each value with its origin."""
    return {**MODEL, "form_stride": FORM_OF[preset.freeze_stride is None]}


def plain_spec(
    preset: Preset, backbone: str, weights: str, *, fold: str, seed: int, **overrides: Any
) -> PlainSpec:
    """The spec of the plain backbone, in the classifier's frame and with its passes.

    Args:
        preset: the scale.
        backbone: a name that `fgnb.nn.create_backbone` knows.
        weights: ``imagenet``, ``random`` or a file.
        fold: ``held-out`` (for choosing settings) or ``all`` (the refit that reads test).
        seed: of order, augmentation and the held-out fifth.
        **overrides: fields of the spec to replace, by name.

    Raises:
        TypeError: an override that is no field of the spec.
    """
    scale = scale_fields(preset, backbone, weights, fold, seed)
    own = {"image_size": image_size(preset).value, **known(training_values(preset))}
    return replace(PlainSpec(**{**scale, **own}), **overrides)


def classifier_spec(
    preset: Preset, backbone: str, weights: str, *, fold: str, seed: int, **overrides: Any
) -> ClassifierSpec:
    """The spec of the classifier; its ``localiser`` is None until a stage is given one.

    Arguments and errors as in `plain_spec`.

    Raises:
        ValueError: a value that the spec refuses.
    """
    plain = plain_spec(preset, backbone, weights, fold=fold, seed=seed)
    spec = ClassifierSpec(**vars(plain), **known(model_values(preset)), localiser=None)
    return replace(spec, **overrides)
