"""What a training step costs, counted before it runs: operations and memory.

Each part of a step is run once, forward and backward, on one item of the meta device, where
tensors have shapes and no numbers; a step is a sum over its items. Operations are the
multiplications and additions of convolutions and matrix products. Gradients that nobody wants
(frozen weights, inputs) are not counted, since autograd doesn't compute them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from fgnb.nn.backbones import NO_CUT, Backbone, create_backbone

META = torch.device("meta")
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """A network that a step sends items through.

    Attributes:
        module: on the meta device; takes one tensor, or a list where there are several shapes.
        shapes: of one item's inputs, without the batch axis.
        items: in a step.
        at_once: items that go through at a time, and a second time on the way back; None: all.
        backward: whether gradients flow back; False is a forward pass without them.
        onward: whether they flow on into the part's inputs.
    """

    module: nn.Module
    shapes: tuple[Shape, ...]
    items: int
    at_once: int | None = None
    backward: bool = True
    onward: bool = False

    def __post_init__(self) -> None:
        for name in ("items", "at_once"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}, needs 1 at least")
        places = {str(p.device) for p in self.module.parameters()} - {"meta"}
        if places:
            raise ValueError(f"module lies on {', '.join(sorted(places))}, needs the meta device")


@dataclass(frozen=True)
class Cost:
    """What one step costs.

    Attributes:
        operations: forward and backward.
        forward: those of the forward pass alone.
        weights: numbers that the networks hold, statistics of normalisation included.
        trained: those of them that are trained.
        activations: bytes that the backward pass needs of a batch.
        largest_layer: bytes that go in and out of the largest layer.
    """

    operations: int
    forward: int
    weights: int
    trained: int
    activations: int
    largest_layer: int

    @property
    def memory(self) -> int:
        """Bytes: weights, their gradients and momentum in float32, and a batch's activations."""
        return 4 * (self.weights + 2 * self.trained) + self.activations + self.largest_layer


@dataclass(frozen=True)
class _Counted:
    """One item of a part; the fields are those of `Cost`, and bytes that go in and come out."""

    operations: int
    forward: int
    activations: int
    largest_layer: int
    ends: int


def step_cost(parts: Sequence[Part], held: Sequence[nn.Module] = ()) -> Cost:
    """The cost of a step that goes through ``parts``.

    Args:
        parts: what runs; shared weights count once.
        held: further modules that lie in memory without running, such as a trunk whose maps are
            cached.
    """
    operations = forward = activations = largest_layer = 0
    for part in parts:
        one, items = _count(part), part.items
        together = min(part.at_once or items, items)
        again = one.forward if part.at_once and part.backward else 0
        forward += items * one.forward
        operations += items * (one.operations + again)
        activations += together * one.activations
        if part.at_once or not part.backward:
            activations += items * one.ends
        largest_layer = max(largest_layer, together * one.largest_layer)
    weights, trained = _weights([*(part.module for part in parts), *held])
    return Cost(operations, forward, weights, trained, activations, largest_layer)


def whole_part(
    backbone: Backbone, *, image_size: int, cut: int, items: int, backward: bool = True
) -> Part:
    """Whole images through ``backbone``; with a frozen trunk, cached maps through its tail."""
    if cut == NO_CUT:
        return Part(backbone, ((3, image_size, image_size),), items, backward=backward)
    with torch.no_grad():
        picture = torch.empty(1, 3, image_size, image_size, device=META)
        shape = tuple(backbone.trunk(picture).shape[1:])
    return Part(backbone.tail, (shape,), items, backward=backward)


def head_part(width: int, outputs: int, items: int) -> Part:
    """A linear classifier on features that are trained too."""
    return Part(nn.Linear(width, outputs, device=META), ((width,),), items, onward=True)


def meta_backbone(name: str, *, cut: int) -> Backbone:
    """The backbone ``name`` without its numbers, its trunk frozen, as stages have it."""
    with torch.random.fork_rng(devices=[]):
        backbone = create_backbone(name, "random", cut=cut)
    backbone.trunk.requires_grad_(False)
    return backbone.to(META)


def _count(part: Part) -> _Counted:
    inputs = [torch.empty((1, *s), device=META, requires_grad=part.onward) for s in part.shapes]
    own = {id(t): t for t in (*part.module.parameters(), *part.module.buffers())}
    counter = FlopCounterMode(display=False)
    with counter, torch.set_grad_enabled(part.backward), _sizes(part.module) as sizes:
        with _saved(own.values()) as storages:
            output = part.module(inputs[0] if len(inputs) == 1 else inputs)
        forward = counter.get_total_flops()
        if output.requires_grad:
            output.sum().backward()
    return _Counted(
        operations=counter.get_total_flops(),
        forward=forward,
        activations=sum(storage.nbytes() for storage in storages.values()),
        largest_layer=max(sizes, default=0),
        ends=sum(map(_bytes, inputs)) + _bytes(output),
    )


@contextmanager
def _saved(left_out: Any) -> Iterator[dict[int, torch.UntypedStorage]]:
    """Storages that autograd keeps while this is open, but for those of ``left_out``."""
    known = {tensor.untyped_storage()._cdata for tensor in left_out}
    found: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in known:
            found[storage._cdata] = storage
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        yield found


@contextmanager
def _sizes(module: nn.Module) -> Iterator[list[int]]:
    """Bytes in and out of each layer that is called while this is open."""
    found: list[int] = []

    def note(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        found.append(sum(_bytes(t) for t in (*inputs, output) if isinstance(t, Tensor)))

    layers = [layer for layer in module.modules() if not list(layer.children())]
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _weights(modules: Sequence[nn.Module]) -> tuple[int, int]:
    """Numbers in ``modules``, each tensor once, and how many of them are trained."""
    held = {id(t): t for m in modules for t in (*m.parameters(), *m.buffers())}.values()
    return sum(t.numel() for t in held), sum(t.numel() for t in held if t.requires_grad)


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
