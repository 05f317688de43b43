"""How long may a gradient be? Held-out accuracy of the plain recipe by ``clip_norm``.

The plain classifier and the multi-level one, on four fifths of the training images of a set of
photographs, answer the held-out fifth. Test images are never read. A row that diverges says so.

    python benchmarks/clip_norm.py DATA_ROOT [cub cars]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from fgnb import ccfr, data, presets, training

NORMS = (0.0, 10.0, 3.0, 1.0)
STAGES = {"plain": ccfr.global_stage, "multi-level": ccfr.multi_level_stage}


def main() -> None:
    """Train what the store lacks, and write the table beside this script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data_root")
    parser.add_argument("datasets", nargs="*", default=["cub", "cars"])
    asked = parser.parse_args()
    scale, record = presets.get("demo"), {}
    for name in asked.datasets:
        images = data.open_images(name, data_root=asked.data_root, preset=scale)
        record[name] = {
            "dataset": images.title,
            "manifest": images.fingerprint,
            "test_reads": 0,
            "rows": {
                stage: {
                    str(norm): row(make(scale, images, fold="held-out", clip_norm=norm))
                    for norm in NORMS
                }
                for stage, make in STAGES.items()
            },
        }
    target = Path(__file__).with_suffix(".json")
    target.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(target.read_text(encoding="utf-8"))


def row(stage: Any) -> dict[str, Any]:
    """Held-out accuracy in percent, and the log loss after each pass."""
    try:
        run = training.fit(stage)
    except FloatingPointError as error:
        return {"diverged": str(error)}
    kept = run.predictions
    right = kept["query_probs"].argmax(1) == kept["query_labels"]
    losses = [entry["validation"]["held_out_log_loss"] for entry in run.metrics["epochs"]]
    return {
        "images": len(right),
        "accuracy": round(100 * float(right.mean()), 2),
        "log_loss_by_pass": [round(value, 3) for value in losses],
    }


if __name__ == "__main__":
    main()
