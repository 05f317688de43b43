"""The witnesses of rows that train nothing: what they count on frozen maps at `smoke`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.data import ImageSet
from fgnb.pages.pose import compact, transfer
from fgnb.pose.compact import Experiment
from fgnb.pose.correspondence import correspondence, error_gradients
from fgnb.pose.frozen import FrozenMaps
from fgnb.presets import Preset

ROWS = (transfer.ROW, compact.KERNEL, *compact.LABELS)
_OPTIONS: dict[str, Any] = {
    "backbone": "efficientnet_lite0",
    "weights": "imagenet",
    "frame": "square",
    "seed": 0,
}


def witness(row: str, images: ImageSet, preset: Preset) -> NDArray[np.float32]:
    """Numbers of a row that any change of its answers would change.

    Of the transfer layer the shares by image, of the kernel the errors, of a form the inner
    products of all images.
    """
    if row == transfer.ROW:
        made = FrozenMaps(images, preset, **_OPTIONS)
        return _flat(correspondence(made, 3) | error_gradients(made, 3).arrays())
    made_of = Experiment(FrozenMaps(images, preset, **_OPTIONS, fold="all"))
    if row == compact.KERNEL:
        return _flat(compact.kernel_arrays(made_of)[1])
    return made_of.witness(row).astype(np.float32)


def _flat(arrays: dict[str, Any]) -> NDArray[np.float32]:
    return np.concatenate([arrays[name].ravel() for name in sorted(arrays)]).astype(np.float32)
