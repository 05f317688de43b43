"""Choose the frame of a set on held-out training images alone: how a picture becomes a square.

Frozen features of the default backbone in each of the three frames, a logistic regression on four
fifths of the training images, answers of the fifth left out, five times, so that each training
image is answered once; C is the best over all five, for each frame. The test images are never read.
`fgnb.data.setframe` takes the frame of the highest accuracy.

    python benchmarks/frames.py cub DATA_ROOT      # or cars, aircraft
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from shares import accuracy
from sklearn.model_selection import StratifiedKFold

from fgnb import data, metrics, presets
from fgnb.baselines.logistic import C_GRID, fit_logistic
from fgnb.data.frame import KINDS, Frame
from fgnb.nn.maps import trunk_maps

FOLDS = 5
BACKBONE, WEIGHTS = "efficientnet_lite0", "imagenet"


def main(dataset: str, data_root: str) -> None:
    """Answer every training image in every frame and write the table beside this script."""
    scale = presets.get("demo")
    images = data.open_images(dataset, data_root=data_root, preset=scale)
    rows = np.flatnonzero(images.train)
    answers = {kind: answered(images, rows, kind, scale) for kind in KINDS}
    right = {kind: classes == images.labels[rows] for kind, (_, classes) in answers.items()}
    best = max(KINDS, key=lambda kind: right[kind].mean())
    record = {
        "dataset": images.title,
        "pixels": images.pixels,
        "manifest": images.fingerprint,
        "network": f"{BACKBONE} ({WEIGHTS}), {scale.image_size} px, frozen",
        "held_out_images": len(rows),
        "folds": FOLDS,
        "test_reads": 0,
        "best": best,
        "rows": {
            kind: {
                **accuracy(right[kind]),
                "C": answers[kind][0],
                "p_against_best": None
                if kind == best
                else round(metrics.mcnemar(right[best], right[kind]), 6),
            }
            for kind in KINDS
        },
    }
    target = Path(__file__).with_name(f"frames_{dataset}.json")
    target.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(target.read_text(encoding="utf-8"))


def answered(
    images: data.ImageSet, rows: np.ndarray, kind: str, scale: presets.Preset
) -> tuple[float, np.ndarray]:
    """The best C, and the class that each training image is given while it is left out."""
    maps = trunk_maps(
        images,
        BACKBONE,
        WEIGHTS,
        size=scale.image_size,
        frame=Frame(kind),
        threads=scale.threads,
        keep_maps=False,
    )
    features, labels = maps.features[rows], images.labels[rows]
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    found = {c: np.empty_like(labels) for c in C_GRID}
    for c, classes in found.items():
        for train, left_out in split.split(features, labels):
            model = fit_logistic(features[train], labels[train], c=c, threads=scale.threads)
            classes[left_out] = model.probs(features[left_out]).argmax(axis=1)
    best = max(C_GRID, key=lambda c: (found[c] == labels).mean())
    return best, found[best]


if __name__ == "__main__":
    main(*sys.argv[1:])
