"""The baselines' stages by the names of the command line, and NTS's recipe.

The plain backbone needs no name of its own: the papers' rooms make it with their recipes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from fgnb import training
from fgnb.baselines.nts import NTSSpec, NTSStage
from fgnb.baselines.nts_warm_up import NTSWarmUpSpec, NTSWarmUpStage
from fgnb.baselines.plain import PlainStage
from fgnb.baselines.recipe import UNUSED_RATIO, Value, known, scale_fields, with_frame
from fgnb.baselines.regime import TUNED
from fgnb.baselines.start import start_field
from fgnb.data import ImageSet
from fgnb.presets import Preset

_ALWAYS: dict[str, Value] = {
    "momentum": Value(0.9, "stated", "public code"),
    "weight_decay": Value(1e-4, "stated", "public code"),
    "proposals": Value(6, "stated", "public code"),
    "concatenated": Value(4, "stated", "public code"),
    "iou": Value(0.25, "stated", "public code"),
    "dropout": Value(0.5, "stated", "public code"),
}
PUBLISHED: dict[str, Value] = _ALWAYS | {
    "lr": Value(0.001, "stated", "public code"),
    "decay": Value("step", "stated", "public code: times 0.1 at the epochs 60 and 100"),
    "decay_every": Value(60, "stated", "public code; the preset ends before a second step"),
    "clip_norm": Value(0.0, "stated", "public code: gradients as they are"),
    "label_smoothing": Value(0.0, "stated", "public code"),
    "average": Value(0.0, "stated", "public code: no average"),
    "batch_norm": Value("trained", "stated", "public code: the network is in training mode"),
    "new_layers": Value(1.0, "stated", "public code: one rate for all layers"),
    "warm_up": Value(
        False, "stated", "public code: no warm-up, all is trained from the first step"
    ),
    "head_start": Value("whole", "chosen", "all begin as one logistic regression"),
    "region_share": Value(0.5, "chosen", "half whole, half regions; training is long enough"),
    "crop_ratio": UNUSED_RATIO,
}
FROZEN_TRUNK: dict[str, Value] = (
    _ALWAYS
    | TUNED
    | {
        "new_layers": Value(1.0, "chosen", "the classifiers start from fits"),
        "warm_up": Value(
            True, "chosen", "as the regions that it is compared with; the public code has none"
        ),
        "head_start": Value(
            "fitted", "chosen", "a copy answers worse on regions (benchmarks/hybrid_start.py)"
        ),
        "region_share": Value(0.5, "chosen", "half whole, half regions"),
    }
)
WARM_UP: dict[str, Value] = {
    "lr": Value(0.001, "stated", "public code, for all layers"),
    "label_smoothing": Value(0.0, "chosen", "unused by the ranking loss"),
    "average": Value(0.0, "chosen", "unused: its start is random"),
    "batch_norm": Value("stored", "chosen", "the backbone is frozen here, so it sees as at test"),
    "candidates": Value(
        "sampled",
        "chosen",
        "as in ccfr's warm-up; the public code ranks its own best, which in a few passes sees too "
        "little of an image",
    ),
}
_ITS_OWN = frozenset({*WARM_UP, "epochs", "max_steps"})
"""Fields of the warm-up that it does not take over from the NTS that it is of."""


def nts_values(preset: Preset) -> dict[str, Value]:
    """All values of NTS, each with its origin; of ``warm_up`` whether there is one."""
    return PUBLISHED if preset.freeze_stride is None else FROZEN_TRUNK


def warm_up_values(preset: Preset) -> dict[str, Value]:
    """All values of its warm-up, each with its origin."""
    names = {field.name for field in fields(NTSWarmUpSpec)}
    shared = {name: value for name, value in nts_values(preset).items() if name in names}
    return {**shared, **WARM_UP}


def nts_spec(
    preset: Preset, backbone: str, weights: str, *, fold: str, seed: int, **overrides: Any
) -> NTSSpec:
    """NTS at the scale of ``preset``, each value from its public code or chosen.

    Args:
        preset: the scale. A frozen trunk takes the plain baseline's recipe.
        backbone: a name that `fgnb.nn.create_backbone` knows.
        weights: ``imagenet``, ``random`` or a file.
        fold: ``held-out`` (for choosing settings) or ``all`` (the refit that reads test).
        seed: of order, augmentation, dropout and the held-out fifth.
        **overrides: fields of the spec to replace, by name.

    Raises:
        TypeError: an override that is no field of the spec.
    """
    recipe = {**known(nts_values(preset)), "warm_up": None}
    spec = NTSSpec(
        **scale_fields(preset, backbone, weights, fold, seed),
        **recipe,
        source_size=preset.source_size,
        crop_size=preset.crop_size,
        micro_batch=preset.micro_batch,
        epochs=preset.region_epochs,
        start=None,
    )
    return replace(spec, **overrides)


def warm_up_spec(preset: Preset, spec: NTSSpec, **overrides: Any) -> NTSWarmUpSpec:
    """The warm-up of an NTS of ``spec``: the same pictures, sizes, boxes, fold, seed and start.

    Raises:
        TypeError: an override that is no field of the spec.
        ValueError: candidates of another name.
    """
    names = {field.name for field in fields(NTSWarmUpSpec)}.difference(_ITS_OWN)
    made = NTSWarmUpSpec(
        **{name: getattr(spec, name) for name in names},
        **known(WARM_UP),
        epochs=preset.warm_up_epochs,
        max_steps=preset.max_steps,
    )
    return replace(made, **overrides)


def nts_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    start: PlainStage | None = None,
    warm_up: bool | None = None,
    **overrides: Any,
) -> NTSStage:
    """The stage ``baselines/nts`` on ``images``; see `nts_spec`.

    ``start`` is the stage whose backbone and classifier it begins from; None is the pretrained
    backbone with a logistic regression on its features. ``warm_up`` is whether the proposal network
    learns first, by `nts_warm_up_stage`; None is the recipe's.
    """
    spec = _spec(preset, images, backbone, weights, fold, seed, start, overrides)
    warmed = None
    if nts_values(preset)["warm_up"].value if warm_up is None else warm_up:
        warmed = _warm_up(preset, images, spec, weights, start, {})
    return NTSStage(
        images,
        replace(spec, warm_up=start_field(warmed)),
        weights,
        "baselines/nts",
        start=start,
        warm_up=warmed,
        workers=preset.loader_workers,
    )


def nts_warm_up_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    start: PlainStage | None = None,
    **overrides: Any,
) -> NTSWarmUpStage:
    """The stage ``baselines/nts-warm-up``: the proposal network of NTS learns to rank regions.

    ``start`` as in `nts_stage`; **overrides replace fields of its own spec.
    """
    spec = _spec(preset, images, backbone, weights, fold, seed, start, {})
    return _warm_up(preset, images, spec, weights, start, with_frame(images, preset, overrides))


def _spec(
    preset: Preset,
    images: ImageSet,
    backbone: str,
    weights: str,
    fold: str,
    seed: int,
    start: PlainStage | None,
    overrides: dict[str, Any],
) -> NTSSpec:
    own = with_frame(images, preset, overrides)
    spec = nts_spec(preset, backbone, weights, fold=fold, seed=seed, **own)
    return replace(spec, start=start_field(start))


def _warm_up(
    preset: Preset,
    images: ImageSet,
    spec: NTSSpec,
    weights: str,
    start: PlainStage | None,
    overrides: dict[str, Any],
) -> NTSWarmUpStage:
    own, workers = warm_up_spec(preset, spec, **overrides), preset.loader_workers
    return NTSWarmUpStage(
        images, own, weights, "baselines/nts-warm-up", start=start, workers=workers
    )


STAGES: dict[str, Callable[..., training.Stage]] = {
    "nts": nts_stage,
    "nts-warm-up": nts_warm_up_stage,
}
