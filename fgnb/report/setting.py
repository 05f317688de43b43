"""A setting beside the paper's: one number, under the words and in the unit of its ledger entry."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fgnb import claims
from fgnb.report.derive import measure
from fgnb.report.provenance import Provenance
from fgnb.report.results import Result


def setting_result(
    claim: str,
    array: str,
    arrays: Mapping[str, np.ndarray],
    *,
    provenance: Provenance,
    where: str = "In use",
) -> Result:
    """The setting that an array of one number holds.

    Args:
        claim: the ledger's entry, e.g. ``ccfr.setting.mu``.
        array: the name of the array.
        arrays: those of the page.
        provenance: of `fgnb.report.collect`.
        where: what the label begins with.
    """
    entry = claims.load(claim.partition(".")[0])[claim]
    return measure(
        claim,
        {"kind": "mean", "of": array},
        arrays,
        provenance=provenance,
        label=f"{where}: {entry.text}",
        unit=entry.unit,
    )
