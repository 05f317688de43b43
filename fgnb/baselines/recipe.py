"""What all recipes share: a value with its origin, and the size of an equal-compute baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fgnb import presets
from fgnb.data import ImageSet
from fgnb.data.frame import PAPER_RATIO, Frame
from fgnb.data.setframe import OF_THE_SET, set_frame
from fgnb.nn.backbones import NO_CUT
from fgnb.nn.weights import weights_info
from fgnb.presets import Preset


@dataclass(frozen=True)
class Value:
    """A hyper-parameter with its origin: ``stated`` (where) or ``chosen`` (why)."""

    value: Any
    origin: str
    reason: str


PUBLISHED_FRAME = Value(
    "resize-600-crop",
    "chosen",
    "the papers state 448x448 and not how a picture gets there; the public code that they build "
    "on resizes to 600x600 and crops. The other reading, no crop at all: square",
)
UNUSED_RATIO = Value(
    PAPER_RATIO, "chosen", "of the frame crop alone: the ratio of the frame resize-600-crop"
)
FROZEN_NORM = Value(
    "stored", "chosen", "below the cut it can't be trained, its maps are cached; above it likewise"
)


def scale_values(preset: Preset, length: str, stated: Mapping[str, Value]) -> dict[str, Value]:
    """The preset's values by the names that a spec has for them.

    Args:
        preset: the scale.
        length: which of its fields is the spec's ``epochs``.
        stated: the paper's own; they stand where the preset has the same value.
    """
    named = {length: "epochs", "freeze_stride": "cut"}
    found = {"backbone": stated["backbone"]}
    for field, value, reason in presets.describe(preset):
        if field != "epochs" or length == "epochs":
            found[named.get(field, field)] = Value(value, "chosen", reason.removeprefix("chosen: "))
    found["cut"] = Value(preset.freeze_stride or NO_CUT, "chosen", found["cut"].reason)
    return found | {k: v for k, v in stated.items() if k in found and found[k].value == v.value}


def scale_fields(
    preset: Preset, backbone: str, weights: str, fold: str, seed: int
) -> dict[str, Any]:
    """The fields of a spec that the preset and the caller give, whatever the method.

    Args:
        preset: the scale.
        backbone: a name that `fgnb.nn.create_backbone` knows.
        weights: ``imagenet``, ``random`` or a file.
        fold: ``held-out`` (for choosing settings) or ``all`` (the refit that reads test).
        seed: of order, augmentation and the held-out fifth.
    """
    info = weights_info(backbone, weights)
    return {
        "backbone": backbone,
        "weights_tag": info.tag,
        "weights_sha256": info.sha256,
        "image_size": preset.image_size,
        "frame": Frame().kind,
        "cut": preset.freeze_stride or NO_CUT,
        "fold": fold,
        "fold_seed": seed,
        "max_steps": preset.max_steps,
        "batch_size": preset.batch_size,
        "seed": seed,
        "threads": preset.threads,
    }


def with_frame(images: ImageSet, preset: Preset, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Fields to replace, with the recipe's frame where they name none or ``set``."""
    asked = overrides.get("frame", OF_THE_SET)
    own = frame_value(images, preset).value if asked == OF_THE_SET else asked
    return {**overrides, "frame": own}


def frame_value(images: ImageSet, preset: Preset) -> Value:
    """How a picture becomes a square: above a frozen trunk the set's own frame, else published."""
    if preset.freeze_stride is None:
        return PUBLISHED_FRAME
    kind, reason = set_frame(images)
    return Value(kind, "chosen", reason)


def known(recipe: Mapping[str, Value]) -> dict[str, Any]:
    """The bare values of a recipe."""
    return {name: value.value for name, value in recipe.items()}


def equal_compute_side(image_size: int, crop_size: int, count: int, multiple: int = 32) -> int:
    """Side of one image with at least the pixels of a whole and ``count`` regions.

    >>> equal_compute_side(448, 224, 4)
    640
    """
    side = (image_size**2 + count * crop_size**2) ** 0.5
    return multiple * math.ceil(side / multiple)
