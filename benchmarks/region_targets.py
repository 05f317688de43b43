"""Can a scorer learn where to look? How steady the worth of a region is that `margin-rank` teaches.

`margin-rank` ranks an image's regions by their triplet margins, and a batch shows each image one
partner of its class. Where a region's margin depends more on who the partner is than on the region,
a scorer is taught noise. Measured on the training images of the held-out fold, with the features
that the joint stage starts from; ranks are compared within an image, as the ranking loss does:

- ``halves``: margins against one half of the other images, and against the other half;
- ``one partner``, ``three partners``: margins as two batches would give them, with two and
  with four images a class;
- ``place``: the share of the margins' variance within an image that the place of the box explains;
- ``scorer``: scores of the warm-up, and of joint stages where asked for, against margins, on the
  held-out images.

Test images are never read.

    python benchmarks/region_targets.py cub DATA_ROOT [--joint 2 4]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from region_recipe import EPOCHS
from scipy.stats import rankdata
from torch import Tensor
from torch.nn import functional as F

from fgnb import ccfr, data, presets, training
from fgnb.ccfr.model import RegionSelector, sample_places
from fgnb.ccfr.proposals import propose
from fgnb.ccfr.region_stages import WarmUpStage
from fgnb.training.settings import deterministic

A_SCALE = 6
Array = NDArray[Any]


def main() -> None:
    """Train what the store lacks, and write what was measured beside this script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", choices=("cub", "cars", "drawn"))
    parser.add_argument("data_root", nargs="?", default="")
    parser.add_argument("--joint", type=int, nargs="*", default=(), help="images a class: 2 4")
    asked = parser.parse_args()
    scale = presets.get("demo")
    images = data.open_images(asked.dataset, data_root=asked.data_root, preset=scale)
    stage = ccfr.warm_up_stage(scale, images, fold="held-out")
    stages: dict[str, Any] = {"warm-up": stage}
    for each in asked.joint:
        stages[f"joint stage, {each} images a class"] = ccfr.region_stage(
            scale, images, fold="held-out", epochs=EPOCHS, images_per_class=each
        )
    runs = {name: training.fit(made) for name, made in stages.items()}
    generator = np.random.default_rng(0)
    labels = images.labels[stage.train_index]
    places, features = regions_of(stage, stage.train_index)
    sims = similarities(features, features)
    rows, size = np.arange(len(labels)), stage.spec.batch_size
    sims[rows, :, rows] = np.nan
    halves = generator.permutation(np.arange(len(labels)) % 2).astype(bool)
    whole = margins(sims, labels, labels, np.ones((len(labels), len(labels)), bool))
    record = {
        "dataset": images.title,
        "manifest": images.fingerprint,
        "training_images": len(labels),
        "regions_an_image": places.shape[1],
        "test_reads": 0,
        "rank_correlation": {
            "halves": agreement(
                margins(sims, labels, labels, np.tile(halves, (len(labels), 1))),
                margins(sims, labels, labels, np.tile(~halves, (len(labels), 1))),
            ),
            "one partner": agreement(*two_batches(sims, labels, size, 1, generator)),
            "three partners": agreement(*two_batches(sims, labels, size, 3, generator)),
        },
        "place": place_share(whole, places, len(stage.anchors)),
        "scorer": {},
    }
    asked_labels = images.labels[stage.query_index]
    places, seen = regions_of(stage, stage.query_index)
    everything = np.ones((len(asked_labels), len(labels)), bool)
    worth = margins(similarities(seen, features), asked_labels, labels, everything)
    for name, made in stages.items():
        scores = propose(made, runs[name]).scores.numpy()
        record["scorer"][name] = agreement(np.take_along_axis(scores, places, 1), worth)
    target = Path(__file__).with_name(f"region_targets_{asked.dataset}.json")
    target.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(target.read_text(encoding="utf-8"))


