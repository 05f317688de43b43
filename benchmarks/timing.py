"""Rivals timed turn by turn, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import torch

from fgnb.training import environment


def interleaved(rivals: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, Any]:
    """Seconds of each, one list a rival, after a first turn that isn't counted.

    With one thread the seconds are the process's own, so a busy machine hardly changes them.
    """
    clock = process_time if torch.get_num_threads() == 1 else perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(repetitions + 1):
        for name, call in rivals.items():
            start = clock()
            call()
            if turn:
                seconds[name].append(clock() - start)
    return seconds


def row(seconds: list[float]) -> dict[str, float]:
    """Median and best in milliseconds."""
    return {"median_ms": round(1e3 * median(seconds), 2), "best_ms": round(1e3 * min(seconds), 2)}


def ratio(slow: list[float], fast: list[float]) -> float:
    """The median over the turns of slow / fast."""
    return round(median(a / b for a, b in zip(slow, fast, strict=True)), 2)


def machine() -> dict[str, Any]:
    """What the times depend on, the load of the machine among it."""
    kept = environment.describe(torch.get_num_threads(), 0.0)
    del kept["seconds"], kept["device"]
    clock = "CPU" if torch.get_num_threads() == 1 else "wall"
    return {
        **kept,
        "clock": clock,
        "cores": os.cpu_count(),
        "load": [round(part, 2) for part in os.getloadavg()],
    }


def write(script: str, record: Mapping[str, Any]) -> None:
    """The record as JSON beside the script, and on the screen."""
    text = json.dumps(record, indent=1) + "\n"
    Path(script).with_suffix(".json").write_text(text, encoding="utf-8")
    print(text)
