"""What a plan says of the baselines: what each starts from, what it costs, whence its values come.

Beside the stages, not in them: a run's key is over the code that trains it, and a plan trains
nothing. Of the plain backbone the papers' rooms know the recipe.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from fgnb.baselines.nts import NTSStage
from fgnb.baselines.recipe import Value, frame_value, scale_values
from fgnb.baselines.stages import nts_values
from fgnb.nn.cost import META, Cost, Part, head_part, meta_backbone, step_cost, whole_part
from fgnb.nn.nts_proposer import ProposalNetwork
from fgnb.presets import Preset
from fgnb.training import Stage

STATED = {
    "backbone": Value("resnet50", "stated", "public code"),
    "image_size": Value(448, "stated", "public code"),
    "source_size": Value(448, "stated", "public code: regions are cut from the input"),
    "crop_size": Value(224, "stated", "public code"),
    "batch_size": Value(16, "stated", "public code"),
}
GIVEN = ("weights_tag", "weights_sha256", "fold", "fold_seed", "seed", "start")


def earlier(stage: Stage) -> list[Stage]:
    """The stages whose runs `fit` finds or trains before ``stage``."""
    start = getattr(stage, "start", None)
    return [] if start is None else [start]


def origins(stage: Stage, preset: Preset) -> dict[str, Value]:
    """Where the recipe's value of each field of the spec comes from: ``stated`` or ``chosen``.

    Fields that the caller gives (seed, fold, weights, start) have the origin ``given``.
    """
    assert isinstance(stage, NTSStage)
    found = {name: Value(getattr(stage.spec, name), "given", "by the caller") for name in GIVEN}
    found |= scale_values(preset, "region_epochs", STATED)
    frame = frame_value(stage.images, preset)
    if preset.freeze_stride is None:
        frame = replace(frame, origin="stated", reason="public code: resize to 600x600, crop 448")
    return found | {"frame": frame} | nts_values(preset)


def cost(stage: Stage) -> Cost:
    """What a step of NTS costs: whole images, proposals, zoomed regions, three classifiers.

    A frozen trunk's maps of whole images are cached, so it runs on regions alone.
    """
    assert isinstance(stage, NTSStage)
    spec, batch = stage.spec, stage.spec.batch_size
    backbone = meta_backbone(spec.backbone, cut=spec.cut)
    width, classes = backbone.num_features, len(stage.images.classes)
    with torch.no_grad():
        picture = torch.empty(1, 3, spec.image_size, spec.image_size, device=META)
        shape = tuple(backbone(picture).shape[1:])
    with META:
        proposer: nn.Module = ProposalNetwork(width)
    crop = (3, spec.crop_size, spec.crop_size)
    return step_cost(
        [
            whole_part(backbone, image_size=spec.image_size, cut=spec.cut, items=batch),
            Part(proposer, (shape,), batch),
            Part(backbone, (crop,), batch * spec.proposals, spec.micro_batch),
            head_part(width, classes, batch),
            head_part(width, classes, batch * spec.proposals),
            head_part(width * (1 + spec.concatenated), classes, batch),
        ],
        held=[backbone],
    )
