"""Image sets: one file a layout, one door (`open_images`), one check (`verify`).

`fgnb.data.transforms` needs torch and is imported by its own name.
"""

from fgnb.data.images import load_rgb
from fgnb.data.imageset import DataError, ImageSet
from fgnb.data.layouts import sets_in
from fgnb.data.open import open_images
from fgnb.data.parts import BODY_PARTS, HEAD_PARTS, PART_NAMES, part_boxes
from fgnb.data.restrict import restrict
from fgnb.data.samplers import PKSampler, shuffled_batches
from fgnb.data.verify import VerifyReport, verify

__all__ = [
    "BODY_PARTS",
    "HEAD_PARTS",
    "PART_NAMES",
    "DataError",
    "ImageSet",
    "PKSampler",
    "VerifyReport",
    "load_rgb",
    "open_images",
    "part_boxes",
    "restrict",
    "sets_in",
    "shuffled_batches",
    "verify",
]
