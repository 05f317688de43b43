"""What a stage with regions begins from: a plain one, and a head fitted to what it sees.

A classifier of whole pictures answers worse on zoomed regions, and one that joins several vectors
has no trained start at all. The gradients of both then spoil the layers that all share, most of all
in a training of few passes.
"""

from __future__ import annotations

from collections.abc import Callable
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


def check_start(start: PlainStage | None, spec: Any) -> None:
    """Whether ``start`` and the field of that name are both there, or neither.

    Raises:
        ValueError: one without the other.
    """
    if (start is None) != (spec.start is None):
        raise ValueError("start and spec.start should both be None, or neither")


def check_head_start(name: str) -> None:
    """Whether ``name`` is one of `HEAD_STARTS`.

    Raises:
        ValueError: it is none of them.
    """
    if name not in HEAD_STARTS:
        raise ValueError(f"head_start is {name!r}; it is one of {', '.join(HEAD_STARTS)}")


def fit_head(stage: Any, head: nn.Linear, seen: Callable[[], np.ndarray], *, c: float) -> None:
    """Let ``head`` begin as a logistic regression on the regions that it sees.

    Fitted once on the training images of the stage's fold, and kept in the store.

    Args:
        stage: whose training begins so, with ``images``, ``train_index`` and ``spec.threads``.
        head: changed in place.
        seen: -> what it sees of the training images, ``[N, K, F]``: K regions, one by one.
        c: inverse regularisation strength on standardised features.
    """
    described = {"stage": stage.name, "key": training.identity(stage).key}
    threads, labels = stage.spec.threads, stage.images.labels[stage.train_index]

    def build(work: Path) -> None:
        with deterministic(threads):
            regions = seen()
        each = np.repeat(labels, regions.shape[1])
        found = fit_logistic(regions.reshape(len(each), -1), each, c=c, threads=threads)
        np.savez(work / "head.npz", weight=found.weight, bias=found.bias)

    folder = kept("heads", described, build, None)
    with np.load(folder / "head.npz") as fitted, torch.no_grad():
        head.weight.copy_(torch.from_numpy(fitted["weight"]))
        head.bias.copy_(torch.from_numpy(fitted["bias"]))
