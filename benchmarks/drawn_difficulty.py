"""How hard the drawn sets are, fixed on the plain baseline alone.

Draws the demo set under three seeds, trains the plain backbone and the logistic regression below
it, and writes what they reach on test to `drawn_difficulty.json` (for `--kind cars` and `--kind
aircraft` to `drawn_difficulty_<kind>.json`). The aim is 60 to 80 % top-1 and at least 95 % top-5,
median of the seeds. The birds' marks and nuisances were set with it under seeds 10 to 12, before
any method ran on a drawn set. Whoever changes a renderer raises its version and runs this again:

    python benchmarks/drawn_difficulty.py [--kind cars]

With `--seeds` of other numbers it prints and writes nothing.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from fgnb import presets, training
from fgnb.ccfr.stages import global_stage
from fgnb.data import open_images
from fgnb.data.drawn import RENDERER_VERSIONS, spec_for
from fgnb.data.drawn.codes import family_of
from fgnb.metrics import topn_curve

SEEDS = (0, 1, 2)
TOP_1, TOP_5 = (0.60, 0.80), 0.95
DATASETS = {"birds": "drawn", "cars": "drawn-cars", "aircraft": "drawn-aircraft"}


def measure(dataset: str, seed: int, kind: str = "birds") -> dict[str, Any]:
    """Test accuracies of both baselines on the demo set drawn under ``seed``."""
    preset = presets.get("demo")
    images = open_images(dataset, preset=preset, seed=seed)
    run = training.fit(global_stage(preset, images, fold="all", seed=seed))
    labels = np.asarray(run.predictions["query_labels"])
    spec = spec_for(preset, seed, kind=kind)
    family = np.array([family_of(spec, c)[0] for c in range(spec.species)])
    row: dict[str, Any] = {"seed": seed, "drawn_key": spec.key, "n_test": len(labels)}
    for name, key in (("plain", "query_probs"), ("logistic", "query_logistic_probs")):
        probs = np.asarray(run.predictions[key])
        curve = topn_curve(probs, labels, 5)
        right_family = family[probs.argmax(1)] == family[labels]
        row[name] = {
            "top1": round(float(curve[0]), 4),
            "top5": round(float(curve[4]), 4),
            "family": round(float(right_family.mean()), 4),
        }
    return row


def out_of(kind: str) -> Path:
    """Where a kind's figures stand; the birds' own file has no suffix."""
    here = Path(__file__)
    return here.with_name(here.stem + ("" if kind == "birds" else f"_{kind}") + ".json")


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of the plain baseline, and whether they meet the aim."""
    top1, top5 = (median(row["plain"][key] for row in rows) for key in ("top1", "top5"))
    return {
        "top1": top1,
        "top5": top5,
        "aim": {"top1": list(TOP_1), "top5_at_least": TOP_5},
        "met": TOP_1[0] <= top1 <= TOP_1[1] and top5 >= TOP_5,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--kind", choices=sorted(DATASETS), default="birds")
    parser.add_argument("--control", action="store_true", help="control birds, only printed")
    options = parser.parse_args()
    if options.control and options.kind != "birds":
        parser.error("--control: only birds have a control set by name")
    dataset = "drawn-control" if options.control else DATASETS[options.kind]
    rows = []
    for seed in options.seeds:
        rows.append(measure(dataset, seed, options.kind))
        print(json.dumps(rows[-1]), flush=True)
    result = {
        "what": "test accuracy of the plain baseline and of logistic regression, demo preset",
        "renderer": RENDERER_VERSIONS[options.kind],
        "backbone": "efficientnet_lite0, ImageNet weights, trunk frozen to stride 16",
        "seeds": rows,
        "median": summary(rows),
    }
    print(json.dumps(result["median"]))
    if tuple(options.seeds) == SEEDS and not options.control:
        out_of(options.kind).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
