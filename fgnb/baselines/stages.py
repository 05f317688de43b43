"""The baselines' stages by the names of the command line, and NTS's recipe.

The plain backbone needs no name of its own: the papers' rooms make it with their recipes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fgnb.baselines.nts import NTSSpec, NTSStage
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
    "head_start": Value("whole", "chosen", "all begin as one logistic regression"),
    "crop_ratio": UNUSED_RATIO,
}
FROZEN_TRUNK: dict[str, Value] = (
    _ALWAYS
    | TUNED
    | {
        "new_layers": Value(1.0, "chosen", "the classifiers start from fits"),
        "head_start": Value(
            "fitted", "chosen", "a copy answers worse on regions (benchmarks/hybrid_start.py)"
        ),
    }
)


def nts_values(preset: Preset) -> dict[str, Value]:
    """The training values of NTS, each with its origin."""
    return PUBLISHED if preset.freeze_stride is None else FROZEN_TRUNK


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
    spec = NTSSpec(
        **scale_fields(preset, backbone, weights, fold, seed),
        **known(nts_values(preset)),
        source_size=preset.source_size,
        crop_size=preset.crop_size,
        micro_batch=preset.micro_batch,
        epochs=preset.region_epochs,
        start=None,
    )
    return replace(spec, **overrides)


def nts_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    start: PlainStage | None = None,
    **overrides: Any,
) -> NTSStage:
    """The stage ``baselines/nts`` on ``images``; see `nts_spec`.

    ``start`` is the stage whose backbone and classifier it begins from; None is the pretrained
    backbone with a logistic regression on its features.
    """
    own = with_frame(images, preset, overrides)
    spec = nts_spec(preset, backbone, weights, fold=fold, seed=seed, **own)
    spec = replace(spec, start=start_field(start))
    workers = preset.loader_workers
    return NTSStage(images, spec, weights, "baselines/nts", start=start, workers=workers)


STAGES: dict[str, Callable[..., NTSStage]] = {"nts": nts_stage}
