"""The one rule of readings: by hand, and against a loop over the table of claims."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgnb.metrics import holm
from fgnb.report import readings
from fgnb.report.kinds import KINDS, Estimate, PairedTest
from fgnb.report.readings import Reading


@pytest.mark.parametrize(
    ("difference", "p", "p_holm", "word"),
    [
        (1.6, 0.004, 0.02, "supported"),
        (-1.6, 0.004, 0.02, "contradicted"),
        (1.6, 0.02, 0.06, "same direction"),
        (-1.6, 0.02, 0.06, "opposite direction"),
        (0.2, 0.51, 1.0, "no difference seen"),
        (-0.2, 0.9, 1.0, "no difference seen"),
        (0.0, 1.0, 1.0, "no difference seen"),
        (0.1, 0.5, 1.0, "same direction"),
        (0.1, 0.05, 0.05, "supported"),
    ],
)
def test_the_word_by_hand(difference, p, p_holm, word):
    assert readings.word_of(difference, p, p_holm) == word


def test_what_cant_be_told_says_what_would_have_shown():
    """Two figures, each by its name: what is just significant, and what is mostly found."""
    words = Reading("no difference seen", 0.87, 1.23).words
    assert words == "no difference seen; 0.9 is just significant, 1.2 would have shown"
    words = Reading("same direction", 1.7, math.inf).words
    told = "1.7 is just significant, none would have shown"
    assert words == f"same direction, too small to tell; {told}"
    assert Reading("opposite direction", math.inf).words.endswith("no step would have shown")
    assert Reading("supported", 0.3).words == "supported"
    assert len({Reading(word).mark for word in readings.MARKS}) == len(readings.MARKS) == 6


def test_p_is_mcnemars_where_answers_are_paired_and_normal_elsewhere():
    paired = Estimate(1.0, 0.2, 1.8, 100, PairedTest(0.03, 3, 2, 4.0, 6.0))
    assert readings.p_of(paired) == 0.03
    assert readings.detectable(paired) == 4.0
    assert readings.would_show(paired) == 6.0
    edge = Estimate(1.96, 0.0, 3.92, 100)
    assert readings.p_of(edge) == pytest.approx(0.05, abs=1e-3)
    assert readings.detectable(edge) == pytest.approx(1.96, abs=1e-3)
    assert readings.would_show(edge) == pytest.approx(1.96 + 0.8416, abs=1e-3)
    assert readings.p_of(Estimate(0.0, 0.0, 0.0, 5)) == 1.0
    assert readings.p_of(Estimate(2.0, 2.0, 2.0, 6)) == 0.0


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=9),
    st.lists(st.booleans(), min_size=9, max_size=9),
    st.lists(st.booleans(), min_size=9, max_size=9),
)
def test_fewer_than_six_images_support_and_contradict_nothing(steps, more, flags):
    """By whichever kind of number a claim is measured; of two groups the smaller one counts."""
    values, (a, b) = np.array(steps) / 4, (np.array(x[: len(steps)]) for x in (more, flags))
    found = {"excess": KINDS["excess"].compute(values, 0 * values)}
    found["gap_to_best"] = KINDS["gap_to_best"].compute(a, np.stack([b, ~b]))
    found["unpaired"] = KINDS["unpaired"].compute(a, np.array(flags))
    if b.any() and not b.all():
        found["gain_contrast"] = KINDS["gain_contrast"].compute(a, ~a, b)
    for name, estimate in found.items():
        p = readings.p_of(estimate)
        few = estimate.fewest or estimate.n
        assert 0 <= p <= 1
        if few < 6:
            assert readings.word_of(estimate.value, p, p) not in ("supported", "contradicted"), name
            assert p >= 0.5 ** (few - 1)
            assert math.isinf(readings.detectable(estimate))
            assert math.isinf(readings.would_show(estimate))
        if estimate.low < 0 < estimate.high:
            assert readings.word_of(estimate.value, p, p) not in ("supported", "contradicted"), name


def test_a_setting_of_one_value_has_no_step_to_show():
    assert readings.detectable(KINDS["exact"].compute(np.array([5.0])), signed=False) == 0.0


@pytest.mark.parametrize(
    ("kind", "n", "test", "words"),
    [
        ("excess", 1, None, "1 image"),
        ("excess", 5, None, "5 images"),
        ("excess", 6, None, "the same in every resample of 6 images"),
        ("count", 6, None, "exact"),
        ("mean_share", 2, None, "2 images"),
        ("exact", 1, None, "exact"),
        ("difference", 2, {"rectified": 0, "spoiled": 0}, "2 images"),
        ("difference", 2, {"rectified": 2, "spoiled": 0}, "2 images"),
        ("difference", 9, {"rectified": 9, "spoiled": 0}, "the same in every resample of 9 images"),
    ],
)
def test_an_interval_without_width_says_why(kind, n, test, words):
    line = {"kind": kind, "n": n, "low": 100.0, "high": 100.0, "unit": "points", "test": test}
    line["value"] = line["low"]
    assert readings.interval(line) == words


def test_where_no_answer_changed_the_rule_of_three_bounds_the_change():
    """At most 3 of n at 95 %; exact only where nothing could have moved."""
    line = {"kind": "difference", "n": 1090, "unit": "points"}
    line |= {"value": 0.0, "low": 0.0, "high": 0.0}
    unchanged = {"rectified": 0, "spoiled": 0, "movable": True}
    words = readings.interval({**line, "test": unchanged})
    assert words == "none of 1,090 changed; at most 0.27 at 95 %"
    share = float(words.split("at most ")[1].split(" ")[0]) / 100
    assert (1 - share) ** 1090 == pytest.approx(0.05, abs=0.01)
    fixed = readings.interval({**line, "test": {**unchanged, "movable": False}})
    assert fixed == "exact: no answer can change"
    within = readings.interval({**line, "kind": "gain_within", "n": 240, "test": None})
    assert within == "none of 240 changed; at most 1.24 at 95 %"


def test_drawn_pictures_and_numbers_without_a_sign_get_no_reading():
    line = {"value": 3.0, "expect": 1, "p": 0.001, "p_holm": 0.001, "protocol": "subset"}
    assert readings.read(line) == "supported"
    assert readings.read({**line, "expect": -1}) == "contradicted"
    assert readings.read({**line, "protocol": "official"}) == "supported"
    assert readings.read({**line, "protocol": "drawn"}) == ""
    assert readings.read({**line, "expect": 0}) == ""


@pytest.mark.parametrize(
    ("low", "high", "word"), [(90.0, 92.0, "within"), (91.5, 93.0, "over"), (88.0, 90.9, "under")]
)
def test_a_level_is_granted_the_rounding_of_the_printed_number(low, high, word):
    assert readings.verdict(91.1, low, high, 0.05) == word
    assert readings.verdict(91.1, 89.0, 91.06, 0.05) == "within"
    assert readings.verdict(91.1, 89.0, 91.04, 0.05) == "under"


def test_no_page_reads_a_test_that_was_not_corrected():
    """A test becomes a word in one place alone, after Holm over its table."""
    asks = re.compile(r"\b(mcnemar|interval_p|p_of|word_of|readings\.read)\(")
    package = Path(readings.__file__).parents[1]
    files = [
        f for room in ("report", "pages", "book", "cli") for f in (package / room).rglob("*.py")
    ]
    found = {f.name for f in files if asks.search(f.read_text())}
    assert found == {"kinds.py", "readings.py", "sheet.py"}
    sheet = (package / "report" / "sheet.py").read_text()
    assert sheet.index("holm(") < sheet.index("readings.read(")


def test_holm_is_a_step_down_over_the_claims_of_one_table():
    p = [0.01, 0.04, 0.03]
    assert holm(p).round(3).tolist() == [0.03, 0.06, 0.06]
