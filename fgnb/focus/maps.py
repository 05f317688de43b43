"""The maps of single classes beside their maximum, on a trained stage's queries (section 3.2).

A run keeps the map that it used. Why the paper takes the maximum shows only beside the others: how
often the predicted class is wrong, and how far its map and its regions then differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fgnb.data.arguments import as_whole
from fgnb.focus.model import FocusModel
from fgnb.focus.proposals import choose
from fgnb.focus.region_stage import FocusStage
from fgnb.nn.device import device
from fgnb.nn.regions import Anchors
from fgnb.training import Run
from fgnb.training.settings import deterministic

KINDS = ("maximum", "predicted", "true")


@dataclass(frozen=True)
class ClassMaps:
    """Smoothed maps of Q images from one network, and the regions that each would give.

    Attributes:
        ids: official ids ``[Q]``.
        labels: true classes ``[Q]``.
        predicted: by the image-level classifier ``[Q]``.
        maximum: over all classes, ``Tensor[Q, h, w]``.
        of_predicted: of the predicted class, ``Tensor[Q, h, w]``.
        of_true: of the true class, ``Tensor[Q, h, w]``.
        anchors: the box of each cell.
        iou: the threshold of suppression.
    """

    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    maximum: Tensor
    of_predicted: Tensor
    of_true: Tensor
    anchors: Anchors
    iou: float

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Where the predicted class is not the true one: ``[Q]``."""
        return np.asarray(self.predicted != self.labels)

    def of(self, kind: str) -> Tensor:
        """The maps of one of `KINDS`.

        Raises:
            ValueError: another kind.
        """
        named = {"maximum": self.maximum, "predicted": self.of_predicted, "true": self.of_true}
        if kind not in named:
            raise ValueError(f"kind is {kind!r}; it is one of {', '.join(KINDS)}")
        return named[kind]

    def chosen(self, kind: str, count: int) -> Tensor:
        """The cells of the ``count`` best regions: ``Tensor[Q, count]``, best first."""
        return choose(self.of(kind), self.anchors, count=count, iou=self.iou)

    def shared(self, kind: str, other: str, count: int) -> NDArray[np.float64]:
        """Share of the ``count`` best regions by one kind that the other gives too: ``[Q]``."""
        mine, theirs = self.chosen(kind, count), self.chosen(other, count)
        return (mine[:, :, None] == theirs[:, None]).any(dim=2).double().mean(dim=1).numpy()

    def correlation(self, kind: str, other: str) -> NDArray[np.float64]:
        """Pearson's correlation over cells: ``[Q]``; 0 where a map is the same everywhere."""
        a, b = (self.of(k).double().flatten(1) for k in (kind, other))
        a, b = a - a.mean(dim=1, keepdim=True), b - b.mean(dim=1, keepdim=True)
        scale = a.norm(dim=1) * b.norm(dim=1)
        return torch.where(scale > 0, (a * b).sum(dim=1) / scale, 0.0).numpy()


def class_maps(stage: FocusStage, run: Run) -> ClassMaps:
    """All three maps of the queries of a trained stage, whichever of them it used."""
    images, query = stage.images, stage.query_index
    model = trained_model(stage, run).to(device())
    collected: dict[str, list[Tensor]] = {}
    with deterministic(stage.spec.threads), torch.inference_mode():
        for batch in stage.zoomed.batches(query):
            batch = batch.to(device())
            feature_map = model.extractor.whole(batch.inputs)[-1]
            predicted = model.image(feature_map.mean(dim=(2, 3))).argmax(dim=1)
            for name, part in (
                ("predicted", predicted),
                ("maximum", model.attend(feature_map)),
                ("of_predicted", model.attend(feature_map, predicted)),
                ("of_true", model.attend(feature_map, batch.targets)),
            ):
                collected.setdefault(name, []).append(part.cpu())
    joined = {name: torch.cat(parts).clone() for name, parts in collected.items()}
    return ClassMaps(
        ids=images.ids[query],
        labels=images.labels[query],
        predicted=joined.pop("predicted").numpy(),
        **joined,
        anchors=stage.anchors,
        iou=stage.spec.iou,
    )


def every_class_map(stage: FocusStage, run: Run, query: int, *, sigma: float = 0.0) -> Tensor:
    """The maps of all classes of one query, ``Tensor[C, h, w]``: what equation 2 maximises over.

    Raises:
        ValueError: a query that the stage has not.
    """
    rows = _row(stage, query)
    model = trained_model(stage, run)
    with deterministic(stage.spec.threads), torch.inference_mode():
        (batch,) = stage.zoomed.batches(rows)
        feature_map = model.extractor.whole(batch.inputs)[-1]
        count = model.image.out_features
        repeated = feature_map.expand(count, -1, -1, -1)
        return model.attend(repeated, torch.arange(count), sigma=sigma).clone()


class Passed(NamedTuple):
    """What passes through a trained model for one query, in the symbols of the paper.

    A bias counts as the weight of one more channel that is 1 everywhere, so that equation 1 holds
    as it is printed.

    Attributes:
        Z: the extractor's last map of the whole and that channel, ``Tensor[n + 1, h, w]``.
        Z_regions: its last maps of the joined regions, ``Tensor[l, n, h', w']``.
        W: of the image-level classifier, ``Tensor[C, n + 1]``.
        W_hybrid: of the hybrid classifier, ``Tensor[C, n + 1 + l n]``.
    """

    Z: Tensor
    Z_regions: Tensor
    W: Tensor
    W_hybrid: Tensor


def passed(stage: FocusStage, run: Run, query: int) -> Passed:
    """What passes through the trained model of a stage for one of its queries.

    Raises:
        ValueError: a stage without a hybrid classifier, or a query that it has not.
    """
    model, rows = trained_model(stage, run), _row(stage, query)
    if model.hybrid is None:
        raise ValueError("stage has no hybrid classifier")
    with deterministic(stage.spec.threads), torch.inference_mode():
        (batch,) = stage.zoomed.batches(rows)
        whole = model.extractor.whole(batch.inputs)[-1]
        chosen = model.choose(model.attend(whole), count=stage.spec.concatenated)
        regions = model.region_extractor.regions(batch, chosen.boxes)[0].clone()
        ones = F.pad(whole[0], (0, 0, 0, 0, 0, 1), value=1.0)
        weight, hybrid = model.image.weight, model.hybrid.weight
        of_whole, of_regions = hybrid.split([len(weight.T), hybrid.shape[1] - len(weight.T)], 1)
        both = torch.cat([weight, model.image.bias[:, None]], 1)
        return Passed(
            ones, regions, both, torch.cat([of_whole, model.hybrid.bias[:, None], of_regions], 1)
        )


def _row(stage: FocusStage, query: int) -> NDArray[np.int64]:
    """The row of the set that a query is, ``[1]``."""
    query = as_whole("query", query)
    if not 0 <= query < len(stage.query_index):
        raise ValueError(f"query is {query}, needs 0 to {len(stage.query_index) - 1}")
    return stage.query_index[query : query + 1]


def trained_model(stage: FocusStage, run: Run) -> FocusModel:
    """The model of a run, in evaluation mode."""
    module = stage.module()
    run.load_weights(module)
    return module.model.eval()
