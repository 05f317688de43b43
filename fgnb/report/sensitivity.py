"""Fig. 6 of ccfr: what the parameters of re-ranking do to accuracy, over the paper's own grid.

Panel (a) moves T_sf and T_sc at topn 2, panel (b) topn and T_sc at the best T_sf of (a), (c) and
(d) show (a) as a surface. The paper draws all of it over test accuracy; so does this, under that
name, beside the same curves on held-out images, where thresholds are chosen. The panels are drawn
in `fgnb.report.sensitivity_figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.settings import Settings
from fgnb.metrics import true_class_ranks
from fgnb.report.derive import measure
from fgnb.report.provenance import Provenance
from fgnb.report.results import Result

# T_sc and topn in the order of preference among equals: first what moves least (`ccfr.tune`).
T_SF = tuple(round(0.40 + 0.05 * i, 2) for i in range(12))
T_SC = tuple(round(0.95 - 0.05 * i, 2) for i in range(10))
TOPN = (2, 3, 4, 5, 6)
TOPM = (5, 10, 20, 30, 40, 50)
MENDABLE = 5  # topn of the main table: an error below this rank can't be mended
_NAMES = {"t_sf": "T_sf", "t_sc": "T_sc", "topn": "topn"}
ON_TEST = "the test images themselves, as in the paper: no result of the method"


@dataclass(frozen=True)
class Sensitivity:
    """Predicted classes at every point of three grids, each int16 ``[A, B, N]``.

    Attributes:
        labels: true classes ``[N]``.
        thresholds: over `T_SF` x `T_SC` at topn 2.
        topn: over `TOPN` x `T_SC` at ``t_sf``.
        topm: over `TOPM` x `T_SC` at ``t_sf`` and topn 2.
        t_sf: the best T_sf of ``thresholds``.
        t_sc: the best T_sc of ``thresholds``.
    """

    labels: np.ndarray
    thresholds: np.ndarray
    topn: np.ndarray
    topm: np.ndarray
    t_sf: float
    t_sc: float

    def accuracy(self, grid: str) -> np.ndarray:
        """Accuracy at every point of ``thresholds``, ``topn`` or ``topm``, ``[A, B]``."""
        answers: np.ndarray = getattr(self, grid)
        return np.asarray((answers == self.labels).mean(axis=2))


def sensitivity(answers: Answers, base: Settings) -> Sensitivity:
    """Re-rank the same answers at every point of Fig. 6.

    Args:
        answers: of the full model.
        base: alpha, beta, gate and topm; the rest is what the figure moves.
    """
    two = replace(base, topn=TOPN[0])
    thresholds = _grid(answers, two, "t_sf", T_SF)
    right = (thresholds == answers.labels).mean(axis=2)
    a, b = np.unravel_index(int(right.argmax()), right.shape)
    best = replace(two, t_sf=T_SF[a])
    return Sensitivity(
        labels=answers.labels,
        thresholds=thresholds,
        topn=_grid(answers, best, "topn", TOPN),
        topm=_grid(answers, best, "topm", TOPM),
        t_sf=T_SF[a],
        t_sc=T_SC[b],
    )


def _grid(answers: Answers, base: Settings, name: str, values: Sequence[Any]) -> np.ndarray:
    found = np.empty((len(values), len(T_SC), len(answers.labels)), np.int16)
    for i, value in enumerate(values):
        for j, t_sc in enumerate(T_SC):
            setting = replace(base, t_sc=t_sc, **{name: value})
            found[i, j] = setting.predictions(answers.probs, answers.neighbors)
    return found


def sensitivity_arrays(
    found: Sensitivity, answers: Answers, held_out: Sensitivity
) -> dict[str, np.ndarray]:
    """What the results of Fig. 6 are derived from; the labels are kept as ``test_labels``.

    Args:
        found: the grids over test answers.
        answers: these answers.
        held_out: the grids over held-out answers, whose best point is read off ``found``.
    """
    ranks = true_class_ranks(answers.probs, answers.labels)
    mendable = ranks[(ranks > 0) & (ranks < MENDABLE)]
    tuned, chosen = (
        found.thresholds[T_SF.index(grids.t_sf), T_SC.index(grids.t_sc)]
        for grids in (found, held_out)
    )
    return {
        "fig6_thresholds": found.thresholds,
        "fig6_topn": found.topn,
        "fig6_topm": found.topm,
        "fig6_tuned_predictions": tuned,
        "fig6_held_out_predictions": chosen,
        "fig6_mendable_at_second": mendable == 1,
        "fig6_t_sf_values": np.array(T_SF),
        "fig6_t_sc_values": np.array(T_SC),
        "fig6_topn_values": np.array(TOPN),
        "fig6_topm_values": np.array(TOPM),
    }


def sensitivity_results(arrays: Mapping[str, np.ndarray], provenance: Provenance) -> list[Result]:
    """The claims about Fig. 6, its optimum and the ranges that were tried, in reading order."""
    labels = {"labels": "test_labels"}
    grid = {"of": "fig6_thresholds", **labels}

    def result(claim: str, rule: Mapping[str, Any], label: str, **more: Any) -> Result:
        return measure(claim, rule, arrays, provenance=provenance, label=label, **more)

    def moved(claim: str, rule: Mapping[str, Any], axis: int, label: str) -> Result:
        return result(claim, {"kind": "sway", **rule, "axis": axis}, label, selected_on=ON_TEST)

    topn, topm = ({"of": f"fig6_{name}", **labels} for name in ("topn", "topm"))
    found = [
        moved("ccfr.claim.t-sf-matters-most", grid, 0, "Range of accuracy over T_sf"),
        moved("ccfr.claim.t-sc-hardly-matters", grid, 1, "Range of accuracy over T_sc"),
        moved("own.ccfr.fig6.topn", topn, 0, "Range of accuracy over topn"),
        moved("ccfr.claim.topm-follows-t-sc", topm, 0, "Range of accuracy over topm"),
        result(
            "ccfr.claim.t-sf-curves-agree",
            {"kind": "regret", **grid},
            "Most that one T_sf for every T_sc loses",
            selected_on=ON_TEST,
        ),
    ]
    if len(arrays["fig6_mendable_at_second"]):
        found.append(
            result(
                "ccfr.claim.errors-between-first-and-second",
                {"kind": "share", "of": "fig6_mendable_at_second"},
                f"True class second, of errors with it among the first {MENDABLE}",
            )
        )
    best = {
        "ccfr.fig6.best.t-sf": ("best-at", grid, 0, "t_sf", "none"),
        "ccfr.fig6.best.t-sc": ("best-at", grid, 1, "t_sc", "none"),
        "ccfr.fig6.best.topn": ("best-at", topn, 0, "topn", "count"),
    }
    for claim, (kind, rule, axis, name, unit) in best.items():
        named = {"kind": kind, **rule, "axis": axis, "values": f"fig6_{name}_values"}
        label = f"{_NAMES[name]} of the best point on test"
        found.append(result(claim, named, label, unit=unit, selected_on=ON_TEST))
    tuned = {"kind": "accuracy", "of": "fig6_tuned_predictions", **labels}
    words = "Accuracy of the best point"
    found.append(result("ccfr.fig6", tuned, f"{words} on test", selected_on=ON_TEST))
    found.append(
        result(
            "own.ccfr.fig6.held-out",
            {**tuned, "of": "fig6_held_out_predictions"},
            f"{words} on held-out images, on test",
            selected_on="held-out training images",
            against={"ccfr.fig6": "fig6_tuned_predictions"},
        )
    )
    return found


def range_results(arrays: Mapping[str, np.ndarray], provenance: Provenance) -> list[Result]:
    """The ends of the ranges that the figure moves through."""
    units = {"topn": "count", "t_sf": "none", "t_sc": "none"}
    return [
        measure(
            f"ccfr.setting.fig6.{name.replace('_', '-')}-{end}",
            {"kind": kind, "of": f"fig6_{name}_values"},
            arrays,
            provenance=provenance,
            label=f"{words} {_NAMES[name]} tried",
            unit=unit,
        )
        for name, unit in units.items()
        for end, kind, words in (("min", "lowest", "smallest"), ("max", "highest", "largest"))
    ]
