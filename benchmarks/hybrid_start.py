"""Where should a classifier over a whole image and its regions begin? Held-out answers say.

Nothing is trained but the plain row of focus, on four fifths of the training images. Over its
features of the held-out fifth stand: the classifier of whole images, copies of it, a logistic
regression on all features together, and the mean of the first with one fitted to regions. Test
images are never read.

    python benchmarks/hybrid_start.py cub DATA_ROOT
    python benchmarks/hybrid_start.py drawn
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from shares import accuracy

from fgnb import data, focus, presets, training
from fgnb.baselines.logistic import fit_logistic
from fgnb.training.settings import deterministic

CROP = 112


def main() -> None:
    """Train what the store lacks, and write the table beside this script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", choices=("cub", "cars", "drawn"))
    parser.add_argument("data_root", nargs="?", default="")
    asked = parser.parse_args()
    scale = presets.get("demo")
    images = data.open_images(asked.dataset, data_root=asked.data_root, preset=scale)
    crop = {} if asked.dataset == "drawn" else {"crop_size": CROP}
    stage = focus.region_stage(scale, images, fold="held-out", head_start="whole", **crop)
    module, threads = stage.module(), scale.threads
    with deterministic(threads):
        train, query = (
            stage._infer(module, rows) for rows in (stage.train_index, stage.query_index)
        )
    labels, truth = images.labels[stage.train_index], images.labels[stage.query_index]
    c = float(training.fit(stage.start, progress=False).predictions["logistic_c"])
    together = fit_logistic(train["embedding"], labels, c=c, threads=threads)
    seen = train["regions"].reshape(-1, train["regions"].shape[-1])
    each = np.repeat(labels, train["regions"].shape[1])
    region = fit_logistic(seen, each, c=c, threads=threads)
    with torch.no_grad():
        module.model.region.weight.copy_(torch.from_numpy(region.weight))
        module.model.region.bias.copy_(torch.from_numpy(region.bias))
        module.model.start_others()
        mean = module.model.hybrid(torch.from_numpy(query["embedding"])).numpy()
    rows = {
        "whole image": query["image_probs"],
        "copies of its classifier, a mean": query["probs"],
        "a regression on all features": together.probs(query["embedding"]),
        "whole image and a regression on regions, a mean": mean,
    }
    record = {
        "dataset": images.title,
        "manifest": images.fingerprint,
        "held_out_images": len(truth),
        "test_reads": 0,
        "rows": {name: accuracy(scores.argmax(axis=1) == truth) for name, scores in rows.items()},
    }
    target = Path(__file__).with_name(f"hybrid_start_{asked.dataset}.json")
    target.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(target.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
