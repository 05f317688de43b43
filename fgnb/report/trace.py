"""An architecture as it runs: each named part's output shape, parameters and multiply-adds.

Taken from one forward pass, so that it can't disagree with the code. Multiply-adds are those of
convolutions and linear layers; products of two activations count nothing.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from matplotlib.patches import FancyBboxPatch
from torch import Tensor, nn

from fgnb.report.figures import BLUE, GREY, Picture, described, literal, subplots
from fgnb.report.render import Html, grid

_CENTRED: Any = {"ha": "center", "va": "center"}


@dataclass(frozen=True)
class Call:
    """One call of a part."""

    name: str  # what the part is called here
    shapes: tuple[tuple[int, ...], ...]  # of the tensors that it returned, in order
    parameters: int  # its weights, shared ones counted once; the same at every call
    multiply_adds: int  # of the call
    again: bool = False  # whether the part was called before, so that its weights are shared


def trace(module: nn.Module, *inputs: Any, parts: Mapping[str, str]) -> list[Call]:
    """Run `module` once, in evaluation mode and without gradients, and note its parts' calls.

    Args:
        module: changed in nothing; its training mode is put back.
        *inputs: what its forward takes.
        parts: qualified name of a submodule ("" for the whole) -> what to call it.

    Raises:
        ValueError: a name that the module lacks, or a part that the pass never called.
    """
    known = dict(module.named_modules())
    if lacking := [name for name in parts if name not in known]:
        raise ValueError(f"parts names {lacking[0]!r}, which the module lacks")
    calls: list[Call] = []
    running: list[int] = []  # places among the calls
    seen: set[nn.Module] = set()

    def begin(name: str, part: nn.Module, _: Any) -> None:
        weights = sum(weight.numel() for weight in part.parameters())
        running.append(len(calls))
        calls.append(Call(parts[name], (), weights, 0, again=part in seen))
        seen.add(part)

    def end(_: nn.Module, __: Any, output: Any) -> None:
        place = running.pop()
        calls[place] = replace(calls[place], shapes=tuple(_shapes_of(output)))

    def count(layer: Any, _: Any, output: Tensor) -> None:
        done = output.numel() * layer.weight[0].numel()
        for place in running:
            calls[place] = replace(calls[place], multiply_adds=calls[place].multiply_adds + done)

    layers = [layer for layer in known.values() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    for name in parts:
        hooks.append(known[name].register_forward_pre_hook(partial(begin, name)))
        hooks.append(known[name].register_forward_hook(end))
    training = module.training
    try:
        with torch.inference_mode():
            module.eval()(*inputs)
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    called = {call.name for call in calls}
    if silent := [name for name in parts if parts[name] not in called]:
        raise ValueError(f"parts names {silent[0]!r}, which the pass never called")
    return calls


def trace_table(calls: Sequence[Call]) -> Html:
    """The calls as a table: shape, parameters in thousands, multiply-adds in millions."""
    rows = []
    for call in calls:
        weights = "shared" if call.again else f"{call.parameters / 1e3:,.1f}"
        sums = f"{call.multiply_adds / 1e6:,.1f}"
        rows.append((html.escape(call.name), _shapes(call), weights, sums))
    return Html(grid(("Part", "Output", "Weights, thousands", "Multiply-adds, millions"), rows))


def weights_of(calls: Sequence[Call]) -> int:
    """Weights of all parts, shared ones once."""
    return sum(call.parameters for call in calls if not call.again)


def block_diagram(calls: Sequence[Call], *, per_row: int = 4) -> Picture:
    """The calls as blocks in their order, each with its shape and weights."""
    if not calls:
        raise ValueError("calls is empty, needs at least one")
    per_row = min(per_row, len(calls))
    rows = -(-len(calls) // per_row)
    figure, axes = subplots(2.5 * per_row, 1.35 * rows + 0.2)
    axes.set(xlim=(-0.1, per_row), ylim=(-rows + 1.1, 1.0))
    axes.set_axis_off()
    for number, call in enumerate(calls):
        row, left = divmod(number, per_row)
        low = 0.22 - row
        edge: Any = {"fc": "white", "ec": GREY if call.again else BLUE, "lw": 1.4}
        axes.add_patch(FancyBboxPatch((left, low), 0.78, 0.62, "round,pad=0.02", **edge))
        weights = "shared weights" if call.again else f"{call.parameters / 1e3:,.0f} k weights"
        for up, text, size in ((0.5, call.name, 9.5), (0.28, _shapes(call), 8), (0.08, weights, 7)):
            axes.text(left + 0.39, low + up, literal(text), fontsize=size, **_CENTRED)
        if number + 1 < len(calls):
            start, end, middle = (left + 0.81, low + 0.31), (left + 0.97, low + 0.31), left + 0.39
            if left + 1 == per_row:  # down, and back to the first of the next row
                turn = low - 0.19
                axes.plot([middle, middle, 0.39], [low - 0.03, turn, turn], color=GREY, lw=1.2)
                start, end = (0.39, turn + 0.01), (0.39, low - 0.35)
            axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": GREY, "lw": 1.2})
    gives = "; ".join(f"{call.name} gives {_shapes(call)}" for call in calls)
    what = f"{len(calls)} blocks in the order of one pass, {weights_of(calls):,} weights"
    return described(figure, f"{what}: {gives}.")


def _shapes_of(output: Any) -> Iterator[tuple[int, ...]]:
    """The shapes of the tensors in what a part returned, in order."""
    if isinstance(output, Tensor):
        yield tuple(output.shape)
    elif isinstance(output, Mapping | tuple | list):
        for value in output.values() if isinstance(output, Mapping) else output:
            yield from _shapes_of(value)


def _shapes(call: Call) -> str:
    return ", ".join("×".join(map(str, shape)) or "scalar" for shape in call.shapes) or "–"
