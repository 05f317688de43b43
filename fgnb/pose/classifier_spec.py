"""What the weights of the classifier depend on, but for the pictures and the code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fgnb.baselines.plain import PlainSpec
from fgnb.pose.representation import HOLISTIC

EXTRACTORS = ("pretrained", "localiser")
HEAD_STARTS = ("fitted", "random")


@dataclass(frozen=True)
class ClassifierSpec(PlainSpec):
    """The plain recipe, and what is classified.

    Attributes:
        holistic: of `fgnb.pose.representation.HOLISTIC`.
        dim: numbers of a compact form; unused by the others.
        parts: whether features at keypoints stand beside the holistic one.
        map_stride: of the map that parts are pooled from.
        form_stride: of the map that bilinear forms are made of; unused by the others.
        window: side of the window around a keypoint, cells of that map.
        head_start: ``fitted`` (phase 3: a logistic regression on fixed features) or ``random``.
        extractor: ``pretrained`` (a network of its own, as the paper insists) or ``localiser`` (its
            baseline of section 4.1: the trained localiser, tuned by the classes alone).
        localiser: the run that says where the keypoints of the queries are, and that the extractor
            ``localiser`` begins from (stage, key, spec); None where neither is needed.
    """

    holistic: str
    dim: int
    parts: bool
    map_stride: int
    form_stride: int
    window: int
    head_start: str
    extractor: str
    localiser: dict[str, Any] | None

    def __post_init__(self) -> None:
        options = {"holistic": HOLISTIC, "extractor": EXTRACTORS, "head_start": HEAD_STARTS}
        for name, known in options.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; it is one of {', '.join(known)}"
                )
        if self.dim < 1:
            raise ValueError(f"dim is {self.dim}; it should be at least 1")

    @property
    def needs_localiser(self) -> bool:
        """Whether a localiser's run takes part."""
        return self.parts or self.extractor == "localiser"
