"""Where re-ranking gains, and whether its threshold needs labels (ccfr, sections 4.2 and 4.3).

With the gate of the text, answers over T_sf never change, so that the gain lies under T_sf by
construction. Whether it *would* lie there is seen only without the gate: then every answer is
re-ranked, and the images are compared by how sure the classifier was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.settings import T_SF_GRID, Settings, mean_top1
from fgnb.report import numbers
from fgnb.report.derive import measure
from fgnb.report.figures import Picture, threshold_curve
from fgnb.report.markup import Cell, Table
from fgnb.report.provenance import Provenance
from fgnb.report.reranking import FEATURES, HELD_OUT, own_claim
from fgnb.report.results import Result
from fgnb.report.tables import badge

CLAIM_UNSURE = "ccfr.claim.rerank-helps-when-unsure"
CLAIM_RULE = "ccfr.claim.t-sf-from-mean-top1"
THIRDS = ("least sure", "middle", "surest")
NO_GATE = 2.0  # no probability reaches it
GATES = {"gated": "test_reranked_predictions", "ungated": "test_ungated_predictions"}
_LABELS, _PLAIN = "test_labels", "test_classification_predictions"
_COLUMNS = (
    *("Test images", "n", "Mean top-1 probability", "Gain, points", "95 % interval"),
    *("Gain without the gate, points", "95 % interval without it", "Protocol"),
)


def gain_arrays(
    held_out: Answers, test: Answers, settings: Settings, base: Settings
) -> dict[str, np.ndarray]:
    """What the page's numbers on confidence and on the threshold follow from.

    Args:
        held_out: answers on held-out images, where the rule and the grid read probabilities.
        test: answers on the test images.
        settings: of the re-ranked answers.
        base: the same before any rule changed it; its T_sf is moved over `T_SF_GRID`.
    """
    top1 = test.probs.max(axis=1)
    third = np.empty(len(top1), np.int8)
    for place, rows in enumerate(np.array_split(np.argsort(top1, kind="stable"), len(THIRDS))):
        third[rows] = place
    grid = np.stack([_answers(held_out, base, t_sf) for t_sf in T_SF_GRID])
    rule, best = thresholds(held_out.probs, held_out.labels, grid)
    return {
        "test_unsure": top1 < settings.t_sf,
        **{f"test_third_{place}": third == place for place in range(len(THIRDS))},
        **{f"test_top1_third_{place}": top1[third == place] for place in range(len(THIRDS))},
        "test_ungated_predictions": _answers(test, settings, NO_GATE),
        "test_t_sf_rule_predictions": _answers(test, base, rule),
        "test_t_sf_best_predictions": _answers(test, base, best),
        "held_out_t_sf_rule_predictions": _answers(held_out, base, rule),
        "held_out_t_sf_grid": grid,
    }


def thresholds(probs: np.ndarray, labels: np.ndarray, grid: np.ndarray) -> tuple[float, float]:
    """T_sf by the rule without labels, and the best of the grid; of equals the lowest.

    Args:
        probs: of held-out images ``[N, C]``.
        labels: their classes ``[N]``.
        grid: the classes answered at each value of `T_SF_GRID`, ``[A, N]``.
    """
    right = (grid == labels).mean(axis=1)
    return mean_top1(probs), T_SF_GRID[int(right.argmax())]


def gain_results(
    arrays: Mapping[str, np.ndarray], *, features: str, provenance: Provenance
) -> dict[str, list[Result]]:
    """Gains by confidence (``unsure``, ``thirds``) and the rule against the grid (``rule``).

    A claim that compares two groups is left out where one of them is empty.

    Args:
        arrays: of `fgnb.report.reranking.arrays_of` and `gain_arrays` together.
        features: a key of `fgnb.report.reranking.FEATURES`.
        provenance: of `fgnb.report.collect`.
    """
    own, words = own_claim(features), FEATURES[features]

    def one(claim: str, label: str, **rule: Any) -> Result:
        return measure(claim, rule, arrays, provenance=provenance, label=f"{label}, {words}")

    def gain(kind: str, of: str, within: str) -> dict[str, str]:
        pair = {"of": of, "against": _PLAIN, "labels": _LABELS}
        return {"kind": kind, **pair, "within": within}

    unsure, thirds = [], []
    below = arrays["test_unsure"]
    if below.any() and not below.all():
        texts = {
            "gated": "Gain under T_sf minus gain over it",
            "ungated": "Gain under T_sf minus gain over it, without the gate",
        }
        unsure = [
            one(CLAIM_UNSURE, texts[gate], **gain("gain-contrast", of, "test_unsure"))
            for gate, of in GATES.items()
        ]
    for place, name in enumerate(THIRDS):
        if not arrays[f"test_third_{place}"].any():
            continue
        for gate, of in GATES.items():
            label = f"Gain on the {name} third, {gate}"
            rule = gain("gain-within", of, f"test_third_{place}")
            thirds.append(one(_third(own, place, gate), label, **rule))
        top1 = {"kind": "mean", "of": f"test_top1_third_{place}"}
        thirds.append(one(_third(own, place, "top1"), f"Mean top-1, {name} third", **top1))
    held = (arrays[f"held_out_{name}"] for name in ("probs", "labels", "t_sf_grid"))
    found = dict(zip(("t_sf without labels", "t_sf of the grid"), thresholds(*held), strict=True))
    on_test = {"of": "test_t_sf_rule_predictions", "against": "test_t_sf_best_predictions"}
    return {
        "unsure": unsure,
        "thirds": thirds,
        "rule": [
            one(
                CLAIM_RULE,
                "T_sf without labels minus the best of the grid, held-out images",
                **{"kind": "shortfall", "of": "held_out_t_sf_rule_predictions"},
                **{"line": "held_out_t_sf_grid", "labels": "held_out_labels"},
            ),
            measure(
                f"{own}.t-sf-rule",
                {"kind": "difference", **on_test, "labels": _LABELS},
                arrays,
                provenance=provenance,
                label=f"T_sf without labels minus the best of that grid, on test images, {words}",
                settings=found,
                selected_on=HELD_OUT,
            ),
        ],
    }


def thirds_table(results: Sequence[Result], features: str) -> Table:
    """A line a third of the test images: the gain as set, and had every answer been re-ranked.

    Args:
        results: the ``thirds`` of `gain_results`.
        features: as there.
    """
    of = {result.claim: result for result in results}
    own, lines = own_claim(features), []
    for place, name in enumerate(THIRDS):
        if _third(own, place, "gated") not in of:
            continue
        gated, ungated, top1 = (of[_third(own, place, k)] for k in (*GATES, "top1"))
        cells = [Cell(f"{name[0].upper()}{name[1:]} third"), Cell(f"{gated.n:,}")]
        cells.append(Cell(numbers.bare(top1.value, "none")))
        for result in (gated, ungated):
            cells += [Cell(numbers.signed(result.value), strong=True)]
            cells += [Cell(numbers.interval(result))]
        lines.append((*cells, badge(gated)))
    note = "Gain: accuracy re-ranked minus that of the softmax, on the same images."
    return Table(_COLUMNS, tuple(lines), frozenset(_COLUMNS[1:7]), notes=(note,))


def rule_curve(held_out: Answers, arrays: Mapping[str, np.ndarray]) -> Picture:
    """Accuracy on held-out images over T_sf, with the value that the rule without labels gives."""
    grid = arrays["held_out_t_sf_grid"]
    right = (grid == held_out.labels).mean(axis=1)
    rule, _ = thresholds(held_out.probs, held_out.labels, grid)
    curve = {"held-out images": right}
    return threshold_curve(T_SF_GRID, curve, chosen=rule, mark="mean top-1 probability")


def _answers(answers: Answers, base: Settings, t_sf: float) -> np.ndarray:
    setting = replace(base, t_sf=t_sf)
    return setting.predictions(answers.probs, answers.neighbors).astype(np.int16)


def _third(own: str, place: int, what: str) -> str:
    return f"{own}.third-{place + 1}.{what}"
