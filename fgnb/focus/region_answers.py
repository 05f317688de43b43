"""What a trained model answers when its regions are chosen otherwise; nothing is trained anew.

How regions are chosen can be changed at test (the smoothing, the overlap, the border); what the
classifiers have learnt with the old choice stays. So a setting that is worse here may be as good
when it is trained with, and the pages say which was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fgnb.focus.maps import trained_model
from fgnb.focus.model import FocusModel
from fgnb.focus.region_stage import FocusStage
from fgnb.nn.backbones import global_pool
from fgnb.nn.device import device
from fgnb.nn.zoomed import ZoomedBatch
from fgnb.training import Run
from fgnb.training.settings import deterministic

FREE = ("attention", "border", "boxes", "count_bias", "iou", "map_scale", "sigma")
"""Fields of the spec that only say how regions are chosen."""


@dataclass(frozen=True)
class RegionAnswers:
    """Answers of Q queries under one setting.

    Attributes:
        probs: of the hybrid classifier, float32 ``[Q, C]``.
        boxes: the regions that it saw, float32 ``[Q, l, 4]``, pixels of the frame, best first.
    """

    probs: NDArray[np.float32]
    boxes: NDArray[np.float32]


def answers_under(
    stage: FocusStage,
    run: Run,
    settings: Mapping[str, Mapping[str, Any]],
    *,
    without: Mapping[str, str] | None = None,
) -> dict[str, RegionAnswers]:
    """The hybrid classifier's answers on the stage's queries, once for each setting.

    Args:
        stage: a trained stage with a hybrid classifier.
        run: its run.
        settings: name -> fields of the spec to replace, of `FREE`; none: as trained.
        without: name -> a classifier (``image`` or ``region``) whose weights are set to zero.

    Raises:
        ValueError: a stage without a hybrid classifier, a field that needs another training, a
            classifier that there is not.
    """
    model = trained_model(stage, run).to(device())
    if model.hybrid is None:
        raise ValueError("stage has no hybrid classifier, so its answers don't depend on regions")
    removed = dict(without or {})
    tested = {**settings, **{name: settings.get(name, {}) for name in removed}}
    variants = {
        name: _Variant(stage, model, changes, removed.get(name)) for name, changes in tested.items()
    }
    answers: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in variants}
    with deterministic(stage.spec.threads), torch.inference_mode():
        for batch in stage.zoomed.batches(stage.query_index):
            batch = batch.to(device())
            feature_map = model.extractor.whole(batch.inputs)[-1]
            for name, variant in variants.items():
                probs, boxes = variant.answer(batch, feature_map)
                answers[name].append((probs.cpu(), boxes.cpu()))
    return {
        name: RegionAnswers(*(torch.cat(column).numpy() for column in zip(*parts, strict=True)))
        for name, parts in answers.items()
    }


class _Variant:
    """The trained weights under another spec, sharing one backbone."""

    def __init__(
        self,
        stage: FocusStage,
        model: FocusModel,
        changes: Mapping[str, Any],
        removed: str | None,
    ) -> None:
        wrong = sorted(set(changes) - set(FREE))
        if wrong:
            raise ValueError(f"{wrong[0]} needs a training of its own; free are {', '.join(FREE)}")
        spec = replace(stage.spec, **changes)
        own = FocusStage(stage.images, spec, stage.weights, stage.name, start=stage.start)
        self.placement = None if own.placement is None else own.placement.to(device())
        self.model = FocusModel(model.backbone, model.image, spec).to(device()).eval()
        self.model.load_state_dict(model.state_dict())
        if removed is not None:
            _silence(self.model, removed)

    def answer(self, batch: ZoomedBatch, feature_map: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities and boxes of a batch, from its whole images' last map."""
        model, spec = self.model, self.model.spec
        whole = global_pool(feature_map)
        classes = None if spec.attention == "max" else model.image(whole).argmax(dim=1)
        scores = None if self.placement is None else self.placement.eval()(batch)
        chosen = model.choose(model.attend(feature_map, classes), scores, spec.concatenated)
        regions = model.look_at(batch, chosen, whole)
        assert model.hybrid is not None
        logits = model.hybrid(torch.cat([whole, regions.flatten(1)], dim=1))
        return logits.softmax(dim=1), chosen.boxes


def _silence(model: FocusModel, name: str) -> None:
    heads = {"image": model.image, "region": model.region}
    if name not in heads:
        raise ValueError(f"without names {name!r}, needs one of {', '.join(heads)}")
    for weight in heads[name].parameters():
        nn.init.zeros_(weight)
