"""The stages ``pose/part-net`` and ``pose/part-nets`` from a preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fgnb.baselines.plain import PlainStage
from fgnb.baselines.start import start_field
from fgnb.data import ImageSet
from fgnb.pose.classifier_stages import classifier_stage, global_stage
from fgnb.pose.localiser_stage import LocaliserStage
from fgnb.pose.localiser_stages import localiser_for
from fgnb.pose.part_crops import PARTS
from fgnb.pose.part_net_stage import PartNetStage
from fgnb.pose.part_nets_stage import PartNetsStage
from fgnb.pose.part_recipe import part_net_spec, part_nets_spec
from fgnb.pose.recipe import framed
from fgnb.presets import Preset

PART_NET, PART_NETS = "pose/part-net", "pose/part-nets"
_OF_THE_MODEL = ("holistic", "dim", "map_stride", "form_stride", "window")
"""Fields of the model of whole and parts that the joined stage hands on to it."""


def part_net_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    localiser: LocaliserStage | None = None,
    **overrides: Any,
) -> PartNetStage:
    """The stage ``pose/part-net``: a network on crops of one part, ``part``.

    Args:
        preset: the scale.
        images: the image set.
        backbone: as in `fgnb.pose.classifier_recipe.plain_spec`.
        weights: as there.
        fold: as there.
        seed: as there.
        localiser: whose run says where the keypoints are; by default the recipe's, of the same
            pictures, network, fold and seed.
        **overrides: fields of the spec to replace, by name.

    Raises:
        TypeError: an override that is no field of the spec.
        ValueError: a value that the spec refuses.
    """
    spec = part_net_spec(preset, backbone, weights, fold=fold, seed=seed, **framed(overrides))
    if localiser is None:
        localiser = localiser_for(spec, preset, images, weights)
    spec = replace(spec, localiser=start_field(localiser))
    return PartNetStage(
        images, spec, weights, PART_NET, localiser=localiser, workers=preset.loader_workers
    )


def part_nets_stage(
    preset: Preset,
    images: ImageSet,
    *,
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    fold: str = "all",
    seed: int = 0,
    whole: bool = True,
    crops: bool = True,
    holistic: str = "random-maclaurin",
    margin: float = 0.0,
    **overrides: Any,
) -> PartNetsStage:
    """The stage ``pose/part-nets``: head and body beside the model of whole and parts.

    Args:
        preset: the scale.
        images: the image set.
        backbone: as in `fgnb.pose.classifier_recipe.plain_spec`.
        weights: as there.
        fold: as there.
        seed: as there.
        whole: whether the model of whole and parts is joined (section 3.5's, by default).
        crops: whether its companions see crops of head and body; else they are two plain networks
            on whole pictures that differ in their seeds: what three networks give without parts.
        holistic: of that model, like ``dim``, ``map_stride``, ``form_stride`` and ``window``.
        margin: of the crops.
        **overrides: fields of the spec to replace, by name; those that the networks share with it
            are theirs too.

    Raises:
        TypeError: an override that is no field of the spec.
        ValueError: a value that the spec refuses.
    """
    given = framed(overrides)
    model = {"holistic": holistic} | {k: given.pop(k) for k in _OF_THE_MODEL if k in given}
    spec = part_nets_spec(preset, backbone, weights, fold=fold, seed=seed, **given)
    common: dict[str, Any] = {"backbone": backbone, "weights": weights, "fold": fold}
    shared = {name: value for name, value in given.items() if name != "head_start"}
    nets: Mapping[str, PlainStage | PartNetStage]
    if crops:
        nets = {part: part_net_stage(preset, images, **common, seed=seed, part=part, margin=margin,
                                     **shared)
                for part in PARTS}  # fmt: skip
    else:
        nets = {f"whole-{seed + 1 + k}": global_stage(preset, images, **common, seed=seed + 1 + k,
                                                      **{"fold_seed": spec.fold_seed, **shared})
                for k in range(len(PARTS))}  # fmt: skip
    classifier = None
    if whole:
        classifier = classifier_stage(preset, images, **common, seed=seed, **model, **shared)
    spec = replace(
        spec,
        classifier=start_field(classifier),
        nets={name: start_field(net) for name, net in nets.items()},
    )
    return PartNetsStage(images, spec, PART_NETS, classifier=classifier, nets=nets)
