"""What the weights of the localiser's stages depend on, but for the pictures and the code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fgnb.data.frame import Frame
from fgnb.nn.backbones import check_batch_norm
from fgnb.pose.grids import Grid, grid_of
from fgnb.pose.loss import check_positive_weight, initial_bias
from fgnb.training.schedule import DECAYS

PHASES = ("head", "all")
FC_STARTS = ("pretrained", "random")


@dataclass(frozen=True)
class LocaliserSpec:
    """One of the localiser's two phases of training (section 3.4).

    Fields that the plain backbone has too mean what they mean there
    (`fgnb.baselines.plain.PlainSpec`).

    Attributes:
        grid: a kind of `fgnb.pose.grids.LEVELS`.
        channels: of fc6 and fc7.
        kernel: side of fc6's window, cells.
        dropout: share of fc6's and fc7's outputs that a step leaves out.
        fc_start: ``pretrained`` (VGG's own fully connected layers, as convolutions, which then are
            fixed features too) or ``random``.
        positive_weight: of a positive output in the loss; 1 is the paper's.
        prior: probability that every output begins with.
        phase: ``head`` (the features stay fixed) or ``all`` (everything above the cut is trained).
        start: the run of the phase ``head`` that ``all`` goes on from (stage, key, spec); None for
            ``head``.
    """

    backbone: str
    weights_tag: str
    weights_sha256: str
    image_size: int
    frame: str
    crop_ratio: float
    cut: int
    fold: str
    fold_seed: int
    epochs: int
    max_steps: int | None
    lr: float
    decay: str
    decay_every: int
    momentum: float
    weight_decay: float
    clip_norm: float
    batch_norm: str
    batch_size: int
    seed: int
    threads: int
    grid: str
    channels: int
    kernel: int
    dropout: float
    fc_start: str
    positive_weight: float
    prior: float
    phase: str
    start: dict[str, Any] | None

    def __post_init__(self) -> None:
        options = {"phase": PHASES, "fc_start": FC_STARTS, "decay": DECAYS}
        for name, known in options.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; it is one of {', '.join(known)}"
                )
        check_batch_norm(self.batch_norm)
        check_positive_weight(self.positive_weight)
        initial_bias(self.prior)
        if self.channels < 1:
            raise ValueError(f"channels is {self.channels}; it should be at least 1")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; it should be from 0 to under 1")
        grid_of(self.grid, self.image_size)

    @property
    def framing(self) -> Frame:
        """How a picture becomes a square."""
        return Frame(self.frame, self.crop_ratio)

    @property
    def cells(self) -> Grid:
        """Where the outputs of a score map lie."""
        return grid_of(self.grid, self.image_size)
