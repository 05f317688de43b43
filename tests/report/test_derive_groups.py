"""The kind of derivation that compares two groupings."""

import pytest
from sklearn.metrics import adjusted_rand_score

from fgnb.report import derive
from fgnb.report.results import ResultError


def test_agreement_is_the_adjusted_rand_index_exact():
    arrays = {"found": [0, 0, 1, 1, 1, 2], "true": ["a", "a", "b", "b", "c", "c"]}
    found = derive.derive({"kind": "agreement", "of": "found", "against": "true"}, arrays)
    assert found.value == pytest.approx(adjusted_rand_score(arrays["true"], arrays["found"]))
    assert found.interval == (found.value, found.value)
    assert found.n == 6
    assert derive.UNIT_OF["agreement"] == "ratio"


def test_agreement_needs_both():
    with pytest.raises(ResultError, match="needs kind, of, against"):
        derive.derive({"kind": "agreement", "of": "found"}, {"found": [0]})
