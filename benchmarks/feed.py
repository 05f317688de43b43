"""How many photographs a second reach a network that is trained whole: read, cropped, flipped.

Through the loader that a training uses, by N processes; and as answers are read, by threads. A
training is fed where the first is over what its device takes: measure it on the machine itself,
before the training (`-s loader_workers N` of `fgnb train` and `fgnb record`).

    python benchmarks/feed.py --dataset cub --data-root DIR [--workers 1,2,4] [--keep]
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from timing import machine
from torch.utils.data import DataLoader

from fgnb import ccfr, data, presets
from fgnb.data.transforms import eval_transform
from fgnb.nn.maps import batches
from fgnb.nn.weights import weights_info
from fgnb.training.positions import BatchOrder, Plan

BATCH = 16


def trained(stage: Any, workers: int, count: int) -> float:
    """Pictures a second of a training's loader, once its processes stand."""
    plan = Plan.of(stage.data())
    loader: DataLoader[Any] = DataLoader(
        stage.data().dataset, batch_sampler=BatchOrder(plan, 0), num_workers=workers
    )
    steps = iter(loader)
    for _ in islice(steps, workers + 1):
        pass
    start = time.perf_counter()
    taken = sum(len(targets) for _, targets in islice(steps, count // BATCH))
    return taken / (time.perf_counter() - start)


def core_seconds(stage: Any, count: int) -> float:
    """Seconds that one core works for a picture of a training, whatever else the machine does."""
    samples = stage.data().dataset
    start = time.process_time()
    for index in range(count):
        samples[0, index % len(samples)]
    return (time.process_time() - start) / count


def answered(stage: Any, count: int) -> float:
    """Pictures a second as the queries of a stage are read."""
    info = weights_info(stage.spec.backbone, stage.weights)
    transform = eval_transform(stage.spec.image_size, info, frame=stage.spec.framing)
    rows = np.resize(stage.query_index, count)
    start = time.perf_counter()
    for _ in batches(stage.images, transform, 32, rows):
        pass
    return count / (time.perf_counter() - start)


def main() -> None:
    """Print a line each; with --keep write the table beside this script."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--dataset", default="drawn")
    asked.add_argument("--data-root", default=None)
    asked.add_argument("--workers", default="1,2,4,8,16")
    asked.add_argument("--pictures", type=int, default=512)
    asked.add_argument("--keep", action="store_true")
    given = asked.parse_args()
    scale = presets.get("paper")
    images = data.open_images(given.dataset, data_root=given.data_root, preset=presets.get("demo"))
    stage = ccfr.global_stage(scale, images)
    alone = 1 / core_seconds(stage, min(given.pictures, 64))
    print(f"one core alone, training: {alone:.0f} pictures a second", flush=True)
    rates = {"answers, by threads": answered(stage, given.pictures)}
    for workers in map(int, given.workers.split(",")):
        rates[f"training, {workers} processes"] = trained(stage, workers, given.pictures)
    for name, rate in rates.items():
        print(f"{name}: {rate:.0f} pictures a second", flush=True)
    if given.keep:
        record = {
            "dataset": images.title,
            "frame": stage.spec.frame,
            "image_size": stage.spec.image_size,
            "pictures_a_second_of_one_core": round(alone, 1),
            "pictures_a_second": {name: round(rate, 1) for name, rate in rates.items()},
            "machine": machine(),
        }
        text = json.dumps(record, indent=1) + "\n"
        Path(__file__).with_suffix(".json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
