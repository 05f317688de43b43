"""What a run of the localiser found on its queries, as a record keeps it, beside a fixed guess."""

from __future__ import annotations

from typing import Any

import numpy as np

from fgnb.data.frame import Frames
from fgnb.pose.localiser_stage import LocaliserStage
from fgnb.training import Run

KEPT: dict[str, Any] = {
    "ids": np.int64,
    "labels": np.int16,
    "points": np.float32,
    "refined": np.float32,
    "scores": np.float16,
    "true": np.float32,
    "visible": np.bool_,
    "boxes": np.float32,
    "scale": np.float32,
    "offset": np.float32,
}
"""Arrays by image, of `fgnb.pose.localiser_stage.LocaliserStage.predict`."""


def localised(stage: LocaliserStage, run: Run) -> dict[str, np.ndarray]:
    """The arrays of `KEPT`, and ``guess[Q, 15, 2]``: each keypoint's mean place in training.

    The guess looks at no picture: it is the mean over the visible keypoints of the training images
    in the network's input, put back into each picture.
    """
    kept = run.predictions
    found = {name: np.asarray(kept[f"query_{name}"], dtype) for name, dtype in KEPT.items()}
    train, images = stage.train_index, stage.images
    seen = images.visible[train][..., None]
    total = np.where(seen, stage.framed_points[train], 0.0).sum(axis=0)
    mean = total / np.maximum(seen.sum(axis=0), 1)
    frames = Frames(stage.spec.image_size, found["scale"], found["offset"])
    guess = frames.points_back(np.broadcast_to(mean, found["points"].shape))
    return found | {"guess": guess.astype(np.float32)}
