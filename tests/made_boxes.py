"""Boxes made up over a small set: pictures of 24 px, anchors of two scales."""

from torch import Tensor

from fgnb.data import ImageSet
from fgnb.data.frame import Frame
from fgnb.nn.regions import Anchors, Level
from fgnb.report.regions import Regions

SIZE = 24
ANCHORS = Anchors.pyramid(SIZE, levels=[Level(4, 6), Level(8, 12)])


def regions_of(images: ImageSet, scores: Tensor, index: Tensor) -> Regions:
    """The anchors of an ``index`` [Q, K] on the test images, with their ``scores`` [Q, anchors]."""
    return Regions(
        ids=images.ids[~images.train],
        boxes=ANCHORS.boxes[index].numpy(),
        scores=scores.gather(1, index).numpy(),
        scales=ANCHORS.scales[index].numpy(),
        size=SIZE,
        framing=Frame("crop", 1.0),
    )
