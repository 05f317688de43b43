"""The numbers of the page of results (ccfr, section 4.3): Table 4, our lines of Table 2, a rival.

Retrieval, classification and their combination over one model's features, each with its paired
test, and the paper's claims about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fgnb.report.ablation import chosen_on
from fgnb.report.derive import measure
from fgnb.report.provenance import Provenance
from fgnb.report.results import Result
from fgnb.report.rivals import LABELS, array_of


def table4_results(
    arrays: Mapping[str, np.ndarray],
    settings: Mapping[str, Any],
    *,
    dataset: str,
    provenance: Provenance,
    rule: str,
) -> list[Result]:
    """The three rows of Table 4, those of Table 2 that are the same answers, and their claims.

    Whether re-ranking helps is the claim of section 3.3; here it stands under an id of our own.

    Args:
        arrays: of `fgnb.report.rivals.method_arrays`, with ``test_labels`` and
            ``test_retrieval_predictions``.
        settings: of re-ranking, and how they were found.
        dataset: the ledger's slug.
        provenance: of `fgnb.report.collect`.
        rule: of `fgnb.ccfr.choose`, how the settings were found.
    """
    retrieval, plain, ranked = (
        array_of(name, "predictions") for name in ("retrieval", "softmax", "reranked")
    )
    table = f"ccfr.table4.{dataset}"
    how: dict[str, Any] = {"settings": settings, "selected_on": chosen_on(rule)}

    def accuracy(claim: str, of: str, label: str, **more: Any) -> Result:
        wanted = {"kind": "accuracy", "of": of, "labels": LABELS}
        return measure(claim, wanted, arrays, provenance=provenance, label=label, **more)

    def difference(claim: str, against: str, label: str, of: str = ranked) -> Result:
        wanted = {"kind": "difference", "of": of, "against": against, "labels": LABELS}
        return measure(claim, wanted, arrays, provenance=provenance, label=label)

    better = max((plain, retrieval), key=lambda name: _right(arrays, name))
    return [
        accuracy(f"{table}.retrieval", retrieval, "Retrieval"),
        accuracy(
            f"{table}.classification",
            plain,
            "Classification",
            against={f"{table}.retrieval": retrieval},
        ),
        accuracy(
            f"{table}.ccfr",
            ranked,
            "Classification, re-ranked",
            against={f"{table}.classification": plain, f"{table}.retrieval": retrieval},
            **how,
        ),
        accuracy(f"ccfr.table2.{dataset}.ours-without-reranking", plain, "Without re-ranking"),
        accuracy(
            f"ccfr.table2.{dataset}.ours",
            ranked,
            "With re-ranking",
            against={f"ccfr.table2.{dataset}.ours-without-reranking": plain},
            **how,
        ),
        difference(
            "ccfr.claim.classification-beats-retrieval",
            retrieval,
            "Classification minus retrieval",
            of=plain,
        ),
        difference("own.ccfr.results.rerank-helps", plain, "Re-ranked minus classification"),
        difference(
            "ccfr.claim.combination-beats-both",
            better,
            "Re-ranked minus the better of the two alone",
        ),
    ]


def rival_results(
    arrays: Mapping[str, np.ndarray], *, dataset: str, name: str, provenance: Provenance
) -> list[Result]:
    """The full model, re-ranked, against the strongest rival that was trained here.

    Args:
        arrays: with ``test_rival_predictions`` beside those of `table4_results`.
        dataset: the ledger's slug.
        name: the rival, in words.
        provenance: of `fgnb.report.collect`.
    """
    ranked, rival = array_of("reranked", "predictions"), array_of("rival", "predictions")
    rule = {"kind": "difference", "of": ranked, "against": rival, "labels": LABELS}
    wanted = ["ccfr.claim.best-accuracy"] + ["ccfr.text.gain.cub"] * (dataset == "cub")
    found = [
        measure(
            "own.ccfr.rival",
            {"kind": "accuracy", "of": rival, "labels": LABELS},
            arrays,
            provenance=provenance,
            label=name,
            against={f"ccfr.table2.{dataset}.ours": ranked},
        )
    ]
    label = f"Full model, re-ranked, minus: {name[0].lower()}{name[1:]}"
    return found + [
        measure(claim, rule, arrays, provenance=provenance, label=label) for claim in wanted
    ]


def _right(arrays: Mapping[str, np.ndarray], name: str) -> float:
    return float((arrays[name] == arrays[LABELS]).mean())
