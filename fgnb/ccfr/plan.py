"""What a plan says of ccfr's stages: what each starts from, what it costs, whence its values come.

Beside the stages, not in them: a run's key is over the code that trains it, and a plan trains
nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from fgnb.baselines.plain import PlainStage
from fgnb.baselines.plan import whole
from fgnb.baselines.recipe import Value, frame_value, scale_values
from fgnb.ccfr.fusion import Concatenation, Fusion
from fgnb.ccfr.multilevel_stage import GLOBAL, MultiLevelStage
from fgnb.ccfr.pyramid import SCALES, STRIDES, Pyramid
from fgnb.ccfr.recipe import MULTI_LEVEL, values
from fgnb.ccfr.region_recipe import region_values, warm_up_values
from fgnb.ccfr.region_stages import RegionStage, WarmUpStage
from fgnb.nn.backbones import Backbone
from fgnb.nn.cost import META, Cost, Part, head_part, meta_backbone, step_cost
from fgnb.presets import Preset
from fgnb.training import Stage

STATED = {
    "backbone": Value("resnet50", "stated", "section 4.2"),
    "image_size": Value(448, "stated", "section 4.2"),
    "batch_size": Value(16, "stated", "section 4.2"),
    "crop_size": Value(224, "stated", "section 3.2, as an example"),
}
GIVEN = (
    *("weights_tag", "weights_sha256", "fold", "fold_seed", "seed"),
    *("start", "warm_up", "parents"),
)


def earlier(stage: Stage) -> list[Stage]:
    """The stages whose runs `fit` finds or trains before ``stage``."""
    if isinstance(stage, RegionStage):
        return [stage.start, *([stage.warm_up] if stage.warm_up is not None else [])]
    if isinstance(stage, WarmUpStage):
        return [stage.start]
    if isinstance(stage, MultiLevelStage) and stage.spec.clustered_on is not None:
        return [PlainStage(stage.images, stage.spec.clustered_on, stage.weights, GLOBAL)]
    return []


def origins(stage: Any, preset: Preset) -> dict[str, Value]:
    """Where the recipe's value of each field of the spec comes from: ``stated`` or ``chosen``.

    Fields that the caller gives (seed, fold, weights) have the origin ``given``.
    """
    given = {
        name: Value(getattr(stage.spec, name, None), "given", "by the caller") for name in GIVEN
    }
    found = {**given, **_scale(stage, preset), "frame": frame_value(stage.images, preset)}
    if isinstance(stage, RegionStage):
        return {**found, **region_values(preset)}
    if isinstance(stage, WarmUpStage):
        return {**found, **warm_up_values(preset)}
    found |= values(preset)
    if isinstance(stage, MultiLevelStage):
        share, clustering = MULTI_LEVEL["classes_a_parent"], MULTI_LEVEL["clustering"]
        count = f"{share.reason}; one to {share.value} classes unless given"
        found |= {
            "parent_weight": MULTI_LEVEL["parent_weight"],
            "children": MULTI_LEVEL["children"],
            "n_parents": Value(stage.spec.n_parents, "chosen", count),
            "clustered_on": Value(stage.spec.clustered_on, "chosen", clustering.reason),
        }
    return found


def cost(stage: Stage) -> Cost:
    """What a step of ``stage`` costs: whole images, zoomed regions, pyramid, fusion and heads.

    A frozen trunk's maps of whole images are cached, so it runs on regions alone.
    """
    if isinstance(stage, RegionStage):
        return _regions_cost(stage)
    if isinstance(stage, WarmUpStage):
        return _warm_up_cost(stage)
    assert isinstance(stage, PlainStage)
    spec = stage.spec
    backbone = meta_backbone(spec.backbone, cut=spec.cut)
    outputs = [len(stage.images.classes)]
    if isinstance(stage, MultiLevelStage):
        outputs.append(stage.spec.n_parents)
    heads = [head_part(backbone.num_features, count, spec.batch_size) for count in outputs]
    return step_cost([whole(backbone, spec), *heads], held=[backbone])


def _warm_up_cost(stage: WarmUpStage) -> Cost:
    spec = stage.spec
    backbone = meta_backbone(spec.backbone, cut=spec.cut).requires_grad_(False)
    head = nn.Linear(backbone.num_features, len(stage.images.classes), device=META)
    pyramid, shapes = _pyramid(backbone, spec.image_size)
    crop = (3, spec.crop_size, spec.crop_size)
    count = spec.batch_size * spec.per_scale * len(SCALES)
    parts = [
        whole(backbone, spec, backward=False),
        Part(pyramid, shapes, spec.batch_size),
        Part(backbone, (crop,), count, spec.micro_batch, backward=False),
    ]
    return step_cost(parts, held=[head.requires_grad_(False)])


def _regions_cost(stage: RegionStage) -> Cost:
    spec, batch = stage.spec, stage.spec.batch_size
    backbone = meta_backbone(spec.backbone, cut=spec.cut)
    extractor = backbone
    if not spec.shared_extractor:
        extractor = meta_backbone(spec.backbone, cut=spec.cut)
    scored = spec.boxes == "scored" and spec.scorer_signal != "none"
    pyramid, shapes = _pyramid(backbone, spec.image_size)
    count, width = spec.per_scale * len(SCALES), backbone.num_features
    crop = (3, spec.crop_size, spec.crop_size)
    maps = (count, *_maps(backbone, spec.crop_size)[-1])
    fusion: nn.Module = Concatenation()
    parts = count
    if spec.fusion == "network":
        with META:
            fusion = Fusion(width, len(SCALES), spec.per_scale)
        parts = len(SCALES)
    return step_cost(
        [
            whole(backbone, spec),
            Part(pyramid.requires_grad_(scored), shapes, batch, backward=scored),
            Part(extractor, (crop,), batch * count, spec.micro_batch),
            Part(fusion, (maps,), batch, onward=True),
            head_part(width * (1 + parts), len(stage.images.classes), batch),
        ],
        held=[backbone, extractor],
    )


def _pyramid(backbone: Backbone, image_size: int) -> tuple[Pyramid, tuple[tuple[int, ...], ...]]:
    shapes = _maps(backbone, image_size)
    with META:
        return Pyramid([shape[0] for shape in shapes]), shapes


@torch.no_grad()
def _maps(backbone: Backbone, side: int) -> tuple[tuple[int, ...], ...]:
    """Shapes of the two maps that the pyramid reads, of a picture of that side."""
    found = backbone.maps(torch.empty(1, 3, side, side, device=META), STRIDES)
    return tuple(tuple(found[stride].shape[1:]) for stride in STRIDES)


def _scale(stage: Stage, preset: Preset) -> dict[str, Value]:
    """The preset's values by the names that the spec has for them; the paper's own where stated."""
    length = "epochs"
    if isinstance(stage, RegionStage):
        length = "region_epochs"
    elif isinstance(stage, WarmUpStage):
        length = "warm_up_epochs"
    return scale_values(preset, length, STATED)
