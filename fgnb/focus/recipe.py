"""From a preset to the specs of focus's stages; each value is stated or chosen."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from fgnb.baselines.plain import PlainSpec
from fgnb.baselines.recipe import UNUSED_RATIO, Value, known, scale_fields
from fgnb.baselines.regime import BEST_SHARE, TUNED, passes
from fgnb.focus.spec import STRIDE, FocusSpec
from fgnb.presets import Preset

REFERENCE = 448
"""Image side that the paper's box belongs to, pixels."""
BOX = Value(160, "stated", "section 4.2, at 448 px; in proportion at other sizes")
MODEL = {
    "attention": Value("max", "stated", "section 3.2: maximum over all class maps"),
    "count_bias": Value(
        False,
        "stated",
        "equation 2: weights alone. Our classifiers have biases; counted, the mean of a class's "
        "map is the score that classifies, and the page on training measures what that changes",
    ),
    "sigma": Value(1.0, "chosen", "silent beyond 'Gaussian smoothing'"),
    "map_scale": Value(1, "stated", "section 3.2: each pixel of the map is a region"),
    "border": Value("shift", "chosen", "silent; boxes that cross the border are moved inside"),
    "iou": Value(0.25, "stated", "section 4.2"),
    "boxes": Value("attention", "stated", "section 3.2; random, centre and oracle are controls"),
    "proposals": Value(6, "stated", "section 4.2: m, from NTS-Net"),
    "concatenated": Value(4, "stated", "section 4.2: l, from NTS-Net"),
    "shared_extractor": Value(True, "stated", "section 3.3: shared between both levels"),
    "shared_classifier": Value(True, "stated", "section 3.3: shared between all regions"),
    "region_share": Value(
        0.5, "chosen", "silent; rows of tables take what benchmarks/region_share.py found for them"
    ),
    "through_positions": Value(False, "chosen", "silent; suppression passes no gradient"),
    "image_weight": Value(1.0, "chosen", "silent on weights of the losses"),
    "region_weight": Value(1.0, "chosen", "silent; the mean over the m regions"),
    "hybrid_weight": Value(1.0, "chosen", "silent on weights of the losses"),
}
PUBLISHED = {
    "lr": Value(0.01, "stated", "section 4.2"),
    "pretrained_rate": Value(0.1, "stated", "section 4.2: 0.1 times the base rate"),
    "decay": Value("step", "stated", "section 4.2: times 0.1 every 40 epochs"),
    "decay_every": Value(40, "stated", "section 4.2"),
    "epochs": Value(100, "stated", "section 4.2"),
    "weight_decay": Value(5e-4, "stated", "section 4.2"),
    "momentum": Value(0.9, "stated", "section 4.2"),
    "clip_norm": Value(0.0, "chosen", "silent; gradients as they are"),
    "label_smoothing": Value(0.0, "chosen", "silent; plain softmax losses"),
    "average": Value(0.0, "chosen", "silent; the last weights"),
    "batch_norm": Value("trained", "chosen", "silent; as in the public code that it builds on"),
    "head_start": Value("whole", "chosen", "silent; all begin as one logistic regression"),
    "crop_ratio": UNUSED_RATIO,
}
FROZEN_TRUNK = TUNED | {
    "pretrained_rate": Value(1.0, "chosen", "one small rate: no layer starts from nothing"),
    "weight_decay": Value(5e-4, "stated", "section 4.2"),
    "momentum": Value(0.9, "stated", "section 4.2"),
    "head_start": Value(
        "fitted", "chosen", "a copy answers worse on regions (benchmarks/hybrid_start.py)"
    ),
}
_OF_REGIONS = ("pretrained_rate", "head_start")
PLAIN_PUBLISHED = {
    **{name: value for name, value in PUBLISHED.items() if name not in _OF_REGIONS},
    "lr": Value(
        0.001,
        "chosen",
        "the rate that section 4.2 states for pretrained layers: the classifier begins as a "
        "logistic regression, so it too is no new layer",
    ),
}
PLAIN_FROZEN_TRUNK = {
    **{name: value for name, value in FROZEN_TRUNK.items() if name not in _OF_REGIONS},
    "weight_decay": Value(1e-4, "chosen", "the modern recipe of the plain baseline"),
}
STARTS = ("global", "logistic")
START = {
    "published": Value(
        "logistic", "chosen", "the pretrained network; classifiers begin as logistic regressions"
    ),
    "frozen": Value("global", "chosen", "the plain baseline: a region stage has few epochs"),
}
TABLE2: dict[str, dict[str, Any]] = {
    "ours-image-level": {"hybrid_weight": 0.0},
    "ours-without-max-pooling": {"attention": "single"},
    "ours": {},
}
"""Our rows of Table 2, by the names of the ledger: what each changes in the spec.

The two others are `focus/global` (a plain classifier) and `baselines/nts` (its image level).
"""
CONTROLS: dict[str, dict[str, Any]] = {
    "random-boxes": {"boxes": "random"},
    "centre-boxes": {"boxes": "centre"},
    "oracle-boxes": {"boxes": "oracle"},
}
_SHARES = {
    "ours": 0.25,
    "ours-without-max-pooling": 0.3,
    "random-boxes": 0.2,
    "centre-boxes": 0.1,
    "oracle-boxes": 0.35,
    "nts-net": 0.15,
}
REGION_SHARE = {row: Value(share, "chosen", BEST_SHARE) for row, share in _SHARES.items()}
"""The regions' weight in the start of each row, by the rows' names; other readings: ours's."""


