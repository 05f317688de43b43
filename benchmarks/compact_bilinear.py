"""Compact bilinear forms against the whole one: time and memory of a batch, forward and training.

A batch of 8 maps of 512 channels in 28 x 28 cells, which VGG-16's last convolution has at 448
pixels: the layer, signed square root and unit length, and a linear classifier of 200 classes. A
training step adds the way back to maps and classifier. "Cell by cell" is Random Maclaurin in the
order of its formula, as public code has it; the layer takes the order with fewer products.

Memory is counted, not sampled: the feature of the batch, the classifier (its gradient and its
momentum take as much each), the random numbers, and what the forward pass keeps for the way back.

    python benchmarks/compact_bilinear.py [THREADS]     # 1: the CPU's clock, for a busy machine
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import timing
import torch
from torch import Tensor, nn
from torch.nn import functional

from fgnb.pose import FullBilinear, RandomMaclaurin, TensorSketch, signed_sqrt_l2

BATCH, CHANNELS, SIDE, CLASSES, DIM = 8, 512, 28, 200, 5000
REPETITIONS = 3
MB = 1e6


class CellByCell(RandomMaclaurin):
    """Both projections of every cell, then their product, then the sum over space."""

    def forward(self, features: Tensor) -> Tensor:
        """``Tensor[B, c, h, w]`` -> ``Tensor[B, dim]``."""
        cells = features.flatten(2).transpose(1, 2)
        first, second = self.first.to(cells), self.second.to(cells)
        return ((cells @ first) * (cells @ second)).sum(dim=1) / self.dim**0.5


def forms() -> dict[str, Any]:
    return {
        "whole": FullBilinear(CHANNELS),
        "random maclaurin": RandomMaclaurin(CHANNELS, DIM),
        "random maclaurin, cell by cell": CellByCell(CHANNELS, DIM),
        "tensor sketch": TensorSketch(CHANNELS, DIM),
    }


def logits(layer: Any, classifier: nn.Linear, maps: Tensor) -> Tensor:
    return classifier(signed_sqrt_l2(layer(maps)))


def step(layer: Any, classifier: nn.Linear, maps: Tensor, targets: Tensor) -> None:
    classifier.zero_grad(set_to_none=True)
    functional.cross_entropy(logits(layer, classifier, maps.requires_grad_()), targets).backward()
    maps.grad = None


def memory(layer: Any, classifier: nn.Linear, maps: Tensor) -> dict[str, float]:
    """Megabytes of what is held, each storage once."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    own = [*layer.buffers(), *classifier.parameters()]
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        held = logits(layer, classifier, maps.requires_grad_())  # as long as it lives, so do they
    for tensor in (*own, maps):
        kept.pop(tensor.untyped_storage().data_ptr(), None)
    del held
    sizes = {
        "feature": 4 * BATCH * layer.dim,
        "classifier": sum(p.numel() * p.element_size() for p in classifier.parameters()),
        "random_numbers": sum(b.numel() * b.element_size() for b in layer.buffers()),
        "kept_for_the_way_back": sum(kept.values()),
    }
    sizes["training"] = (
        3 * sizes["classifier"] + sizes["random_numbers"] + sizes["kept_for_the_way_back"]
    )
    return {f"{name}_mb": round(size / MB, 2) for name, size in sizes.items()}


def main(threads: int) -> None:
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(BATCH, CHANNELS, SIDE, SIDE, generator=generator)
    targets = torch.randint(CLASSES, (BATCH,), generator=generator)
    every = {name: (layer, nn.Linear(layer.dim, CLASSES)) for name, layer in forms().items()}

    def forward(name: str) -> Callable[[], object]:
        def call() -> None:
            with torch.inference_mode():
                logits(*every[name], maps.detach())

        return call

    def training(name: str) -> Callable[[], object]:
        return lambda: step(*every[name], maps.detach().clone(), targets)

    passes = timing.interleaved({name: forward(name) for name in every}, REPETITIONS)
    steps = timing.interleaved({name: training(name) for name in every}, REPETITIONS)
    sizes = {name: memory(*pair, maps.detach().clone()) for name, pair in every.items()}
    fast, plain = every["random maclaurin"][0], every["random maclaurin, cell by cell"][0]
    difference = (signed_sqrt_l2(fast(maps)) - signed_sqrt_l2(plain(maps))).abs().max()
    others = [name for name in every if name != "whole"]
    record = {
        "numbers": {name: layer.dim for name, (layer, _) in every.items()},
        "rows": {
            name: {
                "forward": timing.row(passes[name]),
                "training_step": timing.row(steps[name]),
                "memory": sizes[name],
            }
            for name in every
        },
        "forward_over_whole": {n: timing.ratio(passes[n], passes["whole"]) for n in others},
        "training_step_over_whole": {n: timing.ratio(steps[n], steps["whole"]) for n in others},
        "training_memory_under_whole": {
            n: round(sizes["whole"]["training_mb"] / sizes[n]["training_mb"], 2) for n in others
        },
        "classifier_under_whole": round(
            sizes["whole"]["classifier_mb"] / sizes["tensor sketch"]["classifier_mb"], 2
        ),
        "cell_by_cell_over_ours": timing.ratio(
            passes["random maclaurin, cell by cell"], passes["random maclaurin"]
        ),
        "largest_difference_of_both_orders": float(f"{float(difference):.1e}"),
        "repetitions": REPETITIONS,
        "machine": timing.machine(),
    }
    timing.write(__file__, record)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
