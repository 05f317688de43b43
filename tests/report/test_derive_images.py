"""The kinds of derivation that rest on one value an image."""

import numpy as np
import pytest

from fgnb import report
from fgnb.metrics import wilson
from fgnb.report import derive
from fgnb.report.results import ResultError


@pytest.fixture
def shares():
    rng = np.random.default_rng(0)
    return {
        "small": rng.random(40) < 0.5,
        "large": rng.random(60) < 0.7,
        "chosen": rng.random(50),
        "chance": rng.random(50) / 2,
    }


def test_a_share_is_in_percent_with_its_wilson_interval(shares):
    found = derive.derive({"kind": "share", "of": "small"}, shares)
    k = int(shares["small"].sum())
    assert found.value == 100 * k / 40
    assert found.interval == tuple(100 * end for end in wilson(k, 40))


def test_two_groups_of_images_have_newcombes_interval():
    # Newcombe 1998, table II, example (a): 56 of 70 and 48 of 80, method 10: 0.0524 to 0.3339.
    arrays = {"a": np.arange(70) < 56, "b": np.arange(80) < 48}
    found = derive.derive({"kind": "unpaired", "of": "a", "against": "b"}, arrays)
    assert found.value == pytest.approx(20.0)
    assert found.interval == pytest.approx((5.24, 33.39), abs=0.01)
    assert found.n == 150


def test_means_and_shares_by_image_differ_in_scale_alone(shares):
    mean = derive.derive({"kind": "mean", "of": "chosen"}, shares)
    share = derive.derive({"kind": "mean-share", "of": "chosen"}, shares)
    assert mean.value == pytest.approx(shares["chosen"].mean())
    assert share.value == pytest.approx(100 * mean.value)
    assert share.interval == pytest.approx(tuple(100 * end for end in mean.interval))


def test_excess_is_the_mean_of_paired_differences(shares):
    rule = {"kind": "excess", "of": "chosen", "against": "chance"}
    found = derive.derive(rule, shares)
    gaps = shares["chosen"] - shares["chance"]
    assert found.value == pytest.approx(100 * gaps.mean())
    half = 196 * gaps.std() / np.sqrt(len(gaps))
    assert found.interval == pytest.approx((found.value - half, found.value + half), abs=1.5)


def test_they_are_recorded_in_their_units_and_derived_again(provenance, shares):
    rules = {
        "percent": {"kind": "share", "of": "small"},
        "points": {"kind": "excess", "of": "chosen", "against": "chance"},
        "pixels": {"kind": "mean", "of": "chosen"},
    }
    for unit, rule in rules.items():
        named = unit if unit == "pixels" else None
        found = report.measure("own.x", rule, shares, provenance=provenance(), unit=named)
        assert found.unit == unit
        assert report.rederive(found, shares) == (found.value, found.interval)


def test_a_missing_array_is_named(shares):
    with pytest.raises(ResultError, match="no array 'gone'"):
        derive.derive({"kind": "excess", "of": "chosen", "against": "gone"}, shares)