def plain_values(preset: Preset) -> dict[str, Value]:
    """The training values of the plain backbone, each with its origin."""
    return PLAIN_PUBLISHED if preset.freeze_stride is None else PLAIN_FROZEN_TRUNK


def region_values(preset: Preset) -> dict[str, Value]:
    """All values of the region stage, each with its origin."""
    recipe = PUBLISHED if preset.freeze_stride is None else FROZEN_TRUNK
    return {**MODEL, "box_size": BOX, **recipe}


def start_value(preset: Preset) -> Value:
    """What the region stage begins from: of `STARTS`."""
    return START["published" if preset.freeze_stride is None else "frozen"]


def row_passes(preset: Preset, regions: int | None = None) -> int:
    """Passes of a row without regions: as many as those with regions take in all.

    Args:
        preset: the scale.
        regions: passes of the stage with regions, where they are not the recipe's.
    """
    stated = region_values(preset).get("epochs")
    own = regions or (stated.value if stated else preset.region_epochs)
    return passes(preset, own, started=start_value(preset).value == "global")


def global_spec(
    preset: Preset, backbone: str, weights: str, *, fold: str, seed: int, **overrides: Any
) -> PlainSpec:
    """The spec of the plain backbone (Table 2, first row).

    Args:
        preset: the scale; with a trained trunk the paper's 100 epochs, else the preset's.
        backbone: a name that `fgnb.nn.create_backbone` knows.
        weights: ``imagenet``, ``random`` or a file.
        fold: ``held-out`` (for choosing settings) or ``all`` (the refit that reads test).
        seed: of order, augmentation and the held-out fifth.
        **overrides: fields of the spec to replace, by name.

    Raises:
        TypeError: an override that is no field of the spec.
    """
    recipe = {"epochs": preset.epochs, **known(plain_values(preset))}
    spec = PlainSpec(**scale_fields(preset, backbone, weights, fold, seed), **recipe)
    return replace(spec, **overrides)


def region_spec(
    preset: Preset, backbone: str, weights: str, *, fold: str, seed: int, **overrides: Any
) -> FocusSpec:
    """The spec of the whole model; its ``start`` is None until a stage is given one.

    Arguments and errors as in `global_spec`; unless given, ``box_size`` follows ``image_size``, and
    so does ``map_scale`` where the map has fewer than m cells (at 64 px it has 4).

    Raises:
        ValueError: a value that the spec refuses.
    """
    recipe = {"epochs": preset.region_epochs, **known(region_values(preset))}
    image_size = overrides.get("image_size", preset.image_size)
    recipe["box_size"] = BOX.value * image_size / REFERENCE
    recipe["map_scale"] = least_map_scale(
        image_size, overrides.get("proposals", recipe["proposals"]), recipe["map_scale"]
    )
    spec = FocusSpec(
        **scale_fields(preset, backbone, weights, fold, seed),
        **recipe,
        source_size=max(preset.source_size, image_size),
        crop_size=preset.crop_size,
        micro_batch=preset.micro_batch,
        start=None,
    )
    return replace(spec, **overrides)


def least_map_scale(image_size: int, proposals: int, least: int = 1) -> int:
    """The smallest scale, from ``least``, at which the map has a cell for each proposal.

    >>> least_map_scale(448, 6), least_map_scale(64, 6)
    (1, 2)
    """
    cells = -(-image_size // STRIDE)
    return max(least, math.ceil(math.sqrt(proposals) / cells))
