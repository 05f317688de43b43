"""What finding keypoints and pooling at them costs: decoding, and the classifier over its backbone.

Decoding of a batch of score maps, with the step inside the cell, against a loop over images and
keypoints: the same numbers, or the run stops. The classifier's step is a training step of the
default network above its frozen trunk, batch 16 at 224 pixels: the plain backbone alone, with
fifteen windows beside the mean, and with the compact form in the mean's place. At test the
localiser's own look comes on top, whatever the classifier.

    python benchmarks/keypoints.py [THREADS]     # 1: the CPU's clock, for a busy machine
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import timing
import torch
from torch import Tensor, nn

from fgnb import presets
from fgnb.nn.backbones import global_pool
from fgnb.nn.maps import seeded_backbone
from fgnb.pose import JointRepresentation, decode
from fgnb.pose.classifier_recipe import model_values

BATCH, PARTS, CELLS, SIDE, CLASSES = 16, 15, 28, 224, 200
MAPS = 64
"""Pictures of a batch that is decoded."""
REPETITIONS = 5


def by_loop(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Arg-max and refined cell of every map, one after the other: ``[B, P, 2]`` each."""
    cells = np.zeros((*scores.shape[:2], 2))
    refined = np.zeros_like(cells)
    height, width = scores.shape[2:]
    for b, image in enumerate(scores):
        for p, part in enumerate(image):
            y, x = divmod(int(part.argmax()), width)
            cells[b, p] = x, y
            total = weight = 0.0
            for v in range(max(y - 1, 0), min(y + 2, height)):
                for u in range(max(x - 1, 0), min(x + 2, width)):
                    share = 1 / (1 + np.exp(-part[v, u]))
                    total = total + share * np.array([u, v])
                    weight += share
            refined[b, p] = total / weight
    return cells, refined


def classifiers() -> dict[str, tuple[Any, nn.Linear]]:
    """The networks whose steps are timed, each with its linear layer; None is the mean alone."""
    recipe = {k: v.value for k, v in model_values(presets.get("demo")).items()}
    names = ("dim", "map_stride", "form_stride", "window")
    shared: dict[str, Any] = {name: recipe[name] for name in names} | {"seed": 0, "parts": True}
    joints = {
        "whole and parts": ("pooled", shared),
        "compact form and parts": ("random-maclaurin", shared),
        "compact form": ("random-maclaurin", shared | {"parts": False}),
    }
    plain = seeded_backbone("efficientnet_lite0", "random", cut=8, seed=0)
    made: dict[str, tuple[Any, nn.Linear]] = {
        "plain backbone": (plain, nn.Linear(plain.num_features, CLASSES))
    }
    for name, (holistic, options) in joints.items():
        own = seeded_backbone("efficientnet_lite0", "random", cut=8, seed=0)
        joint = JointRepresentation(own, holistic=holistic, **options)
        made[name] = joint, nn.Linear(joint.num_features, CLASSES)
    return {
        n: (net.to(memory_format=torch.channels_last).eval(), h) for n, (net, h) in made.items()
    }


def step(network: Any, head: nn.Linear, maps: Tensor, cells: Tensor, targets: Tensor) -> None:
    """Forward and backward of a batch of trunk maps."""
    network.zero_grad(set_to_none=True)
    head.zero_grad(set_to_none=True)
    pooled = isinstance(network, JointRepresentation)
    seen = network(maps, cells) if pooled else global_pool(network.tail(maps))
    nn.functional.cross_entropy(head(seen), targets).backward()


def main(threads: int) -> None:
    """Time both, and write the table beside this script."""
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    scores = 4 * torch.randn(MAPS, PARTS, CELLS, CELLS, generator=generator)
    found, looped = decode(scores), by_loop(scores.numpy())
    assert np.array_equal(found.cells.numpy(), looped[0])
    difference = float(np.abs(found.refined.numpy() - looped[1]).max())
    assert difference < 1e-4, "both decode the same"
    decoding = timing.interleaved(
        {"batch": lambda: decode(scores), "loop": lambda: by_loop(scores.numpy())}, REPETITIONS
    )
    every = classifiers()
    plain, _ = every["plain backbone"]
    with torch.no_grad():
        maps = plain.trunk(torch.rand(BATCH, 3, SIDE, SIDE, generator=generator))
    maps = maps.contiguous(memory_format=torch.channels_last)
    cells = torch.rand(BATCH, PARTS, 2, generator=generator) * (SIDE / 16 - 1)
    targets = torch.randint(CLASSES, (BATCH,), generator=generator)
    steps = timing.interleaved(
        {name: lambda pair=pair: step(*pair, maps, cells, targets) for name, pair in every.items()},
        REPETITIONS,
    )
    others = [name for name in every if name != "plain backbone"]
    record = {
        "decoding": {name: timing.row(seconds) for name, seconds in decoding.items()},
        "loop_over_batch": timing.ratio(decoding["loop"], decoding["batch"]),
        "largest_difference_of_cells": float(f"{difference:.1e}"),
        "steps": {name: timing.row(seconds) for name, seconds in steps.items()},
        "step_over_plain": {n: timing.ratio(steps[n], steps["plain backbone"]) for n in others},
        "repetitions": REPETITIONS,
        "machine": timing.machine(),
    }
    timing.write(__file__, record)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
