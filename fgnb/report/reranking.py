"""What the page on re-ranking (ccfr, section 3.3) records and draws.

Retrieval, classification and both together over one model's features, the shape of Table 4, whose
own home is the page of results; the premise, the counts of changed answers, the settings in use,
and the figure tuned on test, under a name that says so.
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
from fgnb.report.setting import setting_result

HELD_OUT = "held-out training images"
NOT_CHOSEN = "not chosen: fixed"
SHOWN_NEIGHBORS = 6
FEATURES = {"regions": "full model", "global": "global features"}
TABLE4 = {"retrieval": "retrieval", "classification": "classification", "reranked": "ccfr"}
IN_USE = ("topn", "topm", "alpha", "beta")
RECIPE = (
    *("image_size", "source_size", "crop_size", "cut", "epochs", "batch_size", "lr", "decay"),
    *("weight_decay", "label_smoothing", "average"),
    *("boxes", "nms", "fusion", "scorer_signal", "mu", "margin"),
)


def arrays_of(
    images: ImageSet,
    held_out: Answers,
    test: Answers,
    predictions: Mapping[str, np.ndarray],
    settings: Settings,
) -> dict[str, np.ndarray]:
    """Arrays of a recorded result: both folds, each method's test answers, the setting in use."""
    answered = {f"test_{name}_predictions": chosen for name, chosen in predictions.items()}
    used = {f"setting_{name}": np.array([float(getattr(settings, name))]) for name in IN_USE}
    return {
        **held_out.arrays("held_out"),
        **test.arrays("test"),
        **answered,
        **used,
        "class_names": np.array(images.classes),
    }


def results_of(
    arrays: Mapping[str, np.ndarray],
    settings: Settings,
    tuned: Settings,
    *,
    spec: Mapping[str, Any],
    features: str,
    dataset: str,
    rule: str,
    provenance: Provenance,
) -> dict[str, list[Result]]:
    """The results of the page: its ``rows``, what stands ``behind`` them, and what is ``in use``.

    Args:
        arrays: of `arrays_of`; its methods are retrieval, classification, reranked and tuned, and
            logistic where the run has it.
        settings: of the re-ranked answers, chosen on held-out images.
        tuned: the best on the test images.
        spec: of the trained classifier; its recipe stands in the row's settings.
        features: what database and classifier see, a key of `FEATURES`.
        dataset: the ledger's slug of the data set, e.g. ``cub``.
        rule: how T_sf was found.
        provenance: of `fgnb.report.collect`.

    Raises:
        ValueError: unknown features.
    """
    own, words = own_claim(features), FEATURES[features]
    labels = "test_labels"
    plain, ranked = "test_classification_predictions", "test_reranked_predictions"
    chosen = {
        "settings": {"rule": rule, **asdict(settings)},
        "selected_on": NOT_CHOSEN if rule == "fixed" else HELD_OUT,
    }

    def one(claim: str, label: str, array_rule: Mapping[str, Any], **more: Any) -> Result:
        return measure(claim, array_rule, arrays, provenance=provenance, label=label, **more)

    def accuracy(name: str, label: str, **more: Any) -> Result:
        wanted = {"kind": "accuracy", "of": f"test_{name}_predictions", "labels": labels}
        return one(f"{own}.{name}", label, wanted, **more)

    def moved(claim: str, kind: str, label: str, **more: Any) -> Result:
        wanted = {"kind": kind, "of": ranked, "against": plain, "labels": labels}
        return one(claim, label, wanted, **more)

    has_logistic = "test_logistic_predictions" in arrays
    below = ("logistic", "retrieval") if has_logistic else ("retrieval",)
    rows = []
    if has_logistic:
        rows.append(accuracy("logistic", "Logistic regression on the frozen features"))
    rows += [
        accuracy("retrieval", f"Retrieval, {words}"),
        accuracy(
            "classification",
            f"Classification, {words}",
            settings={name: spec[name] for name in RECIPE if name in spec},
            selected_on=f"{HELD_OUT}, with the recipe" if features == "global" else "",
            against={f"{own}.{name}": f"test_{name}_predictions" for name in below},
        ),
        accuracy(
            "reranked", f"Re-ranked, {words}", against={f"{own}.classification": plain}, **chosen
        ),
        accuracy(
            "tuned",
            "Re-ranked, thresholds tuned on the test images",
            settings={"rule": "best on test", **asdict(tuned)},
            selected_on="the test images themselves: no result of the method",
        ),
    ]
    behind = [
        one(
            "ccfr.claim.topn-holds-answer",
            f"True class among the first {settings.topn}, {words}",
            {"kind": "topn", "of": "test_probs", "labels": labels, "n": settings.topn},
        ),
        moved(
            "ccfr.claim.rerank-helps",
            "difference",
            f"Re-ranked minus classification, {words}",
            **chosen,
        ),
        moved("ccfr.fig5", "rectified", f"Answers rectified, {words}"),
        moved(f"{own}.spoiled", "spoiled", f"Answers spoiled, {words}"),
    ]
    threshold = one(
        f"ccfr.setting.t-sf.{dataset}",
        f"Mean top-1 probability, held-out images, {words}",
        {"kind": "mean-top1", "of": "held_out_probs"},
        unit="none",
    )
    return {"rows": rows, "behind": behind, "in use": [threshold, *_in_use(arrays, provenance)]}


def own_claim(features: str) -> str:
    """Where the ids of the page's own rows begin.

    Raises:
        ValueError: unknown features.
    """
    if features not in FEATURES:
        raise ValueError(f"features is {features!r}, needs one of {', '.join(FEATURES)}")
    return f"own.ccfr.reranking.{features}"


def beside(features: str, dataset: str) -> dict[str, str]:
    """The page's rows -> the ledger's rows of Table 4 that they stand beside."""
    own = own_claim(features)
    return {f"{own}.{ours}": f"ccfr.table4.{dataset}.{row}" for ours, row in TABLE4.items()}


def _in_use(arrays: Mapping[str, np.ndarray], provenance: Provenance) -> list[Result]:
    """The parameters of equations 8 and 9 that the run had, for a look beside the paper's."""
    return [
        setting_result(f"ccfr.setting.{name}", f"setting_{name}", arrays, provenance=provenance)
        for name in IN_USE
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


def published(
    results: Sequence[Result], beside: Mapping[str, str] | None = None
) -> dict[str, float]:
    """The ledger's values of the results that have one, by row label.

    Args:
        results: measured results.
        beside: an own claim -> the ledger's claim that it stands beside.
    """
    ledger = claims.load("ccfr")
    known = {}
    for result in results:
        claim = (beside or {}).get(result.claim, result.claim)
        if claim in ledger:
            known[result.label] = ledger[claim].value
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
