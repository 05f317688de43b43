"""What a stage with regions begins from: a plain one, and heads fitted to what they see.

A classifier of whole pictures answers worse on zoomed regions, and one that joins several vectors
has no trained start at all. The gradients of both then spoil the layers that all share, most of all
in a training of few passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fgnb import training
from fgnb.baselines.logistic import fit_logistic
from fgnb.baselines.plain import PlainModule, PlainStage
from fgnb.nn.cache import kept
from fgnb.training.settings import deterministic

HEAD_STARTS = ("whole", "fitted")
"""``whole``: copies of the classifier of whole pictures; ``fitted``: fits on what a head sees."""


def start_field(start: PlainStage | None) -> dict[str, Any] | None:
    """The field ``start`` of a spec whose training begins from ``start``."""
    if start is None:
        return None
    key = training.identity(start).key
    return {"stage": start.name, "key": key, "spec": asdict(start.spec)}


def begin(start: PlainStage | None, plain: PlainStage) -> tuple[PlainModule, float]:
    """The plain network that training begins from, and the C of its logistic regression.

    Args:
        start: whose run it is, trained first where the store lacks it; None: the untrained one.
        plain: the plain stage on the same pictures, for where there is no ``start``.
    """
    if start is None:
        return plain.module(), plain.logistic.c
    run, module = training.fit(start, progress=False), start.module()
    run.load_weights(module)
    return module, float(run.predictions["logistic_c"])


def fit_heads(
    stage: Any,
    heads: Mapping[str, nn.Linear],
    seen: Callable[[], Mapping[str, np.ndarray]],
    *,
    c: float,
) -> None:
    """Let each of ``heads`` begin as a logistic regression on what it sees.

    Fitted once on the training images of the stage's fold, and kept in the store.

    Args:
        stage: whose training begins so, with ``images``, ``train_index`` and ``spec.threads``.
        heads: changed in place.
        seen: -> for each name of ``heads`` what it sees of the training images: ``[N, F]``, or
            ``[N, K, F]`` where it looks at K regions one by one.
        c: inverse regularisation strength on standardised features.
    """
    described = {"stage": stage.name, "key": training.identity(stage).key}
    threads, labels = stage.spec.threads, stage.images.labels[stage.train_index]

    def build(work: Path) -> None:
        with deterministic(threads):
            features = seen()
        for name in heads:
            rows = features[name].reshape(-1, features[name].shape[-1])
            each = np.repeat(labels, len(rows) // len(labels))
            found = fit_logistic(rows, each, c=c, threads=threads)
            np.savez(work / f"{name}.npz", weight=found.weight, bias=found.bias)

    folder = kept("heads", described, build, None)
    for name, head in heads.items():
        with np.load(folder / f"{name}.npz") as fitted, torch.no_grad():
            head.weight.copy_(torch.from_numpy(fitted["weight"]))
            head.bias.copy_(torch.from_numpy(fitted["bias"]))
