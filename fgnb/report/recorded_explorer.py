"""The explorer over recorded predictions: names and numbers of photographs, never the pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from fgnb.report.results import Result

NEEDED = (
    *("test_ids", "test_probs", "test_labels", "test_neighbor_sims", "test_neighbor_labels"),
    "class_names",
)
MAX_BYTES = 500_000
# Of the paper's setting, by data set; T_sc is silent for the main table (see the recipe).
_LEDGER = {
    "t_sf": "ccfr.setting.t-sf.{dataset}",
    "topn": "ccfr.setting.topn",
    "topm": "ccfr.setting.topm",
    "alpha": "ccfr.setting.alpha",
    "beta": "ccfr.setting.beta",
}


def explorer_html(results: Sequence[Result], arrays: Mapping[str, np.ndarray]) -> str | None:
    """The page face of a recorded configuration, at most 500 kB.

    Starts at the setting of the re-ranked row; the paper's own is offered beside it.

    Args:
        results: the results of one file.
        arrays: its arrays.

    Returns:
        HTML, or None where no row holds a re-ranking setting or an array is not there.
    """
    row = reranked(results)
    if row is None or any(name not in arrays for name in NEEDED):
        return None
    from fgnb.report.explorer import Explorer

    origin = row.provenance
    setting = _settings(row.settings)
    explorer = Explorer(
        arrays["test_probs"],
        arrays["test_neighbor_sims"],
        arrays["test_neighbor_labels"],
        arrays["test_labels"],
        [str(name) for name in arrays["class_names"]],
        settings=setting,
        published=paper_setting(origin.dataset, setting),
        chosen=setting if "held-out" in row.selected_on else None,
        query_names=[f"image {number}" for number in arrays["test_ids"]],
        name="recorded-explorer",
        title=f"The same over {origin.dataset_title}",
        note="Recorded predictions on photographs: names and numbers, no pictures.",
        max_bytes=MAX_BYTES,
    )
    return str(explorer.html(figure=False))


def reranked(results: Sequence[Result]) -> Result | None:
    """The row that holds a complete re-ranking setting: one of the ledger before our own."""
    wanted = {"t_sf", "t_sc", "topn", "topm", "alpha", "beta", "gate"}
    found = [result for result in results if wanted <= set(result.settings)]
    found.sort(key=lambda result: result.claim.startswith("own."))
    return found[0] if found else None


def paper_setting(dataset: str, base: Any) -> Any:
    """The ledger's setting for a data set (T_sc and gate of `base`); None where it has none."""
    from fgnb import claims

    ledger = claims.load("ccfr")
    values: dict[str, Any] = {}
    for name, claim in _LEDGER.items():
        claim = claim.format(dataset=dataset)
        if claim not in ledger or ledger[claim].value is None:
            return None
        values[name] = ledger[claim].value
    values.update(topn=int(values["topn"]), topm=int(values["topm"]))
    return replace(base, **values)


def _settings(given: Mapping[str, Any]) -> Any:
    from fgnb.ccfr.settings import Settings

    return Settings(**{field.name: given[field.name] for field in fields(Settings)})
