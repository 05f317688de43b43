"""How far must a region be zoomed before it helps? Held-out answers on the drawn birds say.

The full model of ccfr with regions of 48 and of 112 px, and the same with boxes drawn at random,
beside the plain backbone and the control set, on several held-out fifths of the training images.
Test images are never read.

    python benchmarks/crop_size.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from shares import accuracy

from fgnb import ccfr, data, presets, training
from fgnb.pages.ccfr.ablation import control_scale

SEEDS = (0, 1, 2)
CROPS = (48, 112)


def main() -> None:
    """Train what the store lacks, and write the table beside this script."""
    scale, record = presets.get("demo"), {}
    for name, size in (("drawn", scale), ("drawn-control", control_scale(scale))):
        images = data.open_images(name, preset=size)
        found: dict[str, list[np.ndarray]] = {}
        for seed in SEEDS:
            fold: dict[str, Any] = {"fold": "held-out", "seed": seed}
            stages = {"plain": ccfr.global_stage(size, images, **fold)}
            for crop in CROPS:
                for boxes in ("scored", "random"):
                    stages[f"{boxes} boxes, {crop} px"] = ccfr.region_stage(
                        size, images, **fold, boxes=boxes, crop_size=crop
                    )
            for row, stage in stages.items():
                kept = training.fit(stage, progress=False).predictions
                right = kept["query_probs"].argmax(axis=1) == kept["query_labels"]
                found.setdefault(row, []).append(right)
                print(name, seed, row, right.mean(), flush=True)
        record[name] = {
            "dataset": images.title,
            "manifest": images.fingerprint,
            "folds": list(SEEDS),
            "test_reads": 0,
            "rows": {row: accuracy(np.concatenate(each)) for row, each in found.items()},
        }
    target = Path(__file__).with_suffix(".json")
    target.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(target.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
