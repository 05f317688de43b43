"""What ``fgnb train ... --dry-run`` prints: trainings, their steps, memory and time; values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fgnb.presets import Preset
    from fgnb.training import Stage
    from fgnb.training.plan import Planned, Rate

_WIDTHS = (18, 11, 34, 8, 12, 12)
_NOT_COUNTED = (
    "not counted: reading and augmenting pictures, maps of a frozen trunk, the logistic "
    "regressions that heads start from, and the answers after training"
)


def lines(stage: Stage, preset: Preset) -> Iterator[str]:
    """The plan of ``stage``: all that it starts from, each with its cost, then its own values.

    A room without a ``plan`` module has no chain, no cost and no origins; the rest is printed.
    """
    from fgnb.training import plan
    from fgnb.training.chain import room_plan

    room = room_plan(stage.name.partition("/")[0])

    stages = plan.chain(stage, room.earlier if room else lambda _: [])
    planned = [plan.Planned.of(one) for one in stages]
    yield _row("stage", "state", "steps", "images", "memory", "time")
    if room is None:
        yield from (_planned_row(one, "unknown", "unknown") for one in planned)
    else:
        yield from _with_costs(stages, planned, room.cost)
    own = planned[-1].described
    yield ""
    for field in ("stage", "state", "key", "path", "data", "code"):
        yield f"{field:10} {own[field]}"
    origins = room.origins(stage, preset) if room else {}
    yield from (_value(name, value, origins) for name, value in own["spec"].items())


def _with_costs(
    stages: list[Stage], planned: list[Planned], cost: Callable[[Stage], Any]
) -> Iterator[str]:
    from fgnb.training.plan import measure_rate

    rates: dict[tuple[str, int], Rate] = {}
    due = 0.0
    for stage, one in zip(stages, planned, strict=True):
        spec, costs = stage.spec, cost(stage)
        size = spec.backbone, spec.image_size
        if size not in rates:
            rates[size] = measure_rate(*size, spec.threads)
        seconds = rates[size].seconds(costs, one.steps)
        due += seconds if one.due else 0
        yield _planned_row(one, f"{costs.memory / 2**30:.2f} GiB", _duration(seconds))
    yield f"still to train: about {_duration(due)}"
    yield (
        "memory, an estimate: weights, gradients and momentum in float32, and what a step keeps "
        "of a batch for the way back"
    )
    yield "time, an estimate: operations of all steps over the rate of this device now"
    yield from (f"  {rate.measured}" for rate in rates.values())
    yield _NOT_COUNTED


def _planned_row(one: Planned, memory: str, time: str) -> str:
    passes = f"{one.epochs} epoch{'s' if one.epochs > 1 else ''} x {one.batches}"
    if one.steps != one.epochs * one.batches:
        passes += ", cut short"
    steps = f"{one.steps:,} ({passes})"
    return _row(one.name, one.described["state"], steps, f"{one.images:,}", memory, time)


def _row(*cells: str) -> str:
    return " ".join(f"{c:{width}}" for c, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def _value(name: str, value: Any, origins: Mapping[str, Any]) -> str:
    shown = f"  {name:18} {_short(value):25}"
    if name not in origins:
        return shown.rstrip()
    known = origins[name]
    usual = asdict(known.value) if is_dataclass(known.value) else known.value  # type: ignore[arg-type]
    if usual == value:
        return f"{shown} {known.origin}: {known.reason}"
    return f"{shown} given: instead of {_short(usual)}, {known.origin} ({known.reason})"


def _short(value: Any) -> str:
    """A value on one line; of a run that a spec builds on, its stage and key."""
    if isinstance(value, dict):
        return f"{value['stage']} {value['key'][:8]}" if "key" in value else "a spec of its own"
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}..."


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
