"""Does the region model beat its rivals where it was developed: on held-out training images?

The plain classifier, the multi-level one, the backbone at equal pixels and the region model are
trained on four fifths of the training images and answer the held-out fifth. Variants of the region
model stand beside where asked for: boxes at random, the other scorer signals, two images of a class
in a batch in place of four. Test images are never read. Each row has its paired test against the
backbone at equal pixels, with the smallest step that so many changed answers could have shown.

    python benchmarks/region_recipe.py cub DATA_ROOT [--with random-boxes none gate two-images]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from shares import accuracy

from fgnb import ccfr, data, metrics, presets, training

EPOCHS, CROP = 6, 112
RIVAL = "backbone at equal pixels"
VARIANTS: dict[str, dict[str, Any]] = {
    "random-boxes": {"boxes": "random"},
    "none": {"scorer_signal": "none"},
    "gate": {"scorer_signal": "gate"},
    "two-images": {"images_per_class": 2},
}


def main() -> None:
    """Train what the store lacks, and write the table beside this script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", choices=("cub", "cars"))
    parser.add_argument("data_root")
    parser.add_argument("--with", dest="variants", nargs="*", choices=VARIANTS, default=())
    asked = parser.parse_args()
    scale = presets.get("demo")
    images = data.open_images(asked.dataset, data_root=asked.data_root, preset=scale)
    fold: dict[str, Any] = {"fold": "held-out"}
    zoom = {**fold, "epochs": EPOCHS, "crop_size": CROP}
    stages: dict[str, Any] = {
        RIVAL: ccfr.equal_compute_stage(scale, images, crop_size=CROP, **fold),
        "plain": ccfr.global_stage(scale, images, **fold),
        "multi-level": ccfr.multi_level_stage(scale, images, **fold),
        "regions": ccfr.region_stage(scale, images, **zoom),
    }
    for name in asked.variants:
        stages[f"regions, {name}"] = ccfr.region_stage(scale, images, **zoom, **VARIANTS[name])
    correct, epochs = {}, {}
    for name, stage in stages.items():
        run = training.fit(stage)
        kept = run.predictions
        correct[name] = kept["query_probs"].argmax(1) == kept["query_labels"]
        shown = [entry["validation"]["held_out_accuracy"] for entry in run.metrics["epochs"]]
        epochs[name] = [round(100 * value, 2) for value in shown]
    record = {
        "dataset": images.title,
        "manifest": images.fingerprint,
        "held_out_images": len(correct[RIVAL]),
        "test_reads": 0,
        "rows": {name: row(correct, name, epochs[name]) for name in stages},
    }
    target = Path(__file__).with_name(f"region_recipe_{asked.dataset}.json")
    target.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(target.read_text(encoding="utf-8"))


def row(correct: dict[str, np.ndarray], name: str, epochs: list[float]) -> dict[str, Any]:
    """Accuracy in percent with its Wilson interval, by epoch, and the paired test in points."""
    right, rival = correct[name], correct[RIVAL]
    step = metrics.detectable_step(len(right), float((right != rival).mean()))
    return {
        **accuracy(right),
        "by_epoch": epochs,
        "minus_rival": round(100 * float(right.mean() - rival.mean()), 2),
        "p_against_rival": round(metrics.mcnemar(right, rival), 4),
        "detectable": round(100 * step, 2),
    }


if __name__ == "__main__":
    main()
