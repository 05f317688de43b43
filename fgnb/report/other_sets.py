"""The columns of focus's Table 1 that a page over drawn birds lacks (section 4.3): cars, aircraft.

In the demonstration both are drawn in small sets of a few classes; see `fgnb.report.region_sets`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fgnb import claims
from fgnb.report.ablation import LABELS, Row, array_of, row_result, told
from fgnb.report.derive import measure
from fgnb.report.hybrid_results import BESIDE, NTS, OURS, PLAIN, STEPS, TABLE2, TOLD, difference
from fgnb.report.provenance import Provenance
from fgnb.report.results import OWN, Result

_NAMED = {row.name: row for row in (*BESIDE, *TABLE2)}
ROWS = tuple(_NAMED[name] for name in (PLAIN, NTS, OURS))


def other_results(
    arrays: Mapping[str, np.ndarray],
    settings: Mapping[str, Mapping[str, Any]],
    *,
    dataset: str,
    provenance: Provenance,
) -> list[Result]:
    """Accuracies on another set, what our row has over the plain one, and over NTS.

    Every label names the set, since a page shows several in one table.

    Args:
        arrays: of `fgnb.report.controls.on_set`; a row without an array is left out.
        settings: row name -> its spec, of which `TOLD` is kept.
        dataset: the ledger's slug of that set.
        provenance: of that set.
    """
    title = provenance.dataset_title
    found = [
        row_result(
            _claim(row.name, dataset),
            Row(row.name, f"{title}: {row.label}"),
            arrays,
            provenance=provenance,
            settings=told(settings[row.name], TOLD),
        )
        for row in ROWS
        if array_of(row.name) in arrays
    ]
    pair = {"of": array_of(OURS), "against": array_of(PLAIN), "labels": LABELS}
    found.append(
        measure(
            f"{OWN}focus.table1.{dataset}.gain",
            {"kind": "difference", **pair},
            arrays,
            provenance=provenance,
            label=f"{title}: Full model over the plain backbone",
            against={_claim(PLAIN, dataset): array_of(PLAIN)},
        )
    )
    for step in STEPS:
        if step.gain[0] == dataset and array_of(step.against) in arrays:
            named = step._replace(label=f"{title}: {step.label}")
            found.append(difference(step.gain[1], named, arrays, dataset, provenance))
    return found


def _claim(name: str, dataset: str) -> str:
    """The ledger's cell of Table 1, or an id of our own where the paper has none."""
    claim = f"focus.table1.{dataset}.{name}"
    return claim if claim in claims.load("focus") else f"{OWN}{claim}"
