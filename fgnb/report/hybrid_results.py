"""The numbers of focus's page of results (section 4.3): Tables 1 and 2, and the rows beside them.

Rows that the paper cites (a plain ResNet-50, NTS) are trained here too, on the same pictures as
ours, so that each step of the running text has a pair of answers behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fgnb import claims
from fgnb.data import ImageSet
from fgnb.report.ablation import LABELS, Row, array_of, beside_rows, row_result, told
from fgnb.report.derive import measure
from fgnb.report.provenance import Provenance
from fgnb.report.results import OWN, Result
from fgnb.report.steps import Step

PLAIN, NTS_IMAGE, IMAGE_LEVEL = "resnet-50", "nts-net-image-level", "ours-image-level"
SINGLE, OURS, NTS = "ours-without-max-pooling", "ours", "nts-net"
TABLE2 = (
    Row(PLAIN, "Plain backbone"),
    Row(NTS_IMAGE, "NTS, image level only"),
    Row(IMAGE_LEVEL, "Image level only, hybrid loss removed"),
    Row(SINGLE, "Hybrid, map of a single class"),
    Row(OURS, "Hybrid, maximum of all maps"),
)
BESIDE = (
    Row(PLAIN, "Plain backbone"),
    Row("equal-compute", "Plain backbone, as many pixels as the full model"),
    Row(NTS, "NTS, regions by its ranking loss"),
    Row("random-boxes", "Random boxes, else as the full model"),
    Row("centre-boxes", "Centre boxes, else as the full model"),
    Row("image-head", "The full model's own image-level classifier"),
)
RIVALS = (PLAIN, "equal-compute", NTS)
TOLD = (
    *("image_size", "source_size", "crop_size", "cut", "epochs", "lr", "pretrained_rate"),
    *("label_smoothing", "head_start", "boxes", "attention", "count_bias", "sigma", "border"),
    *("iou", "proposals", "concatenated", "region_weight", "hybrid_weight", "average"),
)
COUNTS = {
    "classes": ("Classes", "distinct", "set_labels"),
    "train": ("Training images", "rows", "train_ids"),
    "test": ("Test images", "rows", "test_ids"),
}


class Asked(NamedTuple):
    """A step of the running text: row ``of`` minus row ``against``.

    ``claims`` are answered on any set; ``gain`` by the published set that it names alone.
    """

    label: str
    of: str
    against: str
    claims: tuple[str, ...]
    gain: tuple[str, str] = ("", "")


STEPS = (
    Asked(
        "Full model over the plain backbone",
        OURS,
        PLAIN,
        ("focus.claim.regions-help",),
        ("cub", "focus.text.gain.over-resnet-50"),
    ),
    Asked(
        "Image level only over the plain backbone",
        IMAGE_LEVEL,
        PLAIN,
        ("focus.claim.joint-training-helps-image-level",),
        ("cub", "focus.text.gain.image-level-over-resnet-50"),
    ),
    Asked(
        "Image level only over NTS, image level only",
        IMAGE_LEVEL,
        NTS_IMAGE,
        ("focus.claim.joint-training-helps-image-level",),
        ("cub", "focus.text.gain.image-level-over-nts-net"),
    ),
    Asked("Hybrid over image level only", OURS, IMAGE_LEVEL, ("focus.claim.hybrid-helps",)),
    Asked("Maximum over a single map", OURS, SINGLE, ("focus.claim.max-pooling-helps",)),
    Asked(
        "Full model over NTS",
        OURS,
        NTS,
        ("focus.claim.softmax-losses-suffice",),
        ("aircraft", "focus.text.gain.over-nts-net"),
    ),
)


def row_results(
    arrays: Mapping[str, np.ndarray],
    settings: Mapping[str, Mapping[str, Any]],
    *,
    dataset: str,
    provenance: Provenance,
) -> list[Result]:
    """The five rows of Table 2, then the lines of Table 1 that were trained here.

    Args:
        arrays: of `fgnb.report.ablation.row_arrays`, with ``test_labels``.
        settings: row name -> its spec, of which `TOLD` is kept.
        dataset: the ledger's slug. The paper gives Table 2 for CUB; elsewhere its rows are our own.
        provenance: of `fgnb.report.collect`.
    """
    labels = {row.name: row.label for row in (*BESIDE, *TABLE2)}
    wanted = [(table2_claim(row.name, dataset), row.name) for row in TABLE2]
    ledger = claims.load("focus")
    for name in (PLAIN, NTS, OURS):
        claim = f"focus.table1.{dataset}.{name}"
        wanted += [(claim, name)] * (claim in ledger)
    return [
        row_result(
            claim,
            Row(name, labels[name]),
            arrays,
            provenance=provenance,
            settings=told(settings[name], TOLD),
        )
        for claim, name in wanted
    ]


def beside_results(
    arrays: Mapping[str, np.ndarray],
    settings: Mapping[str, Mapping[str, Any]],
    *,
    dataset: str,
    provenance: Provenance,
) -> list[Result]:
    """What else was trained, each paired with the full model; rows that were not are left out."""
    full = {table2_claim(OURS, dataset): array_of(OURS)}
    return beside_rows(
        BESIDE, f"{OWN}focus.beside", arrays, settings, TOLD, provenance=provenance, against=full
    )


def step_results(
    arrays: Mapping[str, np.ndarray], *, dataset: str, provenance: Provenance
) -> list[Result]:
    """The steps of the running text in points, and the lead over the best rival trained here.

    The rival is the best *on test*, which favours it.
    """
    found = []
    for asked in STEPS:
        gain = [asked.gain[1]] if asked.gain[0] == dataset else []
        for claim in (*asked.claims, *gain):
            found.append(difference(claim, asked, arrays, dataset, provenance))
    trained = [name for name in RIVALS if array_of(name) in arrays]
    best = max(trained, key=lambda name: _right(arrays, name))
    named = {row.name: row.label for row in BESIDE}[best]
    lead = Asked(f"Full model over the best rival here: {named}", OURS, best, ())
    return [*found, difference("focus.claim.best-accuracy", lead, arrays, dataset, provenance)]


def difference(
    claim: str, asked: Asked, arrays: Mapping[str, np.ndarray], dataset: str, origin: Provenance
) -> Result:
    """A step as an answer to ``claim``, with its paired test.

    Args:
        claim: the entry of the ledger, or an id of our own.
        asked: which row minus which.
        arrays: of both rows, with ``test_labels``.
        dataset: the ledger's slug.
        origin: of `fgnb.report.collect`.
    """
    of, against = array_of(asked.of), array_of(asked.against)
    return measure(
        claim,
        {"kind": "difference", "of": of, "against": against, "labels": LABELS},
        arrays,
        provenance=origin,
        label=asked.label,
        against={claim_of(asked.against, dataset): against},
    )


def steps_of(results: Sequence[Result], *, dataset: str) -> list[Step]:
    """The steps of `step_results` for `fgnb.report.steps.steps_table`, each once.

    Args:
        results: of `step_results`.
        dataset: the ledger's slug, for what the paper has of it.
    """
    ledger, found = claims.load("focus"), []
    images = int(ledger[f"focus.text.{dataset}.test"].value or 0)
    for asked in STEPS:
        (result,) = (r for r in results if r.claim == asked.claims[0] and r.label == asked.label)
        step = _published_step(asked, dataset)
        found.append(
            Step(asked.label, result.comparisons[0], step, None if step is None else images)
        )
    return found


def set_arrays(images: ImageSet) -> dict[str, np.ndarray]:
    """What the counts of section 4.1 follow from."""
    return {"set_labels": images.labels, "train_ids": images.ids[images.train]}


def set_results(
    arrays: Mapping[str, np.ndarray], *, dataset: str, provenance: Provenance
) -> list[Result]:
    """Classes, training and test images of the set, beside section 4.1's."""
    return [
        measure(
            f"focus.text.{dataset}.{name}",
            {"kind": kind, "of": of},
            arrays,
            provenance=provenance,
            label=label,
        )
        for name, (label, kind, of) in COUNTS.items()
    ]


