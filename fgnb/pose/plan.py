"""What a plan says of pose's stages: what each starts from, what it costs, whence its values come.

Beside the stages, not in them: a run's key is over the code that trains it, and a plan trains
nothing.
"""

from __future__ import annotations

from typing import Any

import torch

from fgnb.baselines.plain import PlainStage
from fgnb.baselines.plan import cost as plain_cost
from fgnb.baselines.plan import whole
from fgnb.baselines.recipe import Value, scale_values
from fgnb.nn.backbones import Backbone
from fgnb.nn.cost import META, Cost, Part, head_part, meta_backbone, step_cost
from fgnb.pose.classifier_recipe import classifier_values, training_values
from fgnb.pose.classifier_stage import ClassifierStage
from fgnb.pose.localiser_stage import LocaliserStage, localiser_of
from fgnb.pose.part_net_stage import PartNetStage
from fgnb.pose.part_nets_stage import PartNetsStage
from fgnb.pose.part_recipe import part_net_values, part_nets_values
from fgnb.pose.recipe import follow, image_size, values
from fgnb.pose.representation import JointRepresentation
from fgnb.pose.shared_recipe import shared_values
from fgnb.pose.shared_stage import SharedStage
from fgnb.pose.spec import LocaliserSpec
from fgnb.presets import Preset
from fgnb.training import Stage

STATED = {"backbone": Value("vgg16", "stated", "section 3")}
GIVEN = (
    *("weights_tag", "weights_sha256", "fold", "fold_seed", "seed", "start", "localiser"),
    *("classifier", "nets"),
)
_VALUES = {
    SharedStage: shared_values,
    ClassifierStage: classifier_values,
    PartNetStage: part_net_values,
    PartNetsStage: part_nets_values,
    PlainStage: training_values,
}
"""Kind of stage -> the values of its recipe; the first that fits."""


def earlier(stage: Stage) -> list[Stage]:
    """The stages whose runs `fit` finds or trains before ``stage``."""
    if isinstance(stage, PartNetsStage):
        return stage.joined
    known = (getattr(stage, name, None) for name in ("start", "localiser"))
    return [other for other in known if other is not None]


def origins(stage: Any, preset: Preset) -> dict[str, Value]:
    """Where the recipe's value of each field of the spec comes from: ``stated`` or ``chosen``.

    Fields that the caller gives (seed, fold, weights) have the origin ``given``.
    """
    spec = stage.spec
    names = [name for name in GIVEN if hasattr(spec, name)]
    found = {name: Value(getattr(spec, name), "given", "by the caller") for name in names}
    found |= scale_values(preset, "epochs", STATED)
    for kind, values_of in _VALUES.items():
        if isinstance(stage, kind):
            return {**found, **values_of(preset), "image_size": image_size(preset)}
    found |= {**values(preset, spec.phase), "image_size": image_size(preset)}
    usual = {**vars(spec), **{name: found[name].value for name in ("prior", "fc_start")}}
    for name, value in follow(usual, stage.weights).items():
        if name in ("prior", "kernel", "fc_start"):
            reason = f"{found[name].reason}; as grid and backbone need it"
            found[name] = Value(value, found[name].origin, reason)
    return found


def cost(stage: Stage) -> Cost:
    """What a step of ``stage`` costs: the backbone above the cut, and the head.

    A frozen trunk's maps are cached, so they cost nothing here.
    """
    if isinstance(stage, ClassifierStage):
        return _classifier_cost(stage)
    if isinstance(stage, PartNetsStage):
        return _joined_cost(stage)
    if isinstance(stage, PartNetStage):
        return plain_cost(stage.uncut)
    if isinstance(stage, PlainStage):
        return plain_cost(stage)
    assert isinstance(stage, LocaliserStage)
    spec = stage.spec
    backbone = meta_backbone(spec.backbone, cut=spec.cut)
    trained = spec.phase == "all"
    head = _keypoint_part(backbone, spec, onward=trained)
    if not trained:
        backbone.requires_grad_(False)
    return step_cost([whole(backbone, spec, backward=trained), head], [backbone])


def _keypoint_part(backbone: Backbone, spec: LocaliserSpec, *, onward: bool) -> Part:
    """The score layers over a backbone's maps."""
    with META:
        model = localiser_of(backbone, spec)
        picture = torch.empty(1, 3, spec.image_size, spec.image_size)
        with torch.no_grad():
            found = backbone.maps(picture, model.levels)
    shapes = tuple(tuple(found[stride].shape[1:]) for stride in model.levels)
    return Part(model.head, shapes, spec.batch_size, onward=onward)


def _joined_cost(stage: PartNetsStage) -> Cost:
    """One linear layer over features that are seen once."""
    nets = [meta_backbone(net.spec.backbone, cut=net.spec.cut) for net in stage.nets.values()]
    numbers = sum(net.num_features for net in nets)
    if stage.classifier is not None:
        spec = stage.classifier.spec
        backbone = meta_backbone(spec.backbone, cut=spec.cut)
        with META:
            numbers += JointRepresentation.of(backbone, spec).num_features
    return step_cost([head_part(numbers, len(stage.images.classes), stage.spec.batch_size)])


def _classifier_cost(stage: ClassifierStage) -> Cost:
    """The backbone above the cut and the classifier; pooling at keypoints costs next to nothing.

    One trunk under both losses has the score layers too.
    """
    spec, classes = stage.spec, len(stage.images.classes)
    backbone = meta_backbone(spec.backbone, cut=spec.cut)
    with META:
        numbers = JointRepresentation.of(backbone, spec).num_features
    parts = [whole(backbone, spec), head_part(numbers, classes, spec.batch_size)]
    if isinstance(stage, SharedStage):
        parts.append(_keypoint_part(backbone, stage.localiser.spec, onward=True))
    return step_cost(parts, [backbone])
