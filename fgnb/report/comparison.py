"""The numbers of the page of results (ccfr, section 4.3): Table 4, our lines of Table 2, a rival.

Retrieval, classification and their combination over one model's features, each with its paired
test, and the paper's claims about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.settings import Settings
from fgnb.report.ablation import chosen_on
from fgnb.report.derive import measure
from fgnb.report.provenance import Provenance
from fgnb.report.results import Result
from fgnb.report.rivals import LABELS, array_of

RETRIEVAL, PLAIN, RANKED = (
    array_of(name, "predictions") for name in ("retrieval", "softmax", "reranked")
)


def answer_arrays(answers: Answers, settings: Settings) -> dict[str, np.ndarray]:
    """Truth and the three predictions of Table 4 for every test image."""
    predicted = answers.predictions(settings)
    return {
        "test_ids": answers.ids,
        LABELS: answers.labels,
        RETRIEVAL: predicted["retrieval"],
        PLAIN: predicted["classification"],
        RANKED: predicted["reranked"],
    }


def row_results(
    arrays: Mapping[str, np.ndarray],
    settings: Mapping[str, Any],
    *,
    dataset: str,
    provenance: Provenance,
    rule: str,
    title: str = "",
) -> list[Result]:
    """The three rows of Table 4, and those of Table 2 that are the same answers.

    Args:
        arrays: of `answer_arrays`, or of `fgnb.report.rivals.method_arrays` with ``test_labels``
            and ``test_retrieval_predictions``.
        settings: of re-ranking, and how they were found.
        dataset: the ledger's slug.
        provenance: of `fgnb.report.collect`.
        rule: of `fgnb.ccfr.choose`, how the settings were found.
        title: of the set, before every label, where a page shows several.
    """
    table = f"ccfr.table4.{dataset}"
    how: dict[str, Any] = {"settings": settings, "selected_on": chosen_on(rule)}

    def accuracy(claim: str, of: str, label: str, **more: Any) -> Result:
        wanted = {"kind": "accuracy", "of": of, "labels": LABELS}
        label = f"{title}: {label}" if title else label
        return measure(claim, wanted, arrays, provenance=provenance, label=label, **more)

    return [
        accuracy(f"{table}.retrieval", RETRIEVAL, "Retrieval"),
        accuracy(
            f"{table}.classification",
            PLAIN,
            "Classification",
            against={f"{table}.retrieval": RETRIEVAL},
        ),
        accuracy(
            f"{table}.ccfr",
            RANKED,
            "Classification, re-ranked",
            against={f"{table}.classification": PLAIN, f"{table}.retrieval": RETRIEVAL},
            **how,
        ),
        accuracy(f"ccfr.table2.{dataset}.ours-without-reranking", PLAIN, "Without re-ranking"),
        accuracy(
            f"ccfr.table2.{dataset}.ours",
            RANKED,
            "With re-ranking",
            against={f"ccfr.table2.{dataset}.ours-without-reranking": PLAIN},
            **how,
        ),
    ]


def claim_results(arrays: Mapping[str, np.ndarray], provenance: Provenance) -> list[Result]:
    """The paper's claims that rest on Table 4, over the arrays of `row_results`.

    Whether re-ranking helps is the claim of section 3.3; here it stands under an id of our own.
    """

    def difference(claim: str, against: str, label: str, of: str = RANKED) -> Result:
        wanted = {"kind": "difference", "of": of, "against": against, "labels": LABELS}
        return measure(claim, wanted, arrays, provenance=provenance, label=label)

    better = max((PLAIN, RETRIEVAL), key=lambda name: _right(arrays, name))
    return [
        difference(
            "ccfr.claim.classification-beats-retrieval",
            RETRIEVAL,
            "Classification minus retrieval",
            of=PLAIN,
        ),
        difference("own.ccfr.results.rerank-helps", PLAIN, "Re-ranked minus classification"),
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
        arrays: with ``test_rival_predictions`` beside those of `row_results`.
        dataset: the ledger's slug.
        name: the rival, in words.
        provenance: of `fgnb.report.collect`.
    """
    rival = array_of("rival", "predictions")
    rule = {"kind": "difference", "of": RANKED, "against": rival, "labels": LABELS}
    wanted = ["ccfr.claim.best-accuracy"] + ["ccfr.text.gain.cub"] * (dataset == "cub")
    found = [
        measure(
            "own.ccfr.rival",
            {"kind": "accuracy", "of": rival, "labels": LABELS},
            arrays,
            provenance=provenance,
            label=name,
            against={f"ccfr.table2.{dataset}.ours": RANKED},
        )
    ]
    label = f"Full model, re-ranked, minus: {name[0].lower()}{name[1:]}"
    return found + [
        measure(claim, rule, arrays, provenance=provenance, label=label) for claim in wanted
    ]


def _right(arrays: Mapping[str, np.ndarray], name: str) -> float:
    return float((arrays[name] == arrays[LABELS]).mean())
