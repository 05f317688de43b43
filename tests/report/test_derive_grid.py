"""Numbers that rest on a grid of answers or on confidences: derived from arrays, and again."""

import numpy as np
import pytest

from fgnb import report
from fgnb.report.results import ResultError


@pytest.fixture
def grid():
    labels = np.array([0, 1, 1, 0])
    wrong = 1 - labels
    answers = np.empty((2, 2, 4), np.int16)
    for (a, b), right in {(0, 0): 1, (0, 1): 2, (1, 0): 3, (1, 1): 1}.items():
        answers[a, b] = np.where(np.arange(4) < right, labels, wrong)
    return {
        "grid": answers,
        "labels": labels,
        "t_sc": np.array([0.7, 0.5]),
        "sure": np.array([0.9, 0.9, 0.6, 0.6]),
        "answers": np.array([0, 1, 1, 1]),
    }


def test_grid_and_calibration_by_hand(grid, provenance):
    ends = {"labels": "labels"}
    cases = {
        "sway": ({"of": "grid", "axis": 0, **ends}, 37.5, "points"),
        "regret": ({"of": "grid", **ends}, 25.0, "points"),
        "best-at": ({"of": "grid", "axis": 1, "values": "t_sc", **ends}, 0.7, "none"),
        "lowest": ({"of": "sure"}, 0.6, "none"),
        "highest": ({"of": "sure"}, 0.9, "none"),
        "calibration": ({"of": "sure", "answers": "answers", **ends}, 0.1, "ratio"),
    }
    for kind, (rest, value, unit) in cases.items():
        derivation = {"kind": kind, **rest}
        result = report.measure("own.test", derivation, grid, provenance=provenance(), label=kind)
        assert result.value == pytest.approx(value), kind
        assert (result.unit, result.n) == (unit, 4)
        assert result.interval[0] <= result.value <= result.interval[1]
        assert report.rederive(result, grid) == (result.value, result.interval)


def test_a_grid_of_other_images_is_refused(grid, provenance):
    derivation = {"kind": "regret", "of": "sure", "labels": "labels"}
    with pytest.raises(ResultError, match=r"'sure' has shape \(4,\); needs \(A, B, 4\)"):
        report.measure("own.test", derivation, grid, provenance=provenance())
