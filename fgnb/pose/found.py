"""Where a localiser finds the keypoints of every picture of a set, those that it learnt from too.

Part networks are tuned on crops at predicted keypoints (section 3.6), so training pictures need
predictions. Of its own training pictures a localiser knows more than of others: boxes at test are a
little worse than those that the networks learn from. The paper's procedure has that too.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fgnb import store, training
from fgnb.nn.cache import stored_folder
from fgnb.pose.decode import decode
from fgnb.pose.localiser_stage import LocaliserStage
from fgnb.training.environment import device
from fgnb.training.settings import deterministic


def found_points(localiser: LocaliserStage) -> NDArray[np.float32]:
    """The arg-max of every keypoint in every picture, from the store or found now.

    The localiser's run is found or trained first.

    Returns:
        ``[N, 15, 2]`` in the order of the set, (x, y) in continuous pixels of the picture.
    """
    described = {
        "run": training.identity(localiser).key,
        "code": store.code_digest(["fgnb.pose.found"]),
    }

    def build(work: Path) -> None:
        run, module = training.fit(localiser, progress=False), localiser.module()
        run.load_weights(module)
        rows = np.arange(len(localiser.images))
        with deterministic(localiser.spec.threads):
            scores = localiser._scores(module.to(device()), rows)
            cells = torch.cat([decode(some).cells for some in scores])
        centres = localiser.spec.cells.pixels(cells)
        points = localiser.frames.points_back(centres).astype(np.float32)
        np.save(work / "points.npy", points)

    folder = stored_folder("keypoints", described, build, None)
    return np.load(folder / "points.npy")
