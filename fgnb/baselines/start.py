"""What a stage with regions begins from: a plain one, and a head fitted to what it sees.

A classifier of whole pictures answers worse on zoomed regions, and one that joins several vectors
has no trained start at all. The gradients of both then spoil the layers that all share, most of all
in a training of few passes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from fgnb import training
from fgnb.baselines.logistic import fit_logistic
from fgnb.baselines.plain import PlainStage
from fgnb.nn.backbones import Backbone
from fgnb.nn.cache import stored_folder
from fgnb.nn.maps import seeded_backbone
from fgnb.training.settings import deterministic

HEAD_STARTS = ("whole", "fitted")
"""``whole``: copies of the classifier of whole pictures; ``fitted``: fits on what a head sees."""

OF_TRAINING = frozenset(
    {
        *("epochs", "max_steps", "lr", "decay", "decay_every", "momentum", "weight_decay"),
        *("clip_norm", "label_smoothing", "average", "batch_size", "batch_norm"),
    }
)
"""Fields of every spec that change nothing of what a head sees before the first step."""


class StartingPoint(NamedTuple):
    """What training begins from: extractor, classifier of whole images, C of its regression."""

    backbone: Backbone
    head: nn.Linear
    c: float


def start_field(start: training.Stage | None) -> dict[str, Any] | None:
    """The field ``start`` (or ``warm_up``) of a spec whose training begins from that stage.

    It names the stage as the store does: rows of two papers that begin from one run are one.
    """
    if start is None:
        return None
    known = training.identity(start)
    stage = known.described["stage"]
    return {"stage": stage, "key": known.key, "spec": asdict(start.spec)}


def starting_point(start: PlainStage | None, plain: PlainStage) -> StartingPoint:
    """What training begins from.

    Args:
        start: whose run it is, trained first where the store lacks it; None: the pretrained
            backbone with a logistic regression on its features.
        plain: the plain stage on the same pictures, for where there is no ``start``.
    """
    return trained_start(start) if start is not None else _pretrained_start(plain)


def trained_start(start: PlainStage) -> StartingPoint:
    """Extractor and classifier of the run of ``start``, trained first where the store lacks it."""
    run, spec = training.fit(start, progress=False), start.spec
    backbone = seeded_backbone(spec.backbone, start.weights, cut=spec.cut, seed=spec.seed)
    head = nn.Linear(backbone.num_features, len(start.images.classes))
    weights = run.weights()
    backbone.load_state_dict(part_weights(weights, "backbone"))
    head.load_state_dict(part_weights(weights, "head"))
    return StartingPoint(backbone, head, float(run.predictions["logistic_c"]))


def part_weights(weights: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    """The weights of one part of a module, named from there on.

    Raises:
        ValueError: there are none.
    """
    own = {k.removeprefix(f"{part}."): v for k, v in weights.items() if k.startswith(f"{part}.")}
    if not own:
        raise ValueError(f"the run holds no weights of {part}")
    return own


def _pretrained_start(plain: PlainStage) -> StartingPoint:
    module = plain.module()
    return StartingPoint(module.backbone, module.head, plain.logistic.c)


def check_start(start: training.Stage | None, spec: Any, name: str = "start") -> None:
    """Whether a stage to begin from and the field ``name`` of the spec are both there, or neither.

    Raises:
        ValueError: one without the other.
    """
    if (start is None) != (getattr(spec, name) is None):
        raise ValueError(f"{name} and spec.{name} should both be None, or neither")


def check_head_start(name: str) -> None:
    """Whether ``name`` is one of `HEAD_STARTS`.

    Raises:
        ValueError: it is none of them.
    """
    if name not in HEAD_STARTS:
        raise ValueError(f"head_start is {name!r}; it is one of {', '.join(HEAD_STARTS)}")


def fit_head(
    stage: Any,
    head: nn.Linear,
    seen: Callable[[], np.ndarray],
    *,
    c: float,
    unseen: Collection[str] = (),
) -> None:
    """Let ``head`` begin as a logistic regression on the regions that it sees.

    Fitted once on the training images of the stage's fold, and kept in the store: stages that
    differ in `OF_TRAINING` and ``unseen`` alone share it.

    Args:
        stage: whose training begins so, with ``images``, ``train_index`` and ``spec.threads``.
        head: changed in place.
        seen: -> what it sees of the training images, ``[N, K, F]``: K regions, one by one.
        c: inverse regularisation strength on standardised features.
        unseen: further fields of the spec that change nothing of what it sees.
    """
    described = dict(training.identity(stage).described)
    left_out = OF_TRAINING.union(unseen)
    described["spec"] = {k: v for k, v in described["spec"].items() if k not in left_out}
    described["c"] = c
    threads, labels = stage.spec.threads, stage.images.labels[stage.train_index]

    def build(work: Path) -> None:
        with deterministic(threads):
            regions = seen()
        each = np.repeat(labels, regions.shape[1])
        logistic = fit_logistic(regions.reshape(len(each), -1), each, c=c, threads=threads)
        np.savez(work / "head.npz", weight=logistic.weight, bias=logistic.bias)

    folder = stored_folder("heads", described, build, None)
    with np.load(folder / "head.npz") as fitted, torch.no_grad():
        head.weight.copy_(torch.from_numpy(fitted["weight"]))
        head.bias.copy_(torch.from_numpy(fitted["bias"]))
