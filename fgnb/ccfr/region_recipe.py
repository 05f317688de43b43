"""From a preset to the specs of the region stages; each value is stated in the paper or chosen."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from fgnb.baselines.plain import PlainSpec, PlainStage
from fgnb.baselines.recipe import Value, known
from fgnb.baselines.regime import BEST_SHARE, TUNED
from fgnb.baselines.start import start_field
from fgnb.ccfr.model import RegionSelector
from fgnb.ccfr.recipe import values
from fgnb.ccfr.region_spec import RegionSpec, WarmUpSpec
from fgnb.presets import Preset

MODEL = {
    "iou": Value(0.25, "stated", "section 4.2"),
    "per_scale": Value(2, "stated", "section 4.2: two local regions for each of two scales"),
    "border": Value("shift", "chosen", "silent; boxes that cross the border are moved inside"),
    "boxes": Value("scored", "stated", "section 3.2; random, centre and oracle are controls"),
    "nms": Value("separate", "stated", "section 3.2: on each scale by itself"),
    "fusion": Value("network", "stated", "section 3.2: 1x1 convolution, scale by scale"),
    "scorer_signal": Value(
        "none",
        "chosen",
        "the text as it stands: crops pass no gradient to scores; gate and margin-rank are mends",
    ),
    "shared_extractor": Value(True, "stated", "section 3.2: one extractor for image and regions"),
    "region_share": Value(
        0.5, "chosen", "silent; rows of tables take what benchmarks/region_share.py found for them"
    ),
    "mu": Value(1.0, "stated", "section 3.2: weight of the triplet loss in equation 7"),
    "margin": Value(0.1, "chosen", "silent; cosine similarities of one network lie close together"),
    "mining": Value("batch-hard", "chosen", "silent"),
    "images_per_class": Value(
        4,
        "chosen",
        "silent; of two, a region's worth hangs on the one partner more than on the region "
        "(benchmarks/region_targets.py, region_recipe.py, on held-out images)",
    ),
}
_SHARES = {
    "local-region": 0.3,
    "scale-nms": 0.25,
    "fusion": 0.3,
    "fusion-margin-rank": 0.3,
    "random-boxes": 0.05,
    "centre-boxes": 0.2,
    "oracle-boxes": 0.4,
    "nts-net": 0.15,
}
REGION_SHARE = {row: Value(share, "chosen", BEST_SHARE) for row, share in _SHARES.items()}
"""The regions' weight in the start of each row, by the rows' names; other readings: fusion's."""
WARM_UP = {
    "lr": Value(
        0.001, "stated", "section 4.2, for every stage; 0.005 diverged on the photographs of cars"
    ),
    "batch_norm": Value("stored", "chosen", "the extractor is frozen here, so it sees as at test"),
    "per_scale": Value(3, "chosen", "six ranked regions an image, as in NTS-Net"),
    "candidates": Value(
        "sampled",
        "chosen",
        "silent; NTS-Net ranks its own best, which in a few passes sees too little of an image",
    ),
}
REGION_PUBLISHED = {
    "new_layers": Value(1.0, "chosen", "silent; one rate for all layers"),
    "average": Value(0.0, "chosen", "silent; the last weights"),
}
REGION_FROZEN_TRUNK = {
    "new_layers": Value(1.0, "chosen", "the head starts from a fit; 5 broke it on held-out images"),
    "average": TUNED["average"],
}
_SHARED = (
    *("lr", "decay", "decay_every", "momentum", "weight_decay", "clip_norm", "batch_norm"),
    "crop_ratio",
)


def region_values(preset: Preset) -> dict[str, Value]:
    """All values of the joint stage, each with its origin."""
    own = REGION_PUBLISHED if preset.freeze_stride is None else REGION_FROZEN_TRUNK
    shared = {k: v for k, v in values(preset).items() if k in (*_SHARED, "label_smoothing")}
    return {**MODEL, **shared, **own}


def warm_up_values(preset: Preset) -> dict[str, Value]:
    """All values of the ranking warm-up, each with its origin."""
    shared = {name: value for name, value in values(preset).items() if name in _SHARED}
    inherited = {name: MODEL[name] for name in ("iou", "border")}
    return {**shared, **inherited, **WARM_UP}


def warm_up_spec(preset: Preset, start: PlainStage, **overrides: Any) -> WarmUpSpec:
    """The spec of the ranking warm-up that begins from ``start``.

    Raises:
        TypeError: an override that is no field of the spec.
    """
    own = known(warm_up_values(preset))
    spec = WarmUpSpec(**{**_zoom(preset, start), **own}, epochs=preset.warm_up_epochs)
    return replace(spec, **overrides)


def region_spec(preset: Preset, start: PlainStage, **overrides: Any) -> RegionSpec:
    """The spec of the joint stage that begins from ``start``; its ``warm_up`` is yet to be named.

    Raises:
        TypeError: an override that is no field of the spec.
        ValueError: an unknown kind of suppression.
    """
    zoom = _zoom(preset, start)
    recipe = known(region_values(preset))
    own = {name: value for name, value in recipe.items() if name not in zoom}
    made = RegionSpec(**zoom, **own, epochs=preset.region_epochs, warm_up=None)
    spec = replace(made, **overrides)
    RegionSelector(spec.nms, spec.per_scale, spec.iou)
    return spec


def _zoom(preset: Preset, start: PlainStage) -> dict[str, Any]:
    """The fields that a stage takes over from its start, and those of the preset's scale."""
    plain = start.spec
    inherited = {
        *("backbone", "weights_tag", "weights_sha256", "image_size", "frame", "crop_ratio", "cut"),
        *("fold", "fold_seed", "seed", "threads", "batch_size"),
    }
    recipe = {k: v for k, v in known(values(preset)).items() if k in _SHARED}
    return {
        **recipe,
        **{f.name: getattr(plain, f.name) for f in fields(PlainSpec) if f.name in inherited},
        "start": start_field(start),
        "source_size": max(preset.source_size, plain.image_size),
        "crop_size": preset.crop_size,
        "max_steps": preset.max_steps,
        "micro_batch": preset.micro_batch,
    }
