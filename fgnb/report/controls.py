"""Controls beside ccfr's Table 3: what else could explain what the regions seem to add.

Boxes that nobody chose, a plain backbone on as many pixels, and a set of pictures on which no part
tells more than the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fgnb.data import ImageSet
from fgnb.presets import Preset
from fgnb.report import numbers
from fgnb.report.ablation import (
    LABELS,
    TOLD,
    Row,
    array_of,
    beside_rows,
    claim_of_name,
    row_arrays,
)
from fgnb.report.derive import measure
from fgnb.report.markup import Cell, Table
from fgnb.report.provenance import Provenance, image_fields
from fgnb.report.results import Result
from fgnb.training import Run

FULL, PLAIN, RANDOM = "fusion", "plain", "random-boxes"
CONTROLS = (
    Row(RANDOM, "Random boxes, else as the full model"),
    Row("centre-boxes", "Centre boxes, else as the full model"),
    Row("equal-compute", "Backbone alone, as many pixels as the full model"),
)

SMALL_SCALE: dict[str, Any] = {
    "species": 6,
    "families": 2,
    "train_per_class": 12,
    "test_per_class": 16,
}


def control_scale(preset: Preset) -> Preset:
    """The scale of the control set: smaller in the demonstration, else the preset's own."""
    return replace(preset, **SMALL_SCALE) if preset.name == "demo" else preset


def control_results(
    arrays: Mapping[str, np.ndarray],
    settings: Mapping[str, Mapping[str, Any]],
    *,
    dataset: str,
    provenance: Provenance,
) -> list[Result]:
    """The controls' accuracies, each paired with the full model before re-ranking."""
    full = {claim_of_name(FULL, dataset): array_of(FULL)}
    return beside_rows(
        CONTROLS, "own.ccfr.control", arrays, settings, TOLD, provenance=provenance, against=full
    )


def control_table(full: Result, controls: Sequence[Result]) -> Table:
    """The full model before re-ranking, and each control with what it lacks or gains.

    Args:
        full: the row ``fusion`` of Table 3.
        controls: of `control_results`.
    """
    lines = []
    for result in (full, *controls):
        head = (Cell(result.label), Cell(numbers.number(result.value, "percent"), strong=True))
        if result is full:
            lines.append((*head, Cell(numbers.interval(result)), *[Cell("–")] * 5))
            continue
        test = result.comparisons[0]
        least = test["detectable"]
        lines.append(
            (
                *head,
                Cell(numbers.interval(result)),
                Cell(numbers.signed(float(test["difference"]))),
                Cell(f"{test['rectified']} / {test['spoiled']}"),
                Cell(numbers.p_value(float(test["p"]))),
                Cell("none" if least is None else f"{float(least):.2f}"),
                Cell("differs" if test["p"] <= 0.05 else "within noise"),
            )
        )
    return Table(_COLUMNS, tuple(lines), frozenset(_COLUMNS[1:7]))


def control_set_results(
    arrays: Mapping[str, np.ndarray], *, name: str, provenance: Provenance
) -> list[Result]:
    """What looking at regions adds on one set, and what choosing them adds to that.

    Args:
        arrays: ``test_plain_predictions``, ``test_fusion_predictions`` and ``test_labels``; with
            ``test_random_boxes_predictions``, the full model is also held against random boxes.
        name: the set's name in the ids, e.g. ``drawn-control``.
        provenance: of `fgnb.report.collect` over that set.
    """
    where, title = f"own.ccfr.regions-on.{name}", provenance.dataset_title
    plain, full, random = (array_of(row) for row in (PLAIN, FULL, RANDOM))
    steps = {"gain": (plain, "what the regions add")}
    labels = {"plain": (plain, "backbone alone"), "full": (full, "full model")}
    if random in arrays:
        labels["random"] = (random, "random boxes, else as the full model")
        steps["choice"] = (random, "what choosing them adds to regions at random")
    accuracies = [
        measure(
            f"{where}.{row}",
            {"kind": "accuracy", "of": array, "labels": LABELS},
            arrays,
            provenance=provenance,
            label=f"{title}: {label}",
            against={f"{where}.plain": plain} if array != plain else None,
        )
        for row, (array, label) in labels.items()
    ]
    differences = [
        measure(
            f"{where}.{step}",
            {"kind": "difference", "of": full, "against": array, "labels": LABELS},
            arrays,
            provenance=provenance,
            label=f"{title}: {label}",
        )
        for step, (array, label) in steps.items()
    ]
    return [*accuracies, *differences]


def on_set(
    name: str, images: ImageSet, runs: Mapping[str, Run], provenance: Provenance
) -> tuple[dict[str, np.ndarray], Provenance]:
    """Arrays and provenance of rows that were trained on another set than the page's own.

    Args:
        name: of the set, e.g. ``drawn-control``.
        images: the set.
        runs: row name -> its run over all training images.
        provenance: of the page; what it says of images and runs is replaced.
    """
    predictions = {row: run.predictions["query_probs"].argmax(axis=1) for row, run in runs.items()}
    first = next(iter(runs.values())).predictions
    arrays = {
        "test_ids": first["query_ids"],
        LABELS: first["query_labels"],
        **row_arrays(predictions),
    }
    return arrays, origin_of(name, images, list(runs.values()), provenance)


def origin_of(
    name: str, images: ImageSet, runs: Sequence[Run], provenance: Provenance
) -> Provenance:
    """A page's provenance for ``runs`` on another set, ``images``, than the page's own."""
    return replace(
        provenance,
        **{**image_fields(images), "dataset": name},
        seconds=round(sum(run.environment["seconds"] for run in runs), 1),
        run_keys=tuple(run.key for run in runs),
    )


_COLUMNS = (
    *("Row", "Accuracy", "95 % interval", "Minus the full model, points"),
    *("Rectified / spoiled", "p", "Smallest detectable, points", "Reading"),
)
