"""What each loss and each open choice of focus is worth (section 3.3), on held-out training images.

Two kinds of row. *Trained*: another spec, trained like the default. *Chosen again*: the default's
weights, its regions picked otherwise at test, which says nothing about training with that choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from fgnb.focus.region_answers import RegionAnswers
from fgnb.focus.spec import FocusSpec
from fgnb.metrics import holm
from fgnb.metrics.coverage import boxes_moved
from fgnb.report import numbers
from fgnb.report.derive import measure
from fgnb.report.markup import Cell, Table
from fgnb.report.provenance import Provenance
from fgnb.report.results import OWN, Result
from fgnb.training import Run

DEFAULT = "default"
LABELS = "held_out_labels"
TRAINED, CHOSEN_AGAIN = "trained", "chosen-again"
HEADS = {"image": "Image level", "region": "Single regions", "answer": "Answer"}
SETTINGS = {
    "weight-decay": "weight_decay",
    "momentum": "momentum",
    "epochs": "epochs",
    "learning-rate": "lr",
    "learning-rate-pretrained": "pretrained_rate",
}
CLAIMED = {
    "not-zoomed": ("focus.claim.zoom-helps", "Regions zoomed, minus not zoomed"),
    "separate-extractor": (
        "focus.claim.sharing-helps",
        "One extractor for whole and regions, minus one each",
    ),
    "separate-classifiers": (
        "focus.claim.sharing-helps",
        "One classifier for all regions, minus one for each rank",
    ),
}
_STRICT = 0.2499  # just under the paper's 0.25: an overlap of exactly a quarter is closed


class Choice(NamedTuple):
    """A row: what the page calls it, and what it changes."""

    label: str
    changes: dict[str, Any]


LOSSES = {
    DEFAULT: Choice("All three losses", {}),
    "without-image": Choice("Image-level loss off", {"image_weight": 0.0}),
    "without-region": Choice("Region-level loss off", {"region_weight": 0.0}),
    "without-hybrid": Choice("Hybrid loss off, image level answers", {"hybrid_weight": 0.0}),
}
TRAININGS = {
    "through-positions": Choice("Crops pass a gradient to the map", {"through_positions": True}),
    "two-joined": Choice("l = 2 regions join the whole", {"concatenated": 2}),
    "all-joined": Choice("l = 6, all regions join the whole", {"concatenated": 6}),
    "bias-left-out": Choice("Biases left out of the map", {"count_bias": False}),
    "logistic-start": Choice("From the pretrained network", {"start": "logistic"}),
}
SEPARATE = {
    "separate-extractor": Choice(
        "Regions have an extractor of their own", {"shared_extractor": False}
    ),
    "separate-classifiers": Choice(
        "Each rank has a classifier of its own", {"shared_classifier": False}
    ),
}
AGAIN = {
    "sigma-0": Choice("No smoothing", {"sigma": 0.0}),
    "sigma-half": Choice("Smoothing over half a cell", {"sigma": 0.5}),
    "sigma-2": Choice("Smoothing over two cells", {"sigma": 2.0}),
    "clip": Choice("Boxes cut at the border", {"border": "clip"}),
    "pad": Choice("Boxes left over the border", {"border": "pad"}),
    "strict": Choice("An overlap of exactly the threshold closed", {"iou": _STRICT}),
    "half": Choice("Overlap up to one half", {"iou": 0.5}),
    "bias-left-out": Choice("Biases left out of the map", {"count_bias": False}),
    "single": Choice("Map of the predicted class", {"attention": "single"}),
    "random": Choice("Boxes at random", {"boxes": "random"}),
    "centre": Choice("Boxes in the centre", {"boxes": "centre"}),
}


def claimed(spec: FocusSpec) -> dict[str, Choice]:
    """Trainings without what the paper says helps: zooming and sharing.

    A region that is not zoomed is shown with as many pixels as it has in the whole.
    """
    flat = Choice("Regions as large as in the whole", {"crop_size": round(spec.box_size)})
    return {"not-zoomed": flat, **SEPARATE}


def choice_arrays(
    runs: Mapping[str, Run], again: Mapping[str, RegionAnswers]
) -> dict[str, NDArray[Any]]:
    """Answers of every row on the held-out images, and how many boxes another choice moved.

    Args:
        runs: name -> run in the fold ``held-out``; `DEFAULT` among them.
        again: name -> the default's answers under another choice; `DEFAULT` among them.
    """
    kept = runs[DEFAULT].predictions
    arrays = {"held_out_ids": kept["query_ids"], LABELS: kept["query_labels"]}
    for name, run in runs.items():
        found, truth = run.predictions, run.predictions["query_labels"]
        of_regions = found["query_region_probs"].argmax(axis=2) == truth[:, None]
        arrays |= {
            array_of(TRAINED, name, "answer"): found["query_probs"].argmax(axis=1),
            array_of(TRAINED, name, "image"): found["query_image_probs"].argmax(axis=1),
            array_of(TRAINED, name, "region"): of_regions.mean(axis=1),
        }
    for name, asked in again.items():
        moved = boxes_moved(again[DEFAULT].boxes, asked.boxes)
        arrays[array_of(CHOSEN_AGAIN, name, "answer")] = asked.probs.argmax(axis=1)
        arrays[array_of(CHOSEN_AGAIN, name, "moved")] = moved
    return arrays


def loss_results(arrays: Mapping[str, NDArray[Any]], *, provenance: Provenance) -> list[Result]:
    """Accuracy of each classifier under each combination of losses that was trained."""
    results = []
    for name, choice in LOSSES.items():
        for head, words in HEADS.items():
            of = array_of(TRAINED, name, head)
            if of not in arrays or (name, head) in _UNTRAINED:
                continue
            rule = {"kind": "accuracy", "of": of, "labels": LABELS}
            results.append(
                measure(
                    f"{OWN}focus.loss.{name}.{head}",
                    {"kind": "mean-share", "of": of} if head == "region" else rule,
                    arrays,
                    provenance=provenance,
                    label=f"{choice.label}: {words.lower()}",
                    settings=choice.changes,
                )
            )
    return results


def claim_results(arrays: Mapping[str, NDArray[Any]], *, provenance: Provenance) -> list[Result]:
    """The default minus each row of `CLAIMED` that was trained, in points."""
    default = array_of(TRAINED, DEFAULT, "answer")
    return [
        measure(
            claim,
            {"kind": "difference", "of": default, "against": against, "labels": LABELS},
            arrays,
            provenance=provenance,
            label=label,
        )
        for name, (claim, label) in CLAIMED.items()
        if (against := array_of(TRAINED, name, "answer")) in arrays
    ]


def choice_results(
    arrays: Mapping[str, NDArray[Any]],
    how: str,
    rows: Mapping[str, Choice],
    *,
    provenance: Provenance,
) -> list[Result]:
    """Accuracy of each row against the default, and for regions chosen again the boxes that moved.

    Args:
        arrays: of `choice_arrays`.
        how: `TRAINED` or `CHOSEN_AGAIN`.
        rows: name -> choice; the default itself and rows without arrays are left out.
        provenance: of `fgnb.report.collect`.
    """
    default = array_of(how, DEFAULT, "answer")
    results = []
    for name, choice in rows.items():
        of, moved = (array_of(how, name, what) for what in ("answer", "moved"))
        if name == DEFAULT or of not in arrays:
            continue
        about: dict[str, Any] = {"provenance": provenance, "settings": choice.changes}
        claim = f"{OWN}focus.choice.{how}.{name}"
        results.append(
            measure(
                f"{claim}.accuracy",
                {"kind": "accuracy", "of": of, "labels": LABELS},
                arrays,
                label=choice.label,
                against={f"{OWN}focus.loss.{DEFAULT}.answer": default},
                **about,
            )
        )
        if moved in arrays:
            rule = {"kind": "mean-share", "of": moved}
            label = f"{choice.label}: boxes that differ"
            results.append(measure(f"{claim}.moved", rule, arrays, label=label, **about))
    return results


def loss_table(results: Sequence[Result]) -> Table:
    """A line a combination of losses, a column a classifier; a dash where none was trained."""
    known = {result.claim: result for result in results}
    lines = []
    for name, choice in LOSSES.items():
        found = [known.get(f"{OWN}focus.loss.{name}.{head}") for head in HEADS]
        if any(found):
            lines.append((Cell(choice.label), *(_cell(result) for result in found)))
    columns = ("Losses", *(f"{words}, %" for words in HEADS.values()))
    return Table(columns, tuple(lines), frozenset(columns[1:]))


def choice_table(results: Sequence[Result]) -> Table:
    """A line a choice: accuracy, its paired test against the default, boxes that differ.

    p-values are corrected over the lines.
    """
    known = {result.claim: result for result in results}
    tested = [result for result in results if result.comparisons]
    corrected = holm([float(result.comparisons[0]["p"]) for result in tested])
    lines = []
    for result, p_holm in zip(tested, corrected, strict=True):
        test, least = result.comparisons[0], result.comparisons[0]["detectable"]
        moved = known.get(result.claim.removesuffix("accuracy") + "moved")
        lines.append(
            (
                Cell(result.label),
                _cell(result),
                Cell(numbers.signed(float(test["difference"])), strong=True),
                Cell(f"{test['rectified']} / {test['spoiled']}"),
                Cell(numbers.p_value(float(p_holm))),
                Cell("none" if least is None else f"{float(least):.2f}"),
                _cell(moved),
            )
        )
    columns = (
        *("Choice", "Held-out accuracy, %", "Minus the default, points", "Rectified / spoiled"),
        *("p (Holm)", "Smallest detectable, points", "Boxes that differ, %"),
    )
    return Table(columns, tuple(lines), frozenset(columns[1:]))


def array_of(how: str, name: str, what: str) -> str:
    """The array of a row: its ``answer``, ``image``, ``region`` or ``moved``."""
    return f"{how}_{name}_{what}".replace("-", "_")


def _cell(result: Result | None) -> Cell:
    if result is None:
        return Cell("–")
    low, high = result.interval
    return Cell(f"{result.value:.1f} ({low:.1f} to {high:.1f})")


_UNTRAINED = {("without-image", "image"), ("without-region", "region")}
