"""An architecture as it runs: each named part's output shape, parameters and multiply-adds.

ccfr's Fig. 2 drawn from one forward pass, so that it can't disagree with the code. Multiply-adds
are those of convolutions and linear layers, counted from the shapes that pass; products of two
activations and everything without weights count nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from matplotlib.patches import FancyBboxPatch
from torch import Tensor, nn

from fgnb.report.figures import BLUE, GREY, Picture, described, literal
from fgnb.report.markup import Cell, Table

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One call of a part.

    Attributes:
        name: what the part is called here.
        shapes: of the tensors that it returned, in order.
        parameters: its weights, shared ones counted once; the same at every call.
        multiply_adds: of the call.
        again: whether the part was called before, so that its weights are shared.
    """

    name: str
    shapes: tuple[Shape, ...]
    parameters: int
    multiply_adds: int
    again: bool = False


@dataclass
class _Open:
    """A part that is running: its place among the steps, and what its layers have done."""

    place: int
    done: int = field(default=0)


def trace(module: nn.Module, *inputs: Any, parts: Mapping[str, str]) -> list[Step]:
    """Run `module` once, in evaluation mode and without gradients, and note its parts.

    Args:
        module: changed in nothing; its training mode is put back.
        *inputs: what its forward takes.
        parts: qualified name of a submodule ("" for the whole) -> what to call it.

    Returns:
        The parts' calls in the order in which they began.

    Raises:
        ValueError: a name that the module lacks, or a part that the pass never called.
    """
    known = dict(module.named_modules())
    missing = [name for name in parts if name not in known]
    if missing:
        raise ValueError(f"parts names {missing[0]!r}, which the module lacks")
    steps: list[Step] = []
    training = module.training
    with _hooks(known, parts, steps):
        module.eval()
        try:
            with torch.inference_mode():
                module(*inputs)
        finally:
            module.train(training)
    silent = [name for name in parts if parts[name] not in {step.name for step in steps}]
    if silent:
        raise ValueError(f"parts names {silent[0]!r}, which the pass never called")
    return steps


def trace_table(steps: Sequence[Step], *, caption: str = "") -> Table:
    """The steps as a table: shape, parameters in thousands, multiply-adds in millions."""
    columns = ("Part", "Output", "Parameters, thousands", "Multiply-adds, millions")
    rows = tuple(
        (
            Cell(step.name),
            Cell(_shapes(step)),
            Cell("shared" if step.again else f"{step.parameters / 1e3:,.1f}"),
            Cell(f"{step.multiply_adds / 1e6:,.1f}"),
        )
        for step in steps
    )
    return Table(columns, rows, frozenset(columns[2:]), caption)


def block_diagram(steps: Sequence[Step], *, per_row: int = 4) -> Picture:
    """The steps as blocks in the order of their calls, each with its shape and weights."""
    if not steps:
        raise ValueError("steps is empty, needs at least one")
    per_row = min(per_row, len(steps))
    rows = -(-len(steps) // per_row)
    figure = Picture(figsize=(2.5 * per_row, 1.35 * rows + 0.2), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-0.1, per_row), ylim=(-rows + 1.1, 1.0))
    axes.set_axis_off()
    for number, step in enumerate(steps):
        row, column = divmod(number, per_row)
        left, low = column, -row + 0.22
        edge = GREY if step.again else BLUE
        axes.add_patch(
            FancyBboxPatch(
                (left, low), 0.78, 0.62, boxstyle="round,pad=0.02", fc="white", ec=edge, lw=1.4
            )
        )
        weights = "shared weights" if step.again else f"{step.parameters / 1e3:,.0f} k weights"
        words = ((0.5, step.name, 9.5), (0.28, _shapes(step), 8), (0.08, weights, 7.5))
        for height, text, size in words:
            axes.text(
                left + 0.39, low + height, literal(text), ha="center", fontsize=size, va="center"
            )
        if number + 1 < len(steps):
            _arrow(axes, left, low, last=column + 1 == per_row)
    total = sum(step.parameters for step in steps if not step.again)
    return described(
        figure,
        f"{len(steps)} blocks in the order of one pass, {total:,} weights: "
        + "; ".join(f"{step.name} gives {_shapes(step)}" for step in steps)
        + ".",
    )


def _arrow(axes: Any, left: float, low: float, *, last: bool) -> None:
    """From a block to the one beside it, or from the last of a row to the first of the next."""
    start, end = (left + 0.81, low + 0.31), (left + 0.97, low + 0.31)
    if last:
        turn = low - 0.19
        axes.plot([left + 0.39, left + 0.39, 0.39], [low - 0.03, turn, turn], color=GREY, lw=1.2)
        start, end = (0.39, turn + 0.01), (0.39, low - 0.35)
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": GREY, "lw": 1.2})


@contextmanager
def _hooks(
    known: Mapping[str, nn.Module], parts: Mapping[str, str], steps: list[Step]
) -> Iterator[None]:
    """While open, calls of `parts` are added to `steps`."""
    running: list[_Open] = []
    seen: set[int] = set()

    def begin(name: str) -> Any:
        def hook(part: nn.Module, _: Any) -> None:
            count = sum(weight.numel() for weight in part.parameters())
            running.append(_Open(len(steps)))
            steps.append(Step(parts[name], (), count, 0, again=id(part) in seen))
            seen.add(id(part))

        return hook

    def end(_: nn.Module, __: Any, output: Any) -> None:
        found = running.pop()
        shapes = tuple(tuple(tensor.shape) for tensor in _tensors(output))
        steps[found.place] = replace(steps[found.place], shapes=shapes, multiply_adds=found.done)

    def count(layer: nn.Module, _: Any, output: Tensor) -> None:
        for part in running:
            part.done += _multiply_adds(layer, output)

    handles = []
    for layer in known.values():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            handles.append(layer.register_forward_hook(count))
    for name in parts:
        handles.append(known[name].register_forward_pre_hook(begin(name)))
        handles.append(known[name].register_forward_hook(end))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _multiply_adds(layer: nn.Module, output: Tensor) -> int:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return output.numel() * weight[0].numel()


def _tensors(output: Any) -> Iterator[Tensor]:
    """The tensors in what a part returned, in order."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for value in output.values():
            yield from _tensors(value)
    elif isinstance(output, tuple | list):
        for value in output:
            yield from _tensors(value)


def _shapes(step: Step) -> str:
    return ", ".join("×".join(map(str, shape)) or "scalar" for shape in step.shapes) or "–"
