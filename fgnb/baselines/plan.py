"""What a plan says of NTS and its warm-up: what each starts from, what it costs, whence its values.

Beside the stages, not in them: a run's key is over the code that trains it, and a plan trains
nothing. Both papers' rooms have NTS as a row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from fgnb.baselines.nts import NTSStage
from fgnb.baselines.nts_warm_up import NTSWarmUpStage
from fgnb.baselines.plain import PlainStage
from fgnb.baselines.recipe import Value, frame_value, scale_values
from fgnb.baselines.stages import nts_values, warm_up_values
from fgnb.nn.backbones import Backbone
from fgnb.nn.cost import META, Cost, Part, head_part, meta_backbone, step_cost, whole_part
from fgnb.nn.nts_proposer import LEAST_STRIDE, ProposalNetwork
from fgnb.presets import Preset
from fgnb.training import Stage

STATED = {
    "backbone": Value("resnet50", "stated", "public code"),
    "image_size": Value(448, "stated", "public code"),
    "source_size": Value(448, "stated", "public code: regions are cut from the input"),
    "batch_size": Value(16, "stated", "public code"),
    "crop_size": Value(224, "stated", "public code"),
}
GIVEN = ("weights_tag", "weights_sha256", "fold", "fold_seed", "seed", "start")


def earlier(stage: Stage) -> list[Stage]:
    """The stages whose runs `fit` finds or trains before ``stage``."""
    before = [getattr(stage, name, None) for name in ("start", "warm_up")]
    return [one for one in before if one is not None]


def origins(stage: Stage, preset: Preset) -> dict[str, Value]:
    """Where the recipe's value of each field of the spec comes from: ``stated`` or ``chosen``.

    Fields that the caller gives (seed, fold, weights, start) have the origin ``given``.
    """
    assert isinstance(stage, NTSStage | NTSWarmUpStage)
    spec: Any = stage.spec
    joint = isinstance(stage, NTSStage)
    found = {name: Value(getattr(spec, name), "given", "by the caller") for name in GIVEN}
    found |= scale_values(preset, "region_epochs" if joint else "warm_up_epochs", STATED)
    found["frame"] = frame_value(stage.images, preset)
    if preset.freeze_stride is None:
        reason = "public code: resize to 600x600, crop 448"
        found["frame"] = replace(found["frame"], origin="stated", reason=reason)
    if not joint:
        return found | warm_up_values(preset)
    found |= nts_values(preset)
    warm_up = found["warm_up"]
    if warm_up.value == (spec.warm_up is not None):  # as in the recipe: the run, not whether
        found["warm_up"] = Value(spec.warm_up, warm_up.origin, warm_up.reason)
    return found


def cost(stage: Stage) -> Cost:
    """What a step of ``stage`` costs: whole images, proposals, zoomed regions, classifiers.

    A frozen trunk's maps of whole images are cached, so it runs on regions alone.
    """
    assert isinstance(stage, PlainStage | NTSStage | NTSWarmUpStage)
    spec: Any = stage.spec
    classes = len(stage.images.classes)
    backbone = meta_backbone(spec.backbone, cut=spec.cut)
    width, batch = backbone.num_features, spec.batch_size
    if isinstance(stage, PlainStage):
        return step_cost([whole(backbone, spec), head_part(width, classes, batch)], [backbone])
    cells, crop = -(-spec.image_size // LEAST_STRIDE), (3, spec.crop_size, spec.crop_size)
    with META:
        proposer = ProposalNetwork(width)
    found, count = Part(proposer, ((width, cells, cells),), batch), batch * spec.proposals
    if isinstance(stage, NTSWarmUpStage):
        backbone.requires_grad_(False)
        head = nn.Linear(width, classes, device=META).requires_grad_(False)
        parts = [
            whole(backbone, spec, backward=False),
            found,
            Part(backbone, (crop,), count, spec.micro_batch, backward=False),
            Part(head, ((width,),), count, backward=False),
        ]
        return step_cost(parts, [backbone])
    joined = width * (1 + spec.concatenated)
    parts = [
        whole(backbone, spec),
        found,
        Part(backbone, (crop,), count, spec.micro_batch),
        head_part(width, classes, batch),
        head_part(width, classes, count),
        head_part(joined, classes, batch),
    ]
    return step_cost(parts, [backbone])


def whole(backbone: Backbone, spec: Any, *, backward: bool = True) -> Part:
    """The whole images of a batch, as a stage of that spec reads them."""
    return whole_part(
        backbone,
        image_size=spec.image_size,
        cut=spec.cut,
        items=spec.batch_size,
        backward=backward,
    )
