"""Table 3 of ccfr, row by row: what each component adds, and what the images at hand can show.

A step is judged by the answers that it changed (exact McNemar), corrected over the paper's five
claimed steps (Holm). Beside each step stands how few of the published test set's answers may have
changed for the published one to be significant: the paper gives no answers to count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from fgnb import claims
from fgnb.report.derive import measure
from fgnb.report.markup import Table
from fgnb.report.provenance import Provenance
from fgnb.report.results import Result
from fgnb.report.steps import Step, steps_table

LABELS = "test_labels"
TOLD = (
    *("image_size", "source_size", "crop_size", "cut", "epochs", "lr", "label_smoothing"),
    *("boxes", "nms", "fusion", "scorer_signal", "mu", "margin", "average"),
)


@dataclass(frozen=True)
class Row:
    """A row of Table 3, or a control (`fgnb.report.controls`).

    Attributes:
        name: of its arrays and of its ledger entry.
        label: on the page.
        step: the claim that its step from the row above answers; empty for the first.
    """

    name: str
    label: str
    step: str = ""


TABLE3 = (
    Row("plain", "Backbone alone"),
    Row("multi-level", "+ multi-level loss", "ccfr.claim.multi-level-helps"),
    Row("local-region", "+ local regions, one NMS, concatenated", "ccfr.claim.local-regions-help"),
    Row("scale-nms", "+ scale-separated NMS", "ccfr.claim.scale-separated-nms-helps"),
    Row("fusion", "+ fusion network", "ccfr.claim.fusion-helps"),
    Row("ccfr", "+ re-ranking", "own.ccfr.ablation.rerank-helps"),
)


def row_arrays(predictions: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Each row's predicted classes on the test images under the name that results derive from."""
    return {array_of(name): chosen for name, chosen in predictions.items()}


def array_of(name: str) -> str:
    """The array of a row."""
    return f"test_{name.replace('-', '_')}_predictions"


def table3_results(
    arrays: Mapping[str, np.ndarray],
    settings: Mapping[str, Mapping[str, Any]],
    *,
    dataset: str,
    provenance: Provenance,
    rule: str,
) -> list[Result]:
    """The accuracy of each row, with its paired test against the row above.

    Args:
        arrays: of `row_arrays`, with ``test_labels``.
        settings: row name -> what it was set to: a spec, of which `TOLD` is kept, or the setting
            of re-ranking under ``ccfr``, kept whole.
        dataset: the ledger's slug. The paper gives Table 3 for CUB; elsewhere the rows are our own.
        provenance: of `fgnb.report.collect`.
        rule: of `fgnb.ccfr.choose`, how the re-ranking setting was found.
    """
    results, above = [], ""
    for row in TABLE3:
        known, last = settings[row.name], row.name == "ccfr"
        results.append(
            row_result(
                claim_of(row, dataset),
                row,
                arrays,
                provenance=provenance,
                settings=known if last else told(known, TOLD),
                selected_on=chosen_on(rule) if last else "",
                against={claim_of_name(above, dataset): array_of(above)} if above else None,
            )
        )
        above = row.name
    return results


def row_result(
    claim: str, row: Row, arrays: Mapping[str, np.ndarray], *, provenance: Provenance, **about: Any
) -> Result:
    """The accuracy of a row over the test images.

    Args:
        claim: the entry of the ledger, or an id of our own.
        row: whose array (`array_of`) it follows from.
        arrays: of `row_arrays`, with ``test_labels``.
        provenance: of `fgnb.report.collect`.
        **about: further arguments of `fgnb.report.derive.measure`.
    """
    accuracy = {"kind": "accuracy", "of": array_of(row.name), "labels": LABELS}
    return measure(claim, accuracy, arrays, provenance=provenance, label=row.label, **about)


def beside_rows(
    rows: Sequence[Row],
    prefix: str,
    arrays: Mapping[str, np.ndarray],
    settings: Mapping[str, Mapping[str, Any]],
    names: Sequence[str],
    *,
    provenance: Provenance,
    against: Mapping[str, str],
) -> list[Result]:
    """The accuracies of rows beside a table, each with its paired test.

    Args:
        rows: those without an array were not trained, and are left out.
        prefix: of their ids, which end in the row's name.
        arrays: of `row_arrays`, with ``test_labels``.
        settings: row name -> its spec.
        names: of the settings that a page shows.
        provenance: of `fgnb.report.collect`.
        against: id and array of the row that all are held against.
    """
    return [
        row_result(
            f"{prefix}.{row.name}",
            row,
            arrays,
            provenance=provenance,
            settings=told(settings[row.name], names),
            against=against,
        )
        for row in rows
        if array_of(row.name) in arrays
    ]


def told(settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Those of a row's settings that a page shows."""
    return {name: settings[name] for name in names if name in settings}


def step_results(
    arrays: Mapping[str, np.ndarray], *, dataset: str, provenance: Provenance
) -> list[Result]:
    """Each row minus the row above it, in points: the paper's claims about its components.

    The last line is no step: the classifier of global and local features together, minus that of
    global ones alone, is below zero where the two disturb each other.
    """
    found = []
    for above, row in pairwise(TABLE3):
        pair = {"of": array_of(row.name), "against": array_of(above.name), "labels": LABELS}
        wanted = [row.step]
        if row.name == "multi-level" and dataset == "cub":
            wanted.append("ccfr.text.gain.multi-level")
        for claim in wanted:
            found.append(
                measure(
                    claim,
                    {"kind": "difference", **pair},
                    arrays,
                    provenance=provenance,
                    label=f"Step: {row.label.removeprefix('+ ')}",
                )
            )
    both = {"of": array_of("fusion"), "against": array_of("multi-level"), "labels": LABELS}
    found.append(
        measure(
            "ccfr.claim.features-conflict",
            {"kind": "difference", **both},
            arrays,
            provenance=provenance,
            label="Global and local features together, minus global ones alone",
        )
    )
    return found


def chosen_on(rule: str) -> str:
    """Which images a rule of `fgnb.ccfr.choose` reads, for a row's settings."""
    return "not chosen: fixed" if rule == "fixed" else "held-out training images"


def step_table(results: Sequence[Result], *, dataset: str = "cub") -> Table:
    """The five steps with their evidence, ours and the published.

    Args:
        results: of `table3_results`.
        dataset: the ledger's slug; the published steps are CUB's.
    """
    steps = _published_steps() if dataset == "cub" else {}
    return steps_table(
        [
            Step(
                result.label,
                result.comparisons[0],
                steps.get(result.claim),
                _published_images() if result.claim in steps else None,
            )
            for result in results
            if result.comparisons
        ]
    )


def claim_of(row: Row, dataset: str) -> str:
    """The ledger's entry of a row of Table 3 on CUB; an id of our own elsewhere."""
    return claim_of_name(row.name, dataset)


def claim_of_name(name: str, dataset: str) -> str:
    """As `claim_of`, by the row's name."""
    return f"ccfr.table3.{name}" if dataset == "cub" else f"own.ccfr.table3.{dataset}.{name}"


def _published_images() -> int:
    """Test images of the set that Table 3 was measured on."""
    return int(claims.load("ccfr")["ccfr.table1.cub.test"].value or 0)


def _published_steps() -> dict[str, float]:
    """Row's claim -> the published step in points."""
    ledger = claims.load("ccfr")
    values = [float(ledger[claim_of(row, "cub")].value or 0.0) for row in TABLE3]
    return {
        claim_of(row, "cub"): after - before
        for row, before, after in zip(TABLE3[1:], values, values[1:], strict=False)
    }
