"""The weights of a finished run as a backbone for another.

A run keeps its backbone as a trunk, whose normalisation is folded into the convolutions, and a
tail, each a row of stages. A folded stage can't be unfolded, so a run that was cut at a stride can
be cut there again, or higher.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from fgnb.nn.weight_files import WeightsError
from fgnb.nn.weight_names import choose_prefix, fitted

_STAGE = re.compile(r"^(|.*\.)(trunk|tail)\.(\d+)\.")


@dataclass(frozen=True)
class RunStages:
    """The tensors of a run's backbone, ``backbone.trunk.<i>...`` and ``backbone.tail.<i>...``."""

    tensors: dict[str, Tensor]
    trunk: int  # stages in it
    stages: int  # in all

    def cut(self, strides: Sequence[int], wanted: int, path: Path) -> int:
        """The stride that the run was cut at, 1 for an empty trunk.

        Raises:
            WeightsError: one over ``wanted``, or another number of stages.
        """
        if self.stages != len(strides):
            raise WeightsError(
                f"{path.name} is of a run whose backbone has {self.stages} stages, this one has "
                f"{len(strides)}: another network"
            )
        at = strides[self.trunk - 1] if self.trunk else 1
        if at > wanted:
            raise WeightsError(
                f"cut is {wanted}; {path.name} is of a run that was cut at stride {at}, with "
                f"everything below it folded; ask for cut={at} or more"
            )
        return at


def stages_of(state: Mapping[str, Tensor], path: Path) -> RunStages | None:
    """The stages in a file; None where it is no run's.

    Raises:
        WeightsError: several backbones.
    """
    found = [match for match in map(_STAGE.match, state) if match]
    if not found:
        return None
    prefix = choose_prefix({match[1] for match in found}, path)
    parts = (f"{prefix}trunk.", f"{prefix}tail.")
    own = {key: part for key, part in state.items() if key.startswith(parts)}
    counts = {"trunk": 0, "tail": 0}
    for match in found:
        if match[1] == prefix:
            counts[match[2]] = max(counts[match[2]], int(match[3]) + 1)
    return RunStages(own, counts["trunk"], sum(counts.values()))


def load_stages(backbone: nn.Module, run: RunStages, path: Path, name: str) -> None:
    """Fill a backbone that is cut as the run was, in place.

    Raises:
        WeightsError: a name that is missing, has no place or another shape.
    """
    own = backbone.state_dict()
    backbone.load_state_dict(
        fitted(own, run.tensors, inside={"trunk", "tail"}, path=path, of=name), strict=True
    )
