"""Choose the regions' weight in each row's start, on held-out training images.

A classifier of whole and regions begins as a weighted mean of what one says of the whole and what
another says of the regions. One weight for all rows favours some: boxes that find the bird deserve
more of it than boxes at random. So each row, controls and rivals included, takes the weight of the
highest accuracy on held-out images (then the lowest log loss) before its training; two fifths are
held out one after the other. The test images are never read. The recipes of both papers take what
comes out.

    python benchmarks/region_share.py DATA_ROOT [PAPER/ROW ...]   # the folder of CUB_200_2011
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from shares import accuracy

from fgnb import data, presets
from fgnb.training.settings import deterministic

FOLDS = (0, 1)
GRID = tuple(round(0.05 * step, 2) for step in range(21))
ROWS = (
    *("ccfr/local-region", "ccfr/scale-nms", "ccfr/fusion", "ccfr/fusion-margin-rank"),
    *("ccfr/random-boxes", "ccfr/centre-boxes", "ccfr/oracle-boxes", "ccfr/nts-net"),
    *("focus/ours", "focus/ours-without-max-pooling", "focus/random-boxes"),
    *("focus/centre-boxes", "focus/oracle-boxes", "focus/nts-net"),
)
TARGET = Path(__file__).with_name("region_share_cub.json")


def said(stage: Any) -> np.ndarray:
    """Log probabilities of the held-out images before the first step."""
    with deterministic(stage.spec.threads):
        module = stage.module().eval()
        probs = stage._infer(module, stage.query_index)["probs"]
    return np.log(np.maximum(probs.astype(np.float64), 1e-30))


def main(data_root: str, *names: str) -> None:
    """Measure the rows that are not yet in the table beside this script."""
    scale = presets.get("demo")
    images = data.open_images("cub", data_root=data_root, preset=scale)
    known = {"dataset": images.title, "manifest": images.fingerprint, "test_reads": 0, "rows": {}}
    table = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.is_file() else known
    for name in names or ROWS:
        if name in table["rows"]:
            continue
        paper, _, row = name.partition("/")
        make = import_module(f"fgnb.{paper}.rows").row_stage
        right, loss = [], []
        for fold in FOLDS:
            ends = []
            for share in (0.0, 1.0):
                options = {"fold": "held-out", "seed": fold, "region_share": share}
                stage = make(row, scale, images, **options)
                ends.append(said(stage))
            truth = images.labels[stage.query_index]
            logits = [(1 - share) * ends[0] + share * ends[1] for share in GRID]
            right.append(np.stack([one.argmax(1) == truth for one in logits]))
            sure = [one - np.logaddexp.reduce(one, axis=1, keepdims=True) for one in logits]
            rows = np.arange(len(truth))
            loss.append(np.stack([-one[rows, truth] for one in sure]))
        hits, losses = np.concatenate(right, axis=1), np.concatenate(loss, axis=1)
        order = [(hits[i].sum(), -losses[i].mean(), -GRID[i]) for i in range(len(GRID))]
        best = max(range(len(GRID)), key=order.__getitem__)
        table["rows"][name] = {
            "share": GRID[best],
            "held_out_images": hits.shape[1],
            **{f"at {GRID[i]}": accuracy(hits[i]) for i in sorted({0, 2, 4, 10, best, 20})},
        }
        TARGET.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        print(name, table["rows"][name], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
