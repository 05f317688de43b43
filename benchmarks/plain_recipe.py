"""Choose the plain classifier's recipe on held-out training images alone.

Each candidate is trained on four fifths of the training images and answers the held-out fifth, for
several choices of the fifth; logistic regression on the frozen features stands beside. The test
images are never read. `fgnb.ccfr.recipe` takes the candidate of the highest held-out accuracy.

    python benchmarks/plain_recipe.py DATA_ROOT      # the folder that holds CUB_200_2011
"""

from __future__ import annotations

import json
import sys
from itertools import product
from pathlib import Path

import numpy as np
from shares import accuracy

from fgnb import data, presets, training
from fgnb.ccfr import global_stage

FOLDS = (0, 1, 2, 3)
CANDIDATES = tuple(product((0.002, 0.004), (0.0, 0.5)))  # learning rate, average
LOGISTIC = "logistic regression"


def main(data_root: str) -> None:
    """Train every candidate on every fold and write the table beside this script."""
    scale = presets.get("demo")
    images = data.open_images("cub", data_root=data_root, preset=scale)
    correct: dict[str, list[np.ndarray]] = {}
    for fold, (lr, average) in product(FOLDS, CANDIDATES):
        stage = global_stage(scale, images, fold="held-out", fold_seed=fold, lr=lr, average=average)
        kept = training.fit(stage).predictions
        truth = kept["query_labels"]
        name = f"lr {lr}, average {average}"
        correct.setdefault(name, []).append(kept["query_probs"].argmax(1) == truth)
        if (lr, average) == CANDIDATES[0]:
            start = kept["query_logistic_probs"].argmax(1) == truth
            correct.setdefault(LOGISTIC, []).append(start)
    record = {
        "dataset": images.title,
        "manifest": images.fingerprint,
        "held_out_images": sum(len(part) for part in correct[LOGISTIC]),
        "test_reads": 0,
        "rows": {name: summary(parts) for name, parts in correct.items()},
    }
    target = Path(__file__).with_suffix(".json")
    target.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(target.read_text(encoding="utf-8"))


def summary(parts: list[np.ndarray]) -> dict[str, object]:
    """Accuracy in percent over the folds together, its Wilson interval, and each fold's."""
    right = np.concatenate(parts)
    return {
        **accuracy(right),
        "folds": [round(100 * float(part.mean()), 2) for part in parts],
    }


if __name__ == "__main__":
    main(sys.argv[1])