def table2_claim(name: str, dataset: str) -> str:
    """The ledger's entry of a row of Table 2 on CUB; an id of our own elsewhere."""
    return f"focus.table2.{name}" if dataset == "cub" else f"{OWN}focus.table2.{dataset}.{name}"


def claim_of(name: str, dataset: str) -> str:
    """The id under which a row is recorded: of Table 2, of Table 1, or our own."""
    if name in {row.name for row in TABLE2}:
        return table2_claim(name, dataset)
    table1 = f"focus.table1.{dataset}.{name}"
    return table1 if table1 in claims.load("focus") else f"{OWN}focus.beside.{name}"


def _published_step(asked: Asked, dataset: str) -> float | None:
    """In points, from Table 2 (CUB) or Table 1; None where a cell is missing."""
    ledger = claims.load("focus")
    for table in ("table2", f"table1.{dataset}"):
        of, against = (f"focus.{table}.{name}" for name in (asked.of, asked.against))
        if of in ledger and against in ledger and (table != "table2" or dataset == "cub"):
            return float(ledger[of].value or 0.0) - float(ledger[against].value or 0.0)
    return None


def _right(arrays: Mapping[str, np.ndarray], name: str) -> float:
    return float((arrays[array_of(name)] == arrays[LABELS]).mean())
