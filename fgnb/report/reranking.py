"""What the page on re-ranking (ccfr, section 3.3) records and draws.

The rows of Table 4, measured on global features, with the baseline below them, the premise, the
counts of changed answers, and the figure tuned on test, under a name that says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fgnb import claims
from fgnb.ccfr.answers import Answers
from fgnb.ccfr.settings import Settings
from fgnb.data import ImageSet
from fgnb.report.derive import measure
from fgnb.report.explorer import Explorer, Pictures
from fgnb.report.figures import Picture
from fgnb.report.pictures import rectified_image
from fgnb.report.provenance import Provenance
from fgnb.report.recorded_explorer import paper_setting
from fgnb.report.results import Result

HELD_OUT = "held-out training images"
SHOWN_NEIGHBORS = 6
LOGISTIC = "own.ccfr.global.logistic"
RECIPE = (
    *("image_size", "cut", "epochs", "batch_size", "lr", "decay", "weight_decay"),
    *("label_smoothing", "average"),
)


def arrays_of(
    images: ImageSet, held_out: Answers, test: Answers, predictions: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Per-sample arrays of a recorded result: both folds, and each method's test answers."""
    answered = {f"test_{name}_predictions": chosen for name, chosen in predictions.items()}
    return {
        **held_out.arrays("held_out"),
        **test.arrays("test"),
        **answered,
        "class_names": np.array(images.classes),
    }


def results_of(
    arrays: Mapping[str, np.ndarray],
    settings: Settings,
    tuned: Settings,
    *,
    spec: Mapping[str, Any],
    dataset: str,
    rule: str,
    provenance: Provenance,
) -> list[Result]:
    """The results of the page, in the order of its table.

    Args:
        arrays: of `arrays_of`; its methods are logistic, retrieval, classification, reranked and
            test_tuned.
        settings: of the re-ranked answers, chosen on held-out images.
        tuned: the best on the test images.
        spec: of the trained classifier; its recipe stands in the row's settings.
        dataset: the ledger's slug of the data set, e.g. ``cub``.
        rule: how T_sf was found.
        provenance: of `fgnb.report.collect`.
    """
    table = f"ccfr.table4.{dataset}"
    labels = "test_labels"
    chosen = {"rule": rule, **asdict(settings)}

    def accuracy(claim: str, method: str, label: str, **more: Any) -> Result:
        rule_of = {"kind": "accuracy", "of": f"test_{method}_predictions", "labels": labels}
        return measure(claim, rule_of, arrays, provenance=provenance, label=label, **more)

    def other(claim: str, kind: str, label: str, **more: Any) -> Result:
        pair = {"of": "test_reranked_predictions", "against": "test_classification_predictions"}
        rule_of = {"kind": kind, **pair, "labels": labels}
        return measure(claim, rule_of, arrays, provenance=provenance, label=label, **more)

    return [
        accuracy(LOGISTIC, "logistic", "Logistic regression on the frozen features"),
        accuracy(f"{table}.retrieval", "retrieval", "Retrieval, global features"),
        accuracy(
            f"{table}.classification",
            "classification",
            "Classification, global features",
            settings={name: spec[name] for name in RECIPE},
            selected_on=f"{HELD_OUT}, with the recipe",
            against={
                LOGISTIC: "test_logistic_predictions",
                f"{table}.retrieval": "test_retrieval_predictions",
            },
        ),
        accuracy(
            f"{table}.ccfr",
            "reranked",
            "Re-ranked, global features",
            settings=chosen,
            selected_on=HELD_OUT if rule != "fixed" else "not chosen: fixed",
            against={f"{table}.classification": "test_classification_predictions"},
        ),
        accuracy(
            "own.ccfr.global.best-on-test",
            "test_tuned",
            "Re-ranked, thresholds tuned on the test images",
            settings={"rule": "best on test", **asdict(tuned)},
            selected_on="the test images themselves: no result of the method",
        ),
        measure(
            "ccfr.claim.topn-holds-answer",
            {"kind": "topn", "of": "test_probs", "labels": labels, "n": settings.topn},
            arrays,
            provenance=provenance,
            label=f"True class among the first {settings.topn}",
        ),
        other(
            "ccfr.claim.rerank-helps",
            "difference",
            "Re-ranked minus classification, global features",
            settings=chosen,
            selected_on=HELD_OUT if rule != "fixed" else "not chosen: fixed",
        ),
        other("ccfr.fig5", "rectified", "Answers rectified, global features"),
        other("own.ccfr.global.spoiled", "spoiled", "Answers spoiled, global features"),
        measure(
            f"ccfr.setting.t-sf.{dataset}",
            {"kind": "mean-top1", "of": "held_out_probs"},
            arrays,
            provenance=provenance,
            label="Mean top-1 probability, held-out images",
            unit="none",
        ),
    ]


def rectified_example(images: ImageSet, answers: Answers, settings: Settings) -> Picture:
    """One query put right by re-ranking, as in Fig. 5: the surest of the rectified ones.

    Where nothing was rectified, the query of the lowest top-1 probability.
    """
    scores = settings.scores(answers.probs, answers.neighbors)
    before, after = answers.probs.argmax(axis=1), scores.argmax(axis=1)
    rectified = np.flatnonzero((before != answers.labels) & (after == answers.labels))
    if len(rectified):
        query = int(rectified[scores[rectified].max(axis=1).argmax()])
    else:
        query = int(answers.probs.max(axis=1).argmin())
    near = answers.neighbors
    nearest = answers.database_ids[near.index[query, :SHOWN_NEIGHBORS]]
    return rectified_image(
        _paths(images, answers.ids[[query]])[0],
        _paths(images, nearest),
        classes=images.classes,
        truth=int(answers.labels[query]),
        probs=answers.probs[query],
        scores=scores[query],
        neighbour_labels=near.labels[query],
        neighbour_sims=near.sims[query],
        topn=settings.topn,
    )


def published(results: Sequence[Result]) -> dict[str, float]:
    """The ledger's values of the results that have one, by row label."""
    ledger = claims.load("ccfr")
    known = {r.label: ledger[r.claim].value for r in results if r.claim in ledger}
    return {label: value for label, value in known.items() if value is not None}


def explorer(images: ImageSet, answers: Answers, settings: Settings, *, dataset: str) -> Explorer:
    """The explorer over test answers; with pictures for drawn data alone.

    Args:
        images: the set that queries and database come from.
        answers: of the stage trained on all training images.
        settings: chosen on held-out images; the controls start there.
        dataset: the ledger's slug of the set whose published setting is offered.
    """
    near, drawn = answers.neighbors, images.protocol == "drawn"
    pictures = Pictures(_paths(images, answers.ids), _paths(images, answers.database_ids))
    return Explorer(
        answers.probs,
        near.sims,
        near.labels,
        answers.labels,
        images.classes,
        settings=settings,
        published=paper_setting(dataset, settings),
        chosen=settings,
        query_names=[f"image {identity}" for identity in answers.ids],
        neighbor_index=near.index if drawn else None,
        thumbnails=pictures if drawn else None,
        title=f"Re-ranking, live, over {images.title}",
    )


def _paths(images: ImageSet, ids: np.ndarray) -> list[Path]:
    """The files of images by their official ids."""
    rows = {int(identity): row for row, identity in enumerate(images.ids)}
    return [images.path(rows[int(identity)]) for identity in ids]
