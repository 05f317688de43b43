"""The kinds that ask where a method gains and what a threshold loses: derived, and again."""

import numpy as np
import pytest

from fgnb import report
from fgnb.report.results import ResultError


@pytest.fixture
def kept():
    labels = np.array([0, 1, 1, 0, 1, 0])
    return {
        "labels": labels,
        "before": np.array([1, 0, 1, 0, 1, 1]),  # right: 2, 3, 4
        "after": np.array([0, 1, 1, 1, 1, 1]),  # right: 0, 1, 2, 4
        "unsure": np.array([True, True, True, False, False, False]),
        "line": np.stack([labels, 1 - labels]).astype(np.int16),
    }


def test_gains_by_hand(kept, provenance):
    pair = {"of": "after", "against": "before", "labels": "labels", "within": "unsure"}
    cases = {
        "gain-within": (pair, 100 * 2 / 3, 3),
        "gain-contrast": (pair, 100 * (2 / 3 + 1 / 3), 6),
        "shortfall": ({"of": "after", "line": "line", "labels": "labels"}, -100 * 2 / 6, 6),
    }
    for kind, (rest, value, n) in cases.items():
        rule = {"kind": kind, **rest}
        result = report.measure("own.test", rule, kept, provenance=provenance(), label=kind)
        assert result.value == pytest.approx(value), kind
        assert (result.unit, result.n) == ("points", n)
        assert result.interval[0] <= result.value <= result.interval[1]
        assert report.rederive(result, kept) == (result.value, result.interval)


def test_a_line_of_other_images_is_refused(kept, provenance):
    rule = {"kind": "shortfall", "of": "after", "line": "before", "labels": "labels"}
    with pytest.raises(ResultError, match=r"'before' has shape \(6,\); needs \(A, 6\)"):
        report.measure("own.test", rule, kept, provenance=provenance())
