"""What a plan says of focus's stages: what each starts from, what it costs, whence its values come.

Beside the stages, not in them: a run's key is over the code that trains it, and a plan trains
nothing. The model adds no network to find regions: its attention map is one product of the last
map and the image-level classifier's weights.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from fgnb.baselines.plain import PlainSpec, PlainStage
from fgnb.baselines.plan import whole
from fgnb.baselines.recipe import Value, frame_value, scale_values
from fgnb.focus.recipe import REFERENCE, least_map_scale, plain_values, region_values, start_value
from fgnb.focus.region_stage import FocusStage
from fgnb.focus.spec import STRIDE
from fgnb.nn.cost import Cost, Part, head_part, meta_backbone, step_cost
from fgnb.presets import Preset
from fgnb.training import Stage

STATED = {
    "backbone": Value("resnet50", "stated", "section 4.2"),
    "image_size": Value(448, "stated", "section 4.2"),
    "crop_size": Value(224, "stated", "section 4.2"),
}
GIVEN = ("weights_tag", "weights_sha256", "fold", "fold_seed", "seed")


def earlier(stage: Stage) -> list[Stage]:
    """The stages whose runs `fit` finds or trains before ``stage``."""
    if isinstance(stage, FocusStage) and stage.start is not None:
        return [stage.start]
    return []


def origins(stage: Any, preset: Preset) -> dict[str, Value]:
    """Where the recipe's value of each field of the spec comes from: ``stated`` or ``chosen``.

    Fields that the caller gives (seed, fold, weights) have the origin ``given``.
    """
    regions, spec = isinstance(stage, FocusStage), stage.spec
    found = {name: Value(getattr(spec, name), "given", "by the caller") for name in GIVEN}
    found |= scale_values(preset, "region_epochs" if regions else "epochs", STATED)
    found["frame"] = frame_value(stage.images, preset)
    if not regions:
        return found | plain_values(preset)
    origin, known = start_value(preset), region_values(preset)
    box, scale = known["box_size"], least_map_scale(spec.image_size, spec.proposals)
    known["box_size"] = Value(box.value * spec.image_size / REFERENCE, box.origin, box.reason)
    if scale > 1:
        known["map_scale"] = Value(
            scale, "chosen", "the backbone's map has fewer cells than there are regions"
        )
    return found | known | {"start": Value(spec.start, origin.origin, origin.reason)}


def cost(stage: Stage) -> Cost:
    """What a step of ``stage`` costs: whole images, the attention map, zoomed regions, heads.

    A frozen trunk's maps of whole images are cached, so it runs on regions alone.
    """
    assert isinstance(stage, PlainStage | FocusStage)
    spec, classes = stage.spec, len(stage.images.classes)
    backbone = meta_backbone(spec.backbone, cut=spec.cut)
    width, batch = backbone.num_features, spec.batch_size
    parts = [whole(backbone, spec), head_part(width, classes, batch)]
    held: list[nn.Module] = [backbone]
    if isinstance(stage, FocusStage):
        count, crop = stage.spec.proposals, (3, stage.spec.crop_size, stage.spec.crop_size)
        extractor = backbone
        if not stage.spec.shared_extractor:
            extractor = meta_backbone(spec.backbone, cut=spec.cut)
            held.append(extractor)
        image_level = parts[-1].module
        parts += [
            Part(image_level, ((_cells(spec), width),), batch, backward=False),
            Part(extractor, (crop,), batch * count, stage.spec.micro_batch),
            head_part(width, classes, batch * count),
        ]
        if not stage.spec.shared_classifier:  # the one of all only gives their start
            held.append(parts.pop().module.requires_grad_(False))
            parts += [head_part(width, classes, batch) for _ in range(count)]
        if stage.spec.hybrid:
            parts.append(head_part(width * (1 + stage.spec.concatenated), classes, batch))
    return step_cost(parts, held)


def _cells(spec: PlainSpec) -> int:
    """Of the backbone's last map."""
    side: int = -(-spec.image_size // STRIDE)
    return side**2