def regions_of(stage: WarmUpStage, rows: Array) -> tuple[Array, Array]:
    """Places ``[N, K]`` of boxes anywhere, and unit features of the start on them ``[N, K, D]``."""
    scorer = stage.module().scorer.eval()
    draw = RegionSelector("separate", A_SCALE, stage.spec.iou)
    places, found = [], []
    with deterministic(stage.spec.threads), torch.inference_mode():
        torch.manual_seed(0)
        for batch in stage.zoomed.batches(rows):
            index = sample_places(stage.anchors, len(batch.rows), draw)
            maps = scorer.extractor.regions(batch, stage.anchors.boxes[index])
            places.append(index)
            found.append(F.normalize(maps.mean(dim=(3, 4)), dim=2))
    return torch.cat(places).numpy(), torch.cat(found).numpy()


def similarities(regions: Array, others: Array) -> Array:
    """Of each region to the most similar one of each other image: ``[N, K, M]``."""
    flat = torch.from_numpy(others).flatten(0, 1)
    parts = [_nearest(part, flat, others.shape[1]) for part in torch.from_numpy(regions).split(16)]
    return torch.cat(parts).numpy()


def _nearest(part: Tensor, flat: Tensor, count: int) -> Tensor:
    return (part @ flat.T).unflatten(2, (-1, count)).amax(3)


def margins(sims: Array, labels: Array, others: Array, among: Array) -> Array:
    """As `fgnb.ccfr.triplet.region_margins`, against the images ``among[N, M]``: ``[N, K]``."""
    same = labels[:, None] == others[None, :]
    own = np.where((same & among)[:, None], sims, np.nan)
    rest = np.where((~same & among)[:, None], sims, np.nan)
    with np.errstate(all="ignore"):
        return np.asarray(np.nanmean(own, axis=2) - np.nanmean(rest, axis=2))


def two_batches(
    sims: Array, labels: Array, size: int, partners: int, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Margins of every image in two batches of ``size`` that share no other image."""
    among = np.zeros((2, len(labels), len(labels)), bool)
    strangers = size - 1 - partners
    for i, label in enumerate(labels):
        same = labels == label
        rest = generator.permutation(np.flatnonzero(~same))
        same[i] = False
        own = generator.permutation(np.flatnonzero(same))
        for batch in range(2):
            among[batch, i, own[batch * partners :][:partners]] = True
            among[batch, i, rest[batch * strangers :][:strangers]] = True
    first, second = (margins(sims, labels, labels, each) for each in among)
    return first, second


def agreement(a: Array, b: Array) -> dict[str, float]:
    """Mean over images of Spearman's correlation between the regions of each, and its spread."""
    ranks = [rankdata(values, axis=1) for values in (a, b)]
    first, second = (r - r.mean(axis=1, keepdims=True) for r in ranks)
    each = (first * second).sum(1) / np.sqrt((first**2).sum(1) * (second**2).sum(1))
    each = each[np.isfinite(each)]
    error = each.std(ddof=1) / np.sqrt(len(each))
    return {
        "mean": round(float(each.mean()), 3),
        "low": round(float(each.mean() - 1.96 * error), 3),
        "high": round(float(each.mean() + 1.96 * error), 3),
    }


def place_share(values: Array, places: Array, count: int) -> float:
    """Share of the variance within images that the mean of each place explains, out of sample.

    Places are averaged over every other image and asked on the rest; 0 or below where they tell
    nothing.
    """
    centred = values - values.mean(axis=1, keepdims=True)
    fit, ask = slice(0, None, 2), slice(1, None, 2)
    total = np.bincount(places[fit].ravel(), centred[fit].ravel(), count)
    seen = np.bincount(places[fit].ravel(), minlength=count)
    mean = np.divide(total, seen, out=np.zeros(count), where=seen > 0)
    left = centred[ask] - mean[places[ask]]
    return round(float(1 - (left**2).mean() / (centred[ask] ** 2).mean()), 3)


if __name__ == "__main__":
    main()
