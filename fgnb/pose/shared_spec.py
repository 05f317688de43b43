"""What the weights of one trunk under both losses depend on, but for the pictures and the code."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fgnb.pose.classifier_spec import ClassifierSpec


@dataclass(frozen=True)
class SharedSpec(ClassifierSpec):
    """The classifier's spec, and what its trunk does besides.

    The score layers are those of the run ``localiser``, a first phase (section 3.4), whose spec
    says which maps they read.

    Attributes:
        keypoint_weight: of the keypoint loss; the softmax loss has 1.
    """

    keypoint_weight: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.keypoint_weight < math.inf:
            raise ValueError(
                f"keypoint_weight is {self.keypoint_weight}, needs a finite number over 0; without "
                "the keypoint loss it is pose/classifier"
            )
        if not self.parts or self.extractor != "pretrained":
            raise ValueError(
                f"parts is {self.parts} and extractor {self.extractor!r}; one trunk under both "
                "losses has parts, and the extractor 'pretrained'"
            )
