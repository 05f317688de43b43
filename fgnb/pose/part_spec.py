"""What the weights of part networks depend on, and of the classifier that joins them (3.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fgnb.baselines.plain import PlainSpec
from fgnb.pose.part_crops import check

JOINT_STARTS = ("mean", "fitted")


@dataclass(frozen=True)
class PartNetSpec(PlainSpec):
    """The plain recipe, on crops of one part.

    Attributes:
        part: ``head`` or ``body``.
        margin: of the box around its keypoints, at each side, as a share of the box's own.
        localiser: the run that says where the keypoints are (stage, key, spec); None until a stage
            is given one.
    """

    part: str
    margin: float
    localiser: dict[str, Any] | None

    def __post_init__(self) -> None:
        check(self.part, self.margin)


@dataclass(frozen=True)
class PartNetsSpec(PlainSpec):
    """A linear classifier over what tuned networks see, side by side; they stay as they are.

    Attributes:
        head_start: ``mean`` (of what the networks' own classifiers say) or ``fitted`` (a logistic
            regression on all their features, as Part R-CNN fits its classifier).
        classifier: the run of the whole with parts (stage, key, spec); None: the nets alone.
        nets: the runs of plain networks, by name.
    """

    head_start: str
    classifier: dict[str, Any] | None
    nets: dict[str, Any]

    def __post_init__(self) -> None:
        if self.head_start not in JOINT_STARTS:
            raise ValueError(
                f"head_start is {self.head_start!r}; it is one of {', '.join(JOINT_STARTS)}"
            )
