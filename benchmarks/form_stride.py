"""Choose what the paper of pose leaves open of its maps, on held-out training images.

In VGG one map serves all: keypoints are pooled from the last convolution, and the compact bilinear
form is made of it. In a deeper network the last map is coarse, and a finer one has fewer layers
under it. So the stride of either is a choice: of the map that parts are pooled from
(``map_stride``), and of the one under the compact form (``form_stride``). Two fifths of the
training images of the 40 birds are held out one after the other; the test images are never read.

    python benchmarks/form_stride.py DATA_ROOT [FOLD ...]   # the folder of CUB_200_2011
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fgnb import data, pose, presets, training
from fgnb.store import write_atomic

FOLDS = (0, 1)
_PARTS, _FORM = "map_stride", "form_stride"
CHOICES: dict[str, tuple[str, dict[str, int]]] = {
    "the whole alone": ("plain", {}),
    "parts at 16": ("transfer", {_PARTS: 16}),
    "parts at 32": ("transfer", {_PARTS: 32}),
    "parts at 16, compact form at 16": ("compact-bilinear", {_PARTS: 16, _FORM: 16}),
    "parts at 16, compact form at 32": ("compact-bilinear", {_PARTS: 16, _FORM: 32}),
    "parts at 32, compact form at 32": ("compact-bilinear", {_PARTS: 32, _FORM: 32}),
}
TARGET = Path(__file__).with_name("form_stride_cub.json")


def main(data_root: str, *folds: str) -> None:
    """Measure what is not yet in the table beside this script."""
    scale = presets.get("demo")
    images = data.open_images("cub", data_root=data_root, preset=scale)
    known = {"dataset": images.title, "manifest": images.fingerprint, "test_reads": 0, "rows": {}}
    for fold in map(int, folds or FOLDS):
        for words, (row, strides) in CHOICES.items():
            table = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.is_file() else known
            name = f"{words}, fold {fold}"
            if name in table["rows"]:
                continue
            stage = pose.row_stage(f"{row}-held-out", scale, images, seed=fold, **strides)
            kept = training.fit(stage, progress=False).predictions
            ends = {"start": "query_logistic_probs", "end": "query_probs"}
            table["rows"][name] = {"images": len(kept["query_labels"])} | {
                end: round(100 * share(kept, key), 2) for end, key in ends.items()
            }
            write_atomic(TARGET, json.dumps(table, indent=1) + "\n")
            print(name, table["rows"][name], flush=True)


def share(kept: Any, key: str) -> float:
    """Right answers among the queries."""
    return float((kept[key].argmax(axis=1) == kept["query_labels"]).mean())


if __name__ == "__main__":
    main(*sys.argv[1:])
