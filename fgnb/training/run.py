"""A finished training, as it lies in the store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS, PREDICTIONS = "weights.safetensors", "predictions.npz"


@dataclass(frozen=True)
class Run:
    """One trained stage.

    Attributes:
        key: what it is called in the store: a hash of spec, data, code and versions.
        path: its folder.
        stage: ``paper/stage``, or what its stage is ``stored_as``.
        spec: the spec's fields.
        data: the fingerprint of the images and annotations.
        code: the digest of the code.
        code_of: the modules that the digest starts from.
        metrics: ``{"epochs": [entry, ...], "final": entry}``; an entry has epoch, step, loss, its
            parts, and the figures of ``validate``.
        environment: versions, device, CPU model, threads, commit, seconds.
        reused: True if it lay in the store already.
    """

    key: str
    path: Path
    stage: str
    spec: dict[str, Any]
    data: str
    code: str
    code_of: tuple[str, ...]
    metrics: dict[str, Any]
    environment: dict[str, Any]
    reused: bool

    @cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """What the stage predicted, by name; read at first use."""
        with np.load(self.path / PREDICTIONS, allow_pickle=False) as arrays:
            return dict(arrays)

    def weights(self) -> dict[str, Tensor]:
        """The trained weights, by name."""
        from safetensors.torch import load_file

        return load_file(self.path / WEIGHTS)

    def load_weights(self, module: Any) -> None:
        """Fill ``module`` (an ``nn.Module``) in place with the trained weights.

        Raises:
            ValueError: a module of another make.
        """
        try:
            module.load_state_dict(self.weights())
        except RuntimeError as error:
            raise ValueError(
                f"the weights of {self.stage} ({self.key[:12]}) do not fit this "
                f"{type(module).__name__}; make it with the stage's module(): {error}"
            ) from error


def open_run(path: Path, reused: bool) -> Run:
    """The run in ``path``, which was found sound."""
    described, metrics, environment = (
        json.loads((path / name).read_text(encoding="utf-8"))
        for name in ("spec.json", "metrics.json", "environment.json")
    )
    return Run(
        key=path.name,
        path=path,
        stage=described["stage"],
        spec=described["spec"],
        data=described["data"],
        code=described["code"],
        code_of=tuple(environment.get("code_of", ())),
        metrics=metrics,
        environment=environment,
        reused=reused,
    )
