"""From a preset to the specs of ccfr's stages; each value is stated in the paper or chosen here.

Each `Value` carries its origin: whether the paper states it, and where, or why it was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fgnb.baselines.plain import PlainSpec
from fgnb.baselines.recipe import UNUSED_RATIO, Value, known, scale_fields, with_frame
from fgnb.baselines.regime import TUNED
from fgnb.ccfr.multilevel_stage import MultiLevelSpec
from fgnb.data import ImageSet
from fgnb.presets import Preset

RERANK = {
    "topn": Value(5, "stated", "section 4.2; the optimum of Fig. 6 is 2"),
    "topm": Value(50, "stated", "section 4.3"),
    "alpha": Value(0.0, "stated", "section 4.2"),
    "beta": Value(1.0, "stated", "section 4.2"),
    "t_sf": Value("mean-top1", "stated", "section 4.2, as a rule; 0.5 on CUB, 0.7 on the others"),
    "t_sc": Value(
        "quantile",
        "chosen",
        "silent for the main table; 0.7 is the optimum of Fig. 6, on the scale of the paper's own "
        "embedding: a rule without labels, as for T_sf, under which nearly every image has a voter",
    ),
    "gate": Value("sample", "chosen", "the text; equation 8 as printed gates per class"),
}
PUBLISHED = {
    "lr": Value(0.001, "stated", "section 4.2"),
    "decay": Value("step", "stated", "section 4.2: times 0.1 every 30 epochs"),
    "decay_every": Value(30, "stated", "section 4.2"),
    "weight_decay": Value(1e-4, "stated", "section 4.2"),
    "momentum": Value(0.9, "chosen", "silent beyond 'Momentum SGD'; the usual value"),
    "clip_norm": Value(0.0, "chosen", "silent; gradients as they are"),
    "label_smoothing": Value(0.0, "chosen", "silent; equation 1 has none"),
    "average": Value(0.0, "chosen", "silent; the last weights"),
    "batch_norm": Value("trained", "chosen", "silent; as in the public code that it builds on"),
    "crop_ratio": UNUSED_RATIO,
}
FROZEN_TRUNK = TUNED | {
    "weight_decay": Value(1e-4, "stated", "section 4.2"),
    "momentum": Value(0.9, "chosen", "silent beyond 'Momentum SGD'; the usual value"),
}
MULTI_LEVEL = {
    "parent_weight": Value(1.0, "stated", "section 3.1: lambda of equation 4"),
    "children": Value("mean", "stated", "section 3.1: the average; equation 3 then hardly fires"),
    "classes_a_parent": Value(5, "chosen", "silent on the number of super classes"),
    "clustering": Value(
        "cross-entropy",
        "chosen",
        "silent beyond 'visual feature clustering'; k-means on the class means of that run",
    ),
}
CLUSTERINGS = ("cross-entropy", "pretrained")


def values(preset: Preset) -> dict[str, Value]:
    """The training values of ``preset`` for the global-feature stage, each with its origin."""
    return PUBLISHED if preset.freeze_stride is None else FROZEN_TRUNK


def global_spec(
    preset: Preset,
    images: ImageSet,
    backbone: str,
    weights: str,
    *,
    fold: str,
    seed: int,
    **overrides: Any,
) -> PlainSpec:
    """The spec of the global-feature classifier (Table 3, first row).

    Args:
        preset: the scale.
        images: the image set.
        backbone: a name that `fgnb.nn.create_backbone` knows.
        weights: ``imagenet``, ``random`` or a file.
        fold: ``held-out`` (for choosing settings) or ``all`` (the refit that reads test).
        seed: of order, augmentation, and the held-out fifth.
        **overrides: fields of the spec to replace, by name; the frame ``set`` is the recipe's.

    Raises:
        TypeError: an override that is no field of the spec.
    """
    spec = PlainSpec(
        **scale_fields(preset, backbone, weights, fold, seed),
        **known(values(preset)),
        epochs=preset.epochs,
    )
    return replace(spec, **with_frame(images, preset, overrides))


def multi_level_spec(
    preset: Preset,
    images: ImageSet,
    backbone: str,
    weights: str,
    *,
    fold: str,
    seed: int,
    n_parents: int = 0,
    parent_weight: float = MULTI_LEVEL["parent_weight"].value,
    children: str = MULTI_LEVEL["children"].value,
    clustering: str = MULTI_LEVEL["clustering"].value,
    parents: Sequence[int] | None = None,
    **overrides: Any,
) -> MultiLevelSpec:
    """The spec of the classifier under the multi-level loss (Table 3, second row).

    Args:
        preset: the scale.
        images: the image set; its classes and its frame matter here.
        backbone: as in `global_spec`.
        weights: as in `global_spec`.
        fold: as in `global_spec`.
        seed: as there, and of the starts of k-means.
        n_parents: super classes; 0 means a fifth of the classes, rounded, and at least 2.
        parent_weight: ``lambda`` of equation 4.
        children: ``mean`` or ``sum``, the reading of equation 3.
        clustering: whose class means are clustered: ``cross-entropy`` (the global stage of the
            same fold and recipe) or ``pretrained`` (the backbone as it comes).
        parents: the super class of each class, in place of clustering.
        **overrides: fields of the plain recipe to replace, by name; the run that is clustered
            takes them too.

    Raises:
        TypeError: an override that is no field of the plain spec.
        ValueError: an unknown clustering.
    """
    if clustering not in CLUSTERINGS:
        raise ValueError(f"clustering is {clustering!r}; it is one of {', '.join(CLUSTERINGS)}")
    plain = global_spec(preset, images, backbone, weights, fold=fold, seed=seed, **overrides)
    given = None if parents is None else tuple(int(parent) for parent in parents)
    if given is not None:
        count = n_parents or max(given) + 1
    else:
        share = len(images.classes) / MULTI_LEVEL["classes_a_parent"].value
        count = n_parents or max(2, int(share + 0.5))
    return MultiLevelSpec(
        **vars(plain),
        n_parents=count,
        parent_weight=float(parent_weight),
        children=children,
        clustered_on=plain if given is None and clustering == "cross-entropy" else None,
        parents=given,
    )
